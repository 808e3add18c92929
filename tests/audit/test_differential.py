"""Our figures against those of Fairlearn, AIF360 and scikit-learn, on random data."""

from __future__ import annotations

import logging
import sys
import warnings
from types import ModuleType
from typing import Any

import fairlearn.metrics as fairlearn
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from faircore.audit import GroupReport, group_report
from faircore.groups import MISSING, Groups
from faircore.metrics import RATES, evaluate

PEERS: dict[str, Any] = {
    "selection_rate": fairlearn.selection_rate,
    "true_positive_rate": fairlearn.true_positive_rate,
    "false_positive_rate": fairlearn.false_positive_rate,
    "true_negative_rate": fairlearn.true_negative_rate,
    "false_negative_rate": fairlearn.false_negative_rate,
    "accuracy": sk.accuracy_score,
    "positive_predictive_value": lambda y, d, **kw: sk.precision_score(y, d, zero_division=0, **kw),
}
# What a rate is a share of; without any of these ours is undefined.
OF = {
    "selection_rate": lambda y, d: y >= 0,
    "accuracy": lambda y, d: y >= 0,
    "true_positive_rate": lambda y, d: y == 1,
    "false_negative_rate": lambda y, d: y == 1,
    "false_positive_rate": lambda y, d: y == 0,
    "true_negative_rate": lambda y, d: y == 0,
    "positive_predictive_value": lambda y, d: d == 1,
}


class Draw:
    """Random people: outcome, score, decision, two attributes, weights."""

    def __init__(
        self, seed: int, *, n: int | None = None, levels: int = 3, ties: bool = False
    ) -> None:
        rng = np.random.default_rng(seed)
        self.n = int(rng.integers(6, 300)) if n is None else n
        self.y = (rng.random(self.n) < rng.uniform(0.1, 0.9)).astype(int)
        self.d = (rng.random(self.n) < rng.uniform(0.1, 0.9)).astype(int)
        score = np.clip(rng.normal(0.5 + 0.1 * (self.y - 0.5), 0.2), 0.01, 0.99)
        self.s = np.full(self.n, 0.5) if ties else score.round(int(rng.integers(1, 4)))
        self.a = rng.choice(list("pqrst")[:levels], self.n)
        self.b = rng.choice(["u", "v"], self.n, p=[0.8, 0.2])
        self.w = rng.choice([0.0, 0.5, 1.0, 3.0], self.n, p=[0.1, 0.3, 0.3, 0.3])
        self.w[0] = 1.0


def measure(
    draw: Draw, *, weighted: bool = False, crossed: bool = False, **options: Any
) -> GroupReport:
    return group_report(
        draw.y,
        draw.d,
        y_score=draw.s,
        sensitive_features={"a": draw.a, "b": draw.b} if crossed else {"a": draw.a},
        cross=[("a", "b")] if crossed else (),
        sample_weight=draw.w if weighted else None,
        min_people=0,
        **options,
    )


def groups_of(draw: Draw, partition: str) -> dict[str, np.ndarray]:
    """Rows of each group, by its name."""
    names = {
        "a": draw.a,
        "b": draw.b,
        "a × b": np.array([f"{x} · {y}" for x, y in zip(draw.a, draw.b, strict=True)]),
    }[partition]
    return {str(name): names == name for name in np.unique(names)}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("partition", ["a", "b", "a × b"])
