from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from faircore.data import DataSpec, Sensitive, Table, build_dataset, check_spec
from faircore.errors import SpecError

N = 400
SPEC = DataSpec(
    "y",
    "yes",
    ("x", "job"),
    (Sensitive("sex"), Sensitive("age", (30, 50))),
    intersections=(("sex", "age"),),
)


def _columns() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "y": rng.choice(["no", "yes"], N),
        "x": rng.normal(size=N),
        "job": rng.choice(["cook", "clerk", "poet"], N),
        "sex": rng.choice(["f", "m"], N),
        "age": rng.integers(18, 70, N),
        "w": rng.random(N) + 0.1,
    }


def _findings(spec: DataSpec = SPEC, **changes: Any) -> list[tuple[str, str, str]]:
    table = Table.from_frame(pd.DataFrame({**_columns(), **changes}), "mine")
    return [(f.level, f.subject, f.text) for f in check_spec(table, spec)]


def _some(column: str, value: Any, rows: int) -> Any:
    changed = pd.Series(_columns()[column]).astype(object)
    changed.iloc[:rows] = value
    return changed.astype("str") if isinstance(value, str) else changed.infer_objects()


def test_nothing_is_wrong_with_a_good_table() -> None:
    assert _findings() == []


ERRORS: list[tuple[DataSpec, dict[str, Any], str, str]] = [
    (SPEC.with_(target="gone"), {}, "gone", "no column 'gone'"),
    (SPEC.with_(features=("x", "u", "v")), {}, "u", "no column 'u', 'v'"),
    (SPEC, {"y": [None] * 7 + ["yes", "no"] * 196 + ["no"]}, "y", "7 rows have none"),
    (SPEC, {"y": ["yes", "no", "CANARY", "no"] * 100}, "y", "two values, and it has 3"),
    (SPEC, {"y": ["yes"] * N}, "y", "two values, and it has 1"),
    (SPEC.with_(positive="CANARY"), {}, "y", "positive value .* not among"),
    (SPEC, {"y": ["yes"] * 19 + ["no"] * (N - 19)}, "y", "20 rows of either value, and one has 19"),
    (SPEC, {"sex": ["CANARY"] * N}, "sex", "at least two groups, and it has 1"),
    (SPEC, {"sex": ["CANARY"] * 99 + [None] * (N - 99)}, "sex", "at least two groups"),
    (SPEC, {"sex": [f"CANARY{i % 51}" for i in range(N)]}, "sex", "50 groups, and it has 51. Bin"),
    (SPEC, {"age": ["CANARY", "old"] * 200}, "age", "must hold numbers to be cut"),
    (SPEC, {"age": [20] * N}, "age", "at least two groups"),
    (SPEC.with_(weight="w"), {"w": _some("w", -1.0, 3)}, "w", "negative in 3 rows"),
    (SPEC.with_(weight="w"), {"w": _some("w", None, 2)}, "w", "missing in 2 rows"),
    (SPEC.with_(weight="w"), {"w": [0.0] * N}, "w", "above zero in some row"),
    (SPEC.with_(weight="w"), {"w": ["CANARY"] * N}, "w", "must hold finite numbers"),
    (SPEC.with_(score="w"), {"w": _some("w", 1.5, 4).clip(0, 2)}, "w", "probability from 0 to 1"),
    (SPEC.with_(score="w"), {"w": ["CANARY"] * N}, "w", "must hold finite numbers"),
    (SPEC.with_(decision="w"), {"w": ["CANARY", "1"] * 200}, "w", "0 or 1 .* 200 rows do not"),
    (SPEC.with_(time="w"), {"w": ["CANARY", "2024-01-01"] * 200}, "w", "200 rows hold something"),
    (SPEC.with_(time="w"), {"w": _some("w", None, 5)}, "w", "5 rows are empty"),
    (SPEC, {"job": ["CANARY"] * N}, "job", "feature must vary, and 'job'"),
    (SPEC, {"x": [None] * N}, "x", "feature must vary, and 'x'"),
]


@pytest.mark.parametrize(("spec", "changes", "subject", "essence"), ERRORS)
def test_errors(spec: DataSpec, changes: dict[str, Any], subject: str, essence: str) -> None:
    found = _findings(spec, **changes)
    assert found[0][:2] == ("error", subject)
    table = Table.from_frame(pd.DataFrame({**_columns(), **changes}), "mine")
    with pytest.raises(SpecError, match=essence) as caught:
        build_dataset(table, spec)
    assert all("CANARY" not in text for _, _, text in found)
    assert "CANARY" not in str(caught.value)


def test_too_few_rows() -> None:
    table = Table.from_frame(pd.DataFrame(_columns()).head(99), "mine")
    assert "99 rows, and at least 100" in check_spec(table, SPEC)[0].text


def test_all_errors_are_said_at_once() -> None:
    found = _findings(y=["yes"] * N, sex=["f"] * N)
    assert [subject for level, subject, _ in found if level == "error"] == ["y", "sex"]


Y = _columns()["y"]
WARNINGS: list[tuple[DataSpec, dict[str, Any], str, str]] = [
    (SPEC, {"x": _some("x", None, 201)}, "x", "missing in 50.2% of the rows"),
    (SPEC, {"sex": _some("sex", "CANARY", 5)}, "sex", "has 1 group with fewer than 30"),
    (SPEC, {"sex": _some("sex", "CANARY", 5)}, "sex × age", "has 3 groups with fewer than 30"),
    (SPEC, {"x": (Y == "yes") * 1.0}, "x", "'x' alone almost determines"),
    (SPEC, {"x": (Y == "no") + np.arange(N) / 1000}, "x", "'x' alone almost determines"),
    (SPEC, {"job": np.where(Y == "yes", "CANARY", "a")}, "job", "'job' alone almost"),
    (
        SPEC,
        {"job": pd.Series(_columns()["sex"]).map({"f": "CANARY", "m": "b"})},
        "job",
        "same information as the sensitive attribute 'sex'",
    ),
    (SPEC, {"x": ["inf", *map(str, range(N - 1))]}, "x", "is read as text because 1 value"),
]


@pytest.mark.parametrize(("spec", "changes", "subject", "essence"), WARNINGS)
def test_warnings(spec: DataSpec, changes: dict[str, Any], subject: str, essence: str) -> None:
    found = _findings(spec, **changes)
    assert {level for level, _, _ in found} == {"warning"}
    assert any(at == subject and essence in text for _, at, text in found), found
    assert all("CANARY" not in text for _, _, text in found)


def test_repeated_rows_and_many_levels() -> None:
    frame = pd.DataFrame(_columns())
    twice = Table.from_frame(pd.concat([frame, frame.head(3)]), "mine")
    assert "3 rows equal to an earlier one" in check_spec(twice, SPEC)[0].text
    many = pd.concat([frame.assign(job="a", x=frame["x"] + i) for i in range(3)])
    many["job"] = [f"CANARY{i}" for i in range(len(many))]
    (finding,) = check_spec(Table.from_frame(many), SPEC)
    assert "1,200 different values" in finding.text


def test_a_sensitive_feature_is_no_copy_of_itself() -> None:
    assert _findings(SPEC.with_(features=("x", "sex"))) == []
