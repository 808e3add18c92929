from __future__ import annotations

import json
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from faircore.audit import GroupReport, group_report, headlines, report_tally
from faircore.audit.estimates import estimate
from faircore.audit.inequality import inequalities
from faircore.errors import InputError
from faircore.export.audit_paper import AuditPaper
from faircore.groups import MISSING, Groups, Partition
from faircore.metrics import RATES
from faircore.metrics.tally import Tally, tally_rows
from faircore.plots import group_intervals

TOLD = (
    "selection_rate",
    "base_rate",
    "true_positive_rate",
    "false_positive_rate",
    "positive_predictive_value",
)
EQUAL = np.repeat([[[0.35, 0.15], [0.2, 0.3]]], 4, axis=0)
UNEQUAL = np.array(
    [
        [[0.35, 0.15], [0.2, 0.3]],
        [[0.45, 0.05], [0.3, 0.2]],
        [[0.2, 0.2], [0.2, 0.4]],
        [[0.5, 0.2], [0.1, 0.2]],
    ]
)
SIZES = np.array([400, 300, 200, 100])


def people(seed: int = 0, n: int = 600) -> dict[str, Any]:
    """Arguments of a report: two attributes, both decisions and scores."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    s = np.clip(rng.normal(0.4 + 0.2 * y, 0.2), 0.01, 0.99).round(3)
    return {
        "y_true": y,
        "y_pred": (s > 0.5).astype(int),
        "y_score": s,
        "sensitive_features": pd.DataFrame(
            {"sex": rng.choice(["f", "m", "x"], n, p=[0.5, 0.4, 0.1]),
             "race": rng.choice(["u", "v"], n)}
        ),
    }  # fmt: skip


def counted(cells: np.ndarray, rng: np.random.Generator) -> Tally:
    """Groups of fixed sizes drawn from known (true, predicted) shares."""
    rows = np.stack(
        [rng.multinomial(n, c.ravel()).reshape(2, 2) for n, c in zip(SIZES, cells, strict=True)]
    ).astype(float)
    labels = tuple((f"g{i}",) for i in range(len(rows)))
    return Tally((Partition(("g",), labels, 0),), rows, rows, rows)


def test_a_table_by_hand() -> None:
    report = group_report(
        [1, 1, 0, 0, 1, 0, 0, 1],
        [1, 0, 0, 0, 1, 1, 0, 0],
        sensitive_features={"sex": ["f", "f", "f", "f", "m", "m", "m", None]},
        min_people=0,
    )
    table = report.table("sex")
    assert table.index.tolist() == ["f", "m", MISSING]
    assert table["selection_rate"].tolist() == [1 / 4, 2 / 3, 0]
    assert table["true_positive_rate"].tolist() == [1 / 2, 1, 0]
    np.testing.assert_array_equal(table["false_positive_rate"], [0, 1 / 2, np.nan])
    assert report.table("sex", "people")["true_positive_rate"].tolist() == [2, 1, 1]
    found = report.disparities.loc[("sex", "demographic_parity_difference")]
    assert found["value"] == 2 / 3
    assert (found["lowest"], found["highest"], found["n_groups"]) == (MISSING, "m", 3)
    assert report.overall.loc["selection_rate", "value"] == 3 / 8
    gap = report.by_group.loc[("sex", "m", "selection_rate"), "gap"]
    assert gap == pytest.approx(2 / 3 - 3 / 8)
    assert report.calibration.empty


def test_a_missing_attribute_is_a_group_and_nothing_else_is_no_group() -> None:
    arguments = people()
    arguments["sensitive_features"].loc[::4, "sex"] = None
    report = group_report(**arguments, cross=[("sex", "race")])
    at = arguments["sensitive_features"]["sex"].isna().to_numpy()
    row = report.table("sex").loc[MISSING]
    assert row["selection_rate"] == pytest.approx(arguments["y_pred"][at].mean())
    assert report.table("sex", "people")["selection_rate"].sum() == 600
    assert report.partition("sex × race").group_names[-1] == f"{MISSING} · v"
    alone = group_report(
        arguments["y_true"], arguments["y_pred"], sensitive_features={"sex": [None] * 600}
    )
    assert alone.table("sex").index.tolist() == [MISSING]
    assert alone.disparities["value"].isna().all()
    assert alone.standouts.empty


def test_one_group_is_everybody() -> None:
    arguments = people()
    arguments["sensitive_features"] = {"all": ["one"] * 600}
    report = group_report(**arguments)
    own = report.by_group.loc[("all", "one")]
    for column in ("people", "value", "low", "high"):
        np.testing.assert_allclose(own[column], report.overall.loc[own.index, column])
    assert own[["gap", "p_value"]].isna().all(axis=None) or (own["gap"].fillna(0) == 0).all()
    assert report.disparities["value"].isna().all()


def test_overall_does_not_depend_on_the_groups() -> None:
    arguments = people()
    first = group_report(**arguments).overall
    arguments["sensitive_features"] = np.arange(600) % 7
    pd.testing.assert_frame_equal(first, group_report(**arguments).overall)


def test_the_order_of_rows_changes_nothing() -> None:
    arguments = people()
    order = np.random.default_rng(1).permutation(600)
    mixed = {k: v.iloc[order] if k[0] == "s" else v[order] for k, v in arguments.items()}
    one, other = (group_report(**a, cross=[("sex", "race")]) for a in (arguments, mixed))
    pd.testing.assert_frame_equal(one.by_group, other.by_group)
    pd.testing.assert_frame_equal(one.disparities, other.disparities)
    pd.testing.assert_frame_equal(one.calibration, other.calibration)


def test_the_names_of_groups_change_only_their_order() -> None:
    arguments = people()
    sex = arguments["sensitive_features"]["sex"]
    new = {"f": "z", "m": "y", "x": "w"}
    one = group_report(**{**arguments, "sensitive_features": {"sex": sex}})
    other = group_report(**{**arguments, "sensitive_features": {"sex": sex.map(new)}})
    for column in ("people", "value", "low", "high", "gap", "p_value", "p_holm", "shrunken"):
        tables = [r.table("sex", column) for r in (one, other)]
        if column in ("low", "high"):  # a bootstrap's, drawn anew for each position
            tables = [t.drop(columns="calibration_error") for t in tables]
        pd.testing.assert_frame_equal(tables[0].rename(index=new), tables[1].loc[["z", "y", "w"]])
    # Limits that hold at once come from a simulation.
    for column in ("gap_low", "gap_high"):
        pd.testing.assert_frame_equal(
            one.table("sex", column).rename(index=new),
            other.table("sex", column).loc[["z", "y", "w"]],
            atol=0.01,
        )
    columns = ["value", "low", "high", "n_groups"]
    pd.testing.assert_frame_equal(one.disparities[columns], other.disparities[columns])
    assert (other.disparities["lowest"] == one.disparities["lowest"].map(new).fillna("")).all()
    np.testing.assert_allclose(one.disparities["p_value"], other.disparities["p_value"], atol=0.06)


def test_the_unit_of_the_weights_does_not_matter() -> None:
    arguments = people()
    w = np.random.default_rng(2).exponential(size=600)
    one, other = (group_report(**arguments, sample_weight=c * w) for c in (1.0, 1000.0))
    pd.testing.assert_frame_equal(one.by_group, other.by_group)
    pd.testing.assert_frame_equal(one.disparities, other.disparities)
    equal = group_report(**arguments, sample_weight=np.full(600, 3.0))
    pd.testing.assert_frame_equal(equal.by_group, group_report(**arguments).by_group)


def test_weights_widen_intervals() -> None:
    arguments = people()
    w = np.where(np.arange(600) % 2, 1.0, 10.0)
    plain, weighted = group_report(**arguments), group_report(**arguments, sample_weight=w)
    width = [(r.by_group["high"] - r.by_group["low"]).dropna() for r in (plain, weighted)]
    assert (width[1][width[0].index] > width[0] * 0.98).mean() > 0.9


def test_more_confidence_is_wider() -> None:
    arguments = people()
    reports = [group_report(**arguments, confidence=c) for c in (0.8, 0.95, 0.99)]
    for low, high in (("low", "high"), ("gap_low", "gap_high"), ("shrunken_low", "shrunken_high")):
        widths = [(r.by_group[high] - r.by_group[low]).dropna().to_numpy() for r in reports]
        assert len(widths[0])
        assert (widths[0] < widths[1]).all()
        assert (widths[1] < widths[2]).all()
    for a, b in pairwise(reports):
        assert (a.by_group["stands_out"] | ~b.by_group["stands_out"]).all()
    spread = [(r.disparities["high"] - r.disparities["low"]).dropna().to_numpy() for r in reports]
    assert (spread[0] <= spread[1]).all()
    assert (spread[1] <= spread[2]).all()


def test_a_named_group_takes_the_place_of_everybody() -> None:
    arguments = people()
    report = group_report(**arguments, reference={"sex": "m"})
    value, gap = report.table("sex"), report.table("sex", "gap")
    compared = gap.notna().any()
    compared = compared[compared].index
    assert {"selection_rate", "auc", "brier"} <= set(compared)
    np.testing.assert_allclose(
        gap.loc[["f", "x"], compared], (value - value.loc["m"]).loc[["f", "x"], compared]
    )
    assert gap.loc["m"].isna().all()
    assert report.table("sex", "p_value").loc["m"].isna().all()
    usual = group_report(**arguments)
    race, as_usual = (r.by_group.loc[["race"]].drop(columns="q_value") for r in (report, usual))
    pd.testing.assert_frame_equal(race, as_usual)
    pd.testing.assert_frame_equal(report.disparities, usual.disparities)


def test_a_planted_difference_is_found() -> None:
    arguments = people(n=2_000)
    features = arguments["sensitive_features"]
    worse = ((features["sex"] == "f") & (features["race"] == "v")).to_numpy()
    rng = np.random.default_rng(0)
    arguments["y_pred"] = (rng.random(2_000) < np.where(worse, 0.3, 0.5)).astype(int)
    report = group_report(**arguments, cross=[("sex", "race")])
    found = report.standouts.xs("selection_rate", level="metric")
    assert ("sex × race", "f · v") in found.index
    assert (found.loc[("sex × race", "f · v"), ["gap", "gap_low", "gap_high"]] < 0).all()
    row = report.disparities.loc[("sex × race", "demographic_parity_difference")]
    assert row["lowest"] == "f · v"
    assert row["p_value"] <= 0.01
    assert row["value"] > row["by_chance"]
    assert 0 < row["low"] < row["value"] < row["high"]
    assert any("f · v" in sentence for sentence in headlines(report, limit=100))


# ---- chance -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_equal_groups_stand_out_as_rarely_as_promised() -> None:
    rng, any_out, p_values, alarms = np.random.default_rng(5), [], [], []
    for seed in range(200):
        report = report_tally(counted(EQUAL, rng), replicates=99, seed=seed)
        any_out.append([report.gaps["g"][m].stands_out.any() for m in TOLD])
        alarms.append(not report.standouts.empty)
        found = {q.measure: q.p_value for q in report.inequalities["g"]}
        p_values.append(
            [found[f"{m}_difference"] for m in ("demographic_parity", "base_rate", "accuracy")]
        )
    assert 0.03 <= np.mean(any_out) <= 0.065
    assert np.mean(alarms) <= 0.08
    values = np.array(p_values).ravel()
    assert 0.03 <= (values <= 0.05).mean() <= 0.075
    assert 0.44 <= values.mean() <= 0.56
    assert 0.07 <= (values <= 0.1).mean() <= 0.13
    assert 0.45 <= (values <= 0.5).mean() <= 0.55


@pytest.mark.slow
@pytest.mark.parametrize("reference", [None, "g2"])
def test_limits_hold_for_all_groups_at_once(reference: str | None) -> None:
    truth = {m: RATES[m](UNEQUAL) for m in TOLD}
    rng, together, alone, pair = np.random.default_rng(3), [], [], []
    named = None if reference is None else {"g": reference}
    for seed in range(90):
        tally = counted(UNEQUAL, rng)
        report = report_tally(tally, replicates=50, seed=seed, reference=named)
        for metric, true in truth.items():
            seen = RATES[metric].people(tally.rows)
            middle = (true * seen).sum() / seen.sum() if reference is None else true[2]
            gaps = report.gaps["g"][metric]
            known = np.isfinite(gaps.low)
            assert known.sum() == (4 if reference is None else 3)
            inside = (gaps.low <= true - middle) & (true - middle <= gaps.high)
            together.append(inside[known].all())
            own = report.estimates.of[metric]
            alone.append((own.low <= true) & (true <= own.high))
        for q in report.inequalities["g"]:
            if np.isfinite(q.low) and q.metric in truth and q.measure.endswith("_difference"):
                apart = abs(truth[q.metric][q.highest] - truth[q.metric][q.lowest])
                pair.append(q.low - 1e-9 <= apart <= q.high + 1e-9)
    assert 0.93 <= np.mean(together) <= 0.97
    assert 0.935 <= np.mean(alone) <= 0.965
    assert np.mean(pair) >= 0.94


@pytest.mark.slow
def test_the_pair_furthest_apart_may_be_equal() -> None:
    rng = np.random.default_rng(9)
    held: dict[str, list[bool]] = {}
    for seed in range(300):
        found = inequalities(
            estimate(counted(EQUAL, rng)),
            scores=None,
            everybody=None,
            confidence=0.95,
            replicates=5,
            seed=seed,
        )
        for q in found:
            if np.isfinite(q.low):
                held.setdefault(q.measure, []).append(
                    q.low <= 1e-9 if q.measure.endswith("difference") else q.high >= 1 - 1e-9
                )
    shares = {measure: np.mean(v) for measure, v in held.items()}
    assert len(shares) >= 10
    # Two standard errors of 300 draws below what is promised.
    assert all(share >= 0.925 for share in shares.values()), shares


@pytest.mark.slow
def test_equal_scores_stand_out_as_rarely_as_promised() -> None:
    rng, out = np.random.default_rng(7), []
    groups = Groups.of({"g": np.repeat(["a", "b", "c", "d"], SIZES)})
    names = ("auc", "brier", "log_loss", "calibration_gap")
    p_values: dict[str, list[float]] = {}
    for seed in range(50):
        s = 1 / (1 + np.exp(-rng.normal(size=1000)))
        y = (rng.random(1000) < s).astype(int)
        tally = tally_rows(y, y_score=s, groups=groups)
        report = report_tally(tally, replicates=200, seed=seed)
        out.append([report.gaps["g"][m].stands_out.any() for m in names])
        for q in report.inequalities["g"]:
            p_values.setdefault(q.measure, []).append(q.p_value)
    assert np.mean(out) <= 0.085
    for name in names:
        assert np.mean(np.array(p_values[f"{name}_difference"]) <= 0.05) <= 0.11


def test_a_small_group_that_scores_perfectly_is_not_said_to_differ_for_certain() -> None:
    # All have an AUC of .98. Among 24 people everybody is then often ranked right, by chance.
    out = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = np.r_[[1, 0] * 12, rng.integers(0, 2, 800)]
        s = 1 / (1 + np.exp(-(rng.normal(size=824) + 4.4 * (y - 0.5))))
        tally = tally_rows(y, y_score=s, groups=Groups.of({"g": ["a"] * 24 + ["b"] * 800}))
        out.append(report_tally(tally, replicates=2).gaps["g"]["auc"].stands_out.any())
    assert np.mean(out) <= 0.2


def test_a_small_group_with_one_score_is_not_said_to_differ_for_certain() -> None:
    # Scores are right for everybody. That all 12 who are promised .9 have the good outcome
    # happens in 28 of 100 cases.
    out, p_values = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        s = np.r_[np.full(12, 0.9), rng.integers(1, 10, 400) / 10]
        y = (rng.random(412) < s).astype(int)
        tally = tally_rows(y, y_score=s, groups=Groups.of({"g": ["a"] * 12 + ["b"] * 400}))
        report = report_tally(tally, replicates=100)
        out.append(report.gaps["g"]["calibration_gap"].stands_out.any())
        found = {q.measure: q.p_value for q in report.inequalities["g"]}
        p_values.append(found["calibration_gap_difference"])
    assert np.mean(out) <= 0.2
    assert np.mean(np.array(p_values) <= 0.05) <= 0.2


def test_intervals_of_rates_hold_the_truth() -> None:
    rng = np.random.default_rng(0)
    true, n = rng.uniform(0.03, 0.97, 4_000), rng.integers(20, 400, 4_000)
    chosen = rng.binomial(n, true)
    rows = np.zeros((4_000, 2, 2))
    rows[:, 0, 1], rows[:, 0, 0] = chosen, n - chosen
    labels = tuple((str(i),) for i in range(4_000))
    tally = Tally((Partition(("g",), labels, 0),), rows, rows, rows)
    found = estimate(tally).of["selection_rate"]
    assert 0.94 <= ((found.low <= true) & (true <= found.high)).mean() <= 0.96


# ---- hidden groups ------------------------------------------------------------------------------


def hiding() -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Sex x has six people; so race × sex has small cells, and others that give them away."""
    rng = np.random.default_rng(4)
    sex = np.repeat(["f", "m", "n", "x"], [300, 240, 150, 6])
    n = len(sex)
    race = rng.choice(["u", "v", "w"], n, p=[0.5, 0.35, 0.15])
    y = rng.integers(0, 2, n)
    s = np.clip(rng.normal(0.4 + 0.2 * y, 0.2), 0.01, 0.99).round(2)
    s[sex == "x"], y[sex == "x"] = 0.987, 1
    arguments = {
        "y_true": y,
        "y_pred": (s > 0.5).astype(int),
        "y_score": s,
        "sensitive_features": pd.DataFrame({"sex": sex, "race": race}),
        "cross": [("sex", "race")],
    }
    report = group_report(**arguments)
    names = [(p.name, g) for p in report.partitions for g in p.group_names]
    return arguments, [name for name, hidden in zip(names, report.hidden, strict=True) if hidden]


