from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics import RATES
from faircore.metrics.resampling import trials
from faircore.metrics.scores import auc, calibration_gap, mean_loss
from faircore.metrics.tally import Tally, tally_rows


def _rows(seed: int, n: int = 200) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "y_true": rng.integers(0, 2, n),
        "y_score": rng.integers(0, 11, n) / 10,
        "frame": {"a": rng.integers(0, 3, n), "b": rng.choice(["u", "v"], n)},
        "sample_weight": rng.choice([0.0, 0.5, 1.0, 4.0], n),
    }


def _tally(rows: dict[str, Any], keep: Any = slice(None), *, weighted: bool = True) -> Tally:
    """Tally of some rows; the groups keep their numbers."""
    groups = Groups.of(rows["frame"]).take(np.arange(len(rows["y_true"]))[keep])
    return tally_rows(
        rows["y_true"][keep],
        y_score=rows["y_score"][keep],
        groups=groups,
        sample_weight=rows["sample_weight"][keep] if weighted else None,
    )


def test_counted_by_hand() -> None:
    found = tally_rows(
        [0, 1, 1, 0, 1],
        [1, 0, 1, 0, 1],
        groups=Groups.of(["f", "f", "f", "m", "m"]),
        sample_weight=[0.5, 2, 3, 0.5, 4],
    )
    # The mean weight is 2, and weights are divided by it.
    assert found.rows.tolist() == [[[0, 1], [1, 1]], [[1, 0], [0, 1]]]
    np.testing.assert_allclose(found.counts, [[[0, 0.25], [1, 1.5]], [[0.25, 0], [0, 2]]])
    np.testing.assert_allclose(found.squares, [[[0, 0.0625], [1, 2.25]], [[0.0625, 0], [0, 4]]])
    assert found.sizes.tolist() == [3, 2]
    assert found.n_rows == 5
    assert found.weighted
    assert found.scores is None


def test_equal_weights_are_no_weights() -> None:
    rows = _rows(0)
    plain = _tally(rows, weighted=False)
    rows["sample_weight"] = np.full(200, 4.0)
    same = _tally(rows)
    assert not plain.weighted
    assert not same.weighted
    np.testing.assert_array_equal(plain.counts, same.counts)
    np.testing.assert_array_equal(plain.squares, same.squares)


def test_decisions_come_from_scores_at_the_threshold() -> None:
    groups = Groups.of(["a"] * 3)
    found = tally_rows([0, 1, 1], y_score=[0.3, 0.31, 0.29], groups=groups, threshold=0.3)
    assert found.counts.tolist() == [[[0, 1], [1, 1]]]
    own = tally_rows([0, 1, 1], [1, 1, 1], y_score=[0.3, 0.31, 0.29], groups=groups)
    assert own.counts.tolist() == [[[0, 1], [0, 2]]]
    assert own.scores is not None
    assert own.scores.weight.tolist() == [[1, 1, 1]]


def _measures(tally: Tally) -> dict[str, np.ndarray]:
    assert tally.scores is not None
    return {
        **{name: rate(tally.counts) for name, rate in RATES.items()},
        "auc": auc(tally.scores).value,
        "brier": mean_loss(tally.scores, "brier").value,
        "log_loss": mean_loss(tally.scores, "log_loss").value,
        "gap": calibration_gap(tally.scores).value,
    }


def _agree(one: Tally, other: Tally) -> None:
    expected = _measures(other)
    for name, value in _measures(one).items():
        np.testing.assert_allclose(value, expected[name], atol=1e-9, err_msg=name)


@pytest.mark.parametrize("seed", range(3))
def test_whole_weights_are_repeated_rows(seed: int) -> None:
    rows = _rows(seed)
    rows["sample_weight"] = np.random.default_rng(seed).integers(0, 5, 200).astype(float)
    repeated = np.repeat(np.arange(200), rows["sample_weight"].astype(int))
    _agree(_tally(rows), _tally(rows, repeated, weighted=False))


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_no_weight_might_as_well_not_be_there(seed: int) -> None:
    rows = _rows(seed)
    some, whole = _tally(rows, rows["sample_weight"] > 0), _tally(rows)
    _agree(whole, some)
    for rate in RATES.values():
        np.testing.assert_allclose(trials(rate, whole), trials(rate, some), atol=1e-9)
    assert whole.scores is not None
    assert some.scores is not None
    np.testing.assert_allclose(auc(whole.scores).error, auc(some.scores).error, atol=1e-12)


