"""The training loop of adversarial debiasing, whole."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from faircore.errors import InputError
from faircore.metrics import MIN_PEOPLE, confusion_counts, find_disparity
from faircore.training.adversarial_config import GOALS, AdversarialConfig
from faircore.training.adversary import Adversary, GameRows, Look, Target, perceptron
from faircore.training.reversal import GradientReversalLayer
from faircore.training.rows import EncodedRows

OnEpoch = Callable[[int, dict[str, float]], None]


@dataclass
class AdversarialResult:
    """What became of a model.

    Attributes
    ----------
    model : nn.Module
        As it was after the epoch that was kept, in evaluation mode.
    history : list of dict
        One row per epoch, on the select split: ``epoch``; ``loss`` (log loss, nats); ``gap`` (hard,
        at one half, the worst over partitions; NaN where too few people are in it);
        ``adversary_loss`` and ``adversary_gain``, how far that is below chance (nats, mean over
        partitions; NaN where nobody can be told apart); ``penalty``, the gain as a share of chance.
    best_epoch : int
    seconds : float
    failure : str, optional
        Why the model must not be used, in a sentence.
    note : str
    """

    model: nn.Module
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    failure: str | None = None
    note: str = ""


class Game:
    """A model against an adversary: the parameters of :func:`train_adversarial`."""

    def __init__(
        self,
        model: nn.Module,
        train: EncodedRows,
        select: EncodedRows,
        strength: float,
        config: AdversarialConfig,
        adversary: nn.Module | None,
        seed: int,
    ) -> None:
        self.model, self.strength, self.config = model, strength, config
        self.reversal = GradientReversalLayer(strength)
        target = Target(train, given_label=config.goal == "equalized_odds")
        if strength > 0 and not target.playing:
            raise InputError(
                "An adversary needs people to tell apart; all rows to learn from are in one group. "
                "Pass rows of two groups, or strength 0."
            )
        self.rows, self.select = target.rows(train), select
        self.judged = target.rows(select)
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.adam = torch.optim.Adam(self.parameters, lr=config.learning_rate)
        self.look = Look(model, config.on)
        try:
            model.eval()
            seen, _ = self.look(self.rows.X[:2])
            if strength > 0 and not seen.requires_grad:
                raise InputError(
                    "The adversary looks at something no parameter of the model can change. Look "
                    "on the output."
                )
        except BaseException:
            self.look.close()
            raise
        width = target.show(seen, self.rows.y[:2]).shape[1]
        if adversary is None:
            generator = _generator(seed, 1)
            adversary = perceptron(width, config.adversary_hidden, target.n_groups, generator)
        self.adversary = Adversary(
            target,
            adversary,
            learning_rate=config.adversary_learning_rate,
            clip_norm=config.clip_norm,
        )

    def play(self, on_epoch: OnEpoch | None) -> AdversarialResult:
        """Train, and take the model back to its best epoch."""
        config, started = self.config, time.perf_counter()
        result, best, best_state = AdversarialResult(self.model), math.inf, None
        # Without an adversary there is nothing to warm up for.
        first = config.warmup_epochs if self.strength > 0 else 0
        risen = first + config.ramp_epochs if self.strength > 0 else 0
        order = torch.Generator().manual_seed(config.stream_seed)
        decided, one_sided = False, False
        for epoch in range(1, config.epochs + 1):
            if self.strength > 0 and epoch == first + 1:
                self._pretrain()
            self._pass(order, epoch)
            row, chosen = self._judge(epoch)
            result.history.append(row)
            if on_epoch is not None:
                on_epoch(epoch, row)
            if not math.isfinite(row["loss"]):
                result.note = f"Its loss was no longer a number after pass {epoch}"
                break
            score = row["loss"] + self.strength * float(np.nan_to_num(row["gap"]))
            if epoch <= first:
                decided = 0 < chosen < 1
            elif score < best:
                best, best_state = score, copy.deepcopy(self.model.state_dict())
                result.best_epoch, one_sided = epoch, not 0 < chosen < 1
            if epoch - max(result.best_epoch, risen) >= config.patience:
                break
        self.model.eval()
        result.seconds = time.perf_counter() - started
        if best_state is None:
            result.failure = f"{result.note}. Lower the strength or the learning rate."
            result.note = ""
            return result
        self.model.load_state_dict(best_state)
        result.note += "; the best before is kept." if result.note else ""
        if one_sided and decided and self.strength > 0:
            result.note = (
                f"{result.note} At strength {self.strength:g} it answers everybody alike, which is "
                "equal and of no use. Lower the strength."
            ).strip()
        return result

    def _pass(self, order: torch.Generator, epoch: int) -> None:
        """All rows once."""
        self.model.train()
        batches = self._batches(order)
        for i, rows in enumerate(batches):
            share = self.config.share_of_strength(epoch - 1 + i / len(batches))
            self._step(self.rows.take(rows), self.strength * share)

    def _step(self, rows: GameRows, strength: float) -> None:
        """Move the adversary, then the model against it."""
        seen, logits = self.look(rows.X)
        guessing = bool(self.adversary.target.playing)
        for _ in range((self.config.adversary_steps - (strength > 0)) * guessing):
            self.adversary.learn(seen.detach(), rows)
        each = nn.functional.binary_cross_entropy_with_logits(logits, rows.y, reduction="none")
        loss = each @ rows.weights / rows.weights.sum().clamp_min(1e-12)
        self.adam.zero_grad()
        if strength > 0 and self.config.coupling == "projection":
            self._project(loss, self.adversary.loss(seen, rows), strength)
            self.adversary.learn(seen.detach(), rows)
        elif strength > 0:
            # One backward pass serves both: behind the reversal the adversary learns to guess.
            self.reversal.strength = strength
            self.adversary.adam.zero_grad()
            (loss + self.adversary.loss(self.reversal(seen), rows)).backward()  # type: ignore[no-untyped-call]
            self.adversary.step()
        else:
            loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm)
        self.adam.step()

    def _project(self, loss: Tensor, guess: Tensor, strength: float) -> None:
        """Gradient of Zhang, Lemoine & Mitchell (2018), equation 1."""
        own, helps = (
            torch.autograd.grad(one, self.parameters, retain_graph=True, materialize_grads=True)
            for one in (loss, guess)
        )
        dot = sum(float((a * b).sum()) for a, b in zip(own, helps, strict=True))
        along = dot / max(sum(float((b * b).sum()) for b in helps), 1e-12)
        for parameter, a, b in zip(self.parameters, own, helps, strict=True):
            parameter.grad = a - (along + strength) * b

    def _pretrain(self) -> None:
        """The adversary alone, on a model that holds still."""
        self.model.eval()
        order = _generator(self.config.stream_seed, 2)
        for _ in range(self.config.pretraining_epochs):
            for rows in map(self.rows.take, self._batches(order)):
                with torch.no_grad():
                    seen, _ = self.look(rows.X)
                self.adversary.learn(seen, rows)

    def _judge(self, epoch: int) -> tuple[dict[str, float], float]:
        """Row of the history, and the share of people selected."""
        self.model.eval()
        with torch.no_grad():
            seen, logits = self.look(self.judged.X)
            each = nn.functional.binary_cross_entropy_with_logits(
                logits, self.judged.y, reduction="none"
            )
            loss = float(each @ self.judged.weights / self.judged.weights.sum())
            found = self.adversary.judge(seen, self.judged)
        rows, chosen = self.select, (logits >= 0).numpy().astype(np.int8)
        counts = confusion_counts(rows.y, chosen, rows.groups, rows.unit_weights)
        disparity = find_disparity(GOALS[self.config.goal])
        gaps = [
            float(disparity(counts[p.groups], min_people=MIN_PEOPLE))
            for p in rows.groups.partitions
        ]
        gap = float(np.fmax.reduce(gaps))
        return {"epoch": float(epoch), "loss": loss, "gap": gap} | found, float(chosen.mean())

    def _batches(self, order: torch.Generator) -> list[Tensor]:
        """Row numbers in a new order; no batch of one row, which batch normalisation refuses."""
        n = len(self.rows.y)
        batches = list(
            torch.split(torch.randperm(n, generator=order), self.config.batch_size_for(n))
        )
        if len(batches) > 1 and len(batches[-1]) == 1:
            batches[-2:] = [torch.cat(batches[-2:])]
        return batches


def _generator(seed: int, stream: int) -> torch.Generator:
    """Generators of their own, so that no two uses of one seed draw the same numbers."""
    state = np.random.SeedSequence([seed, stream]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state))
