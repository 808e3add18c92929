"""Figures as files."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go

from faircore.errors import InputError, MissingToolError

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
    path = Path(path)
    if path.suffix == ".html":
        figure.write_html(path, include_plotlyjs=True, full_html=True)
        return path
    if path.suffix not in _IMAGES:
        raise InputError(
            f"A figure is saved as .html, {', '.join(_IMAGES)}; the path ends in "
            f"{path.suffix or 'nothing'!r}. Give it one of these endings."
        )
    from choreographer.errors import ChromeNotFoundError

    try:
        figure.write_image(path, scale=2 if path.suffix == ".png" else 1)
    except (ChromeNotFoundError, RuntimeError) as error:
        raise MissingToolError(
            f"A {path.suffix} picture needs a Chrome or Chromium, and none was found on this "
            "machine. Install one, or save the figure as .html, which needs nothing."
        ) from error
    return path
