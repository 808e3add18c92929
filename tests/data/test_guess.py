from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from faircore.data import (
    SAMPLES,
    DataSpec,
    Sensitive,
    Table,
    check_spec,
    describe_roles,
    guess_spec,
    load_sample,
)
from faircore.errors import DataError


def _table(n: int = 200, **columns: object) -> Table:
    rng = np.random.default_rng(0)
    base = {"x": rng.normal(size=n), "sex": rng.choice(["f", "m"], n)}
    return Table.from_frame(pd.DataFrame({**base, **columns}))


def _coin(n: int = 200, values: tuple[str, str] = ("no", "yes")) -> np.ndarray:
    return np.random.default_rng(1).choice(values, n)


def test_adult() -> None:
    spec = guess_spec(load_sample("adult")[0])
    assert (spec.target, spec.positive) == ("income", ">50K")
    assert spec.sensitive[:3] == (
        Sensitive("race"),
        Sensitive("sex"),
        Sensitive("age", (25, 45, 65)),
    )
    assert spec.intersections == (("race", "sex"),)
    assert not {"fnlwgt", "split", "income", "race", "sex", "age"} & set(spec.features)
    assert {"education_num", "occupation"} <= set(spec.features)
    assert spec.weight is None


def test_german_credit() -> None:
    spec = guess_spec(load_sample("german_credit")[0])
    assert (spec.target, spec.positive) == ("credit_risk", "1")
    assert spec.attributes == ("sex", "age")
    assert "personal_status_sex" not in spec.features


def test_lending() -> None:
    guessed, given = guess_spec(load_sample("lending")[0]), SAMPLES["lending"].spec
    assert guessed == given.with_(entity="application_id")


@pytest.mark.parametrize("name", SAMPLES)
def test_guesses_on_samples_have_no_error(name: str) -> None:
    table, _ = load_sample(name)
    assert not [f for f in check_spec(table, guess_spec(table)) if f.level == "error"]


def test_census_names() -> None:
    n = 200
    rng = np.random.default_rng(2)
    table = Table.from_frame(
        pd.DataFrame(
            {
                "orig_index": range(n),
                "PINCP": rng.integers(0, 2, n),
                "RAC1P": rng.integers(1, 10, n),
                "SEX": rng.integers(1, 3, n),
                "AGEP": rng.integers(30, 60, n),
                "OCCP": rng.integers(1, 100, n),
                "WKHP": rng.integers(1, 80, n),
                "MAR": rng.integers(1, 6, n),
            }
        )
    )
    spec = guess_spec(table)
    assert (spec.target, spec.positive) == ("PINCP", "1")
    assert spec.sensitive[:3] == (Sensitive("RAC1P"), Sensitive("SEX"), Sensitive("AGEP", (45.0,)))
    assert spec.intersections == (("RAC1P", "SEX"),)
    assert spec.features == ("OCCP", "WKHP")
    assert spec.categorical == ("OCCP",)


def test_person_who_repeats_is_the_entity_and_codes_are_not() -> None:
    n = 200
    table = _table(
        encounter_id=range(n),
        patient_nbr=np.arange(n) // 2,
        admission_type_id=np.arange(n) % 8,
        y=_coin(),
    )
    spec = guess_spec(table)
    assert spec.entity == "patient_nbr"
    assert spec.features == ("x", "admission_type_id")
    assert spec.categorical == ("admission_type_id",)


@pytest.mark.parametrize(
    ("name", "values", "positive"),
    [
        ("label", ("0", "1"), "1"),
        ("approved", ("no", "yes"), "yes"),
        ("default", ("no", "yes"), "no"),
        ("two_year_recid", ("0", "1"), "0"),
        ("income", ("<=50K.", ">50K."), ">50K."),
        ("last", ("bad", "good"), "good"),
    ],
)
def test_positive_is_the_good_outcome(name: str, values: tuple[str, str], positive: str) -> None:
    spec = guess_spec(_table(**{name: _coin(values=values)}))
    assert (spec.target, spec.positive) == (name, positive)


def test_rarer_value_when_no_word_is_known() -> None:
    spec = guess_spec(_table(last=["blue"] * 30 + ["red"] * 170))
    assert (spec.target, spec.positive) == ("last", "blue")


def test_weight_must_be_usable_and_constants_are_left_out() -> None:
    n = 200
    columns = {"y": _coin(), "constant": 1, "empty": None, "note": [f"n{i}" for i in range(n)]}
    spec = guess_spec(_table(weight=np.ones(n) * 2, **columns))
    assert spec.weight == "weight"
    assert spec.features == ("x",)
    assert guess_spec(_table(weight=["[75-100)"] * n, **columns)).weight is None


def test_nothing_to_guess_is_said_in_a_sentence() -> None:
    with pytest.raises(DataError, match="no column of exactly two values"):
        guess_spec(_table())
    with pytest.raises(DataError, match="name like sex"):
        guess_spec(Table.from_frame(pd.DataFrame({"y": _coin(), "x": range(200)})))
    with pytest.raises(DataError, match="left to learn from"):
        guess_spec(Table.from_frame(pd.DataFrame({"y": _coin(), "sex": _coin()})))


def test_roles_are_described() -> None:
    spec = DataSpec("y", "yes", ("x", "sex"), (Sensitive("sex"),))
    roles = describe_roles(_table(y=_coin(), other=[None] * 200), spec).set_index("column")
    assert roles["role"].to_dict() == {
        "x": "feature",
        "sex": "sensitive, feature",
        "y": "target",
        "other": "not used",
    }
    assert roles.loc["other"].tolist() == ["not used", "text", 0, 200]
    assert roles.loc["x", ["kind", "distinct"]].tolist() == ["number", 200]
