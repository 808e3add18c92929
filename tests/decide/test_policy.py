from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faircore.decide import (
    CalibrationLimit,
    MitigationPlan,
    Policy,
    certify,
    lock_policy,
    standing_policy,
)
from faircore.errors import InputError
from faircore.frontier import Limit
from faircore.metrics import DISPARITIES, RATES
from faircore.records import Review, canonical
from tests.decide.committee import GAP, now, policy_of

shares = st.floats(0.0, 1.0, exclude_min=True, exclude_max=True)
inside = st.floats(0.001, 0.999)
words = st.text(max_size=20)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    names = draw(st.lists(st.sampled_from(list(DISPARITIES)), min_size=1, unique=True))
    limits = [
        Limit(f"{name}@{of}", draw(shares))
        for name in names
        for of in draw(st.sampled_from([("sex",), ("race × sex",), ("sex", "race × sex")]))
    ]
    floors = draw(st.lists(st.sampled_from(["accuracy", "true_positive_rate"]), unique=True))
    limits += [Limit(name, draw(shares)) for name in floors]
    return Policy(
        names[0],
        tuple(draw(st.permutations(limits))),
        draw(words.filter(str.strip)),
        answers=draw(st.dictionaries(words, words, max_size=3)),
        calibration=draw(st.none() | st.builds(CalibrationLimit, inside, inside, words)),
        may_need_groups=draw(st.booleans()),
        plan=draw(st.builds(MitigationPlan, words, words, words, words)),
        level=draw(st.floats(0.001, 0.499)),
        openings=draw(st.integers(1, 10)),
        smallest_group=draw(st.integers(0, 1000)),
    )


@given(policies())
def test_a_policy_survives_its_record(policy: Policy) -> None:
    read = Policy.from_dict(json.loads(canonical(policy.to_dict())))
    assert read == policy
    assert read.sha256 == policy.sha256
    assert policy.changes(read) == ()
    assert read.level_each * read.openings == pytest.approx(policy.level)
    assert {*read.gaps, *read.floors} == {*read.limits}
    assert len(policy.in_words()) == len(policy.limits) + 1 + (policy.calibration is not None)


def other(policy: Policy, name: str) -> Any:
    return {
        "definition": next(d for d in DISPARITIES if d != policy.definition),
        "limits": (*policy.limits[:-1], replace(policy.limits[-1], at=0.123456)),
        "reason": policy.reason + " And more.",
        "answers": {**policy.answers, "one": "more"},
        "calibration": CalibrationLimit(0.31, 0.32, "x"),
        "may_need_groups": not policy.may_need_groups,
        "plan": replace(policy.plan, watched="Daily."),
        "level": policy.level / 2,
        "openings": policy.openings + 1,
        "smallest_group": policy.smallest_group + 1,
    }[name]


@pytest.mark.parametrize("name", [f.name for f in fields(Policy)])
def test_every_change_changes_the_hash_and_is_told(name: str) -> None:
    limits = (Limit(f"{GAP}@sex", 0.1), Limit(f"{list(DISPARITIES)[1]}@sex", 0.1))
    policy = policy_of(limits=limits)
    new = replace(policy, **{name: other(policy, name)})
    assert new.sha256 != policy.sha256
    assert len(policy.changes(new)) == len(new.changes(policy)) == 1


def test_changes_are_told_in_words() -> None:
    old = policy_of(limits=(Limit(f"{GAP}@sex", 0.1), Limit("accuracy", 0.8)))
    new = policy_of(limits=(Limit(f"{GAP}@sex", 0.05), Limit(f"{GAP}@race", 0.2)))
    told = old.changes(new)
    assert [text.split(":")[0] for text in told] == ["Gap in selection by sex", "no longer", "new"]
    assert "became" in told[0]
    assert "80" in told[1]
    assert "by race" in told[2]


def test_the_order_of_limits_is_no_change_but_another_text() -> None:
    limits = (Limit(f"{GAP}@sex", 0.1), Limit("accuracy", 0.8))
    one, two = policy_of(limits=limits), policy_of(limits=limits[::-1])
    assert one.changes(two) == ()
    assert one.sha256 != two.sha256  # the hash is of everything in it, as it was written
    assert set(one.in_words()) == set(two.in_words())


def test_partitions_are_those_of_any_rule() -> None:
    limits = (Limit(f"{GAP}@sex", 0.1), Limit(f"{GAP}@race × sex", 0.1), Limit("accuracy", 0.8))
    policy = policy_of(limits=limits, calibration=CalibrationLimit(partition="age"))
    assert policy.partitions == ("sex", "race × sex", "age")
    assert policy_of(limits=limits, calibration=CalibrationLimit()).partitions == (
        "sex",
        "race × sex",
    )


