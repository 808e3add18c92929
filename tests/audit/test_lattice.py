from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit
from scipy.stats import binom

from faircore.audit.lattice import plan_lattice, read_attributes
from faircore.audit.lattice_patches import PatchedScores
from faircore.audit.lattice_sums import N_BINS, Cells, Pool, pool_rows, sum_cells
from faircore.audit.lattice_tails import wander
from faircore.errors import InputError
from faircore.metrics.calibration import range_survival


def walk(
    scores: np.ndarray,
    y: np.ndarray,
    frame: pd.DataFrame,
    weights: np.ndarray | None = None,
    *,
    min_people: int = 1,
) -> tuple[Pool, Cells, list[str]]:
    partitions, codes = read_attributes(frame, n_rows=len(y))
    lattice = plan_lattice(partitions, max_cells=10**6)
    pool = pool_rows(scores, y, codes, weights)
    cells = sum_cells(pool, lattice, min_people=min_people)
    return pool, cells, [lattice.name(fixed) for fixed in cells.fixed.tolist()]


def rows(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "race": rng.choice(["a", "b", None], n, p=[0.6, 0.3, 0.1]),
        "sex": rng.choice(["f", "m"], n),
        "age": rng.choice([1, 2, 3], n),
    })  # fmt: skip
    scores = rng.beta(2, 3, n)
    return scores, (rng.random(n) < scores).astype(np.int8), frame, rng.uniform(0.5, 2, n)


@settings(max_examples=15, deadline=None)
@given(st.integers(3, 150), st.integers(0, 99), st.booleans(), st.integers(1, 8))
def test_sums_of_every_cell_are_those_of_masks(
    n: int, seed: int, weighted: bool, min_people: int
) -> None:
    scores, y, frame, w = rows(n, seed)
    frame.loc[0, "race"], frame.loc[:1, "sex"] = "a", ["f", "m"]
    frame.loc[1, ["race", "age"]], frame.loc[0, "age"] = ["b", 1], 2
    w = w if weighted else np.ones(n)
    _, cells, names = walk(scores, y, frame, w if weighted else None, min_people=min_people)
    found = {name: i for i, name in enumerate(names)}
    assert len(found) == len(names)
    text = frame.astype(object).where(frame.notna(), "(missing)").astype(str)
    n_small = 0
    for fixed in product(*([None, *sorted(text[a].unique())] for a in text)):
        pairs = [(a, v) for a, v in zip(text, fixed, strict=True) if v is not None]
        inside = np.ones(n, bool)
        for a, v in pairs:
            inside &= (text[a] == v).to_numpy()
        name = " · ".join(f"{a} = {v}" for a, v in pairs) or "everybody"
        if inside.sum() < min_people:
            n_small += 1
            assert name not in found
            continue
        i, s, t, u = found[name], scores[inside], y[inside], w[inside]
        assert cells.people[i] == inside.sum()
        assert cells.order[i] == len(pairs)
        for sums, expected in (
            (cells.weight[i].sum(), u.sum()),
            (cells.score[i].sum(), (u * s).sum()),
            (cells.positive[i].sum(), (u * t).sum()),
            (cells.squares[i].sum(), (u * u).sum()),
            (cells.positive_squares[i], (u * u * t).sum()),
            (cells.miss[i], (u * u * (s - t)).sum()),
            (cells.residual[i], (u * u * (s - t) ** 2).sum()),
            (cells.variance[i], (u * u * s * (1 - s)).sum()),
        ):
            assert sums == pytest.approx(expected, abs=1e-9)
    assert cells.n_too_small == n_small


def test_with_few_distinct_scores_the_statistic_is_exact() -> None:
    rng = np.random.default_rng(0)
    scores = rng.choice(np.linspace(0.05, 0.95, N_BINS), 500)
    y = (rng.random(500) < scores).astype(np.int8)
    _, cells, _ = walk(scores, y, pd.DataFrame({"a": ["x", "y"] * 250}))
    found = wander(cells.weight, cells.score, cells.positive, cells.squares, cells.variance)
    order = np.argsort(scores, kind="stable")
    # Ties are one step of the sum.
    last = np.append(np.diff(scores[order]) > 0, True)
    path = np.append(0.0, np.cumsum((y - scores)[order])[last])
    exact = np.ptp(path) / np.sqrt((scores * (1 - scores)).sum())
    assert found.statistic[0] == pytest.approx(exact)