def test_small_groups_and_those_that_give_them_away_are_hidden() -> None:
    arguments, hidden = hiding()
    assert ("sex", "x") in hidden
    assert ("sex", "n") in hidden  # the smallest of the others, or x is the total less the rest
    assert all(g[0] in "xn" or p == "sex × race" for p, g in hidden)
    assert not group_report(**arguments, min_people=0).hidden.any()


@pytest.mark.parametrize("reference", [None, {"sex": "m"}, {"sex": "x"}])
def test_no_figure_of_a_hidden_group_is_anywhere(reference: dict[str, str] | None) -> None:
    arguments, hidden = hiding()
    report = group_report(**arguments, reference=reference)
    by_group = dict(tuple(report.by_group.groupby(level=["partition", "group"])))
    for key in hidden:
        rows = by_group[key]
        assert rows.drop(columns="stands_out").isna().all(axis=None)
        assert not rows["stands_out"].any()
        assert report.calibration.loc[key].isna().all()
        for column in report.by_group.columns.drop(["stands_out", "q_value"]):
            assert report.table(key[0], column).loc[key[1]].isna().all()
        assert not report.table(key[0], "stands_out").loc[key[1]].any()
    shown = report.disparities.reset_index()
    for end in ("lowest", "highest"):
        pairs = set(zip(shown["partition"], shown[end], strict=True))
        assert not pairs & set(hidden)
    for sentence in headlines(report, limit=1_000):
        assert not any(f"group {g}," in sentence for _, g in hidden)
    document = AuditPaper(report, "t", "s").to_dict()
    for row in document["groups"]:
        if (row["partition"], row["group"]) in hidden:
            rest = {k: v for k, v in row.items() if k not in ("partition", "group", "metric")}
            assert set(rest.values()) <= {None, False}
    for row in document["calibration"]:
        if (row["partition"], row["group"]) in hidden:
            assert set(list(row.values())[2:]) == {None}


