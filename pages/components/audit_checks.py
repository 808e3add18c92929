"""Beyond groups: proxies, switched attributes, people who are alike."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from faircore.audit import chance
from faircore.audit.study import EXISTING
from faircore.metrics import MIN_PEOPLE
from faircore.records import Review
from pages.components.audit_system import Audited, start_or_watch
from pages.components.words import plain

_GUESSED_WELL = 0.7  # AUC from which an attribute counts as given away


def show_check(review: Review, audited: Audited, part: str) -> None:
    """A check of the chosen system, or what to do to have it."""
    if not review.data_spec.features:
        st.write(
            "This needs features: what else is known about each person. Start a review with some."
        )
        return
    found = audited.checks.get(part)
    if found is None:
        st.write(
            "Not looked at yet. Proxies, switches and similar people take about a minute together, "
            "in a process of their own; they are kept."
        )
        # One key per tab: the same job answers all three.
        start_or_watch(review, audited.spec, label=f"Look further ({_TITLES[part].lower()})",
                       done=len(audited.checks), key=part)  # fmt: skip
        return
    _SHOWN[part](found, audited)


def _proxies(found: dict[str, Any], _: Audited) -> None:
    st.write(
        "Leaving an attribute out does not make a model blind to it if other columns give it away. "
        "Here the features try to guess each attribute, for people the guess was not learned from."
    )
    for one in found["attributes"]:
        if one["auc"] is None:
            st.write(f"**{plain(one['attribute'])}**: {plain(one['reason'] or 'undefined')}")
            continue
        strong = "is given away" if one["auc"] >= _GUESSED_WELL else "can hardly be guessed"
        if one["p_value"] > 0.05:
            strong = "cannot be guessed better than by chance"
        carried = ", ".join(plain(f["name"]) for f in one["features"][:3] if f["drop"] > 0.005)
        st.markdown(
            f"**{plain(one['attribute'])} {strong}**: of 100 pairs of people, the guess puts "
            f"{100 * one['auc']:.0f} in the right order; chance reaches 50, and up to "
            f"{100 * one['chance_high']:.1f} by luck ({chance(one['p_value'])})."
            + (f" Carried by {carried}." if carried and one["p_value"] <= 0.05 else "")
        )
    rows = [
        {
            "Attribute": one["attribute"],
            "Feature": feature["name"],
            "AUC alone, %": None if feature["alone"] is None else 100 * feature["alone"],
            "Lost without it, points": None if feature["drop"] is None else 100 * feature["drop"],
        }
        for one in found["attributes"]
        for feature in one["features"]
    ]
    if rows:
        st.dataframe(
            pd.DataFrame(rows).style.format(precision=1, na_rep="–"), hide_index=True,
            width="stretch",
        )  # fmt: skip
    st.caption(f"{found['n_sampled']:,} of {found['n_rows']:,} people, {found['folds']} folds.")


def _switch(found: dict[str, Any], audited: Audited) -> None:
    imitation = found["stand_in"]
    if audited.spec.system == EXISTING and imitation:
        st.write(
            "The existing system cannot be asked, so a stand-in learned to answer as it does. It "
            f"repeats {imitation['fidelity']:.0%} of the decisions it had not seen (always giving "
            f"the more frequent one repeats {imitation['majority']:.0%}). What it shows is an "
            "association in the system's answers, all else equal, not proof of how it works."
        )
    else:
        st.write(
            "A model of the same kind that does see the attributes. The baseline above does not "
            "see them unless they are among the features, so that switching changes nothing there; "
            "this shows whether it would use them."
        )
    for attribute, share in found["people_affected"].items():
        if share is not None:
            st.markdown(
                f"**{plain(attribute)}**: switching it, and nothing else, changes the decision for "
                f"{100 * share:.1f} of 100 people."
            )
    rows = [
        {
            "Attribute": pair["attribute"],
            "From": pair["from_value"],
            "To": pair["to_value"],
            "People": pair["n"],
            "Decisions changed, %": _percent(pair["changed"]),
            "Gained a yes, %": _percent(pair["gained"]),
            "Lost a yes, %": _percent(pair["lost"]),
        }
        for pair in found["pairs"]
        if pair["n"] >= MIN_PEOPLE
    ]
    _table(rows)
    st.caption("What goes along with the attribute stays as it is; see the proxies for that.")


def _similar(found: dict[str, Any], _: Audited) -> None:
    st.write(
        "People whose features are alike should be treated alike. Each person is compared with the "
        f"{found['n_neighbors']} nearest in all features but the sensitive ones."
    )
    st.markdown(
        f"**Consistency {_share(found['consistency'])}**: that much of each decision agrees with "
        "those of the most similar people; 100% is full agreement."
    )
    _table(
        [
            {
                "Attribute": group["attribute"],
                "Group": group["value"],
                "People": group["n"],
                "Consistency, %": _percent(group["consistency"]),
            }
            for group in found["groups"]
            if group["n"] >= MIN_PEOPLE
        ]
    )
    jumps = found["lipschitz"]
    if jumps and jumps["median"] is not None:
        st.markdown(
            "**How fast the score changes** between neighbours, per standard deviation of "
            f"difference: {jumps['median']:.3f} in the middle, {jumps['high']:.3f} for the most "
            f"abrupt twentieth, {jumps['maximum']:.2f} at most. "
            f"{jumps['n_contradictions']:,} pairs with equal features have different scores."
        )
    if found["entropy"] is not None:
        between = "; ".join(
            f"{plain(name)} {value / found['entropy']:.1%}"
            for name, value in found["entropy_between"].items()
            if value is not None and found["entropy"] > 0
        )
        st.markdown(
            f"**Inequality of benefit**: generalised entropy {found['entropy']:.3f}, Theil index "
            f"{found['theil']:.3f}. 0 is equal; the benefit is 1 of a right decision, 2 of a wrong "
            f"yes, 0 of a wrong no. Share of it between groups: {between or '–'}."
        )
    st.caption(f"Neighbours among {found['n_people']:,} of {found['n_rows']:,} people.")


def _table(rows: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame(rows)
    if len(frame):
        st.dataframe(
            frame.style.format({"People": "{:,.0f}"}, precision=1, na_rep="–"), hide_index=True,
            width="stretch",
        )  # fmt: skip


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


_TITLES = {"proxies": "Proxies", "switch": "Switches", "similar": "Similar people"}
_SHOWN = {"proxies": _proxies, "switch": _switch, "similar": _similar}
