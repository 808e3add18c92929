"""Two scores of the same people: figures as elsewhere, changes with honest intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

from faircore.audit.effect import score_effect
from faircore.errors import InputError
from faircore.metrics import evaluate


def people(
    n: int = 1_200, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 2, n)
    y = (rng.random(n) < score).astype(np.int8)
    group = pd.DataFrame(
        {"sex": rng.choice(["f", "m"], n, p=[0.3, 0.7]), "race": rng.choice(["a", "b", "c"], n)}
    )
    odds = score / (1 - score) * np.where(group["sex"] == "f", 1.8, 1.0)
    after = odds / (1 + odds)
    return y, score, after, group


def test_each_figure_is_what_it_is_called_elsewhere() -> None:
    y, before, after, group = people()
    table = score_effect(y, before, after, sensitive_features=group, threshold=0.4)
    for column, score in (("before", before), ("after", after)):
        chosen = (score >= 0.4).astype(int)
        assert table.loc["accuracy", column] == pytest.approx(accuracy_score(y, chosen))
        assert table.loc["auc", column] == pytest.approx(roc_auc_score(y, score))
        assert table.loc["brier", column] == pytest.approx(brier_score_loss(y, score))
        assert table.loc["log_loss", column] == pytest.approx(log_loss(y, score))
        told = evaluate(y, chosen, sensitive_features=group[["sex"]]).disparities
        for name in table.index[table["kind"] == "disparity"]:
            assert table.loc[name, column] == pytest.approx(told.loc["sex", name])
    assert (table["change"] - (table["after"] - table["before"])).abs().max() < 1e-12


def test_gaps_are_between_the_groups_asked_for() -> None:
    y, before, after, group = people()
    by_race = score_effect(y, before, after, sensitive_features=group, partition="race")
    chosen = (after >= 0.5).astype(int)
    told = evaluate(y, chosen, sensitive_features=group).disparities.loc["race"]
    name = "demographic_parity_difference"
    assert by_race.loc[name, "after"] == pytest.approx(told[name])


def test_nothing_changes_where_nothing_was_changed() -> None:
    y, before, _, group = people()
    table = score_effect(y, before, before, sensitive_features=group)
    assert (table[["change", "low", "high"]].abs() < 1e-12).all().all()


def test_a_weight_of_two_is_two_rows() -> None:
    y, before, after, group = people(400)
    w = np.random.default_rng(1).integers(1, 4, len(y))
    twice = np.repeat(np.arange(len(y)), w)
    weighted = score_effect(y, before, after, sensitive_features=group, sample_weight=w)
    rows = score_effect(y[twice], before[twice], after[twice], sensitive_features=group.iloc[twice])
    columns = ["before", "after", "change"]
    np.testing.assert_allclose(
        weighted[columns].to_numpy(float), rows[columns].to_numpy(float), atol=1e-12
    )


@pytest.mark.parametrize("name", ["accuracy", "auc", "log_loss", "demographic_parity_difference"])
def test_intervals_hold_the_change_in_the_population(name: str) -> None:
    y, before, after, group = people(200_000, seed=999)
    whole = score_effect(y, before, after, sensitive_features=group, replicates=50)
    truth, held = whole.loc[name, "change"], 0
    for seed in range(120):
        y, before, after, group = people(seed=seed)
        found = score_effect(y, before, after, sensitive_features=group, replicates=300)
        row = found.loc[name]
        held += int(row["low"] <= truth <= row["high"])
    assert held >= 120 * 0.95 - 3 * np.sqrt(120 * 0.95 * 0.05)


def test_what_is_undefined_stays_so() -> None:
    score = np.linspace(0.1, 0.9, 40)
    table = score_effect(
        np.ones(40, int), score, score, sensitive_features=np.repeat(["a", "b"], [35, 5])
    )
    assert table.loc["auc", ["before", "change"]].isna().all()
    assert np.isnan(table.loc["demographic_parity_difference", "change"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"after": [0.5]}, "one value per row"),
        ({"before": [0.5, 2.0]}, "between 0 and 1"),
        ({"y_true": [0, 3]}, "0"),
        ({"threshold": 2.0}, "between 0 and 1"),
    ],
)
def test_bad_input_is_named(change: dict[str, object], sentence: str) -> None:
    usual = {
        "y_true": [0, 1],
        "before": [0.2, 0.7],
        "after": [0.2, 0.7],
        "sensitive_features": ["a", "b"],
    }
    with pytest.raises(InputError, match=sentence):
        score_effect(**(usual | change))