def test_everybody_is_one_group() -> None:
    rows = _rows(1)
    whole = _tally(rows)
    alone = whole.everybody()
    rows["frame"] = {"all": np.zeros(200)}
    _agree(alone, _tally(rows))
    assert alone.n_rows == 200
    assert len(alone.partitions) == 1


@pytest.mark.parametrize("weighted", [False, True])
def test_the_rest_is_everybody_else(weighted: bool) -> None:
    rows = _rows(2)
    # Scores all known to every subset, so that the bins are the same.
    rest = _tally(rows, weighted=weighted).rest()
    measures = _measures(rest)
    groups = Groups.of(rows["frame"])
    for partition, codes in zip(groups.partitions, groups.codes, strict=True):
        for group in range(partition.groups.start, partition.groups.stop):
            others = _measures(_tally(rows, codes != group, weighted=weighted).everybody())
            for name, value in measures.items():
                assert value[group] == pytest.approx(others[name][0], abs=1e-9), name


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), outcome=st.integers(0, 1))
def test_a_rest_of_one_outcome_has_no_rate_of_the_other(seed: int, outcome: int) -> None:
    rng = np.random.default_rng(seed)
    b = np.repeat([1, 0], [3, 37])
    y_true = np.where(b == 1, outcome, rng.integers(0, 2, 40))
    found = tally_rows(
        y_true,
        rng.integers(0, 2, 40),
        y_score=rng.integers(0, 5, 40) / 4,
        groups=Groups.of({"a": rng.integers(0, 3, 40), "b": b}),
        sample_weight=rng.random(40) + 0.1,
    ).rest()
    group = found.partitions[1].groups.start  # whose rest are the three rows with b = 1
    rate = RATES["false_positive_rate" if outcome else "true_positive_rate"]
    assert np.isnan(rate(found.counts)[group])
    assert trials(rate, found)[1][group] == 0
    assert found.scores is not None
    assert np.isnan(auc(found.scores).value[group])


def test_one_partition_alone() -> None:
    rows = _rows(3)
    whole = _tally(rows)
    second = whole.partitions[1]
    alone = whole.of(second)
    np.testing.assert_array_equal(alone.counts, whole.counts[second.groups])
    assert alone.partitions[0].start == 0
    assert alone.partitions[0].labels == second.labels
    assert alone.n_rows == 200
    assert alone.scores is not None
    assert whole.scores is not None
    np.testing.assert_array_equal(alone.scores.weight, whole.scores.weight[second.groups])


@pytest.mark.parametrize("rate", RATES)
def test_trials_are_kishs_effective_number(rate: str) -> None:
    rows = _rows(4)
    whole = _tally(rows)
    k, n = trials(RATES[rate], whole)
    truth, pred = rows["y_true"], (rows["y_score"] >= 0.5).astype(int)
    about = np.isin(2 * truth + pred, [2 * i + j for i, j in RATES[rate].denominator])
    good = np.isin(2 * truth + pred, [2 * i + j for i, j in RATES[rate].numerator])
    for codes in Groups.of(rows["frame"]).codes:
        for group in np.unique(codes):
            w = rows["sample_weight"][(codes == group) & about]
            hits = rows["sample_weight"][(codes == group) & about & good]
            assert n[group] == pytest.approx(w.sum() ** 2 / (w**2).sum())
            assert k[group] == pytest.approx(n[group] * hits.sum() / w.sum())


def test_what_cannot_be_counted_is_refused() -> None:
    groups = Groups.of(["a", "b"])
    with pytest.raises(InputError, match="y_pred"):
        tally_rows([0, 1], groups=groups)
    with pytest.raises(InputError, match="probability"):
        tally_rows([0, 1], y_score=[0.5, 1.2], groups=groups)
    with pytest.raises(InputError, match="y_pred"):
        tally_rows([0, 1], [0, 1, 1], groups=groups)
    with pytest.raises(InputError, match="y_score"):
        tally_rows([0, 1], y_score=[0.1], groups=groups)
    with pytest.raises(InputError, match="sensitive_features"):
        tally_rows([0, 1, 1], [0, 1, 1], groups=groups)
    with pytest.raises(InputError, match="sample_weight"):
        tally_rows([0, 1], [0, 1], groups=groups, sample_weight=[0, 0])
