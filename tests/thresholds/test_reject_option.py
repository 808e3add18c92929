from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics import confusion_counts, find_disparity
from faircore.thresholds import RejectOption
from tests.thresholds.reference import Table, table

BEHIND = {
    "demographic_parity": lambda y: y >= 0,
    "equal_opportunity": lambda y: y == 1,
    "predictive_equality": lambda y: y == 0,
}


def test_both_ends_of_the_region_belong_to_it() -> None:
    scores = [0.25, 0.249, 0.5, 0.9, 0.75, 0.751, 0.5, 0.1]
    y, group = [0, 0, 1, 1, 1, 1, 1, 0], list("aaaabbbb")
    option = RejectOption((0.25,)).fit([*scores, 0.8], [*y, 1], sensitive_features=[*group, "b"])
    # Two of four of a are selected at one half, four of five of b: a is behind.
    assert option.predict(scores, group).tolist() == [1, 0, 1, 1, 0, 1, 0, 0]
    np.testing.assert_array_equal(
        option.predict_proba(scores, group)[:, 1], option.predict(scores, group)
    )
    assert option.points_["width"].tolist() == [0.25]
    assert option.points_["cost"][0] == pytest.approx(3 / 9)


@pytest.mark.parametrize("constraint", BEHIND)
def test_against_the_rule_in_words(constraint: str) -> None:
    data = table(600, 3, levels=40)
    widths = (0.2, 0.0, 0.05)
    option = RejectOption(widths, constraint=constraint).fit(**data.fit)
    kept, group = BEHIND[constraint](data.y), data.labels["a0"].to_numpy()
    half = data.scores >= 0.5
    overall = np.average(half[kept], weights=data.weights[kept])
    for width in widths:
        expected = half.copy()
        inside = np.abs(data.scores - 0.5) <= width + 1e-12
        for name in np.unique(group):
            own = group == name
            rate = np.average(half[own & kept], weights=data.weights[own & kept])
            if rate != overall:
                expected[own & inside] = rate < overall
        chosen = option.predict(data.scores, data.labels, width=width)
        np.testing.assert_array_equal(chosen, expected)
        point = option.points_.set_index("width").loc[width]
        assert point["accuracy"] == pytest.approx(
            np.average(expected == data.y, weights=data.weights)
        )
        counts = confusion_counts(
            data.y.astype(np.int8), chosen, Groups.of(data.labels), data.weights
        )
        value = float(find_disparity("equalized_odds_difference")(counts))
        assert point["equalized_odds"] == pytest.approx(value)
    assert option.points_["width"].tolist() == list(widths)
    assert option.rule() is option.rules_[1]
    assert option.points_["feasible"].all()


def test_the_gap_narrows() -> None:
    data = table(3_000, 0)
    gaps = RejectOption((0.0, 0.05, 0.1)).fit(**data.fit).points_["gap"].to_numpy()
    assert gaps[0] > 0.2
    assert (np.diff(gaps) < -0.03).all()


def test_groups_without_a_rate_or_with_everybodys_keep_one_half() -> None:
    scores, y, group = [0.4, 0.6, 0.4, 0.6, 0.45], [1, 1, 1, 1, 0], list("aabbc")
    option = RejectOption((0.2,), constraint="equal_opportunity")
    option.fit(scores, y, sensitive_features=group)
    assert option.rule().cuts.ravel().tolist() == [0.5] * 4


def test_partitions_and_unseen_groups() -> None:
    data = table(500, 1, attributes=2, groups=2)
    crossed = RejectOption((0.1,)).fit(**data.fit)
    assert crossed.rule().key.attributes == ("a0", "a1")
    groups = {**data.fit, "sensitive_features": Groups.of(data.labels)}
    same = RejectOption((0.1,)).fit(**groups)
    np.testing.assert_array_equal(same.rule().cuts, crossed.rule().cuts)
    one = RejectOption((0.1,), partition="a1", unseen="pooled").fit(**groups)
    assert one.rule().key.attributes == ("a1",)
    new = data.labels.assign(a1="new")
    np.testing.assert_array_equal(one.predict(data.scores, new), data.scores >= 0.5)
    with pytest.raises(InputError, match="was not there while the model learned"):
        crossed.predict(data.scores, new)


def test_it_is_an_estimator() -> None:
    option = RejectOption((0.3,), constraint="equal_opportunity", partition="a0")
    assert clone(option).get_params() == option.get_params()
    data = table(100, 0)
    again = pickle.loads(pickle.dumps(option.fit(**data.fit)))
    np.testing.assert_array_equal(again.rule(0.3).cuts, option.rule(0.3).cuts)
    with pytest.raises(InputError, match=r"no rule of width 0\.2"):
        option.rule(0.2)


def test_what_cannot_be_used_is_refused() -> None:
    data = table(30, 0)
    for widths in ((), (0.6,), (-0.1,), (0.1, 0.1), (np.nan,), ("wide",)):
        with pytest.raises(InputError, match="widths must be"):
            RejectOption(widths).fit(**data.fit)
    with pytest.raises(InputError, match="behind on one rate only"):
        RejectOption(constraint="equalized_odds").fit(**data.fit)
    odds = Table(np.log(data.scores), data.y, data.labels, data.weights)
    with pytest.raises(InputError, match="must be a probability"):
        RejectOption().fit(**odds.fit)