def test_hidden_groups_are_not_drawn() -> None:
    arguments, hidden = hiding()
    report = group_report(**arguments)
    drawn = 0
    for metric, partition in product(report.estimates.of, report.partitions):
        figure = json.loads(group_intervals(report, partition.name, metric).to_json())
        for trace in figure["data"]:
            if (partition.name, trace.get("name")) in hidden:
                assert trace["x"] == [None, None, None]
                assert "not shown" in trace["hovertext"]
                assert not any(character.isdigit() for character in trace["hovertext"])
                drawn += 1
    assert drawn == len(hidden) * len(report.estimates.of)


def can_be_worked_out(report: GroupReport) -> list[str]:
    """Hidden groups whose size is fixed by the sizes that are shown, and by the total."""
    names = [(p, g) for p in report.partitions for g in range(len(p.labels))]
    labels = [dict(zip(p.attributes, p.labels[g], strict=True)).items() for p, g in names]
    shown = np.concatenate(
        [report.table(p.name, "people")["selection_rate"].to_numpy() for p in report.partitions]
    )
    # The groups of a partition add up to all; those inside a group add up to the group.
    rows = [[float(q is p) for q, _ in names] for p in report.partitions]
    for i, (p, _) in enumerate(names):
        for q in report.partitions:
            if set(p.attributes) < set(q.attributes):
                inside = [r is q and labels[i] <= labels[j] for j, (r, _) in enumerate(names)]
                row = np.array(inside, float)
                row[i] = -1
                rows.append(row.tolist())
    unknown = np.isnan(shown)
    system = np.array(rows)[:, unknown]
    # A size is fixed when no direction that the equations leave open moves it.
    _, singular, directions = np.linalg.svd(system)
    rank = int((singular > 1e-9).sum())
    free = np.abs(directions[rank:]).max(axis=0, initial=0) > 1e-9
    at = np.flatnonzero(unknown)
    return [names[i][0].group_names[names[i][1]] for i, f in zip(at, free, strict=True) if not f]


