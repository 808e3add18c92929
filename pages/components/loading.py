"""What pages read, kept in memory by content: equal keys mean equal content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from threading import Lock

import streamlit as st

from faircore.data import Table, read_table
from faircore.frontier import Candidate, Frontier, Uncertainty, uncertainty
from faircore.predictors import Predictor
from faircore.records import Review, ReviewStore, trial_ids
from faircore.shelf import read_predictor
from faircore.store import TrialStore
from faircore.sweep import COMPARED, MEASURED, read_candidate
from faircore.training import Prepared
from faircore.workspace import default_workspace

MOST_CANDIDATES = 6_000
"""So many are kept in memory."""

_TIDY = Lock()  # around changes of the shelf: whoever walks it must not meet another's

SPLIT_SEED = 0
"""The split every sweep of the dashboard uses: candidates are compared on the same rows."""


def prepared_of(review: Review) -> Prepared:
    """The review's dataset with its groups, splits and encoder."""
    return _prepared(str(default_workspace()), review.id, review.fingerprint)


def frontier_of(review: Review) -> Frontier | None:
    """Every candidate finished so far; ``None`` while there is none."""
    finished = tuple(intact(trial_ids(review)).items())
    # Streamlit takes a tenth of a second to hash thousands of texts one by one.
    known = hashlib.sha256(repr(finished).encode()).hexdigest()
    return _frontier(str(default_workspace()), review.id, review.fingerprint, known, finished)


def intact(ids: Iterable[str]) -> dict[str, int]:
    """Those trials whose record and counts are stored undamaged, each with the time of writing.

    A damaged trial that was trained again has the same id but another time. The bytes of a model
    are checked when it is used.
    """
    workspace, shelf = str(default_workspace()), _shelf()
    store = TrialStore(Path(workspace) / "trials")
    stamps = {trial: at for trial in ids if (at := store.written(trial)) is not None}
    return {t: at for t, at in stamps.items() if _candidate(shelf, workspace, t, at) is not None}


def is_whole(trial: str) -> bool:
    """Whether a trial is stored undamaged, the bytes of its model included."""
    return TrialStore(default_workspace() / "trials").get(trial) is not None


def uncertainty_of(review: Review, frontier: Frontier) -> Uncertainty | None:
    """What chance does to a view; None where its models were made by a version that kept none."""
    known = _digest(frontier.candidates)
    view = (
        frontier.split,
        frontier.threshold,
        tuple(o.key for o in frontier.objectives),
        repr(frontier.costs),
    )
    return _uncertainty(review.fingerprint, known, view, frontier)


def failure_of(trial: str) -> str:
    """Why a stored trial has no model; empty when it has one."""
    stamp = intact([trial]).get(trial)
    found = None
    if stamp is not None:
        found = _candidate(_shelf(), str(default_workspace()), trial, stamp)
    return "" if found is None else found.failure or ""


def model_of(reference: str) -> Predictor:
    """The model of a candidate, by its id."""
    return _model(str(default_workspace()), reference)


def table_of(path: str) -> Table:
    """An uploaded file, read."""
    return _table(path, hashlib.sha256(Path(path).read_bytes()).hexdigest())


@st.cache_resource(max_entries=4, show_spinner="Reading the data")
def _prepared(workspace: str, review_id: str, fingerprint: str) -> Prepared:
    return Prepared.of(ReviewStore(workspace).dataset(review_id), split_seed=SPLIT_SEED)


@st.cache_resource(max_entries=8, show_spinner=False)
def _frontier(
    workspace: str,
    review_id: str,
    fingerprint: str,
    known: str,
    _finished: tuple[tuple[str, int], ...],
) -> Frontier | None:
    shelf = _shelf()
    read = (_candidate(shelf, workspace, trial, stamp) for trial, stamp in _finished)
    candidates = tuple(c for c in read if c is not None)
    if not candidates:
        return None
    prepared = _prepared(workspace, review_id, fingerprint)
    sizes = {split: prepared.sizes(split) for split in MEASURED}
    rows = {COMPARED: prepared.split_rows(COMPARED)}
    return Frontier(candidates, prepared.groups.partitions, sizes, rows=rows)


@lru_cache(maxsize=32)
def _digest(candidates: tuple[Candidate, ...]) -> str:
    """One short text for the ids of many candidates."""
    return hashlib.sha256(" ".join(c.id for c in candidates).encode()).hexdigest()


@st.cache_resource(max_entries=32, show_spinner=False)
def _uncertainty(
    fingerprint: str, known: str, view: tuple[object, ...], _frontier: Frontier
) -> Uncertainty | None:
    return uncertainty(_frontier)


@st.cache_resource(show_spinner=False)
def _shelf() -> dict[tuple[str, str, int], Candidate | None]:
    """Candidates that were read, the first read first; looked at thousands of times a run."""
    return {}


def _candidate(
    shelf: dict[tuple[str, str, int], Candidate | None], workspace: str, trial: str, stamp: int
) -> Candidate | None:
    key = (workspace, trial, stamp)
    try:
        return shelf[key]
    except KeyError:
        stored = TrialStore(Path(workspace) / "trials").get(trial, model=False)
    found = None if stored is None else read_candidate(trial, stored)
    with _TIDY:
        while len(shelf) >= MOST_CANDIDATES:
            del shelf[next(iter(shelf))]
        shelf[key] = found
    return found


@st.cache_resource(max_entries=16, show_spinner=False)
def _model(workspace: str, trial_id: str) -> Predictor:
    return read_predictor(trial_id, workspace=workspace)


@st.cache_resource(max_entries=4, show_spinner="Reading the file")
def _table(path: str, sha256: str) -> Table:
    return read_table(path)
