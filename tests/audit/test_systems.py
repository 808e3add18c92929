from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faircore.audit import report_tally
from faircore.audit.study import judged_rows, open_rows
from faircore.audit.systems import tally_dataset
from faircore.data import Dataset, Table, build_dataset, load_sample, make_lending, split_dataset
from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics.tally import Tally, tally_rows


@pytest.fixture(scope="module")
def data() -> Dataset:
    """600 loans, ordered in time, so that their outcomes do not decide which rows are sealed."""
    _, spec = load_sample("lending")
    dataset = build_dataset(Table.from_frame(make_lending(600, seed=3), "lending.csv"), spec)
    return replace(dataset, time=np.arange(600))


def same(one: Tally, other: Tally) -> bool:
    scores = [t.scores for t in (one, other)]
    return (
        one.partitions == other.partitions
        and np.array_equal(one.rows, other.rows)
        and np.allclose(one.counts, other.counts)
        and np.allclose(one.squares, other.squares)
        and (scores[0] is None) == (scores[1] is None)
        and (scores[0] is None or np.allclose(scores[0].weight, scores[1].weight))
    )


@pytest.mark.parametrize("rows", [None, np.arange(0, 600, 3), np.array([5, 2, 599])])
def test_a_dataset_is_counted_as_its_rows(data: Dataset, rows: np.ndarray | None) -> None:
    at = np.arange(600) if rows is None else rows
    expected = tally_rows(
        data.y_true[at],
        data.decision[at],
        y_score=data.score[at],
        groups=Groups.of_dataset(data).take(at),
    )
    assert same(tally_dataset(data, rows), expected)
    assert same(tally_dataset(data, rows, groups=Groups.of_dataset(data)), expected)
    assert not tally_dataset(data, rows).weighted


def test_a_score_alone_is_cut_at_the_threshold(data: Dataset) -> None:
    alone = replace(data, decision=None)
    found = tally_dataset(alone, threshold=0.3)
    chosen = (data.score >= 0.3).astype(int)
    expected = tally_rows(data.y_true, chosen, y_score=data.score, groups=Groups.of_dataset(data))
    assert same(found, expected)


def test_a_decision_alone_has_no_scores(data: Dataset) -> None:
    found = tally_dataset(replace(data, score=None))
    assert found.scores is None
    np.testing.assert_array_equal(found.rows, tally_dataset(data).rows)


def test_what_is_passed_takes_the_place_of_what_exists(data: Dataset) -> None:
    rows = np.arange(100)
    chosen = rows % 2
    found = tally_dataset(data, rows, y_pred=chosen)
    assert found.scores is None
    expected = tally_rows(data.y_true[rows], chosen, groups=Groups.of_dataset(data).take(rows))
    assert same(found, expected)
    score = np.linspace(0, 1, 100)
    by_score = tally_dataset(data, rows, y_score=score, threshold=0.7)
    whole = by_score.rows[by_score.partitions[0].groups].sum(0)
    assert whole[:, 1].sum() == (score >= 0.7).sum()


def test_weights_of_the_data_count(data: Dataset) -> None:
    w = np.random.default_rng(0).exponential(size=600)
    weighted = replace(data, weights=w, spec=data.spec.with_(weight="w"))
    rows = np.arange(50, 400)
    expected = tally_rows(
        data.y_true[rows],
        data.decision[rows],
        y_score=data.score[rows],
        groups=Groups.of_dataset(data).take(rows),
        sample_weight=w[rows],
    )
    found = tally_dataset(weighted, rows)
    assert found.weighted
    assert same(found, expected)


def test_nothing_to_audit_is_refused(data: Dataset) -> None:
    bare = replace(data, score=None, decision=None)
    with pytest.raises(InputError, match=r"lending\.csv"):
        tally_dataset(bare)
    assert tally_dataset(bare, y_pred=np.zeros(600)).n_rows == 600


def test_open_rows_leave_the_sealed_ones_out(data: Dataset) -> None:
    splits = split_dataset(data, seed=0)
    assert len(splits.certify) > 50
    rows = open_rows(data)
    assert set(rows) == set(range(600)) - set(splits.certify)
    assert (np.diff(rows) > 0).all()
    judged = judged_rows(data)
    assert set(judged) == set(splits.calibrate) | set(splits.select)
    without = replace(data, spec=data.spec.with_(features=()))
    np.testing.assert_array_equal(open_rows(without), np.arange(600))


def test_the_report_never_looks_at_sealed_rows(data: Dataset) -> None:
    sealed = split_dataset(data, seed=0).certify
    y, s, d = data.y_true.copy(), data.score.copy(), data.decision.copy()
    y[sealed], s[sealed], d[sealed] = 1 - y[sealed], 1 - s[sealed], 1 - d[sealed]
    changed = replace(data, y_true=y, score=s, decision=d)
    reports = [report_tally(tally_dataset(x, open_rows(x))) for x in (data, changed)]
    assert reports[0].by_group.equals(reports[1].by_group)
    assert reports[0].disparities.equals(reports[1].disparities)
    assert reports[0].calibration.equals(reports[1].calibration)
    y[open_rows(data)[0]] ^= 1
    moved = report_tally(tally_dataset(replace(changed, y_true=y), open_rows(data)))
    assert not reports[0].by_group.equals(moved.by_group)
