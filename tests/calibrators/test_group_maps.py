from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from faircore.errors import InputError
from faircore.metrics import MIN_PEOPLE
from faircore.predictors.group_fit import FEWEST_TOLD, GroupFit
from faircore.predictors.group_key import GroupKey
from faircore.predictors.group_maps import GroupMaps
from faircore.predictors.score_map import ScoreMap

# A constant map says which map a row was held to.
EVERYBODY = ScoreMap.isotonic([0.5], [0.5])
CELLS = (("a", "f"), ("a", "m"), ("b", "f"), ("(missing)", "m"))


def constant(value: float) -> ScoreMap:
    return ScoreMap.isotonic([0.5], [value])


def fit(attributes: tuple[str, ...], labels: tuple[str, ...], n: int, **more: Any) -> GroupFit:
    given = {"method": "platt", "own": True, "parent": "everybody", "reason": "own"} | more
    return GroupFit(attributes, labels, n, float(n), n // 2, **given)


def maps(unseen: str = "parent") -> GroupMaps:
    races, sexes = (("a",), ("b",), ("(missing)",)), (("f",), ("m",))
    keys = (
        GroupKey(("race", "sex"), CELLS, "pooled"),
        GroupKey(("race",), races, "pooled"),
        GroupKey(("sex",), sexes, "pooled"),
    )
    sizes = {("a",): 500, ("b",): 300, ("(missing)",): 20, ("f",): 400, ("m",): 420}
    return GroupMaps(
        keys,
        (
            tuple(constant(0.1 + 0.02 * i) for i in range(4)),
            tuple(constant(0.2 + 0.02 * i) for i in range(3)),
            tuple(constant(0.3 + 0.02 * i) for i in range(2)),
        ),
        EVERYBODY,
        unseen,  # type: ignore[arg-type]
        (
            fit((), (), 820, parent="", reason="everybody"),
            *(fit(("race", "sex"), label, 50) for label in CELLS),
            *(fit(("race",), label, sizes[label]) for label in races),
            *(fit(("sex",), label, sizes[label]) for label in sexes),
        ),
    )


ROWS = pd.DataFrame(
    {"race": ["a", "a", "b", None, "b", None, "c", "c"], "sex": [*"fmfmmf", "f", None]}
)
KNOWN = [0.1, 0.12, 0.14, 0.16]


@pytest.mark.parametrize(
    ("unseen", "others"),
    [
        # b · m: b has fewer rows than m; (missing) · f: (missing) has fewer; c · f: f alone.
        ("parent", [0.22, 0.24, 0.3, 0.5]),
        ("pooled", [0.5] * 4),
    ],
)
def test_rows_find_their_map(unseen: str, others: list[float]) -> None:
    one = maps(unseen)
    found = one.apply(np.full(8, 0.7), ROWS)
    np.testing.assert_allclose(found, KNOWN + others)
    assert one.n_unknown(ROWS) == 4
    columns = {name: ROWS[name].to_numpy() for name in ROWS}
    np.testing.assert_array_equal(one.apply(np.full(8, 0.7), columns), found)


def test_unknown_groups_are_refused() -> None:
    one = maps("refuse")
    np.testing.assert_allclose(one.apply(np.full(4, 0.7), ROWS[:4]), KNOWN)
    with pytest.raises(InputError, match=r"4 of 8 rows belong to a group of race × sex"):
        one.apply(np.full(8, 0.7), ROWS)


def test_more_attributes_come_before_fewer_rows() -> None:
    names = ("x", "y", "z")
    keys = tuple(
        GroupKey(attributes, (label,), "pooled")
        for attributes, label in [
            (names, ("0", "0", "0")), (("x", "y"), ("1", "1")), (("y", "z"), ("1", "1")),
            (("x",), ("1",)),
        ]
    )  # fmt: skip
    sizes = (9, 90, 80, 5)
    one = GroupMaps(
        keys, tuple((constant(0.1 * i),) for i in range(1, 5)), EVERYBODY, "parent",
        tuple(fit(k.attributes, k.labels[0], n) for k, n in zip(keys, sizes, strict=True)),
    )  # fmt: skip
    rows = pd.DataFrame({"x": ["1", "1", "1"], "y": ["1", "1", "2"], "z": ["1", "2", "1"]})
    np.testing.assert_allclose(one.apply([0.5] * 3, rows), [0.3, 0.2, 0.4])


def test_one_map_for_all_needs_no_attributes() -> None:
    one = GroupMaps((), (), ScoreMap.platt(1.0, 1.0))
    assert one.attributes == ()
    assert one.n_unknown(None) == 0
    np.testing.assert_array_equal(one.apply([0.2, 0.4]), ScoreMap.platt(1.0, 1.0)([0.2, 0.4]))
    assert GroupMaps.from_array(one.to_array()) == one


def test_it_survives_json_and_bytes() -> None:
    one = maps()
    assert GroupMaps.from_dict(json.loads(json.dumps(one.to_dict(), allow_nan=False))) == one
    assert one.to_array().dtype == np.uint8
    assert GroupMaps.from_array(one.to_array()) == one


def test_no_rows_give_no_scores() -> None:
    assert maps().apply([], ROWS[:0]).shape == (0,)


def test_what_cannot_be_used_is_refused() -> None:
    one = maps()
    with pytest.raises(InputError, match="sex is not among the columns"):
        one.apply([0.5], {"race": ["a"]})
    with pytest.raises(InputError, match="race and sex is not among"):
        one.apply([0.5])
    with pytest.raises(InputError, match="one row per person"):
        one.apply([0.5], ROWS)
    with pytest.raises(InputError, match="missing or outside"):
        one.apply([np.nan] * 8, ROWS)
    with pytest.raises(InputError, match="'parent', 'pooled' or 'refuse'"):
        maps("nearest")
    with pytest.raises(InputError, match="one map per group of each key"):
        replace(one, maps=one.maps[:2])
    with pytest.raises(InputError, match="one map per group of each key"):
        replace(one, keys=one.keys[::-1], maps=one.maps[::-1])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"n": 34, "reason": "not_different", "p_value": 0.412},
         "34 rows: uses the calibrator of Black, likelihood-ratio p = .41"),
        ({"n": 34, "reason": "not_different", "p_value": 0.996},
         "34 rows: uses the calibrator of Black, likelihood-ratio p > .99"),
        ({"n": 34, "reason": "not_different", "p_value": 0.0213},
         "34 rows: uses the calibrator of Black, likelihood-ratio p = .021"),
        ({"n": 12, "reason": "too_few"}, "12 rows, fewer than 30: uses the calibrator of Black"),
        ({"n": 9, "reason": "too_few"}, "fewer than 10 rows: uses the calibrator of Black"),
        ({"n": 40, "n_effective": 21.4, "reason": "too_few"},
         "40 rows worth 21, fewer than 30: uses the calibrator of Black"),
        ({"n": 40, "reason": "one_outcome"},
         "40 rows of one outcome: uses the calibrator of Black"),
        ({"n": 1208, "reason": "own", "method": "isotonic"}, "1,208 rows: isotonic of its own"),
        ({"n": 212, "reason": "own", "weight": 0.65, "slope_weight": 0.65},
         "212 rows: Platt of its own, drawn 35% towards that of Black"),
        ({"n": 212, "reason": "own", "weight": 0.8, "slope_weight": 0.5},
         "212 rows: Platt of its own, drawn offset 20% and slope 50% towards that of Black"),
        ({"n": 212, "reason": "own", "method": "temperature", "slope_weight": 0.5},
         "212 rows: temperature of its own, drawn 50% towards that of Black"),
        ({"n": 212, "reason": "own", "weight": 1.0, "slope_weight": 0.999},
         "212 rows: Platt of its own"),
        ({"n": 212, "reason": "few_for_flexible"},
         "212 rows: Platt of its own, too few for a more flexible one"),
        ({"n": 212, "reason": "as_asked", "method": "identity"}, "212 rows: scores as they are"),
        ({"n": 5000, "reason": "everybody", "parent": ""}, "5,000 rows: Platt for everybody"),
    ],
)  # fmt: skip
def test_words(more: dict[str, Any], words: str) -> None:
    given = {"method": "platt", "own": True, "parent": "Black", "n_effective": float(more["n"])}
    one = GroupFit(("race",), ("Black",), n_positive=5, **(given | more))
    assert one.in_words() == words


def test_numbers_of_people_are_hidden_where_rates_are() -> None:
    assert FEWEST_TOLD == MIN_PEOPLE