def test_hidden_sizes_cannot_be_worked_out() -> None:
    arguments, _ = hiding()
    report = group_report(**arguments)
    assert can_be_worked_out(report) == []
    lone = Groups.of({"g": ["a"] * 50 + ["b"] * 40 + ["c"] * 3})
    tally = tally_rows(np.tile([0, 1], 47)[:93], np.tile([1, 0], 47)[:93], groups=lone)
    assert report_tally(tally).hidden.tolist() == [False, True, True]
    for seed in range(6):
        rng = np.random.default_rng(seed)
        n = 400
        features = {
            "r": rng.choice(list("abcd"), n, p=[0.7, 0.2, 0.06, 0.04]),
            "c": rng.choice(list("uvwx"), n, p=[0.6, 0.3, 0.06, 0.04]),
        }
        report = group_report(
            rng.integers(0, 2, n),
            rng.integers(0, 2, n),
            sensitive_features=features,
            cross=[("r", "c")],
        )
        assert report.hidden.any()
        assert can_be_worked_out(report) == []


def test_a_hidden_size_between_two_rings_cannot_be_worked_out() -> None:
    # Small cells in two squares, and one that ties them: the sums of the first square's rows less
    # those of its columns are its size.
    small = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 2), (2, 3), (3, 2), (3, 3)]
    cells = [
        (r, c) for r in range(4) for c in range(4) for _ in range(4 if (r, c) in small else 40)
    ]
    r, c = ([f"{name}{cell[i]}" for cell in cells] for i, name in enumerate("rc"))
    y = np.arange(len(cells)) % 2
    report = group_report(y, y, sensitive_features={"r": r, "c": c}, cross=[("r", "c")])
    assert report.hidden.any()
    assert can_be_worked_out(report) == []


