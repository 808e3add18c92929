from __future__ import annotations

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faircore.decide import Certificate, Line, Policy, certify
from faircore.errors import InputError
from faircore.frontier import Limit
from faircore.records import canonical
from tests.decide.committee import GAP, policy_of

groups = st.text("abxyz", max_size=5)
number = st.floats(allow_nan=True, allow_infinity=True)
lines = st.builds(
    Line, st.builds(Limit, st.sampled_from([f"{GAP}@sex", "accuracy"]), st.floats(0, 1)), number,
    number, st.floats(0, 1), st.sampled_from(["pass", "fail", "cannot tell"]), number, number,
    st.lists(groups, max_size=2).map(tuple), st.lists(groups, max_size=2).map(tuple),
)  # fmt: skip


@given(
    st.floats(0.001, 0.5),
    st.dictionaries(st.sampled_from("ABCDE"), st.lists(lines, max_size=3).map(tuple), min_size=1),
    st.booleans(),
    st.integers(0, 10**6),
)
def test_a_certificate_survives_its_record(
    level: float, found: dict[str, tuple[Line, ...]], ordered: bool, people: int
) -> None:
    order = tuple(found)
    given_ = Certificate(
        level, order if ordered else None, found, order[:1], order, people, level / 3
    )
    text = canonical(given_.to_dict())
    read = Certificate.from_dict(json.loads(text))
    assert canonical(read.to_dict()) == text
    assert (read.order, read.certified, read.reached) == (
        given_.order, given_.certified, given_.reached,
    )  # fmt: skip
    for letter in order:
        assert read.in_words(letter) == given_.in_words(letter)
        assert not re.search(r"\b(nan|inf)\b", " ".join(read.in_words(letter)))
    with pytest.raises(InputError, match="no option 'Z'"):
        read.in_words("Z")


