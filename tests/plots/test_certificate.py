from __future__ import annotations

import pandas as pd
import pytest

from faircore.errors import InputError
from faircore.plots import certificate_figure


def table() -> pd.DataFrame:
    rule = {"rule": "demographic_parity_difference@sex", "limit": 0.05, "p_value": 0.5}
    return pd.DataFrame(
        [
            {"option": "A", **rule, "value": 0.02, "bound": 0.04, "verdict": "pass",
             "rows_needed": float("nan"), "certified": True},
            {"option": "B", **rule, "value": 0.04, "bound": 0.07, "verdict": "cannot tell",
             "rows_needed": 9_000.0, "certified": False},
        ]
    )  # fmt: skip


def test_what_is_certified_is_full_and_lies_within_the_limit() -> None:
    figure = certificate_figure(table(), names={"A": "A · <b>most equal"})
    marks = {t.name: t for t in figure.data if t.mode == "markers"}
    assert marks["certified"].x == (0.02,)
    assert marks["certified"].y == ("A · &lt;b&gt;most equal",)
    assert marks["certified"].marker.symbol == "circle"
    assert marks["no certificate"].marker.symbol == "circle-open"
    lines = [tuple(t.x) for t in figure.data if t.mode == "lines"]
    assert sorted(lines) == [(0.02, 0.04), (0.04, 0.07)]
    assert figure.layout.shapes[0].x0 == 0.05
    assert any("limit 5.0 points" in a.text for a in figure.layout.annotations)


def test_what_is_not_told_has_no_line_and_no_dash_in_its_place() -> None:
    hidden = table()
    hidden.loc[1, "bound"] = float("nan")
    figure = certificate_figure(hidden)
    assert [tuple(t.x) for t in figure.data if t.mode == "lines"] == [(0.02, 0.04)]
    marks = {t.name: t for t in figure.data if t.mode == "markers"}
    assert marks["no certificate"].x == (0.04,)
    assert list(marks["no certificate"].customdata) == [""]
    assert "4.0 points" in marks["certified"].customdata[0]


def test_a_rule_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="has no rule 'accuracy'"):
        certificate_figure(table(), "accuracy")
