"""The outcome itself, and what no system can have at once."""

from __future__ import annotations

import streamlit as st

from faircore.audit import GroupReport, Wording, impossibility
from faircore.audit.label_bias import QUESTIONS, suspicions, warnings_of
from faircore.audit.words import of_hundred
from faircore.errors import FaircoreError
from faircore.numerals import hundredths, percent, points
from faircore.plots import impossibility_figure
from faircore.records import Review
from pages.components.charts import show_chart
from pages.components.howto import how_to_read
from pages.components.session import reviews
from pages.components.words import plain

_EXAMPLES = {
    "good": "who would repay",
    "bad": "who would not repay",
    "selected": "approved",
    "refused": "declined",
}
_ANSWERS = ("yes", "no", "unsure")


def outcome_form(review: Review) -> None:
    """Questions about the outcome that no data can answer, and the words for it."""
    target = review.data_spec.target
    st.write(
        f"Every figure here takes the column {plain(target)} for the truth. No data can say "
        "whether it is; you can."
    )
    for sentence in suspicions(target):
        st.info(sentence)
    last = review.outcome_checks[-1] if review.outcome_checks else {"answers": {}, "wording": {}}
    with st.form("outcome", border=False):
        answers = {}
        for name, question in QUESTIONS.items():
            before = last["answers"].get(name)
            answers[name] = st.radio(
                question.text, _ANSWERS, horizontal=True, key=f"outcome-{name}",
                index=_ANSWERS.index(before) if before in _ANSWERS else None,
                help=question.example,
            )  # fmt: skip
        st.markdown("**Words for this case**, used in the sentences about groups")
        columns = [*st.columns(2), *st.columns(2)]
        labels = {
            "good": "Good: people …",
            "bad": "Not good: people …",
            "selected": "Yes: people are …",
            "refused": "No: people are …",
        }
        wording = {
            name: column.text_input(
                labels[name], value=last["wording"].get(name, ""), max_chars=60,
                placeholder=_EXAMPLES[name], key=f"wording-{name}",
            ).strip()
            for name, column in zip(labels, columns, strict=True)
        }  # fmt: skip
        sent = st.form_submit_button("Keep the answers")
    if sent:
        given = {name: answer for name, answer in answers.items() if answer}
        try:
            warnings_of(given)  # type: ignore[arg-type]
            reviews().add_outcome_check(review.id, answers=given, wording=wording)
        except FaircoreError as error:
            st.error(str(error))
            st.stop()
        st.rerun()
    if review.outcome_checks:
        found = warnings_of(last["answers"])
        for sentence in found:
            st.warning(sentence)
        missing = len(QUESTIONS) - len(last["answers"])
        st.caption(
            f"Answered by {plain(last['who'])}, {last['at'][:10]}"
            + (f"; questions still open: {missing}." if missing else ".")
            + ("" if found or missing else " Nothing puts the outcome in doubt.")
        )


def what_cannot_be(report: GroupReport, partition: str, wording: Wording) -> None:
    """Base rates, and what equalising one rate does to the others and to calibration."""
    found = impossibility(report.tally, partition, min_people=report.min_people)
    if found is None:
        st.write("Fewer than two groups are large enough for this.")
        return
    low, high = int(found.base_rates.argmin()), int(found.base_rates.argmax())
    names = [plain(name) for name in found.groups]
    st.markdown(
        f"Of 100 people in group **{names[high]}**, {of_hundred(found.base_rates[high])} are "
        f"people {plain(wording.good)}; in group **{names[low]}**, "
        f"{of_hundred(found.base_rates[low])}. {_surely(report, partition)}, and where it differs, "
        "no system that makes mistakes can have all of these at once: equally reliable scores, "
        "equal errors in all groups, equal selection. Closing one gap opens another."
    )
    base = found.scenarios[0]
    for scenario in found.scenarios[1:]:
        others = {k: v for k, v in scenario.gaps.items() if k != scenario.equalised}
        worst = max(others, key=lambda k: others[k])
        st.markdown(
            f"- **{_TOLD[scenario.equalised]}**: the gap in {_GAPS[worst]} is then "
            f"{points(others[worst])} (now {hundredths(base.gaps[worst])}), accuracy "
            f"{percent(scenario.accuracy)} (now {percent(base.accuracy)}); a score no longer means "
            f"the same decision, or scores are bent by up to "
            f"{points(float(scenario.bent.max()))} and lose their calibration."
        )
    st.caption(
        "“Now” is the system as it decides today; the other rows apply thresholds to its score."
    )
    show_chart(
        impossibility_figure(found), key="impossibility",
        alt="Gaps left when one is closed, and the base rate of each group; the list above says "
        "the same",
    )  # fmt: skip
    how_to_read(
        "Each row is one way to decide, each column a gap that is left then; darker is a wider "
        "gap. The last column is how far scores must be bent, and so lose their meaning.",
        "Look along a row: where one gap is closed, others stay or grow. No row is light "
        "everywhere unless the bars below are equally long.",
        "The bars are the share of each group that has the good outcome, in these data.",
        "This is arithmetic. It does not say which gap should be closed, nor why groups differ.",
        about="conflict",
    )
    with st.expander("How this is computed"):
        st.write(
            "Each group gets the threshold at which the chosen rate is that of everybody today, "
            "with a lot drawn among people exactly at the border; all other rates are then read "
            "off. “Scores bent” is how far a group's scores would have to move, on average, for "
            "one threshold to do the same."
        )
        st.write(
            "If a yes were equally reliable everywhere, and people with the good outcome were "
            "found equally often, arithmetic would have people without it selected wrongly at "
            + ", ".join(
                f"{plain(name)} {percent(value)}" if value <= 1 else f"{plain(name)}: not possible"
                for name, value in zip(found.groups, found.implied.tolist(), strict=True)
            )
            + "."
        )


def _surely(report: GroupReport, partition: str) -> str:
    """Whether the base rates differ by more than chance."""
    found = next(i for i in report.inequalities[partition] if i.measure == "base_rate_difference")
    return f"That difference {'is more than' if found.more_than_chance else 'can be'} chance"


_TOLD = {
    "selection_rate": "Select the same share of every group",
    "true_positive_rate": "Select the same share of the good of every group",
    "false_positive_rate": "Wrongly select the same share of every group",
}
_GAPS = {
    "selection_rate": "selection",
    "true_positive_rate": "selection of the good",
    "false_positive_rate": "wrong selection",
    "positive_predictive_value": "the reliability of a yes",
}