def test_rates_are_those_of_fairlearn(partition: str, weighted: bool) -> None:
    undefined = 0
    for seed in range(4):
        draw = Draw(seed, n=None if seed % 2 else 5)
        own = measure(draw, weighted=weighted, crossed=True).table(partition)
        ours = evaluate(
            draw.y,
            draw.d,
            sensitive_features=Groups.of(
                {"a": draw.a, "b": draw.b}, partitions=["a", "b", ("a", "b")]
            ),
            sample_weight=draw.w if weighted else None,
        ).by_group.loc[partition]
        rows = groups_of(draw, partition)
        frame = fairlearn.MetricFrame(
            metrics=PEERS,
            y_true=draw.y,
            y_pred=draw.d,
            sensitive_features=pd.DataFrame({"a": draw.a, "b": draw.b})
            if partition == "a × b"
            else getattr(draw, partition),
            sample_params={m: {"sample_weight": draw.w} for m in PEERS} if weighted else None,
        )
        for name, at in rows.items():
            key = tuple(name.split(" · ")) if partition == "a × b" else name
            for metric in PEERS:
                about = OF[metric](draw.y[at], draw.d[at])
                weight = draw.w[at][about] if weighted else np.ones(about.sum())
                for found in (own.loc[name, metric], ours.loc[name, metric]):
                    if weight.sum() == 0:  # a peer invents a number where nobody is asked
                        assert np.isnan(found)
                        undefined += 1
                    else:
                        assert found == pytest.approx(frame.by_group.loc[key, metric], abs=1e-12)
    assert undefined


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.booleans())
def test_disparities_are_those_of_fairlearn(seed: int, levels: int, weighted: bool) -> None:
    draw = Draw(seed, levels=levels)
    report = measure(draw, weighted=weighted)
    also = evaluate(
        draw.y,
        draw.d,
        sensitive_features={"a": draw.a},
        sample_weight=draw.w if weighted else None,
    ).disparities.loc["a"]
    own = report.disparities.loc["a", "value"]
    rows = groups_of(draw, "a")
    w = draw.w if weighted else np.ones(draw.n)

    def all_known(*metrics: str) -> bool:
        return all(
            (w * at)[OF[m](draw.y, draw.d)].sum() > 0 for m in metrics for at in rows.values()
        )

    options = {"sensitive_features": draw.a, "sample_weight": w}
    if len(rows) < 2:
        assert own.drop("base_rate_difference").isna().all()
        return
    if all_known("selection_rate"):
        expected = fairlearn.demographic_parity_difference(draw.y, draw.d, **options)
        assert own["demographic_parity_difference"] == pytest.approx(expected)
        assert also["demographic_parity_difference"] == pytest.approx(expected)
        expected = fairlearn.demographic_parity_ratio(draw.y, draw.d, **options)
        if (w * draw.d).sum() > 0:
            assert own["demographic_parity_ratio"] == pytest.approx(expected)
            assert also["demographic_parity_ratio"] == pytest.approx(expected)
        else:
            assert np.isnan(own["demographic_parity_ratio"])
    rates = ("true_positive_rate", "false_positive_rate")
    if all_known(*rates):
        expected = fairlearn.equalized_odds_difference(draw.y, draw.d, **options)
        assert own["equalized_odds_difference"] == pytest.approx(expected)
        assert also["equalized_odds_difference"] == pytest.approx(expected)
        table = report.table("a")
        if all(table[m].max() > 0 for m in rates):
            expected = fairlearn.equalized_odds_ratio(draw.y, draw.d, **options)
            assert own["equalized_odds_ratio"] == pytest.approx(expected)
        else:
            assert np.isnan(own["equalized_odds_ratio"])


@pytest.mark.parametrize(
    ("metric", "difference", "ratio"),
    [
        ("true_positive_rate", "equal_opportunity_difference", "equal_opportunity_ratio"),
        ("false_positive_rate", "predictive_equality_difference", None),
        ("false_negative_rate", None, "false_negative_rate_ratio"),
        ("accuracy", "accuracy_difference", None),
        (
            "positive_predictive_value",
            "predictive_parity_difference",
            "predictive_parity_ratio",
        ),
    ],
)
def test_other_gaps_are_the_frames(metric: str, difference: str | None, ratio: str | None) -> None:
    for seed in range(4):
        draw = Draw(seed, n=200)
        frame = fairlearn.MetricFrame(
            metrics=PEERS[metric], y_true=draw.y, y_pred=draw.d, sensitive_features=draw.a
        )
        own = measure(draw).disparities.loc["a", "value"]
        if difference:
            assert own[difference] == pytest.approx(frame.difference())
        if ratio:
            assert own[ratio] == pytest.approx(frame.ratio())


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_scores_are_measured_as_by_scikit_learn(seed: int, weighted: bool, ties: bool) -> None:
    draw = Draw(seed, ties=ties)
    report = measure(draw, weighted=weighted, crossed=True)
    w = draw.w if weighted else np.ones(draw.n)
    also = evaluate(
        draw.y,
        y_score=draw.s,
        sensitive_features={"a": draw.a, "b": draw.b},
        sample_weight=w,
    ).by_group
    for partition in ("a", "b", "a × b"):
        table = report.table(partition)
        for name, at in groups_of(draw, partition).items():
            y, s, weight = draw.y[at], draw.s[at], w[at]
            found = [table.loc[name]]
            if partition != "a × b":
                found.append(also.loc[(partition, name)])
            for own in found:
                if weight.sum() == 0:
                    assert own[["auc", "brier", "log_loss"]].isna().all()
                    continue
                brier = sk.brier_score_loss(y, s, sample_weight=weight, pos_label=1)
                loss = sk.log_loss(y, s, sample_weight=weight, labels=[0, 1])
                assert own["brier"] == pytest.approx(brier)
                assert own["log_loss"] == pytest.approx(loss)
                if {0, 1} - set(y[weight > 0]):
                    assert np.isnan(own["auc"])
                else:
                    expected = sk.roc_auc_score(y, s, sample_weight=weight)
                    assert own["auc"] == pytest.approx(expected)
                    if ties:
                        assert own["auc"] == 0.5


