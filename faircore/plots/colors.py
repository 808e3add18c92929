"""Colours: by default those of the page's theme, so that one figure suits light and dark.

A trace without a colour of its own takes the theme's colour of its position. Groups are always
drawn in the order of their partition, so a group has the same colour on every page; a figure that
is saved takes :data:`SAVED_COLORS` in the same order.
"""

from __future__ import annotations

CONTEXT = "rgba(128, 132, 140, 0.55)"
"""What stands behind: grey enough to recede on light and on dark paper."""

SAVED_COLORS = (
    "#0072B2", "#D55E00", "#00875F", "#B85C90", "#A87400",
    "#3A8FC4", "#6E6E00", "#5B5B57", "#7A4FA3", "#A33B3B",
)  # fmt: skip
"""Okabe & Ito's palette, each colour moved to a contrast of 3 to 1 with paper."""