def test_a_figure_over_few_people_is_not_shown() -> None:
    y = np.r_[np.tile([0, 1], 50), [1] * 9, [0] * 50]
    d = np.tile([0, 1, 1], 53)[: len(y)]
    report = group_report(y, d, sensitive_features={"g": ["a"] * 100 + ["b"] * 59})
    row = report.table("g").loc["b"]
    assert row[["true_positive_rate", "false_negative_rate"]].isna().all()
    assert row[["selection_rate", "base_rate", "false_positive_rate"]].notna().all()
    assert report.table("g", "gap").loc["b", ["true_positive_rate"]].isna().all()
    found = report.disparities.loc[("g", "equal_opportunity_difference")]
    assert np.isnan(found["value"])
    assert found["lowest"] == found["highest"] == ""
    fewer = group_report(y, d, sensitive_features={"g": ["a"] * 100 + ["b"] * 59}, min_people=9)
    assert fewer.table("g").loc["b", "true_positive_rate"] == pytest.approx(d[100:109].mean())


# ---- what cannot be measured --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y_pred": None, "y_score": None}, "y_pred"),
        ({"y_pred": [0, 1]}, "y_pred"),
        ({"y_score": [0.1, 0.2]}, "y_score"),
        ({"y_score": [0.1, 0.2, float("nan")]}, "1 of 3"),
        ({"y_score": [0.1, 0.2, 1.5]}, "probability"),
        ({"y_score": [0.1, 0.2, -0.5]}, "probability"),
        ({"y_pred": [0, 1, 2]}, "y_pred"),
        ({"y_pred": [0.5, 1, 0]}, "y_pred"),
        ({"y_true": [0, 1, 2]}, "y_true"),
        ({"y_true": []}, "y_true"),
        ({"sensitive_features": ["a", "b"]}, "sensitive_features"),
        ({"sample_weight": [1.0, 1.0]}, "sample_weight"),
        ({"sample_weight": [0.0, 0.0, 0.0]}, "sample_weight"),
        ({"sensitive_features": {"g": ["a", "b", "b"]}, "reference": {"h": "a"}}, "partition"),
        ({"sensitive_features": {"g": ["a", "b", "b"]}, "reference": {"g": "z"}}, "reference"),
        ({"sensitive_features": {"g": ["a", "b", "b"]}, "cross": [("g", "h")]}, "h"),
        ({"confidence": 95}, "confidence"),
        ({"confidence": -0.5}, "confidence"),
        ({"confidence": 0.0}, "confidence"),
        ({"confidence": float("nan")}, "confidence"),
        ({"min_people": float("nan")}, "min_people"),
        ({"threshold": 7.0, "y_pred": None, "y_score": [0.1, 0.2, 0.3]}, "threshold"),
    ],
)
def test_what_cannot_be_measured_is_refused(changes: dict[str, Any], words: str) -> None:
    arguments: dict[str, Any] = {
        "y_true": [0, 1, 1],
        "y_pred": [0, 1, 0],
        "sensitive_features": ["a", "b", "b"],
        **changes,
    }
    with pytest.raises(InputError, match=words) as caught:
        group_report(**arguments)
    assert "\n" not in str(caught.value)


