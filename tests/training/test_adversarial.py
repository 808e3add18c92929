from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from torch import nn

from faircore.errors import InputError
from faircore.groups import Groups
from faircore.metrics import confusion_counts, find_disparity
from faircore.predictors import Network
from faircore.training.adversarial import (
    AdversarialConfig,
    AdversarialResult,
    train_adversarial,
    train_adversarial_networks,
)
from faircore.training.adversary import Adversary, GameRows, Target, perceptron
from faircore.training.modules import new_module
from faircore.training.reversal import GradientReversalLayer
from faircore.training.rows import EncodedRows

QUICK: dict[str, Any] = {"epochs": 12, "learning_rate": 0.01, "batch_size": 200}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Torch's threads would wait for each other at every small step."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def shifted(n: int = 3000, seed: int = 0, *, shift: float = 1.5, sets: int = 1) -> EncodedRows:
    """A first column shifted between two groups, a second alike in both; both tell the outcome."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 3))
    X[:, 0] += shift * group
    y = (X[:, 0] - shift / 2 + X[:, 1] + 0.7 * rng.normal(size=n) > 0).astype(np.int8)
    named = {"sex": group}
    if sets > 1:
        other = rng.integers(0, 4, n)
        X[:, 2] = other
        y = (X[:, 0] - shift / 2 + X[:, 1] + X[:, 2] - 1.5 > 0).astype(np.int8)
        named["race"] = other
    return EncodedRows(X.astype(np.float32), y, Groups.of(named))


def fresh(n_features: int, hidden: tuple[int, ...], seed: int) -> nn.Sequential:
    return perceptron(n_features, hidden, 1, torch.Generator().manual_seed(seed))


def test_a_fresh_network_starts_as_those_of_the_other_methods_do() -> None:
    state = torch.random.get_rng_state()
    made = fresh(3, (8, 4), 7)
    assert torch.equal(torch.random.get_rng_state(), state)
    for a, b in zip(made.parameters(), new_module(3, (8, 4), 7).parameters(), strict=True):
        torch.testing.assert_close(a, b)


def run(
    rows: EncodedRows,
    strength: float,
    *,
    seed: int = 0,
    hidden: tuple[int, ...] = (),
    **changes: Any,
) -> AdversarialResult:
    select = changes.pop("select", rows)
    model = changes.pop("model", None) or fresh(rows.X.shape[1], hidden, seed)
    kept = {k: changes.pop(k) for k in ("adversary", "on_epoch") if k in changes}
    config = AdversarialConfig(**{**QUICK, **changes})
    return train_adversarial(
        model, rows, select, strength=strength, config=config, seed=seed, **kept
    )


def gaps(result: AdversarialResult, rows: EncodedRows, rate: str) -> list[float]:
    """A disparity in each partition."""
    with torch.no_grad():
        chosen = (result.model(torch.as_tensor(rows.X)).flatten() >= 0).numpy().astype(np.int8)
    counts = confusion_counts(rows.y, chosen, rows.groups)
    return [float(find_disparity(rate)(counts[p.groups])) for p in rows.groups.partitions]


PARITY = "demographic_parity_difference"


@pytest.mark.parametrize("strength", [0.0, 1.0, 2.5])
def test_the_gradient_is_exactly_reversed(strength: float) -> None:
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    layer = GradientReversalLayer(strength)
    weight = torch.arange(15.0).view(5, 3)
    out = layer(x)
    assert torch.equal(out, x)
    (out * weight).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, -strength * weight)
    assert list(layer.parameters()) == []


def test_the_strength_can_be_set_and_is_checked() -> None:
    layer = GradientReversalLayer()
    layer.strength = 3
    x = torch.ones(1, requires_grad=True)
    layer(x).backward()
    assert x.grad is not None
    assert x.grad.item() == -3
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="strength must be"):
            layer.strength = wrong
    assert "strength=3.0" in repr(layer)


@pytest.mark.parametrize("given_label", [False, True])
def test_a_linear_adversary_finds_the_best_answer(given_label: bool) -> None:
    rng = np.random.default_rng(1)
    rows = shifted(2000)
    rows = EncodedRows(rows.X, rows.y, rows.groups, rng.exponential(size=2000))
    target = Target(rows, given_label=given_label)
    data = target.rows(rows)
    shown = target.show(data.X, data.y)
    guesser = perceptron(shown.shape[1], (), target.n_groups, torch.Generator().manual_seed(0))
    adversary = Adversary(target, guesser, learning_rate=0.05, clip_norm=1.0)
    for _ in range(400):
        adversary.learn(data.X, data)
    stakes = data.stakes.numpy()
    reference = LogisticRegression(C=1e8, max_iter=1000).fit(
        shown.numpy(), rows.groups.codes[0], sample_weight=stakes
    )
    best = log_loss(
        rows.groups.codes[0], reference.predict_proba(shown.numpy()), sample_weight=stakes
    )
    found = adversary.judge(data.X, data)
    assert found["adversary_loss"] == pytest.approx(best, abs=1e-3)
    assert found["adversary_gain"] == pytest.approx(float(target.chance[0]) - best, abs=1e-3)


def test_chance_is_the_entropy_of_the_groups() -> None:
    y = np.array([0, 0, 0, 0, 1, 1, 1, 1], np.int8)
    table = {"a": [0, 0, 1, 1, 0, 0, 0, 0], "b": list("wxyzwxyz"), "c": [7] * 8}
    rows = EncodedRows(np.zeros((8, 1), np.float32), y, Groups.of(table))
    plain = Target(rows, given_label=False)
    assert [p for p, _ in plain.playing] == [0, 1]  # nobody can be told apart by c
    quarter = 0.25 * np.log(4) + 0.75 * np.log(4 / 3)
    np.testing.assert_allclose(plain.chance, [quarter, np.log(4)], rtol=1e-5)
    told = Target(rows, given_label=True)
    np.testing.assert_allclose(told.chance, [0.5 * np.log(2), np.log(4)], rtol=1e-5)
    # Whatever the outcome's share, both outcomes weigh the same.
    weighted = EncodedRows(rows.X, y, rows.groups, np.where(y == 1, 5.0, 1.0))
    np.testing.assert_allclose(Target(weighted, given_label=True).chance, told.chance, rtol=1e-5)


def test_strength_equalises_what_plain_training_leaves() -> None:
    rows = shifted()
    plain, fair = run(rows, 0.0), run(rows, 5.0)
    assert gaps(plain, rows, PARITY)[0] > 0.35
    assert gaps(fair, rows, PARITY)[0] < 0.04
    with torch.no_grad():
        right = ((fair.model(torch.as_tensor(rows.X)).flatten() >= 0).numpy() == rows.y).mean()
    assert right > 0.65  # the second column still counts
    kept = fair.history[fair.best_epoch - 1]
    assert kept["gap"] == pytest.approx(gaps(fair, rows, PARITY)[0])
    assert kept["adversary_gain"] < 0.01
    assert plain.history[-1]["adversary_gain"] > 0.1


WAYS: list[dict[str, Any]] = [
    {"on": "representation"}, {"on": "1"}, {"adversary_hidden": ()}, {"coupling": "projection"},
    {"ramp": "sigmoid", "pretraining_epochs": 2}, {"warmup_epochs": 0, "ramp_epochs": 0},
]  # fmt: skip


@pytest.mark.parametrize("changes", WAYS, ids=str)
def test_every_way_of_playing_narrows_the_gap(changes: dict[str, Any]) -> None:
    rows = shifted(2000)
    changes = {"epochs": 20, "patience": 20, "batch_size": 100, **changes}
    # Inside the model an adversary has more to learn, and is slower to bite.
    bound = 0.28 if "on" in changes else 0.14
    assert gaps(run(rows, 4.0, hidden=(16,), **changes), rows, PARITY)[0] < bound


def unequal(n: int = 6000, seed: int = 0) -> EncodedRows:
    """Two groups of other base rates, and a column that tells the group but not the outcome."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    y = (rng.random(n) < np.where(group == 1, 0.65, 0.35)).astype(np.int8)
    X = np.column_stack([y + rng.normal(size=n), group + 0.3 * rng.normal(size=n)])
    return EncodedRows(X.astype(np.float32), y, Groups.of({"sex": group}))


