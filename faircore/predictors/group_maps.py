"""Which map of scores a row is held to, by its groups, and why each group has the map it has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from faircore.data import as_frame
from faircore.errors import InputError
from faircore.predictors.group_fit import GroupFit
from faircore.predictors.group_key import GroupKey
from faircore.predictors.score_map import ScoreMap

Floats = NDArray[np.float64]
UnseenMap = Literal["parent", "pooled", "refuse"]


@dataclass(frozen=True)
class GroupMaps:
    """A map of scores for every group of every crossing, and for everybody.

    Attributes
    ----------
    keys : tuple of GroupKey
        The crossing of all attributes first, then crossings of fewer, then each attribute alone.
        All take unknown groups (``unseen="pooled"``); what becomes of them is decided here.
    maps : tuple of tuple of ScoreMap
        The map in use for each group of each key.
    everybody : ScoreMap
    unseen : {"parent", "pooled", "refuse"}
        What becomes of a row whose crossed group is not known: it is held to the closest known
        group that contains it (the most attributes, then the fewest rows), to everybody's map, or
        refused.
    report : tuple of GroupFit
        Everybody first, then every group of every key; empty when nothing is known of the fit.
    """

    keys: tuple[GroupKey, ...]
    maps: tuple[tuple[ScoreMap, ...], ...]
    everybody: ScoreMap
    unseen: UnseenMap = "parent"
    report: tuple[GroupFit, ...] = ()

    def __post_init__(self) -> None:
        if self.unseen not in get_args(UnseenMap):
            raise InputError(
                f"unseen must be 'parent', 'pooled' or 'refuse'; it is {self.unseen!r}. Say what "
                "becomes of a row whose group was not there while fitting."
            )
        told = [key.n_groups for key in self.keys]
        widths = [len(key.attributes) for key in self.keys]
        inside = all(set(key.attributes) <= {*self.attributes} for key in self.keys)
        if told != [len(one) for one in self.maps] or widths != sorted(widths)[::-1] or not inside:
            raise InputError(
                f"Maps by group need one map per group of each key, the crossing of all attributes "
                f"first; the keys have {told} groups. Fit them again."
            )

    @property
    def attributes(self) -> tuple[str, ...]:
        """Attributes a row must be told with; none where everybody has the same map."""
        return self.keys[0].attributes if self.keys else ()

    def apply(self, scores: ArrayLike, sensitive: Any = None) -> Floats:
        """Map each score by the map of its row's group.

        Parameters
        ----------
        scores : array, shape (n,)
            In [0, 1].
        sensitive : DataFrame or mapping, n rows
            With the attributes; not read where there are none. A missing value is a label.

        Returns
        -------
        ndarray, shape (n,)

        Raises
        ------
        InputError
            When a score is no probability, an attribute is missing, numbers of rows differ, or a
            row's group is not known and such rows are refused.
        """
        found = np.asarray(scores, np.float64)
        if not self.keys:
            return self.everybody(found)
        frame = self._frame(sensitive)
        if found.shape != (len(frame),):
            raise InputError(
                f"Scores and sensitive attributes must have one row per person; the shapes are "
                f"{found.shape} and ({len(frame)},). Pass columns of the same table."
            )
        which = self._places(frame)
        out = np.empty(len(found))
        order = np.argsort(which, kind="stable")
        ends = np.cumsum(np.bincount(which, minlength=len(self._flat)))
        for place in np.unique(which).tolist():
            rows = order[ends[place - 1] if place else 0 : ends[place]]
            out[rows] = self._flat[place](found[rows])
        return out

    def n_unknown(self, sensitive: Any) -> int:
        """Rows whose crossed group was not there while fitting."""
        if not self.keys:
            return 0
        return int((self.keys[0].codes(self._frame(sensitive)) < 0).sum())

    @cached_property
    def _flat(self) -> list[ScoreMap]:
        """Every map: everybody's, then those of each key."""
        return [self.everybody, *(one for of_key in self.maps for one in of_key)]

    def _frame(self, sensitive: Any) -> pd.DataFrame:
        """The attributes of each row."""
        given = {} if sensitive is None else sensitive
        frame = as_frame(given, prefix=self.attributes[0])
        absent = [name for name in self.attributes if name not in frame.columns]
        if absent:
            raise InputError(
                f"These maps go by {' and '.join(self.attributes)}, and {' and '.join(absent)} is "
                "not among the columns given. Add the column, or calibrate for everybody alike."
            )
        return frame[list(self.attributes)]

    def _places(self, frame: pd.DataFrame) -> NDArray[np.intp]:
        """Place of each row's map in the flat list."""
        key = self.keys[0]
        if self.unseen == "refuse":
            key = replace(key, unseen="refuse")
        which = key.codes(frame) + 1
        lost = np.flatnonzero(which == 0)
        if len(lost) and self.unseen == "parent":
            which[lost] = self._ancestors(frame.iloc[lost])
        return which

    def _ancestors(self, frame: pd.DataFrame) -> NDArray[np.intp]:
        """Place of the closest known group that contains each row, 0 for everybody."""
        found = np.zeros(len(frame), np.intp)
        fewest = np.full(len(frame), np.inf)
        depth = np.zeros(len(frame), np.intp)
        # As they are saved: what is read back must decide alike.
        sizes = {(fit.attributes, fit.labels): fit.shown().n for fit in self.report}
        starts = np.cumsum([1, *(key.n_groups for key in self.keys)]).tolist()
        for key, start in zip(self.keys, starts, strict=False):
            codes = key.codes(frame)
            rows = np.array([sizes.get((key.attributes, x), 0) for x in key.labels] + [0])[codes]
            width = len(key.attributes)
            better = (codes >= 0) & ((depth == 0) | (depth == width) & (rows < fewest))
            found[better], fewest[better] = codes[better] + start, rows[better]
            depth[better] = width
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain data that :meth:`from_dict` reads, fit for JSON.

        Numbers of rows of hidden groups are left out: 0 stands for fewer than 10, 10 for others.
        """
        return {
            "keys": [[list(key.attributes), [list(x) for x in key.labels]] for key in self.keys],
            "maps": [[one.to_dict() for one in of_key] for of_key in self.maps],
            "everybody": self.everybody.to_dict(),
            "unseen": self.unseen,
            "report": [asdict(fit.shown()) for fit in self.report],
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> GroupMaps:
        """Read what :meth:`to_dict` wrote."""
        return cls(
            tuple(GroupKey(tuple(a), tuple(map(tuple, x)), "pooled") for a, x in raw["keys"]),
            tuple(tuple(ScoreMap.from_dict(one) for one in of_key) for of_key in raw["maps"]),
            ScoreMap.from_dict(raw["everybody"]),
            raw["unseen"],
            tuple(
                GroupFit(**{**fit, **{name: tuple(fit[name]) for name in ("attributes", "labels")}})
                for fit in raw["report"]
            ),
        )

    def to_array(self) -> NDArray[np.uint8]:
        """Bytes that :meth:`from_array` reads."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)
        return np.frombuffer(text.encode(), np.uint8).copy()

    @classmethod
    def from_array(cls, array: NDArray[np.uint8]) -> GroupMaps:
        """Read what :meth:`to_array` wrote."""
        return cls.from_dict(json.loads(array.astype(np.uint8).tobytes()))
