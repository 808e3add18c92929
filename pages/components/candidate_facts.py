"""What a committee should know of one model beside its two figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from faircore.errors import FaircoreError
from faircore.frontier import Candidate, Frontier, Objective
from faircore.methods import METHODS
from faircore.numerals import points
from faircore.penalties import PENALTIES
from faircore.plots.promises import asked_gaps
from faircore.predictors import Predictor, Thresholded, calibrator_words
from pages.components.learning import learning_curves
from pages.components.loading import model_of
from pages.components.words import plain


def places(candidate: Candidate) -> dict[str, str]:
    """What each split was to a model; the last is the one to believe."""
    method = METHODS[candidate.method]
    learned = {"train": "rows its score learned from"} if candidate.history else {}
    if method.stage == "score":
        return learned | {
            "calibrate": "rows its calibrator learned from",
            "select": "rows its calibrator never saw"
            + (", which stopped its score" if learned else ""),
        }
    if method.stage == "by hand":
        return {
            "select": "rows somebody watched while setting its thresholds",
            "calibrate": "rows nobody watched",
        }
    if method.fixed:
        return {"select": "rows kept for choosing"}
    if method.unseen == "select":
        return learned | {
            "calibrate": "rows its thresholds were set on",
            "select": "rows its thresholds never saw",
        }
    return {
        "train": "rows it learned from",
        "select": "rows that chose when it stopped",
        "calibrate": "rows it never saw",
    }


def facts(frontier: Frontier, position: int) -> None:
    """Promise and practice, needs, cost, and how it learned."""
    candidate = frontier.candidates[position]
    if candidate.note:
        (st.warning if candidate.note.startswith("Infeasible") else st.info)(plain(candidate.note))
    st.markdown(promise(frontier, position))
    needs = "Needs" if candidate.needs_groups else "Does not need"
    shape = candidate.shape[:1].upper() + candidate.shape[1:]
    best = f", best after {candidate.best_epoch} {METHODS[candidate.method].steps}"
    st.caption(
        f"{needs} a sensitive attribute at prediction time. {plain(shape)}, "
        f"made in {candidate.fit_seconds:.1f} s{best if candidate.history else ''}."
    )
    try:
        _by_group(candidate)
    except FaircoreError as error:  # a damaged model is found when it is read
        st.warning(plain(str(error)))
    if candidate.history:
        with st.expander("How it learned"):
            learning_curves(
                candidate.history, key="learned",
                alt="Loss and gap while it learned, on the rows that chose when it stopped",
                tolerance=candidate.target, best_epoch=candidate.best_epoch,
            )  # fmt: skip


def _by_group(candidate: Candidate) -> None:
    """What a model that is made after another does group by group."""
    if METHODS[candidate.method].stage in ("after", "by hand"):
        _thresholds(candidate)
    if METHODS[candidate.method].stage == "score":
        with st.expander("What each group got"):
            calibrators_table(model_of(candidate.id))


def _thresholds(candidate: Candidate) -> None:
    """What each group's score must reach."""
    model = model_of(candidate.id)
    if not isinstance(model, Thresholded):
        return
    told = model.rule.in_words()
    with st.expander("Thresholds of each group"):
        st.caption("A score of the model at least this high is a yes, at the threshold 0.50 above.")
        st.dataframe(
            {"Group": list(told), "Score needed": list(told.values())},
            hide_index=True,
            width="stretch",
        )


def calibrators_table(model: Predictor) -> None:
    """The calibrator of every group and why it has it; nothing where there is none."""
    told = calibrator_words(model)
    if told:
        st.dataframe(
            {"Group": list(told), "Calibrator": list(told.values())},
            hide_index=True,
            width="stretch",
        )


def promise(frontier: Frontier, position: int) -> str:
    """The gap that was asked for beside those measured; the last is the one to believe."""
    candidate = frontier.candidates[position]
    frontier = replace(frontier, candidates=(candidate,), _shared={})  # not thousands, for one
    objective, told = frontier.objectives[1], []
    for split, place in places(candidate).items():
        if split not in frontier.sizes or split not in candidate.cubes:
            continue
        view = frontier.view(split=split)
        if candidate.target is None:
            told.append(f"{objective.text(float(view.measure(objective)[0]))} on {place}")
        else:
            # A promise is kept or broken in the measure it was made in, whatever is shown above.
            objective, names, gaps = asked_gaps(view.view(threshold=0.5), 0)
            told.append(f"{_largest(objective, names, gaps)} on {place}")
    return f"{_asked(candidate)}{objective.title}: {', '.join(told) or '–'}."


def _largest(objective: Objective, names: tuple[str, ...], gaps: list[float]) -> str:
    """The largest gap and where it is; a dash where one of them cannot be measured."""
    worst = int(np.argmax(gaps))  # the first that is NaN, where one is
    text = objective.text(gaps[worst])
    return f"{text} (by {plain(names[worst])})" if len(names) > 1 else text


def _asked(candidate: Candidate) -> str:
    if candidate.target is None:
        return ""
    between = plain(" and ".join(candidate.partitions)) or "every attribute"
    goal = PENALTIES[candidate.penalty].title.lower()
    return (
        f"Asked for: a gap of at most {points(candidate.target, None)} ({goal}, by {between}, "
        "threshold 0.50). "
    )
