"""What a figure says when there is nothing to draw."""

from __future__ import annotations

import plotly.graph_objects as go

from faircore.plots.cloud import wrapped


def say_why(figure: go.Figure, reason: str) -> go.Figure:
    """Hide the axes and write why nothing is drawn, and what to do next."""
    figure.add_annotation(
        text=wrapped(reason, 52), showarrow=False, font_size=14,
        xref="paper", yref="paper", x=0.5, y=0.5,
    )  # fmt: skip
    figure.update_xaxes(visible=False)
    return figure.update_yaxes(visible=False)
