"""The adversary: what it looks at, what it guesses, and how it learns to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from faircore.errors import InputError
from faircore.training.learners import logits_of
from faircore.training.rows import EncodedRows


@dataclass(frozen=True, eq=False)
class GameRows:
    """Rows as tensors.

    Attributes
    ----------
    X : Tensor, shape (n, d)
    y, weights : Tensor of float32, shape (n,)
    codes : Tensor of int64, shape (p, n)
        As in :class:`faircore.groups.Groups`.
    stakes : Tensor of float32, shape (n,)
        Weight of each row in the adversary's loss.
    """

    X: Tensor
    y: Tensor
    weights: Tensor
    codes: Tensor
    stakes: Tensor

    def take(self, rows: Tensor) -> GameRows:
        """Keep some rows."""
        return GameRows(
            self.X[rows], self.y[rows], self.weights[rows], self.codes[:, rows], self.stakes[rows]
        )


class Target:
    """What an adversary guesses: the group in every partition at once, knowing the outcome or not.

    Parameters
    ----------
    rows : EncodedRows
        The rows to learn from.
    given_label : bool
        For equalized odds the adversary is told the outcome, so that it can only win by what the
        score says beyond it. Both outcomes then weigh the same, as both error rates do.

    Attributes
    ----------
    playing : list of (int, slice)
        Number and groups of each partition that has two groups or more among the rows.
    chance : Tensor, shape (p',)
        Entropy of each of these partitions, in nats (given the outcome, where it is told): the
        best loss of who knows nothing else.
    """

    def __init__(self, rows: EncodedRows, *, given_label: bool) -> None:
        self.given_label, self.n_groups = given_label, rows.groups.n_groups
        weights = rows.unit_weights
        held = np.bincount(rows.y, weights, minlength=2)
        self._per_label = np.where(held > 0, weights.sum() / (2 * np.maximum(held, 1e-12)), 0.0)
        everywhere = np.tile(weights, len(rows.groups.codes))
        self._known = np.bincount(rows.groups.codes.ravel(), everywhere, self.n_groups) > 0
        self.playing = [(i, p.groups) for i, p in enumerate(rows.groups.partitions)]
        chance = self.entropies(self.rows(rows))
        self.playing = [one for one, c in zip(self.playing, chance, strict=True) if c > 1e-6]
        self.chance = chance[chance > 1e-6]

    def rows(self, rows: EncodedRows) -> GameRows:
        """Rows as tensors. One in a group that was not learned from cannot be guessed."""
        stakes = rows.unit_weights * self._known[rows.groups.codes].all(axis=0)
        if self.given_label:
            stakes = stakes * self._per_label[rows.y]
        y, weights, at_stake = (
            torch.as_tensor(a, dtype=torch.float32) for a in (rows.y, rows.unit_weights, stakes)
        )
        codes = torch.as_tensor(rows.groups.codes, dtype=torch.int64)
        return GameRows(torch.as_tensor(rows.X), y, weights, codes, at_stake)

    def show(self, seen: Tensor, y: Tensor) -> Tensor:
        """What the adversary is given, (n, k) to (n, k) or, with the outcome, (n, 2 k + 1).

        A copy for each outcome lets even a linear adversary answer each by itself (Zhang, Lemoine
        & Mitchell 2018).
        """
        if not self.given_label:
            return seen
        good = y[:, None]
        return torch.cat([seen * (1 - good), seen * good, good], dim=1)

    def losses(self, guesses: Tensor, rows: GameRows) -> Tensor:
        """Cross-entropy of each partition in nats, from (n, g) scores to (p',)."""
        share = rows.stakes / rows.stakes.sum().clamp_min(1e-12)
        each = []
        for p, groups in self.playing:
            code = rows.codes[p] - groups.start
            own = nn.functional.cross_entropy(guesses[:, groups], code, reduction="none")
            each.append(own @ share)
        return torch.stack(each)

    def entropies(self, rows: GameRows) -> Tensor:
        """Chance levels on these rows, in nats, (p',)."""
        told = rows.y.long() if self.given_label else torch.zeros_like(rows.codes[0])
        found = []
        for p, _ in self.playing:
            index = told * self.n_groups + rows.codes[p]
            table = torch.bincount(index, rows.stakes.double(), 2 * self.n_groups).view(2, -1)
            share = table / table.sum().clamp_min(1e-12)
            given = torch.special.entr(share).sum() - torch.special.entr(share.sum(1)).sum()
            found.append(given.float())
        return torch.stack(found) if found else torch.empty(0)


class Adversary:
    """A network that guesses groups, and how it learns to.

    Parameters
    ----------
    target : Target
    network : nn.Module
        From what :meth:`Target.show` gives to (n, g) scores, over the groups of all partitions.
    learning_rate, clip_norm : float
    """

    def __init__(
        self, target: Target, network: nn.Module, *, learning_rate: float, clip_norm: float
    ) -> None:
        self.target, self.network, self.clip_norm = target, network, clip_norm
        self.parameters = list(network.parameters())
        self.adam = torch.optim.Adam(self.parameters, lr=learning_rate)

    def loss(self, seen: Tensor, rows: GameRows) -> Tensor:
        """Its loss over its chance level, averaged over partitions, scalar: 1 knows nothing."""
        return (self._losses(seen, rows) / self.target.chance).mean()

    def learn(self, seen: Tensor, rows: GameRows) -> None:
        """Move it once."""
        self.adam.zero_grad()
        self.loss(seen, rows).backward()  # type: ignore[no-untyped-call]
        self.step()

    def step(self) -> None:
        """Move it once, by the gradients there are."""
        nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
        self.adam.step()

    @torch.no_grad()
    def judge(self, seen: Tensor, rows: GameRows) -> dict[str, float]:
        """What it finds out on rows it did not learn from; NaN when nobody can be told apart."""
        if not self.target.playing:
            return dict.fromkeys(("penalty", "adversary_loss", "adversary_gain"), math.nan)
        self.network.eval()
        losses, chance = self._losses(seen, rows), self.target.entropies(rows)
        self.network.train()
        gain = chance - losses
        return {
            "penalty": float((gain / self.target.chance).mean()),
            "adversary_loss": float(losses.mean()),
            "adversary_gain": float(gain.mean()),
        }

    def _losses(self, seen: Tensor, rows: GameRows) -> Tensor:
        guesses = self.network(self.target.show(seen, rows.y))
        if guesses.shape != (len(rows.y), self.target.n_groups):
            raise InputError(
                f"The adversary must return one score per group over all partitions, of shape "
                f"({len(rows.y)}, {self.target.n_groups}); it returned {tuple(guesses.shape)}. "
                "Give its last layer that many outputs."
            )
        return self.target.losses(guesses, rows)


def perceptron(
    n_inputs: int, hidden: Sequence[int], n_outputs: int, generator: torch.Generator
) -> nn.Sequential:
    """Linear layers with ReLU between them, started as torch does but from a generator."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise([n_inputs, *hidden, n_outputs]):
        linear = nn.utils.skip_init(nn.Linear, fan_in, fan_out)  # type: ignore[no-untyped-call]
        bound = 1 / math.sqrt(fan_in)
        with torch.no_grad():
            linear.weight.uniform_(-bound, bound, generator=generator)
            linear.bias.uniform_(-bound, bound, generator=generator)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Look:
    """What a model answers, and what the adversary sees of it.

    Parameters
    ----------
    model : nn.Module
    on : str
        As in :class:`faircore.training.adversarial.AdversarialConfig`.

    Raises
    ------
    InputError
        When the model has nothing of that name.
    """

    def __init__(self, model: nn.Module, on: str) -> None:
        self.model, self.on, self._seen = model, on, torch.empty(0)
        self._hook: torch.utils.hooks.RemovableHandle | None = None
        named = dict(model.named_modules())
        linear = [m for m in named.values() if isinstance(m, nn.Linear)]
        if on == "representation" and linear:
            self._hook = linear[-1].register_forward_pre_hook(lambda _, x: self._keep(x[0]))
        elif on in named and on:
            self._hook = named[on].register_forward_hook(lambda _, x, y: self._keep(y))
        elif on != "output":
            known = ", ".join(name for name in named if name) or "none"
            raise InputError(
                f"The adversary cannot look on {on!r}: it is neither output nor representation (of "
                f"a model with an nn.Linear) nor one of the model's modules: {known}. Name one."
            )

    def __call__(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """What is seen, (n, k), and logits, (n,)."""
        logits = logits_of(self.model, X)
        if self.on == "output":
            # Logits tell tails apart, probabilities what happens about one half.
            return torch.stack([logits, torch.sigmoid(logits)], dim=1), logits
        return self._seen.flatten(1), logits

    def close(self) -> None:
        """Leave the model as it was."""
        if self._hook is not None:
            self._hook.remove()

    def _keep(self, seen: Tensor) -> None:
        self._seen = seen
