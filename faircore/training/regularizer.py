"""A loss that charges for unfairness, for anybody's PyTorch loop."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from faircore.errors import InputError
from faircore.penalties import GroupTensor, PenaltyOptions, RunningPenalty, find_penalty


class FairnessRegularizer(nn.Module):
    """Accuracy loss plus ``eta`` times a fairness penalty.

    Parameters
    ----------
    eta : float
        Strength of the penalty, zero or more. 0 is plain training.
    penalty : str
        A name in :data:`faircore.penalties.PENALTIES`.
    sharpness : float
        The penalty sees ``sigmoid(sharpness * logit)``. Above 1 it is closer to the hard
        decisions that people will feel; too high and gradients vanish.
    group_weights : sequence of float, or one such sequence per attribute, optional
        How much each group's distance counts; all 1 by default.
    options : PenaltyOptions, optional
        Whom groups are compared with, how far small ones are trusted, what is remembered of
        earlier batches. Its ``crossed_weight`` has no part here: which columns are crossed is
        yours to know, and ``group_weights`` weights them.
    warmup_steps : int
        Training steps over which eta rises to its strength, zero or more.

    Attributes
    ----------
    accuracy_loss, fairness_penalty : Tensor, scalar
        The two parts of the last call, without gradient and before ``eta``, for logging.

    Examples
    --------
    >>> import torch
    >>> criterion = FairnessRegularizer(eta=0.5)
    >>> logits = torch.zeros(4, 1, requires_grad=True)
    >>> loss = criterion(logits, torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1]))
    >>> loss.backward()
    >>> float(criterion.fairness_penalty)
    0.0
    """

    def __init__(
        self,
        eta: float = 1.0,
        penalty: str = "demographic_parity",
        *,
        sharpness: float = 1.0,
        group_weights: Sequence[float] | Sequence[Sequence[float]] | None = None,
        options: PenaltyOptions | None = None,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__()
        if not eta >= 0:
            raise InputError(f"eta must be zero or more; got {eta}. Use 0 for plain training.")
        if not sharpness > 0:
            raise InputError(f"sharpness must be above 0; got {sharpness}. Use 1 for none.")
        if not warmup_steps >= 0:
            raise InputError(f"warmup_steps must be zero or more; got {warmup_steps}. Use 0.")
        self.eta, self.penalty, self.sharpness = eta, penalty, sharpness
        self.group_weights = group_weights
        self.options, self.warmup_steps = options or PenaltyOptions(), warmup_steps
        self.steps = 0
        self._penalty = find_penalty(penalty)
        self._running = RunningPenalty(self._penalty, self.options)
        self._sizes: list[int] = []
        self.accuracy_loss = self.fairness_penalty = torch.tensor(float("nan"))

    def forward(
        self,
        logits: Tensor,
        targets: Tensor,
        sensitive: Tensor,
        sample_weight: Tensor | None = None,
    ) -> Tensor:
        """Loss of a batch.

        Parameters
        ----------
        logits : Tensor, shape (n,) or (n, 1)
            Before the sigmoid.
        targets : Tensor of 0 and 1, shape (n,) or (n, 1)
        sensitive : Tensor of whole numbers, shape (n,) or (n, p)
            Group of each row, numbered from 0; one column per attribute.
        sample_weight : Tensor, shape (n,), optional

        Returns
        -------
        Tensor, scalar
        """
        score, y = _column("logits", logits), _column("targets", targets).to(logits.dtype)
        if len(y) != len(score) or len(sensitive) != len(score) or not len(score):
            raise InputError(
                f"logits, targets and sensitive must have one row per person; they have "
                f"{len(score)}, {len(y)} and {len(sensitive)}. Pass columns of the same batch."
            )
        if not bool(((y == 0) | (y == 1)).all()):
            raise InputError(
                "targets must hold only 0 and 1; some are something else. Encode the good outcome "
                "as 1 and the other as 0."
            )
        if sensitive.is_floating_point() and not bool((sensitive == sensitive.round()).all()):
            raise InputError(
                "sensitive must hold group numbers, not measurements. Cut a number into bins and "
                "number the bins from 0."
            )
        groups = GroupTensor.from_codes(sensitive, importance=self._importance(sensitive))
        each = nn.functional.binary_cross_entropy_with_logits(score, y, reduction="none")
        weight = _weights(sample_weight, score)
        loss = (each * weight).sum() / weight.sum().clamp_min(1e-12)
        sharpness = 1.0 if self._penalty.on_scores else self.sharpness
        probs = torch.sigmoid(sharpness * score)
        if self.training:
            unfair = self._running(probs, y, groups, weight)
            self.steps += 1
        else:  # a batch to judge is not one to learn from: nothing of it is remembered
            unfair = self._penalty.function(probs, y, groups, weight, self.options)
        self.accuracy_loss, self.fairness_penalty = loss.detach(), unfair.detach()
        share = min(1.0, self.steps / (self.warmup_steps + 1)) if self.training else 1.0
        return loss + self.eta * share * unfair

    def extra_repr(self) -> str:
        """Parameters, as shown by ``print(model)``."""
        return f"eta={self.eta}, penalty={self.penalty!r}, sharpness={self.sharpness}"

    def _importance(self, sensitive: Tensor) -> list[list[float]] | None:
        if self.group_weights is None:
            return self._seen_groups(sensitive) if self.options.memory else None
        rows: list[list[float]] = []
        plain: list[float] = []
        for one in self.group_weights:
            if isinstance(one, int | float):
                plain.append(float(one))
            else:
                rows.append(list(one))
        return rows or [plain]

    def _seen_groups(self, sensitive: Tensor) -> list[list[float]]:
        """Every group of any batch so far: one that is absent from this batch is remembered."""
        sizes = (sensitive.reshape(len(sensitive), -1).amax(dim=0) + 1).to(torch.int64).tolist()
        if self._sizes and len(self._sizes) == len(sizes):
            sizes = [max(pair) for pair in zip(self._sizes, sizes, strict=True)]
        if sizes != self._sizes and self.training:  # what is remembered does not know the new group
            self._sizes, self._running = sizes, RunningPenalty(self._penalty, self.options)
        return [[1.0] * size for size in sizes]


def _column(name: str, values: Tensor) -> Tensor:
    """Read (n,) or (n, 1); anything else would broadcast to (n, n) unnoticed."""
    if values.dim() == 2 and values.shape[1] == 1:
        return values[:, 0]
    if values.dim() != 1:
        raise InputError(
            f"{name} must have shape (n,) or (n, 1); it has {tuple(values.shape)}. "
            "Pass the column of the good outcome."
        )
    return values


def _weights(sample_weight: Tensor | None, score: Tensor) -> Tensor:
    """Weights of mean 1 over the rows that count, so that their unit means nothing."""
    if sample_weight is None:
        return torch.ones_like(score)
    weight = _column("sample_weight", sample_weight).to(score.dtype)
    good = len(weight) == len(score) and bool((torch.isfinite(weight) & (weight >= 0)).all())
    if not good:
        raise InputError(
            f"sample_weight must be zero or more, one per row; it has {len(weight)} values for "
            f"{len(score)} rows, or some are negative, missing or infinite. Correct them."
        )
    counted = (weight > 0).sum().clamp_min(1)
    return weight * counted / weight.sum().clamp_min(1e-12)