def test_a_column_of_ten_thousand_values_is_refused() -> None:
    y = np.arange(10_000) % 2
    with pytest.raises(InputError, match="1,000") as caught:
        group_report(y, y, sensitive_features={"postcode": np.arange(10_000)})
    assert "postcode" in str(caught.value)


def test_crossing_groups_that_are_given_as_such_is_not_passed_over() -> None:
    y = np.arange(40) % 2
    groups = Groups.of({"a": ["u", "v"] * 20, "b": ["w"] * 20 + ["x"] * 20})
    with pytest.raises(InputError):
        group_report(y, y, sensitive_features=groups, cross=[("a", "b")])


def test_every_column_is_a_table_too() -> None:
    report = group_report(**people())
    for column in report.by_group.columns:
        table = report.table("sex", column)
        for group, metric in product(("f", "m", "x"), ("selection_rate", "auc")):
            np.testing.assert_equal(
                table.loc[group, metric], report.by_group.loc[("sex", group, metric), column]
            )


def test_unknown_names_of_tables_are_refused() -> None:
    report = group_report(**people())
    with pytest.raises(InputError, match="sex"):
        report.table("gender")
    with pytest.raises(InputError, match="value"):
        report.table("sex", "median")


@pytest.mark.parametrize("outcome", [0, 1])
def test_outcomes_of_one_kind_leave_gaps_and_do_not_fail(outcome: int) -> None:
    arguments = people()
    arguments["y_true"] = np.full(600, outcome)
    report = group_report(**arguments, cross=[("sex", "race")])
    undefined = ["true_positive_rate", "false_positive_rate"][outcome]
    assert report.by_group.xs(undefined, level="metric")["value"].isna().all()
    assert report.by_group.xs("auc", level="metric")["value"].isna().all()
    assert report.by_group.xs("selection_rate", level="metric")["value"].notna().any()
    odds = report.disparities.xs("equalized_odds_difference", level="measure")
    assert odds["value"].isna().all()
    AuditPaper(report, "t", "s").to_json()
    AuditPaper(report, "t", "s").to_html()


def test_weights_that_leave_nobody_with_an_outcome_do_not_fail() -> None:
    arguments = people()
    arguments["sample_weight"] = np.where(arguments["y_true"] == 1, 0.0, 1.0)
    report = group_report(**arguments)
    assert report.table("sex")["base_rate"].dropna().eq(0).all()
    AuditPaper(report, "t", "s").to_html()


def test_names_that_read_alike_once_crossed_stay_apart() -> None:
    y = np.arange(80) % 2
    features = {
        "x": ["a · b"] * 40 + ["a"] * 40,
        "y": ["c"] * 40 + ["b · c"] * 40,
    }
    report = group_report(y, y, sensitive_features=features, cross=[("x", "y")])
    assert len(set(report.partition("x × y").group_names)) == 2
    AuditPaper(report, "t", "s").to_html()
