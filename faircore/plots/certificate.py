"""What can be promised of each option: measured, as bad as chance leaves open, and the limit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

import pandas as pd
import plotly.graph_objects as go

from faircore.errors import InputError
from faircore.frontier import find_objective
from faircore.plots.cloud import wrapped
from faircore.plots.colors import CONTEXT, SAVED_COLORS
from faircore.plots.layout import calm

KEPT = SAVED_COLORS[0]


def certificate_figure(
    certificate: pd.DataFrame,
    rule: str | None = None,
    *,
    names: Mapping[str, str] | None = None,
) -> go.Figure:
    """Options against one rule of a policy.

    Parameters
    ----------
    certificate : DataFrame
        As :meth:`faircore.Certificate.to_frame` gives it.
    rule : str, optional
        Key of the limit to show; the first by default.
    names : mapping of option to str, optional
        What options are called; their keys by default.

    Returns
    -------
    plotly.graph_objects.Figure
        A row per option: a mark at what was measured and a thin line to the worst value that is
        not ruled out; no line where that is not told. Full and blue where the option is certified,
        hollow and grey where not. The dashed line is the limit.

    Raises
    ------
    InputError
        When the certificate has no such rule.
    """
    rules = certificate["rule"].unique().tolist()
    chosen = rules[0] if rule is None and rules else rule
    own = certificate[certificate["rule"] == chosen]
    if own.empty:
        raise InputError(
            f"The certificate has no rule {chosen!r}. Choose one of: {', '.join(rules) or 'none'}."
        )
    objective = find_objective(str(chosen))
    figure = go.Figure()
    told = {option: escape((names or {}).get(option, option)) for option in own["option"]}
    for certified, title in ((True, "certified"), (False, "no certificate")):
        part = own[own["certified"] == certified]
        color = KEPT if certified else CONTEXT
        places = [told[option] for option in part["option"]]
        for place, row in zip(places, part.to_dict("records"), strict=True):
            if not math.isfinite(row["bound"]):
                continue
            figure.add_scatter(
                x=[row["value"], row["bound"]], y=[place, place], mode="lines", hoverinfo="skip",
                line={"color": color, "width": 2}, showlegend=False,
            )  # fmt: skip
        figure.add_scatter(
            x=part["value"], y=places, name=title, mode="markers",
            marker={"size": 11, "color": color,
                    "symbol": "circle" if certified else "circle-open", "line": {"width": 2}},
            customdata=[
                f"<br>could be as bad as {objective.text(value)}" if math.isfinite(value) else ""
                for value in part["bound"]
            ],
            hovertemplate="measured %{x}%{customdata}<extra></extra>",
        )  # fmt: skip
    at = float(own["limit"].iloc[0])
    figure.add_vline(x=at, line={"dash": "dash", "width": 1.5, "color": "#888888"})
    figure.add_annotation(
        x=at, y=1, yref="paper", yanchor="bottom", showarrow=False,
        text=f"limit {objective.text(at)}",
    )  # fmt: skip
    calm(figure, height=130 + 46 * len(own))
    figure.update_layout(showlegend=False, margin_t=36)
    figure.update_xaxes(
        title=wrapped(objective.full_title, 72), tickformat=objective.tickformat, rangemode="tozero"
    )
    figure.update_yaxes(
        categoryorder="array", categoryarray=[*told.values()][::-1], automargin=True
    )
    return figure