def test_each_goal_lowers_its_own_gap() -> None:
    rows = unequal()
    plain = run(rows, 0.0)
    parity = run(rows, 3.0)
    odds = run(rows, 3.0, goal="equalized_odds")
    both, good = "equalized_odds_difference", "equal_opportunity_difference"
    assert gaps(plain, rows, both)[0] > 0.2
    assert gaps(plain, rows, good)[0] > 0.15
    assert gaps(odds, rows, both)[0] < 0.05  # the larger of the two gaps
    assert gaps(parity, rows, PARITY)[0] < 0.05
    assert gaps(odds, rows, PARITY)[0] > 0.06  # base rates differ: one goal is not the other
    assert odds.history[odds.best_epoch - 1]["gap"] == pytest.approx(gaps(odds, rows, both)[0])


def test_four_groups_and_two_partitions_at_once() -> None:
    rows = shifted(4000, sets=2)
    assert [len(p.labels) for p in rows.groups.partitions] == [2, 4]
    plain, fair = run(rows, 0.0), run(rows, 10.0, epochs=20)
    assert min(gaps(plain, rows, PARITY)) > 0.3
    assert max(gaps(fair, rows, PARITY)) < 0.1
    # Fairness between one partition's groups alone leaves the other's.
    sex = EncodedRows(rows.X, rows.y, Groups.of({"sex": rows.groups.codes[0]}))
    assert gaps(run(sex, 10.0), rows, PARITY)[1] > 0.2


