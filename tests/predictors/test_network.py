from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save
from torch import nn

from faircore.errors import InputError
from faircore.predictors.network import Network

BY_HAND = Network(
    (np.array([[1, -1], [2, 0]], np.float32), np.array([[1, -3]], np.float32)),
    (np.array([0, -1], np.float32), np.array([0.5], np.float32)),
)


def _torch(hidden: tuple[int, ...]) -> tuple[nn.Sequential, Network]:
    torch.manual_seed(0)
    sizes, modules = [4, *hidden, 1], []
    for fan_in, fan_out in pairwise(sizes):
        modules += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    linears = [m for m in modules if isinstance(m, nn.Linear)]
    network = Network.from_layers([(m.weight, m.bias) for m in linears])
    return nn.Sequential(*modules[:-1]), network


def test_a_row_by_hand() -> None:
    # Hidden (relu): 3 - 1 = 2 and 2 · 3 - 1 = 5, logit 2 - 15 + .5; then both units off, logit .5.
    scores = BY_HAND.predict_proba(np.array([[3, 1], [0, 1]], np.float32))
    np.testing.assert_allclose(scores, [1 / (1 + np.exp(12.5)), 1 / (1 + np.exp(-0.5))], atol=1e-7)
    assert scores.dtype == np.float32
    assert (BY_HAND.n_features, BY_HAND.hidden) == (2, (2,))


@pytest.mark.parametrize("hidden", [(), (8,), (8, 5)])
def test_probabilities_are_torchs_over_more_rows_than_a_chunk(hidden: tuple[int, ...]) -> None:
    module, network = _torch(hidden)
    X = np.random.default_rng(0).normal(size=(40_000, 4)).astype(np.float32)
    before = X.copy()
    with torch.no_grad():
        expected = torch.sigmoid(module(torch.tensor(X))[:, 0]).numpy()
    np.testing.assert_allclose(network.predict_proba(X), expected, atol=1e-6)
    np.testing.assert_array_equal(X, before)


def test_huge_logits_are_probabilities() -> None:
    network = Network((np.array([[1]], np.float32),), (np.array([0], np.float32),))
    scores = network.predict_proba(np.array([[-1e30], [1e30], [0]], np.float32))
    assert scores.tolist() == [0.0, 1.0, 0.5]


def test_it_is_a_copy_that_training_on_does_not_change() -> None:
    module, network = _torch((8,))
    before = network.weights[0].copy()
    with torch.no_grad():
        module[0].weight.add_(1.0)
    np.testing.assert_array_equal(network.weights[0], before)


def test_arrays_survive_safetensors() -> None:
    _, network = _torch((3,) * 11)
    back = Network.from_arrays(load(save(network.to_arrays())))
    X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_array_equal(back.predict_proba(X), network.predict_proba(X))
    assert back.hidden == (3,) * 11


def test_no_row_gives_no_score() -> None:
    assert BY_HAND.predict_proba(np.empty((0, 2), np.float32)).shape == (0,)


@pytest.mark.parametrize("shape", [(2, 3), (2,), (2, 2, 2)])
def test_another_number_of_columns_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="expects 2 encoded columns"):
        BY_HAND.predict_proba(np.zeros(shape, np.float32))
