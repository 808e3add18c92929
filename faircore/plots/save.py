"""Figures as files."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go

from faircore.errors import InputError, MissingToolError
from faircore.plots.colors import SAVED_COLORS

_IMAGES = (".png", ".svg", ".pdf")


def save_figure(figure: go.Figure, path: str | Path) -> Path:
    """Write a figure; the ending says how.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    path : path
        ``.html`` holds Plotly itself and opens without a network; ``.png``, ``.svg`` and ``.pdf``
        are drawn by Kaleido, which needs a Chromium on the machine.

    Raises
    ------
    InputError
        When the ending is another.
    MissingToolError
        When an image is asked for and no Chromium is found.
    """
    path = check_ending(path)
    # A copy with colours of its own: on a page the theme gives them, a file has no theme.
    figure = go.Figure(figure).update_layout(
        template="plotly_white", colorway=SAVED_COLORS, paper_bgcolor="white"
    )
    try:
        if path.suffix.lower() == ".html":
            figure.write_html(path, include_plotlyjs=True, full_html=True)
        else:
            _write_image(figure, path)
    except OSError as error:
        raise InputError(
            f"The figure could not be written to {path.name!r}: {error.strerror}. Choose a folder "
            "that exists and may be written to."
        ) from error
    return path


def check_ending(path: str | Path) -> Path:
    """Refuse a path whose ending is no format a figure is saved in."""
    path = Path(path)
    if path.suffix.lower() not in (".html", *_IMAGES):
        raise InputError(
            f"A figure is saved as .html, {', '.join(_IMAGES)}; the path ends in "
            f"{path.suffix or 'nothing'!r}. Give it one of these endings."
        )
    return path


def _write_image(figure: go.Figure, path: Path) -> None:
    from choreographer.errors import BrowserDepsError, BrowserFailedError, ChromeNotFoundError

    try:
        figure.write_image(
            path, format=path.suffix.lower()[1:], scale=2 if path.suffix.lower() == ".png" else 1
        )
    except (ChromeNotFoundError, BrowserFailedError, BrowserDepsError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "Chrome" not in str(error):
            raise
        raise MissingToolError(
            f"A {path.suffix} picture needs a Chrome or Chromium that starts, and there is none on "
            "this machine. Install one, or save the figure as .html, which needs nothing."
        ) from error