def test_binning_hides_a_little_of_the_range_and_adds_nothing() -> None:
    rng = np.random.default_rng(1)
    lost = []
    for _ in range(30):
        scores = rng.beta(2, 3, 4000)
        y = (rng.random(4000) < scores).astype(np.int8)
        _, cells, _ = walk(scores, y, pd.DataFrame({"a": ["x", "y"] * 2000}))
        found = wander(cells.weight, cells.score, cells.positive, cells.squares, cells.variance)
        path = np.append(0.0, np.cumsum((y - scores)[np.argsort(scores)]))
        lost.append(np.ptp(path) / np.sqrt((scores * (1 - scores)).sum()) - found.statistic[0])
    assert min(lost) > -1e-9
    assert 0.02 < np.mean(lost) < 0.25


def test_counts_of_the_plan_add_up_when_cells_are_sampled() -> None:
    frame = pd.DataFrame(
        np.random.default_rng(0).choice(list("abc"), (500, 6)), columns=list("uvwxyz")
    )
    partitions, _ = read_attributes(frame, n_rows=500)
    whole = plan_lattice(partitions, max_cells=4**6)
    assert (whole.n_cells, whole.n_sampled_away, len(whole.subsets)) == (4**6, 0, 2**6)
    # Orders 0 to 2 have 1 + 18 + 135 cells; a set of three attributes has 27.
    few = plan_lattice(partitions, max_cells=154 + 60, seed=3)
    assert len(few.subsets) == 1 + 6 + 15 + 2
    assert few.n_cells - few.n_sampled_away == 154 + 54
    assert few == plan_lattice(partitions, max_cells=154 + 60, seed=3)
    assert len({plan_lattice(partitions, max_cells=214, seed=s).subsets for s in range(5)}) > 1
    low = plan_lattice(partitions, max_cells=4**6, max_order=2)
    assert (low.n_cells, low.n_sampled_away) == (154, 0)


def test_a_lattice_far_too_large_to_list_is_planned_at_once() -> None:
    frame = pd.DataFrame(
        np.random.default_rng(0).choice(list("abcde"), (300, 40)),
        columns=[f"c{i}" for i in range(40)],
    )
    partitions, codes = read_attributes(frame, n_rows=300)
    plan = plan_lattice(partitions, max_cells=30_000)
    assert plan.n_cells == 6**40
    assert {len(s) for s in plan.subsets} == {0, 1, 2, 3}
    assert len(set(plan.subsets)) == len(plan.subsets)
    # The code of so many attributes does not fit into one number.
    pool = pool_rows(np.full(300, 0.5), np.ones(300, np.int8), codes, None)
    assert len(pool.bins) == 300