def test_rows_of_weight_zero_do_not_count() -> None:
    rows = shifted(2000)
    weights = np.ones(2000)
    weights[1000:] = 0
    # What does not count has it the other way round.
    codes = rows.groups.codes.copy()
    codes[:, 1000:] = 1 - codes[:, 1000:]
    rows = EncodedRows(rows.X, rows.y, Groups(rows.groups.partitions, codes), weights)
    fair = run(rows, 5.0, epochs=20)
    counted = rows.take(np.arange(1000))
    assert gaps(run(rows, 0.0), counted, PARITY)[0] > 0.35
    assert gaps(fair, counted, PARITY)[0] < 0.08


def test_strength_zero_is_plain_training() -> None:
    rows = shifted(1000)
    found = run(rows, 0.0, hidden=(8,), epochs=4, patience=9, stream_seed=3)
    module = fresh(3, (8,), 0)
    adam = torch.optim.Adam(module.parameters(), lr=0.01)
    X, y = torch.as_tensor(rows.X), torch.as_tensor(rows.y).float()
    order = torch.Generator().manual_seed(3)
    losses = []
    for _ in range(4):
        for batch in torch.randperm(1000, generator=order).split(200):
            adam.zero_grad()
            each = nn.functional.binary_cross_entropy_with_logits(module(X[batch])[:, 0], y[batch])
            each.backward()
            nn.utils.clip_grad_norm_(module.parameters(), 1.0)
            adam.step()
        with torch.no_grad():
            losses.append(float(nn.functional.binary_cross_entropy_with_logits(module(X)[:, 0], y)))
    assert [row["loss"] for row in found.history] == pytest.approx(losses, rel=1e-4)
    assert found.best_epoch == int(np.argmin(losses)) + 1


def test_no_strength_and_no_seed_diverges() -> None:
    train, select = shifted(1500, 1), shifted(1500, 2)
    trials = [(s, seed) for s in (0.1, 1.0, 3.0, 10.0) for seed in range(3)]
    config = AdversarialConfig(**QUICK)
    found = list(
        train_adversarial_networks(train, select, trials=trials, hidden=(16,), config=config)
    )
    assert sorted(one.position for one in found) == list(range(12))
    gap = np.full(12, np.nan)
    for one in found:
        assert one.failure is None
        assert one.note == ""
        assert isinstance(one.predictor, Network)
        assert np.isfinite([row["loss"] for row in one.history]).all()
        gap[one.position] = one.history[one.best_epoch - 1]["gap"]
        chosen = one.predictor.predict_proba(select.X) >= 0.5
        assert (chosen == select.y).mean() > 0.6
    assert gap[:3].min() > 0.2
    assert gap[6:].max() < 0.1


