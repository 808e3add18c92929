from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from faircore.errors import InputError
from faircore.metrics.calibration_report import CalibrationReport, calibration_report
from faircore.plots import calibration_bars, reliability_figure

NAMES = ("a", "b", "<i>c</i>", "d", "e")


def made(off: float = 0.15, seed: int = 0, **options: Any) -> CalibrationReport:
    """Scores of five groups: one of six people, and one promised too little."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(5), [400, 300, 200, 94, 6])
    score = rng.beta(2, 4, len(g))
    y = rng.random(len(g)) < np.clip(score + off * (g == 1), 0, 1)
    features = {"g": np.array(NAMES)[g]}
    return calibration_report(y, score, sensitive_features=features, replicates=100, **options)


def parts(figure: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    found = json.loads(figure.to_json())
    return found["data"], found["layout"]


def titles(layout: dict[str, Any]) -> list[str]:
    return [a["text"] for a in layout["annotations"] if a["text"].startswith("<b>")]


@pytest.mark.parametrize("layout", ["multiples", "overlay"])
def test_groups_come_first_and_in_order_so_that_each_keeps_its_colour(layout: Any) -> None:
    report = made()
    traces, _ = parts(reliability_figure(report, "g", layout=layout))
    names = report.groups.index.get_level_values("group")
    escaped = [n.replace("<", "&lt;").replace(">", "&gt;") for n in names]
    assert [t["name"] for t in traces[:5]] == escaped
    assert all("color" not in t.get("marker", {}) for t in traces[:5])
    bins = report.reliability("g")
    for name, trace in zip(names, traces, strict=False):
        if report.groups.loc[("g", name), "hidden"]:
            assert trace["x"] == [None]
            continue
        own = bins.loc[name]
        np.testing.assert_allclose(trace["x"], own["score"], atol=1e-5)
        np.testing.assert_allclose(trace["y"], own["outcome"], atol=1e-5)
        high = np.add(trace["y"], trace["error_y"]["array"])
        low = np.subtract(trace["y"], trace["error_y"]["arrayminus"])
        np.testing.assert_allclose(high, own["outcome_high"], atol=3e-5)
        np.testing.assert_allclose(low, own["outcome_low"], atol=3e-5)


def test_panels_are_worst_first_and_say_who_and_how_many() -> None:
    report = made()
    _, layout = parts(reliability_figure(report, "g"))
    table = report.partition("g").dropna(subset="ecce")
    assert table.index[0] == "b"
    for title, (name, row) in zip(titles(layout), table.iterrows(), strict=True):
        shown = str(name).replace("<", "&lt;").replace(">", "&gt;")
        assert title.startswith(f"<b>{shown}</b>, {row['people']:,.0f} people")
        assert f"{100 * row['ece']:.1f} points off" in title


def test_hidden_groups_are_counted_and_not_drawn() -> None:
    report = made()
    hidden = int(report.groups["hidden"].sum())
    assert hidden == 2  # the one of six, and another that would give it away
    traces, layout = parts(reliability_figure(report, "g"))
    assert any("2 with too few people" in a["text"] for a in layout["annotations"])
    assert len(titles(layout)) == 3
    assert sum(t["type"] == "bar" for t in traces) == 3
    _, layout = parts(reliability_figure(report, "g", limit_groups=1))
    assert len(titles(layout)) == 1
    assert any("2 more in the table" in a["text"] for a in layout["annotations"])


def test_the_strip_holds_everybody_whose_bin_is_shown() -> None:
    report = made()
    traces, _ = parts(reliability_figure(report, "g", layout="overlay"))
    (strip,) = (t for t in traces if t["type"] == "bar")
    area = np.multiply(strip["y"], strip["width"])
    bins = report.reliability("g")
    dense = (bins["people"] / (bins["high"] - bins["low"])).groupby(level="group").max()
    assert max(strip["y"]) == pytest.approx(1, abs=1e-4)
    assert bins["people"].sum() / area.sum() >= dense.max() * 0.99
    middle = np.average(strip["x"], weights=area)
    assert middle == pytest.approx(np.average(bins["score"], weights=bins["people"]), abs=0.02)


def test_before_is_hollow_and_grey_in_the_same_panel() -> None:
    report, before = made(off=0.0), made(off=0.2)
    traces, _ = parts(reliability_figure(report, "g", before=before))
    earlier = [t for t in traces if t["name"] == "before"]
    assert len(earlier) == 3
    assert {t["marker"]["symbol"] for t in earlier} == {"circle-open"}
    bins = before.reliability("g")
    for trace in earlier:
        name = trace["customdata"][0][0].replace("&lt;", "<").replace("&gt;", ">")
        np.testing.assert_allclose(trace["y"], bins.loc[name, "outcome"], atol=1e-5)
        now = next(t for t in traces[:5] if t["name"] == trace["customdata"][0][0])
        assert trace["xaxis"] == now["xaxis"]


@pytest.mark.parametrize("per_row", [1, 2, 3, 4])
def test_panels_stand_apart_and_inside_the_figure(per_row: int) -> None:
    _, layout = parts(reliability_figure(made(), "g", per_row=per_row))
    boxes = []
    for name, axis in layout.items():
        if name.startswith("yaxis"):
            across = layout["xaxis" + name.removeprefix("yaxis")]["domain"]
            boxes.append((*across, *axis["domain"]))
    for box in boxes:
        assert 0 <= box[0] < box[1] <= 1 + 1e-9
        assert 0 <= box[2] < box[3] <= 1 + 1e-9
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            beside = one[1] <= other[0] + 1e-9 or other[1] <= one[0] + 1e-9
            assert beside or one[3] <= other[2] + 1e-6 or other[3] <= one[2] + 1e-6


def test_marks_of_few_people_are_smaller() -> None:
    traces, _ = parts(reliability_figure(made(equal_width=True), "g"))
    told = [(d[3], s) for d, s in zip(traces[0]["customdata"], traces[0]["marker"]["size"],
                                      strict=True)]  # fmt: skip
    assert len({s for _, s in told}) > 1
    assert [s for _, s in sorted(told)] == sorted(s for _, s in told)


def test_the_same_report_gives_the_same_figure_to_the_byte() -> None:
    for draw in (reliability_figure, calibration_bars):
        first, second = (draw(made(), "g", before=made(off=0.0)).to_json() for _ in range(2))
        assert first == second


def test_nobody_to_draw_and_wrong_requests() -> None:
    report = made(min_people=2_000)
    traces, layout = parts(reliability_figure(report, "g"))
    assert not titles(layout)
    assert all(t["x"] == [None] for t in traces)
    assert calibration_bars(report, "g").layout.height > 0
    with pytest.raises(InputError, match="no partition"):
        reliability_figure(made(), "h")
    with pytest.raises(InputError, match="no layout"):
        reliability_figure(made(), "g", layout="grid")  # type: ignore[arg-type]
    other = calibration_report([0, 1] * 20, [0.5] * 40, sensitive_features={"g": ["x", "y"] * 20})
    for draw in (reliability_figure, calibration_bars):
        with pytest.raises(InputError, match="different groups"):
            draw(report, "g", before=other)


# --- Bars ---------------------------------------------------------------------------------------


def test_bars_hold_ece_chance_interval_and_limit() -> None:
    report = made()
    table = report.partition("g")
    traces, layout = parts(calibration_bars(report, "g"))
    at = {name: position for position, name in enumerate(table.index)}
    for name, trace in zip(report.groups.index.get_level_values(1), traces, strict=False):
        assert trace["y"] == [at[name]]
        ece = table.loc[name, "ece"]
        assert trace["x"] == [None if np.isnan(ece) else round(ece, 5)]
        failed = table.loc[name, "verdict"] == "fail"
        assert (trace["marker"]["symbol"] == "diamond") == failed
    assert table["verdict"].iloc[0] == "fail"
    named = {t["name"]: t for t in traces[5:]}
    known = table["ece"].notna().to_numpy()
    chance = [v for v in named["by chance alone"]["x"] if v is not None]
    np.testing.assert_allclose(chance, table["by_chance"][known], atol=1e-5)
    ends = [v for v in named["interval"]["x"] if v is not None]
    limits = table.loc[known, ["error_low", "error_high"]].to_numpy().ravel()
    np.testing.assert_allclose(ends, limits, atol=1e-5)
    assert layout["shapes"][0]["x0"] == 0.05
    assert layout["annotations"][0]["text"] == "limit 5%"
    hidden = layout["yaxis"]["ticktext"][-1]
    assert hidden.endswith("too few to judge")
    low, high = layout["xaxis"]["range"]
    assert low < min(0, *(t["x"][0] for t in traces[:5] if t["x"][0] is not None))
    assert high > np.nanmax(table["error_high"])