GOOD = Limit(f"{GAP}@sex", 0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"definition": "fairness"}, "definition of fairness is one of"),
        ({"reason": " \n"}, "needs a reason"),
        ({"limits": ()}, "sets none"),
        ({"limits": (Limit("accuracy", 0.8),)}, "sets none"),
        ({"limits": (GOOD, GOOD)}, "each measure once"),
        ({"limits": (GOOD, Limit(GOOD.key, 0.2))}, "each measure once"),
        ({"limits": (GOOD, Limit("log_loss", 0.2))}, "is neither"),
        ({"limits": (GOOD, Limit("balanced_accuracy", 0.2))}, "is neither"),
        ({"limits": (Limit(GAP, 0.1),)}, "names whose"),
        ({"limits": (Limit(f"{GAP}@sex", 5.0),)}, "between 0 and 1"),
        ({"limits": (Limit(f"{GAP}@sex", -0.1),)}, "between 0 and 1"),
        ({"limits": (GOOD, Limit("accuracy", 80.0))}, "between 0 and 1"),
        ({"limits": (GOOD, Limit("accuracy", 1.0))}, "be neither"),
        ({"limits": (GOOD, Limit("demographic_parity_ratio@sex", 1.0))}, "be neither"),
        ({"limits": (Limit(f"{GAP}@sex", 0.0),)}, "be neither"),
        ({"limits": (GOOD, Limit("demographic_parity_ratio@sex", 80.0))}, "between 0 and 1"),
        ({"level": 0.0}, "risk of a false certificate"),
        ({"level": 0.5}, "risk of a false certificate"),
        ({"level": float("nan")}, "risk of a false certificate"),
        ({"openings": 0}, "1 to 10 times"),
        ({"openings": 11}, "1 to 10 times"),
        ({"openings": 1.5}, "1 to 10 times"),
        ({"smallest_group": -1}, "0 or more people"),
    ],
)
def test_what_is_no_policy_is_refused_in_one_message(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(policy_of(), **change)


@pytest.mark.parametrize("name", ["error", "apart"])
@pytest.mark.parametrize("at", [0.0, 1.0, -0.1, float("nan")])
def test_a_calibration_limit_lies_between_0_and_1(name: str, at: float) -> None:
    with pytest.raises(InputError, match=name):
        CalibrationLimit(**{name: at})


def test_every_gap_and_three_shares_can_be_limited() -> None:
    for name in DISPARITIES:
        assert Policy(name, (Limit(f"{name}@sex", 0.5),), "r").gaps
    floors: list[Limit] = []
    for name in RATES:
        try:
            floors += policy_of(limits=(GOOD, Limit(name, 0.5))).floors
        except InputError:
            continue
    assert [x.key for x in floors] == [
        "accuracy", "true_positive_rate", "positive_predictive_value",
    ]  # fmt: skip


def test_what_nobody_has_planned_is_named() -> None:
    assert MitigationPlan().missing == ("watched", "triggers", "response", "answers")
    assert MitigationPlan("w", " ", "r", "a").missing == ("triggers",)


def test_the_record_keeps_a_policy_as_it_was_written(fresh: tuple[Path, Review]) -> None:
    workspace, review = fresh
    policy = policy_of(
        reason="Ünïcode “reason”",
        answers={"harm": "both"},
        calibration=CalibrationLimit(partition="gender"),
        plan=MitigationPlan("a", "b", "c", "d"),
    )
    done = lock_policy(workspace, review.id, policy, who="Ada")
    standing = standing_policy(now(workspace, review))
    assert standing is not None
    assert standing.policy == policy
    assert done.history[-1].body["sha256"] == policy.sha256 == standing.policy.sha256


def test_older_policies_with_limits_of_0_and_1_are_read_and_certify_nothing() -> None:
    policy = policy_of(limits=(Limit(f"{GAP}@sex", 0.5), Limit("accuracy", 0.5)))
    raw = policy.to_dict()
    raw["limits"][0]["at"], raw["limits"][1]["at"] = 0.0, 1.0
    read = Policy.from_dict(raw)
    assert read.to_dict() == raw
    assert read.untestable == read.limits
    assert policy.untestable == ()
    assert policy.changes(read)
    sex = np.repeat(["f", "m"], 50)
    one = np.arange(100) % 2
    found = certify({"A": one}, read, y_true=one, sensitive_features={"sex": sex}, order=["A"])
    assert found.certified == ()
    assert all("Amend the policy" in text for text in found.in_words("A"))
    raw["limits"][0]["at"] = 5.0
    with pytest.raises(InputError, match="between 0 and 1"):
        Policy.from_dict(raw)


def test_what_is_given_later_changes_no_policy() -> None:
    answers = {"harm": "both"}
    policy = policy_of(answers=answers)
    answers["harm"] = "wrong_no"
    assert policy.answers == {"harm": "both"}
