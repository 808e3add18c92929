"""Where a label can stand in a picture without covering a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

NARROW = 340.0
"""Pixels between the axes of a narrow figure; in a wider one labels cover less."""

LINE = 20.0  # pixels: height of a label
_LETTER = 6.8  # pixels: width of a letter of the font of labels
_RADIUS = 8.0  # pixels around the middle of a point

Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in pixels from the lower left corner of the plot."""


def text_width(text: str) -> float:
    """About how wide a label is, in pixels."""
    return _LETTER * len(text) + 6


@dataclass(eq=False)
class Places:
    """A plot of known size with points in it, and the labels that stand there already.

    Attributes
    ----------
    x, y : ndarray, shape (n,)
        Points in the unit of the axes.
    x_range, y_range : (float, float)
    height : float
        Pixels between the axes.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    height: float
    taken: list[Box] = field(default_factory=list)

    def across(self, x: float) -> float:
        """Pixels from the left."""
        return NARROW * (x - self.x_range[0]) / (self.x_range[1] - self.x_range[0])

    def above(self, y: float) -> float:
        """Pixels from below."""
        return self.height * (y - self.y_range[0]) / (self.y_range[1] - self.y_range[0])

    def take(self, boxes: Sequence[Box]) -> int:
        """Which box is best, and take it: inside, free of labels, with the fewest points.

        The first of equally good ones wins.
        """
        best = min(range(len(boxes)), key=lambda i: (*self._cost(boxes[i]), i))
        self.taken.append(boxes[best])
        return best

    def _cost(self, box: Box) -> tuple[float, int, int]:
        left, bottom, right, top = box
        outside = max(-left, -bottom, right - NARROW, top - self.height, 0.0)
        crossed = sum(
            left < r and lft < right and bottom < t and b < top for lft, b, r, t in self.taken
        )
        x = NARROW * (self.x - self.x_range[0]) / (self.x_range[1] - self.x_range[0])
        y = self.height * (self.y - self.y_range[0]) / (self.y_range[1] - self.y_range[0])
        covered = (
            (x > left - _RADIUS) & (x < right + _RADIUS)
            & (y > bottom - _RADIUS) & (y < top + _RADIUS)
        )  # fmt: skip
        return (outside if outside > 1 else 0.0, crossed, int(covered.sum()))
