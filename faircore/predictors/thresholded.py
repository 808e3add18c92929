"""A score there is, cut group by group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faircore.predictors.draws import row_draws
from faircore.predictors.existing import ExistingScore
from faircore.predictors.group_key import GroupKey
from faircore.predictors.group_rule import GroupRule
from faircore.predictors.inputs import Inputs

if TYPE_CHECKING:
    from faircore.predictors import Predictor

BASE = "base."


@dataclass(frozen=True, eq=False)
class Thresholded:
    """A model whose score is cut by a rule of its row's group.

    Its own scores are the base's moved group by group so that the rule is to cut at one half; see
    :meth:`faircore.predictors.GroupRule.shifted`. They are no probabilities any more.

    Attributes
    ----------
    base : Predictor
    rule : GroupRule
    """

    base: Predictor
    rule: GroupRule

    @property
    def key(self) -> GroupKey:
        """The groups it knows."""
        return self.rule.key

    @property
    def needs_groups(self) -> tuple[str, ...]:
        """Sensitive attributes it must be told."""
        return tuple(dict.fromkeys((*self.rule.key.attributes, *self.base.needs_groups)))

    @property
    def n_features(self) -> int | None:
        """Encoded columns it expects; None when it reads others."""
        return self.base.n_features

    @property
    def shape_text(self) -> str:
        """Its shape in words."""
        return f"{self.base.shape_text} with thresholds for {self.rule.key.n_groups} groups"

    def scores(self, inputs: Inputs) -> NDArray[np.float64]:
        """Moved score of each row, (n,): selected where it is at least one half."""
        return self.cut(self.base.scores(inputs), inputs)

    def cut(self, scores: NDArray[np.float64], inputs: Inputs) -> NDArray[np.float64]:
        """Move scores of the base that are known already, (n,) to (n,)."""
        codes = self.rule.key.codes(inputs.attributes(self.rule.key.attributes))
        draws = np.zeros(len(scores))
        if self.rule.randomised:
            # All that is known of a row, its group included, but no computed score: the last bits
            # of those depend on who else is asked. Groups tell these draws from a mixture's.
            known = np.column_stack([inputs.encoded, codes])
            if isinstance(self.base, ExistingScore):
                known = np.column_stack([known, scores])
            draws = row_draws(known, seed=self.rule.seed)
        return self.rule.shifted(scores, codes, draws)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Named arrays, for safetensors."""
        rule = self.rule
        return {
            "rule.key": rule.key.to_array(),
            "rule.cuts": rule.cuts,
            "rule.shares": rule.shares,
            "rule.seed": np.array([rule.seed], np.int64),
            **{BASE + name: array for name, array in self.base.to_arrays().items()},
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], read: Callable[[dict[str, Any]], Predictor]
    ) -> Thresholded:
        """Read what :meth:`to_arrays` wrote; ``read`` reads the base."""
        rule = GroupRule(
            GroupKey.from_array(arrays["rule.key"]),
            arrays["rule.cuts"].astype(np.float64),
            arrays["rule.shares"].astype(np.float64),
            int(arrays["rule.seed"][0]),
        )
        return cls(read(below(arrays, BASE)), rule)


def below(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """Arrays whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
