"""How the columns of a later file become what a model reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from faircore.data import Dataset, Encoder, Sensitive, Table
from faircore.data.bins import attribute_groups, bin_labels
from faircore.errors import DataError
from faircore.predictors import (
    BroughtModel,
    Corrected,
    Inputs,
    Predictor,
    Thresholded,
    layers,
)


@dataclass(frozen=True)
class RowReader:
    """What is kept of a dataset's roles so that later rows are read as its own were.

    Attributes
    ----------
    encoder : Encoder
    attributes : tuple of (Sensitive, bool)
        Sensitive attributes the model is told, and whether the names of their ranges are those
        of whole numbers.
    numeric : dict of str to bool
        Columns of a model that reads them unencoded, and whether each is a number.
    score : str, optional
        Column of an existing system's score.
    """

    encoder: Encoder
    attributes: tuple[tuple[Sensitive, bool], ...] = ()
    numeric: dict[str, bool] = field(default_factory=dict)
    score: str | None = None

    @classmethod
    def of(cls, dataset: Dataset, encoder: Encoder, predictor: Predictor) -> RowReader:
        """Keep what this model reads."""
        told = tuple(
            (one, one.bins is not None and _whole(one.bins, dataset.levels[one.column]))
            for one in dataset.spec.sensitive
            if one.column in predictor.needs_groups
        )
        *around, base = layers(predictor)
        if base.n_features is not None:
            return cls(encoder, told)
        if not any(_reads_columns(one) for one in around):
            encoder = Encoder(())
        if not isinstance(base, BroughtModel):
            return cls(encoder, told, score=dataset.spec.score)
        numeric = {
            name: pd.api.types.is_numeric_dtype(dataset.features[name].dtype)
            for name in base.facts.reads
            if name in dataset.features
        }
        return cls(encoder, told, numeric)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns a file needs."""
        told = (one.column for one, _ in self.attributes)
        score = () if self.score is None else (self.score,)
        encoded = (c.name for c in self.encoder.columns)
        return tuple(dict.fromkeys([*encoded, *self.numeric, *told, *score]))

    def inputs(self, table: Table) -> Inputs:
        """Rows of a table as the model reads them.

        Raises
        ------
        DataError
            When a column is missing, or one of numbers holds text.
        """
        absent = [one.column for one, _ in self.attributes if one.column not in table.columns]
        if absent:
            raise DataError(
                f"This model decides by {' and '.join(one.column for one, _ in self.attributes)}, "
                f"and {table.source!r} has no column {absent[0]!r}. Add it, or use a model that "
                "does not need it."
            )
        sensitive = {
            one.column: attribute_groups(table, one, whole=whole)[0]
            for one, whole in self.attributes
        }
        columns = {
            name: table.numbers(name) if number else table.frame[name]
            for name, number in self.numeric.items()
            if name in table.columns
        }
        has_score = self.score is not None and self.score in table.columns
        return Inputs(
            self.encoder.transform_table(table),
            pd.DataFrame(sensitive, index=table.frame.index),
            pd.DataFrame(columns, index=table.frame.index) if self.numeric else None,
            table.numbers(self.score) if has_score and self.score is not None else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold; :meth:`from_dict` reads it."""
        return {
            **self.encoder.to_dict(),
            "attributes": [[one.column, one.bins, whole] for one, whole in self.attributes],
            "numeric": self.numeric,
            "score": self.score,
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> RowReader:
        """Read what :meth:`to_dict` wrote; a bare encoder is one too."""
        attributes = tuple(
            (Sensitive(str(column), None if bins is None else tuple(map(float, bins))), bool(whole))
            for column, bins, whole in stored.get("attributes", [])
        )
        numeric = {str(name): bool(number) for name, number in stored.get("numeric", {}).items()}
        return cls(Encoder.from_dict(stored), attributes, numeric, stored.get("score"))


def _reads_columns(one: Predictor) -> bool:
    """Whether what stands around a model depends on the encoded columns: corrections, and lots."""
    return isinstance(one, Corrected) or (isinstance(one, Thresholded) and one.rule.randomised)


def _whole(bins: tuple[float, ...], levels: tuple[str, ...]) -> bool:
    return set(levels) <= set(bin_labels(bins, whole=True))
