"""What the further checks found, in sentences: the same on the page and in the files."""

from __future__ import annotations

from typing import Any

from faircore.audit.label_bias import QUESTIONS, warnings_of
from faircore.audit.words import ALPHA, chance, of_hundred
from faircore.numerals import hundredths, percent

_GUESSED = (
    (0.7, "is given away"),
    (0.6, "can be guessed in part"),
    (0.0, "can hardly be guessed, though better than by luck"),
)
"""How an attribute is spoken of, from which AUC of the guess."""

TITLES = {
    "proxies": "Proxies",
    "switch": "Switching the attribute",
    "similar": "Similar people",
    "outcome": "The outcome itself",
}


def check_sentences(part: str, found: dict[str, Any]) -> list[str]:
    """Sentences on one check, from the plain data a study stores.

    Parameters
    ----------
    part : str
        A key of :data:`TITLES`.
    found : dict
        What :func:`faircore.audit.study.run_study` stored for it, or, for ``outcome``, what the
        record of a review holds.
    """
    return [str(found["reason"])] if "reason" in found else _SENTENCES[part](found)


def _proxies(found: dict[str, Any]) -> list[str]:
    return [_guessed(one) for one in found["attributes"]]


def _guessed(one: dict[str, Any]) -> str:
    if one["auc"] is None:
        return f"{one['attribute']}: {one['reason'] or 'cannot be guessed from so few people.'}"
    by_chance = one["p_value"] > ALPHA
    told = next(words for least, words in _GUESSED if one["auc"] >= least)
    if by_chance:
        told = "cannot be guessed better than by chance"
    carried = ", ".join(f["name"] for f in one["features"][:3] if (f["drop"] or 0) > 0.005)
    return (
        f"{one['attribute']} {told}: of 100 pairs of people, the guess puts "
        f"{of_hundred(one['auc'])} in the right order; chance reaches 50, and up to "
        f"{hundredths(one['chance_high'])} by luck ({chance(one['p_value'])})."
        + (f" Carried by {carried}." if carried and not by_chance else "")
    )


def _switch(found: dict[str, Any]) -> list[str]:
    imitation = found["stand_in"]
    first = (
        "A model of the same kind that does see the attributes; the baseline itself does not, "
        "unless they are among the features. This shows whether it would use them."
        if not imitation
        else "The existing system cannot be asked, so a stand-in learned to answer as it does. It "
        f"repeats {percent(imitation['fidelity'])} of the decisions it had not seen; always giving "
        f"the more frequent one repeats {percent(imitation['majority'])}. What it shows is an "
        "association in the system's answers, all else equal, not proof of how it works."
    )
    who = "the stand-in" if imitation else "this model"
    return [
        first,
        *(
            f"{attribute}: {who} decides otherwise for {hundredths(share)} of 100 people if it is "
            "switched to at least one other value, and nothing else is."
            for attribute, share in found["people_affected"].items()
            if share is not None
        ),
        "What goes along with the attribute stays as it is; the proxies show what does.",
    ]


def _similar(found: dict[str, Any]) -> list[str]:
    told = [
        "People whose features are alike should be treated alike. Each person is compared with "
        f"the {found['n_neighbors']} nearest in all features but the sensitive ones, among "
        f"{found['n_people']:,} of {found['n_rows']:,} people."
    ]
    if found["consistency"] is not None:
        told.append(
            f"Consistency {percent(found['consistency'])}: so much of each decision agrees with "
            "those of the most similar people; 100% is full agreement."
        )
    jumps = found["lipschitz"]
    if jumps and jumps["median"] is not None:
        told.append(
            "How fast the score changes between neighbours, per standard deviation of difference "
            f"(Lipschitz ratio): {jumps['median']:.3f} in the middle, {jumps['high']:.3f} for the "
            f"most abrupt twentieth, {jumps['maximum']:.2f} at most; pairs with equal features and "
            f"different scores: {jumps['n_contradictions']:,}."
        )
    if found["entropy"]:
        between = "; ".join(
            f"{name} {percent(value / found['entropy'])}"
            for name, value in found["entropy_between"].items()
            if value is not None
        )
        told.append(
            f"Inequality of benefit: generalised entropy {found['entropy']:.3f}, Theil index "
            f"{found['theil']:.3f}. 0 is equal; the benefit is 1 of a right decision, 2 of a wrong "
            f"yes, 0 of a wrong no. Share of it between groups: {between or '–'}."
        )
    return told


def _outcome(found: dict[str, Any]) -> list[str]:
    answers = found["answers"]
    return [
        *(f"{QUESTIONS[name].text} {answer.capitalize()}." for name, answer in answers.items()),
        *warnings_of(answers),
    ]


_SENTENCES = {
    "proxies": _proxies,
    "switch": _switch,
    "similar": _similar,
    "outcome": _outcome,
}