@pytest.mark.parametrize("weighted", [False, True])
def test_counts_are_scikit_learns(weighted: bool) -> None:
    for seed in range(2):
        draw = Draw(seed)
        report = measure(draw, weighted=weighted, crossed=True)
        w = draw.w if weighted else np.ones(draw.n)
        for partition in report.partitions:
            rows = groups_of(draw, partition.name)
            for position, name in enumerate(partition.group_names):
                at = rows[name]
                expected = sk.confusion_matrix(
                    draw.y[at], draw.d[at], labels=[0, 1], sample_weight=w[at] / w.mean()
                )
                counts = report.tally.counts[partition.groups][position]
                np.testing.assert_allclose(counts, expected, atol=1e-9)
                plain = sk.confusion_matrix(draw.y[at], draw.d[at], labels=[0, 1])
                np.testing.assert_array_equal(report.tally.rows[partition.groups][position], plain)


@pytest.fixture(scope="module")
def aif360() -> ModuleType:
    """AIF360, without what it logs and warns of when it is imported."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pytest.importorskip("aif360")
            return pytest.importorskip("aif360.sklearn.metrics")
    finally:
        logging.disable(logging.NOTSET)


def two_groups(seed: int, *, weighted: bool) -> tuple[Draw, pd.Series, pd.Series, np.ndarray]:
    draw = Draw(seed, n=300, levels=2)
    index = pd.Index(draw.a, name="a")
    w = draw.w if weighted else np.ones(draw.n)
    return draw, pd.Series(draw.y, index), pd.Series(draw.d, index), w


@pytest.mark.parametrize("weighted", [False, True])
def test_two_groups_are_told_apart_as_by_aif360(aif360: ModuleType, weighted: bool) -> None:
    for seed in range(3):
        draw, y, d, w = two_groups(seed, weighted=weighted)
        report = measure(draw, weighted=weighted, reference={"a": "p"})
        q = report.by_group.loc[("a", "q")]
        options = {"prot_attr": "a", "priv_group": "p", "sample_weight": w}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parity = aif360.statistical_parity_difference(y, d, **options)
            impact = aif360.disparate_impact_ratio(y, d, **options)
            opportunity = aif360.equal_opportunity_difference(y, d, **options)
            odds = aif360.average_odds_difference(y, d, **options)
        assert q.loc["selection_rate", "gap"] == pytest.approx(parity)
        assert q.loc["true_positive_rate", "gap"] == pytest.approx(opportunity)
        both = q.loc[["true_positive_rate", "false_positive_rate"], "gap"]
        assert both.mean() == pytest.approx(odds)
        own = report.disparities.loc["a", "value"]
        assert own["demographic_parity_difference"] == pytest.approx(abs(parity))
        assert own["equal_opportunity_difference"] == pytest.approx(abs(opportunity))
        assert own["demographic_parity_ratio"] == pytest.approx(min(impact, 1 / impact))


@pytest.mark.parametrize("levels", [2, 4])
def test_differential_fairness_is_aif360s_smoothed(aif360: ModuleType, levels: int) -> None:
    for seed in range(2):
        draw = Draw(seed, n=300, levels=levels)
        # Of a group with one decision only, the peer takes the other for impossible.
        rows = groups_of(draw, "a × b").values()
        for at in rows:
            draw.d[np.flatnonzero(at)[:2]] = (0, 1)[: at.sum()]
        report = measure(draw, crossed=True)
        for partition, attributes in (("a", ["a"]), ("a × b", ["a", "b"])):
            index = pd.MultiIndex.from_arrays(
                [getattr(draw, name) for name in attributes], names=attributes
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = aif360.smoothed_edf(
                    pd.Series(draw.d, index), prot_attr=attributes, concentration=1.0
                )
            found = report.disparities.loc[(partition, "differential_fairness"), "value"]
            assert found == pytest.approx(expected)
    assert "aif360" in sys.modules


def test_nobody_and_everybody_selected() -> None:
    draw = Draw(3, n=80)
    for decision in (0, 1):
        draw.d = np.full(80, decision)
        report = measure(draw)
        table, own = report.table("a"), report.disparities.loc["a", "value"]
        assert (table["selection_rate"] == decision).all()
        undefined = ("positive_predictive_value", "negative_predictive_value")[decision]
        assert table[undefined].isna().all()
        assert own["demographic_parity_difference"] == 0
        assert report.disparities.loc[("a", "demographic_parity_difference"), "p_value"] == 1
        peer = fairlearn.demographic_parity_ratio(draw.y, draw.d, sensitive_features=draw.a)
        assert peer in (0, 1) or np.isnan(peer)
        if decision:
            assert own["demographic_parity_ratio"] == 1
        else:  # nobody over nobody is no ratio, whatever a peer calls it
            assert np.isnan(own["demographic_parity_ratio"])
        assert not report.by_group["stands_out"][:, :, "selection_rate"].any()


def test_a_group_of_one_outcome_has_no_rate_of_the_other() -> None:
    draw = Draw(5, n=120)
    draw.y[draw.a == "p"] = 1
    table = measure(draw).table("a")
    names = ["false_positive_rate", "true_negative_rate", "auc"]
    assert table.loc["p", names].isna().all()
    assert table.loc[["q", "r"], names].notna().all(axis=None)
    invented = fairlearn.false_positive_rate(draw.y[draw.a == "p"], draw.d[draw.a == "p"])
    assert invented == 0 or np.isnan(invented)


def test_a_group_of_one_row_and_a_group_of_weight_0() -> None:
    draw = Draw(8, n=100)
    draw.a = np.array(["p"] * 59 + ["q"] * 40 + ["r"])
    draw.w = np.where(draw.a == "q", 0.0, 2.0)
    report = measure(draw, weighted=True)
    table, people = report.table("a"), report.table("a", "people")
    assert table.loc["q"].isna().all()
    assert (people["selection_rate"].loc[["p", "q", "r"]] == [59, 40, 1]).all()
    last = table.loc["r"]
    assert last["selection_rate"] == draw.d[-1]
    assert last["base_rate"] == draw.y[-1]
    assert last["brier"] == pytest.approx((draw.s[-1] - draw.y[-1]) ** 2)
    assert last[list(RATES)].dropna().isin([0.0, 1.0]).all()
    assert np.isnan(last["auc"])
    found = report.disparities.loc[("a", "demographic_parity_difference")]
    assert found["n_groups"] == 2
    assert found["value"] == pytest.approx(abs(table.loc["p", "selection_rate"] - draw.d[-1]))


def test_an_empty_group_takes_no_part() -> None:
    draw = Draw(11, n=150)
    groups = Groups.of({"a": draw.a})
    rows = np.flatnonzero(draw.a != "q")
    report = group_report(
        draw.y[rows],
        draw.d[rows],
        y_score=draw.s[rows],
        sensitive_features=groups.take(rows),
        min_people=0,
    )
    without = group_report(
        draw.y[rows],
        draw.d[rows],
        y_score=draw.s[rows],
        sensitive_features={"a": draw.a[rows]},
        min_people=0,
    )
    assert report.table("a").loc["q"].isna().all()
    assert report.table("a", "people").loc["q"].eq(0).all()
    kept = report.table("a").drop("q")
    pd.testing.assert_frame_equal(kept, without.table("a"))
    pd.testing.assert_series_equal(
        report.disparities["value"], without.disparities["value"], check_exact=False
    )
    for column in ("gap", "gap_low", "gap_high", "p_holm"):
        pd.testing.assert_frame_equal(
            report.table("a", column).drop("q"), without.table("a", column), rtol=0.05
        )


def test_missing_is_a_group_which_fairlearn_drops() -> None:
    draw = Draw(2, n=90)
    sex = draw.a.astype(object)
    sex[::5] = None
    table = group_report(draw.y, draw.d, sensitive_features={"a": sex}, min_people=0).table("a")
    assert list(table.index)[-1] == MISSING
    assert table.loc[MISSING, "selection_rate"] == pytest.approx(draw.d[::5].mean())
    frame = fairlearn.MetricFrame(
        metrics=fairlearn.selection_rate,
        y_true=draw.y,
        y_pred=draw.d,
        sensitive_features=np.where(pd.isna(sex), MISSING, sex),
    )
    for name, value in frame.by_group.items():
        assert table.loc[name, "selection_rate"] == pytest.approx(value)