def test_candidates_are_what_they_are_alone_and_equal_seeds_are_equal() -> None:
    rows = shifted(600)
    config = AdversarialConfig(**{**QUICK, "epochs": 4})
    trials = [(2.0, 5), (2.0, 5), (2.0, 6)]
    state = torch.random.get_rng_state()
    found = sorted(
        train_adversarial_networks(rows, rows, trials=trials, hidden=(8,), config=config),
        key=lambda one: one.position,
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    first, second, other = (one.predictor.predict_proba(rows.X) for one in found if one.predictor)
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 1e-3
    alone = run(rows, 2.0, seed=5, hidden=(8,), epochs=4)
    assert alone.history == found[0].history
    with torch.no_grad():
        logits = alone.model(torch.as_tensor(rows.X))[:, 0]
    np.testing.assert_allclose(torch.sigmoid(logits).numpy(), first, atol=1e-6)


def test_what_is_not_a_number_is_a_failure_in_words() -> None:
    rows = shifted(400)
    rows.X[3, 0] = np.nan
    config = AdversarialConfig(**{**QUICK, "epochs": 3})
    (found,) = train_adversarial_networks(rows, rows, trials=[(1.0, 0)], hidden=(4,), config=config)
    assert found.predictor is None
    assert found.failure is not None
    assert "no longer a number after pass 1" in found.failure
    assert len(found.history) == 1


def test_it_goes_back_to_the_best_epoch_when_it_breaks() -> None:
    rows = shifted(400)
    model = fresh(3, (4,), 0)

    def poison(epoch: int, row: dict[str, float]) -> None:
        if epoch == 5:
            with torch.no_grad():
                next(model.parameters()).fill_(float("nan"))

    found = run(rows, 1.0, model=model, on_epoch=poison)
    assert found.failure is None
    assert "after pass 6; the best before is kept" in found.note
    assert 3 <= found.best_epoch <= 5
    assert len(found.history) == 6
    assert all(bool(torch.isfinite(p).all()) for p in found.model.parameters())


def test_answering_everybody_alike_is_noted() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 2, 2000)
    # All there is to know of the outcome is the group: nothing fair is left to say.
    X = (group + rng.normal(size=2000))[:, None].astype(np.float32)
    y = (rng.random(2000) < np.where(group == 1, 0.9, 0.1)).astype(np.int8)
    rows = EncodedRows(X, y, Groups.of({"sex": group}))
    changes = {"epochs": 30, "patience": 30, "learning_rate": 0.02, "adversary_hidden": ()}
    assert "answers everybody alike" in run(rows, 10.0, **changes).note
    assert run(rows, 0.0).note == ""


def test_progress_rises_to_one_and_may_stop_everything() -> None:
    rows = shifted(400)
    config = AdversarialConfig(**{**QUICK, "epochs": 6, "patience": 1})
    arguments: dict[str, Any] = {
        "trials": [(1.0, s) for s in range(4)],
        "hidden": (),
        "config": config,
    }
    shares: list[float] = []
    told: list[int] = []
    list(
        train_adversarial_networks(
            rows, rows, **arguments, on_progress=shares.append,
            on_epoch=lambda position, row: told.append(position),
        )
    )  # fmt: skip
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert set(told) == {0, 1, 2, 3}

    def refuse(share: float) -> None:
        raise KeyboardInterrupt

    before, threads = threading.active_count(), torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt):
        list(train_adversarial_networks(rows, rows, **arguments, on_progress=refuse))
    assert threading.active_count() == before
    assert torch.get_num_threads() == threads