def rows(n: int = 3000) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    rng = np.random.default_rng(1)
    sex = np.repeat(["f", "m"], n // 2)
    yes = {
        "fair": rng.random(n) < 0.3,
        "near": rng.random(n) < np.where(sex == "m", 0.33, 0.3),
        "unfair": rng.random(n) < np.where(sex == "m", 0.5, 0.2),
    }
    return yes, {"y_true": rng.integers(0, 2, n), "sensitive_features": {"sex": sex}}


POLICY = policy_of(limits=(Limit(f"{GAP}@sex", 0.1), Limit("accuracy", 0.45)))


def test_weights_that_are_all_2_are_no_weights() -> None:
    yes, data = rows()
    order = list(yes)
    one = certify(yes, POLICY, order=order, **data)
    two = certify(yes, POLICY, order=order, sample_weight=np.full(3000, 2.0), **data)
    pd.testing.assert_frame_equal(one.to_frame(), two.to_frame(), rtol=1e-6)
    assert (one.certified, one.people) == (two.certified, two.people) == (("fair", "near"), 3000)


def test_rows_written_twice_are_one_entity_each() -> None:
    yes, data = rows()
    one = certify(yes, POLICY, **data)
    who = np.tile(np.arange(3000), 2)
    double = {
        "y_true": np.tile(data["y_true"], 2),  # type: ignore[arg-type]
        "sensitive_features": {"sex": np.tile(data["sensitive_features"]["sex"], 2)},  # type: ignore[index]
    }
    twice = {name: np.tile(found, 2) for name, found in yes.items()}
    two = certify(twice, POLICY, entities=who, **double)
    names = ["value", "bound", "p_value"]
    pd.testing.assert_frame_equal(one.to_frame()[names], two.to_frame()[names], rtol=1e-6)
    naive = certify(twice, POLICY, **double)
    assert (naive.to_frame()["bound"] != two.to_frame()["bound"]).all()


def test_the_walk_stops_at_the_first_that_fails() -> None:
    yes, data = rows()
    found = certify(yes, POLICY, order=["unfair", "fair", "near"], **data)
    assert (found.certified, found.reached) == ((), ("unfair",))
    assert "the walk ends there" in found.in_words("fair")[0]
    assert found.in_words("unfair")[0].startswith("No certificate. ")
    assert math.isinf(found.rows_needed("unfair"))


def test_each_look_pays_for_the_others() -> None:
    yes, data = rows()
    assert certify(yes, POLICY, openings=5, **data).level == pytest.approx(0.01)
    for looks in (0, -1):
        with pytest.raises(InputError, match="once or more often"):
            certify(yes, POLICY, openings=looks, **data)


@pytest.mark.parametrize("order", [["fair"], ["fair", "near", "near"], ["fair", "near", "x"], []])
def test_an_order_names_every_candidate_once(order: list[str]) -> None:
    yes, data = rows()
    with pytest.raises(InputError, match="every candidate once"):
        certify(yes, POLICY, order=order, **data)


def test_nothing_is_promised_of_groups_that_are_too_small() -> None:
    yes, data = rows()
    sex = np.array(data["sensitive_features"]["sex"], object)  # type: ignore[index]
    sex[:5] = "x"
    data["sensitive_features"] = {"sex": sex}
    assert certify(yes, POLICY, **data).certified == ()
    spoken = policy_of(limits=POLICY.limits, smallest_group=50)
    found = certify(yes, spoken, order=list(yes), **data)
    assert found.certified == ("fair", "near")
    assert "nothing is promised of x" in found.in_words("fair")[0]


def test_a_group_that_weighs_nothing_is_never_promised_anything() -> None:
    """An opening must not end in a fault because of one group."""
    n = 400
    sex = np.array(["f"] * 200 + ["m"] * 190 + ["x"] * 10)
    weights = np.where(sex == "x", 0.0, 1.0)
    yes = np.arange(n) % 4 == 0
    found = certify(
        {"A": yes},
        Policy(
            "demographic_parity_difference",
            (Limit("demographic_parity_difference@sex", 0.3),),
            reason="An example.",
        ),
        y_true=np.arange(n) % 2, sensitive_features={"sex": sex}, sample_weight=weights,
        order=["A"],
    )  # fmt: skip
    assert found.certified == ()
    assert found.lines["A"][0].verdict == "cannot tell"


def small(at: float, selected: int, *, m: float = 0.3) -> tuple[Line, str]:
    """A rule about two large groups and one of three people, of whom some are selected."""
    sex = np.array(["f"] * 1000 + ["m"] * 1000 + ["x"] * 3)
    place = np.arange(1000) / 1000
    yes = np.concatenate([place < 0.3, place < m, np.arange(3) < selected])
    policy = Policy(GAP, (Limit(f"{GAP}@sex", at),), reason="An example.")
    data = {"y_true": np.arange(2003) % 2, "sensitive_features": {"sex": sex}}
    found = certify({"A": yes}, policy, order=["A"], **data)  # type: ignore[arg-type]
    return found.lines["A"][0], found.in_words("A")[0]


@pytest.mark.parametrize("at", [0.05, 0.9, 0.999])
def test_a_rule_tells_nothing_of_the_few_people_of_a_small_group(at: float) -> None:
    every = [small(at, selected) for selected in range(4)]
    assert len({repr(line) for line, _ in every}) == len({text for _, text in every}) == 1
    line, text = every[0]
    assert line.too_few == ("x",)
    assert math.isnan(line.bound)
    assert math.isnan(line.rows_needed)
    assert math.isnan(line.rows_at_best)
    assert line.verdict == "cannot tell"
    assert "too few people to be judged: x." in text
    assert "nan" not in text


def test_a_large_group_that_gives_a_small_one_away_is_tested_and_not_told() -> None:
    """Of 1000, 60 and 3 people, where the 3 are left out: the 60 would tell that they are 3."""
    sex = np.array(["f"] * 1000 + ["m"] * 60 + ["x"] * 3)
    yes = np.arange(1063) % 2 == 0
    rules = tuple(Limit(f"{GAP}@{of}", at) for of, at in (("sex", 0.5), ("sex × one", 0.01)))
    policy = Policy(GAP, rules, reason="An example.", smallest_group=10)
    found = certify(
        {"A": yes}, policy, y_true=yes, order=["A"],
        sensitive_features={"sex": sex, "one": np.repeat("1", 1063)},
    )  # fmt: skip
    kept, open_ = found.lines["A"]
    assert (kept.verdict, open_.verdict) == ("pass", "cannot tell")
    for line in (kept, open_):
        assert math.isnan(line.bound)
        assert math.isnan(line.rows_needed)
        assert math.isnan(line.rows_at_best)
        assert line.too_few == ()
    (text,) = found.in_words("A")
    assert "too few people to be judged or to be shown" in text


def test_a_small_group_hides_no_gap_between_large_ones() -> None:
    line, text = small(0.05, 1, m=0.5)
    assert line.verdict == "fail"
    assert line.value == pytest.approx(0.2)
    assert "breaks the rule" in text


def test_a_group_without_good_outcomes_is_named() -> None:
    sex = np.repeat(["f", "m", "x"], 200)
    truth = np.where(sex == "x", 0, np.arange(600) % 2)
    rule = Limit("equal_opportunity_difference@sex", 0.1)
    policy = Policy("equal_opportunity_difference", (rule,), reason="An example.")
    data = {"y_true": truth, "sensitive_features": {"sex": sex}}
    found = certify({"A": np.arange(600) % 3 == 0}, policy, order=["A"], **data)
    (text,) = found.in_words("A")
    assert "nan" not in text
    assert text.endswith(
        "too few people to be judged: x. Nothing can be shown before it has more, "
        "or the policy leaves small groups out."
    )
    older = found.to_dict()
    del older["lines"]["A"][0]["too_few"]
    (text,) = Certificate.from_dict(older).in_words("A")
    assert "nan" not in text
    assert "too few people to be judged" in text
