from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faircore.decide import Decision, OperatingPoint, decide
from faircore.errors import InputError, StoreError
from faircore.frontier import Frontier
from faircore.metrics import evaluate
from faircore.records import Review, ReviewStore, frontier_of_review
from faircore.shelf import read_predictor
from faircore.store import TrialStore
from faircore.training import Prepared


def choose(workspace: Path, review: Review, *, threshold: float = 0.6) -> tuple[Decision, Frontier]:
    frontier = frontier_of_review(workspace, review.id)
    point = OperatingPoint(frontier.candidates[-1].id, threshold)
    decision = decide(
        workspace, review.id, point, frontier=frontier, who=" Ada ", reason=" It is enough. "
    )
    return decision, frontier


def test_the_sealed_figures_are_those_of_the_sealed_rows(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    decision, _ = choose(workspace, review)
    prepared = Prepared.of(ReviewStore(workspace).dataset(review.id))
    rows = prepared.splits.certify
    network = read_predictor(decision.point.candidate, workspace=workspace)
    report = evaluate(
        prepared.dataset.y_true[rows],
        y_score=network.predict_proba(prepared.encoded("certify")),
        sensitive_features=prepared.groups.take(rows),
        threshold=0.6,
    )
    np.testing.assert_allclose(decision.sealed_counts, report.counts)
    assert decision.sealed_sizes.sum() == len(rows) * len(prepared.groups.partitions)
    others = np.concatenate([prepared.splits.train, prepared.splits.select])
    assert not set(rows) & set(others)


def test_each_look_is_recorded_before_it_happens(
    fresh: tuple[Path, Review], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, review = fresh
    first, frontier = choose(workspace, review)
    second, _ = choose(workspace, review, threshold=0.4)
    stored = ReviewStore(workspace).get(review.id)
    assert (first.opening, second.opening) == (1, 2)
    assert [o.threshold for o in stored.openings] == [0.6, 0.4]
    assert [o.who for o in stored.openings] == ["Ada", "Ada"]
    assert stored.state == "decided"
    # A model that cannot score the rows costs no look: nobody has learned anything.
    (prepared := Prepared.of(ReviewStore(workspace).dataset(review.id)))._encoded["certify"] = (
        np.zeros((3, 1), np.float32)
    )
    with pytest.raises(InputError):
        decide(
            workspace, review.id, first.point, frontier=frontier, who="Bob", reason="x",
            prepared=prepared,
        )  # fmt: skip
    assert len(ReviewStore(workspace).get(review.id).openings) == 2
    # A fault after the opening leaves the opening on record.

    def fail(*_: object, **__: object) -> None:
        raise InputError("no")

    monkeypatch.setattr("faircore.decide.sealed.figures_of", fail)
    with pytest.raises(InputError):
        decide(
            workspace, review.id, first.point, frontier=frontier, who="Eve", reason="x",
        )  # fmt: skip
    stored = ReviewStore(workspace).get(review.id)
    assert [o.who for o in stored.openings] == ["Ada", "Ada", "Eve"]
    assert len(stored.decisions) == 2


def test_a_decision_survives_its_record(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    decision, frontier = choose(workspace, review)
    read = Decision.from_dict(ReviewStore(workspace).get(review.id).decisions[-1])
    assert read.to_dict() == decision.to_dict()
    assert (read.who, read.reason) == ("Ada", "It is enough.")
    assert read.considered == 6
    shown = [a.candidate for a in read.alternatives]
    front = [frontier.candidates[k].id for k in frontier.view(threshold=0.6).front]
    assert shown == (front if decision.point.candidate in front else [*front, shown[-1]])
    assert decision.point.candidate in shown


def test_a_threshold_nobody_compared_is_refused(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    with pytest.raises(InputError, match="whole hundredths"):
        choose(workspace, review, threshold=0.333)
    assert ReviewStore(workspace).get(review.id).openings == ()


def test_looks_are_counted_over_all_reviews_of_the_same_data(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    store = ReviewStore(workspace)
    twin = store.create("Again", store.table(review.id), store.dataset(review.id))
    twin = store.add_sweep(twin.id, review.sweeps[0])
    assert choose(workspace, review)[0].opening == 1
    assert choose(workspace, twin)[0].opening == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"who": " "}, "A name has 1 to 80"),
        ({"reason": ""}, "needs a reason"),
        ({"point": OperatingPoint("nobody", 0.5)}, "no candidate"),
        ({"threshold": 1.5}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_decided_opens_nothing(
    fresh: tuple[Path, Review], change: dict[str, object], message: str
) -> None:
    workspace, review = fresh
    frontier = frontier_of_review(workspace, review.id)
    point = OperatingPoint(frontier.candidates[0].id, float(change.pop("threshold", 0.5)))  # type: ignore[arg-type]
    given = {"point": point, "who": "Ada", "reason": "r", **change}
    with pytest.raises(InputError, match=message):
        decide(workspace, review.id, frontier=frontier, **given)  # type: ignore[arg-type]
    assert ReviewStore(workspace).get(review.id).openings == ()


def test_a_lost_model_is_said_and_opens_nothing(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    frontier = frontier_of_review(workspace, review.id)
    candidate = frontier.candidates[0]
    (TrialStore(workspace / "trials").folder(candidate.id) / "model.safetensors").write_bytes(b"x")
    with pytest.raises(StoreError, match="missing or damaged"):
        decide(
            workspace, review.id, OperatingPoint(candidate.id, 0.5),
            frontier=frontier, who="Ada", reason="r",
        )  # fmt: skip
    assert ReviewStore(workspace).get(review.id).openings == ()


def test_the_certify_split_is_in_no_stored_trial(trained: tuple[Path, Review]) -> None:
    workspace, review = trained
    frontier = frontier_of_review(workspace, review.id)
    assert all(set(c.cubes) == {"train", "select", "calibrate"} for c in frontier.candidates)
    with pytest.raises(InputError, match="no counts on split 'certify'"):
        frontier.view(split="certify")
    assert set(frontier.sizes) == {"train", "select", "calibrate"}
    assert replace(review).openings == ()
