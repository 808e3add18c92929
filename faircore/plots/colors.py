"""Colours: one accent, greys for context, and the same colour for the same group everywhere."""

from __future__ import annotations

ACCENT = "#0072B2"
GREY = "#8A8F98"
PALE = "#C9CDD3"

GROUP_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8F98")
"""Okabe & Ito's palette without yellow, which is too pale on paper."""

GROUP_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "x")


def group_style(position: int) -> tuple[str, str]:
    """Colour and marker of a group by its position in its partition."""
    return (
        GROUP_COLORS[position % len(GROUP_COLORS)],
        GROUP_SYMBOLS[position % len(GROUP_SYMBOLS)],
    )