class Odd(nn.Module):
    """Dropout, batch normalisation, flat logits."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head(self.body(x))
        return out.squeeze(1)


@pytest.mark.parametrize("on", ["output", "representation", "body"])
def test_anybodys_module_with_dropout_and_batch_normalisation(on: str) -> None:
    rows = shifted(1001)  # a last batch of one row would not do
    torch.manual_seed(0)
    model = Odd()
    found = run(rows, 5.0, model=model, on=on, epochs=20, patience=20)
    assert found.model is model
    assert not model.training
    assert gaps(found, rows, PARITY)[0] < 0.1
    assert not model.head._forward_pre_hooks
    assert not model.body._forward_hooks


def test_anybodys_adversary() -> None:
    rows = shifted(2000)
    fits = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    assert gaps(run(rows, 5.0, adversary=fits), rows, PARITY)[0] < 0.06
    with pytest.raises(InputError, match="one score per group"):
        run(rows, 5.0, adversary=nn.Linear(2, 3))


def test_groups_that_occur_on_one_side_only() -> None:
    rows = shifted(1200)
    codes = rows.groups.codes[0]
    names = np.array(["f", "m"])[codes].astype(object)
    names[:5] = "x"
    groups = Groups.of({"sex": names})
    whole = EncodedRows(rows.X, rows.y, groups)
    few, rest = np.arange(5), np.arange(5, 1200)
    for learn, judge in ((rest, np.arange(1200)), (np.arange(1200), rest), (rest, few)):
        found = run(whole.take(learn), 2.0, select=whole.take(judge), epochs=4)
        assert found.failure is None
        assert np.isfinite(found.history[-1]["loss"])
    assert isinstance(Target(whole, given_label=False).rows(whole), GameRows)


def test_what_cannot_be_played_is_refused() -> None:
    rows = shifted(100)
    alone = EncodedRows(rows.X, rows.y, Groups.of({"sex": np.zeros(100)}))
    with pytest.raises(InputError, match="in one group"):
        run(alone, 1.0)
    assert np.isnan(run(alone, 0.0, epochs=3).history[0]["adversary_gain"])
    with pytest.raises(InputError, match="Look on the output"):
        run(rows, 1.0, on="representation")  # of a linear model: its inputs
    with pytest.raises(InputError, match=r"cannot look on 'tail'.*0, 1, 2"):
        run(rows, 1.0, hidden=(4,), on="tail")
    with pytest.raises(InputError, match="strength must be"):
        run(rows, -1.0)
    with pytest.raises(InputError, match="one logit per row"):
        run(rows, 1.0, model=nn.Linear(3, 2))
    wide = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(InputError, match="one logit per row"):
        run(rows, 1.0, model=wide, on="representation")
    assert not wide[2]._forward_pre_hooks


@pytest.mark.parametrize(
    "wrong",
    [
        {"goal": "calibration"}, {"ramp": "cosine"}, {"coupling": "none"}, {"epochs": 0},
        {"warmup_epochs": 20}, {"warmup_epochs": -1}, {"adversary_steps": 0}, {"patience": 0},
        {"learning_rate": 0.0}, {"adversary_learning_rate": float("nan")}, {"batch_size": 0},
        {"adversary_hidden": (0,)}, {"clip_norm": float("inf")}, {"ramp_epochs": -1},
    ],
    ids=str,
)  # fmt: skip
def test_a_configuration_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"^{next(iter(wrong))} must be"):
        AdversarialConfig(**wrong)


def test_the_strength_rises_after_the_warm_up() -> None:
    linear = AdversarialConfig(warmup_epochs=2, ramp_epochs=4)
    assert [linear.share_of_strength(p) for p in (0, 1.9, 2, 3, 4, 6, 9)] == [
        0, 0, 0, 0.25, 0.5, 1, 1,
    ]  # fmt: skip
    bent = AdversarialConfig(warmup_epochs=2, ramp_epochs=4, ramp="sigmoid")
    shares = [bent.share_of_strength(p) for p in np.linspace(2, 6, 9)]
    assert shares == sorted(shares)
    assert shares[2] == pytest.approx(2 / (1 + np.exp(-2.5)) - 1)
    assert AdversarialConfig(warmup_epochs=2, ramp_epochs=0).share_of_strength(2) == 1