def test_names_tell_cells_apart() -> None:
    frame = pd.DataFrame({
        "a": ["x · b = y", "x", "x", "x"], "b": ["y", "y", "z", None],
        "c": ["(missing)", None, "u", "everybody"],
    })  # fmt: skip
    _, _, names = walk(np.full(4, 0.5), np.array([0, 1, 1, 0], np.int8), frame)
    assert len(set(names)) == len(names)
    assert "a = “x · b = y”" in names
    assert "b = (missing)" in names


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        (pd.DataFrame(index=range(4)), "at least one column"),
        ({"a": ["x"] * 4}, "two values"),
        ({"a": ["x"] * 3}, "one value per row"),
        (pd.DataFrame([[1, 2]] * 4, columns=["a", "a"]), "name of its own"),
    ],
)
def test_attributes_that_cannot_be_used(attributes: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        plan_lattice(read_attributes(attributes, n_rows=4)[0], max_cells=10)


def test_a_measured_number_must_be_binned() -> None:
    with pytest.raises(InputError, match=r"'income'.*Bin it"):
        read_attributes({"income": np.arange(100.0)}, n_rows=100)
    with pytest.raises(InputError, match="Merge rare ones"):
        read_attributes({"zip": [f"z{i}" for i in range(2000)]}, n_rows=2000)


def shares(n: int, draw: str, *, repeats: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """p-values under calibration, and those of the plain Brownian range."""
    rng = np.random.default_rng(seed)
    scores = {
        "even": lambda: rng.uniform(0, 1, n), "skewed": lambda: rng.beta(1, 30, n),
        "high": lambda: rng.beta(30, 1, n), "one": lambda: np.full(n, 0.02),
        "ends": lambda: rng.beta(0.2, 0.2, n),
    }[draw]()  # fmt: skip
    bins = (
        np.argsort(np.argsort(scores)) * min(N_BINS, n) // n if draw != "one" else np.zeros(n, int)
    )
    n_bins = int(bins.max()) + 1
    member = np.zeros((n, n_bins))
    member[np.arange(n), bins] = 1.0
    seen = np.concatenate(
        [(rng.random((repeats // 10, n)) < scores).astype(float) @ member for _ in range(10)]
    )
    weight, score = (np.broadcast_to(v @ member, seen.shape) for v in (np.ones(n), scores))
    variance = np.full(len(seen), (scores * (1 - scores)).sum())
    found = wander(weight, score, seen, weight, variance)
    return np.exp(found.log_p), range_survival(found.statistic)


@pytest.mark.parametrize("draw", ["even", "skewed", "high", "one", "ends"])
@pytest.mark.parametrize(("n", "repeats"), [(100, 10_000), (300, 5_000), (3000, 1_000)])
def test_p_values_are_not_too_small_under_calibration(draw: str, n: int, repeats: int) -> None:
    p, _ = shares(n, draw, repeats=repeats)
    for level in (0.2, 0.05, 0.01, 0.001):
        allowed = binom.ppf(0.999, repeats, level)
        assert (p <= level).sum() <= allowed, level
    # Nor so large that nothing would ever be found.
    assert (p <= 0.05).mean() > (0.0 if draw == "one" else 0.008)


def test_the_plain_brownian_range_would_be_wrong_in_small_cells_of_skewed_scores() -> None:
    p, plain = shares(100, "skewed", repeats=20_000)
    assert (plain <= 1e-4).sum() > binom.ppf(0.9999, len(p), 1e-4)
    assert (p <= 1e-4).sum() <= binom.ppf(0.999, len(p), 1e-4)


def test_far_tails_agree_with_binomial_ones() -> None:
    # One distinct score: the range is the shift. Its chance is exact; four times as much at most
    # is added for the places at which a sum could have begun.
    for n, s, seen in ((100, 0.02, 12), (300, 0.5, 200), (2000, 0.01, 55), (50, 0.9, 33)):
        found = wander(
            *(np.array([[v]]) for v in (float(n), n * s, float(seen), float(n))),
            np.array([n * s * (1 - s)]),
        )
        exact = binom.sf(seen - 1, n, s) if seen > n * s else binom.cdf(seen, n, s)
        ratio = np.exp(found.log_p[0] - np.log(exact))
        assert 3.5 < ratio < 10


def test_impossible_and_empty_sums_have_finite_p_values() -> None:
    weight = np.array([[50.0, 0.0], [50.0, 50.0], [50.0, 0.0], [5.0, 0.0]])
    score = np.array([[0.0, 0.0], [5.0, 45.0], [25.0, 0.0], [0.0, 0.0]])
    seen = np.array([[3.0, 0.0], [50.0, 50.0], [25.0, 0.0], [0.0, 0.0]])
    found = wander(weight, score, seen, weight, (score * (1 - score / 50)).sum(-1))
    assert not np.isnan(found.log_p).any()
    assert found.log_p[0] < np.log(1e-10)  # a certain score that failed three times
    assert found.log_p[1] < np.log(1e-10)
    assert found.log_p[2:].tolist() == [0.0, 0.0]


def test_patches_meet_what_was_seen_in_every_patched_cell() -> None:
    scores, _, frame, w = rows(4000, 5)
    off = 0.2 * (frame["sex"] == "f") + 0.2 * (frame["age"] == 1)
    y = (np.random.default_rng(1).random(4000) < scores + off).astype(np.int8)
    pool, cells, names = walk(scores, y, frame, w)
    patched = PatchedScores(pool)
    listed = [names.index(name) for name in ("sex = f", "age = 1", "sex = f · age = 1")]
    for cell in listed:
        patched.add(cell, cells.fixed[cell])
    for cell in listed:
        at = patched.members(cells.fixed[cell])
        assert patched.score(at).sum() == pytest.approx(pool.positive[at].sum(), rel=2e-3)
    for cell in listed:
        patched.remove(cell)
    np.testing.assert_array_equal(patched.score(slice(None)), pool.score)
    assert not patched.offset.any()


def test_a_shift_on_the_logit_scale_is_found_again() -> None:
    rng = np.random.default_rng(2)
    scores = rng.choice(np.linspace(0.1, 0.9, 30), 40_000)
    true = 1 / (1 + np.exp(-logit(scores) - 0.7))
    y = (rng.random(40_000) < true).astype(np.int8)
    pool, cells, _ = walk(scores, y, pd.DataFrame({"a": ["x", "y"] * 20_000}))
    patched = PatchedScores(pool)
    patched.add(0, cells.fixed[0])
    assert patched.patches[0].shift.tolist() == pytest.approx([0.7], abs=0.05)
