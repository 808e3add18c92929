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
from faircore.predictors.group_key import GroupKey
from faircore.predictors.score_map import ScoreMap

Floats = NDArray[np.float64]
UnseenMap = Literal["parent", "pooled", "refuse"]
Reason = Literal[
    "everybody", "own", "few_for_flexible", "as_asked", "too_few", "one_outcome", "not_different"
]

EVERYBODY = "everybody"
FEWEST_TOLD = 10
"""A smaller number of rows is not put into words: it may name somebody."""

_NAMES = {"platt": "Platt", "identity": "none"}


@dataclass(frozen=True)
class GroupFit:
    """How one group came by its map.

    Attributes
    ----------
    attributes, labels : tuple of str
        Empty for everybody.
    n : int
        Rows.
    n_effective : float
        Rows that their weights are worth, (Σw)² / Σw².
    n_positive : int
        Rows of the good outcome.
    method : str
        Kind of map in use: of its own, or of the group it is taken from.
    own : bool
        Whether something was fitted to its own rows.
    parent : str
        Name of the group it stands on, ``"everybody"``, or empty for everybody.
    reason : str
        ``everybody``; ``own``; ``few_for_flexible`` (Platt of its own, as it is too small for what
        was asked); ``as_asked`` (told to leave its scores); or why it uses its parent's map:
        ``too_few``, ``one_outcome``, ``not_different``.
    least : int
        Rows a group needs for a map of its own.
    statistic, p_value : float, optional
        Likelihood-ratio test that its own slope and offset are no better than its parent's map.
    raw_slope, raw_offset, slope_error, offset_error : float, optional
        Fitted on the log-odds of the parent's map, and standard errors; no deviation is 1 and 0.
    weight, slope_weight : float, optional
        Share of its own deviation that is kept: of the offset where its scores are, and of the
        slope.
    slope, offset : float, optional
        In use, on top of the parent's map; None where its own map is none of this form.
    hidden : bool
        Whether its numbers of rows may not leave: they are few, or would give few away.
    """

    attributes: tuple[str, ...]
    labels: tuple[str, ...]
    n: int
    n_effective: float
    n_positive: int
    method: str
    own: bool
    parent: str
    reason: Reason
    least: int = 30
    statistic: float | None = None
    p_value: float | None = None
    raw_slope: float | None = None
    raw_offset: float | None = None
    slope_error: float | None = None
    offset_error: float | None = None
    weight: float | None = None
    slope_weight: float | None = None
    slope: float | None = None
    offset: float | None = None
    hidden: bool = False

    @property
    def name(self) -> str:
        """Name such as ``Black · Female``, or ``everybody``."""
        return " · ".join(self.labels) or EVERYBODY

    def in_words(self) -> str:
        """What it uses and why, in one line; a number of rows below 10 is not told."""
        small = self.hidden or self.n < FEWEST_TOLD
        few_rows = f"fewer than {FEWEST_TOLD} rows"
        rows = few_rows if self.n < FEWEST_TOLD else f"{self.n:,} rows"
        rows = "rows not shown" if self.hidden and self.n >= FEWEST_TOLD else rows
        if self.reason in ("too_few", "one_outcome", "not_different"):
            p = _p_text(self.p_value or 0.0)
            worth = "" if self.n < self.least else f" worth {self.n_effective:,.0f}"
            few = "" if small else f"{worth}, fewer than {self.least}"
            before = {"too_few": few, "one_outcome": " of one outcome"}.get(self.reason, "")
            after = f", likelihood-ratio p {p}" if self.reason == "not_different" else ""
            return f"{rows}{before}: uses the calibrator of {self.parent}{after}"
        if self.method == "identity":
            return f"{rows}: scores as they are"
        whose = "for everybody" if self.reason == EVERYBODY else "of its own"
        few = ", too few for a more flexible one" if self.reason == "few_for_flexible" else ""
        return f"{rows}: {_NAMES.get(self.method, self.method)} {whose}{few}{self._drawn()}"

    def shown(self) -> GroupFit:
        """The same without numbers of rows that may not leave."""
        if not self.hidden:
            return self
        n = 0 if self.n < FEWEST_TOLD else FEWEST_TOLD
        return replace(self, n=n, n_effective=float(n), n_positive=0)

    def _drawn(self) -> str:
        """How far it is drawn to its parent, in words."""
        parts = {"offset": self.weight, "slope": self.slope_weight}
        told = {k: f"{100 * (1 - w):.0f} %" for k, w in parts.items() if w is not None}
        alike = set(told.values())
        if alike <= {"0 %"}:
            return ""
        each = " and ".join(f"{part} {share}" for part, share in told.items())
        how = f"drawn {alike.pop()}" if len(alike) == 1 else f"drawn {each}"
        return f", {how} towards that of {self.parent}"


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
        sizes = {(fit.attributes, fit.labels): fit.n for fit in self.report}
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


def _p_text(p: float) -> str:
    """A p-value as ``= .41``, without the zero that says nothing."""
    if not 0.001 <= p <= 0.99:
        return "< .001" if p < 0.001 else "> .99"
    return "= " + f"{p:.{2 if p >= 0.1 else 3}f}"[1:]
