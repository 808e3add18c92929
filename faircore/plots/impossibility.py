"""What equalising one rate does to the others, in one picture."""

from __future__ import annotations

from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from faircore.audit import EQUALISED, Impossibility
from faircore.metrics import RATES
from faircore.numerals import percent, points
from faircore.plots.colors import CONTEXT
from faircore.plots.layout import calm

# Pale enough at both ends for dark text on light paper and light text on dark.
_SHADE = [[0.0, "rgba(128,132,140,0.05)"], [1.0, "rgba(213,94,0,0.5)"]]
_DARKEST = 0.3  # a gap of 30 points or more has the full colour


def impossibility_figure(found: Impossibility) -> go.Figure:
    """Above, the gaps that are left when one is closed; below, the base rates that force them.

    Parameters
    ----------
    found : Impossibility
    """
    grid, bars = 64 + 40 * len(found.scenarios), 24 + 34 * len(found.groups)
    figure = make_subplots(
        rows=2, cols=1, row_heights=[grid, bars], vertical_spacing=88 / (grid + bars + 176),
    )  # fmt: skip
    figure.add_trace(_gaps(found), row=1, col=1)
    for position, base in enumerate(found.base_rates.tolist()):
        figure.add_trace(
            go.Bar(
                x=[round(base, 5)], y=[position], orientation="h", width=0.6, marker_color=CONTEXT,
                name=escape(found.groups[position]), text=[percent(base)], textposition="outside",
                cliponaxis=False, customdata=[escape(found.groups[position])],
                hovertemplate="%{customdata}: %{text}<extra></extra>",
            ),
            row=2, col=1,
        )  # fmt: skip
    calm(figure, height=grid + bars + 176, barmode="overlay")
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, ticklabelstandoff=6)
    figure.update_yaxes(
        tickvals=list(range(len(found.groups))),
        ticktext=[
            f"{escape(name)}<br>n = {n:,.0f}"
            for name, n in zip(found.groups, found.people, strict=True)
        ],
        row=2, col=1,
    )  # fmt: skip
    figure.update_xaxes(side="top", showgrid=False, tickangle=0, row=1, col=1)
    highest = float(found.base_rates.max())
    figure.update_xaxes(
        tickformat=".0%", range=[0, max(1.2 * highest, 0.05)], nticks=6,
        title="Good outcomes in each group", row=2, col=1,
    )  # fmt: skip
    return figure.update_layout(margin={"l": 8, "r": 16, "t": 72, "b": 48})


def _gaps(found: Impossibility) -> go.Heatmap:
    """One row per scenario, one column per gap; the last column is the calibration given up."""
    measures = list(found.scenarios[0].gaps)
    columns = [f"Gap in<br>{RATES[m].title.lower()}" for m in measures] + [
        "Scores bent<br>by up to"
    ]
    values, texts = [], []
    for scenario in found.scenarios:
        bent = max(scenario.bent.tolist(), default=float("nan")) if scenario.equalised else 0.0
        row = [*(scenario.gaps[m] for m in measures), bent]
        values.append([round(v, 5) if v == v else None for v in row])
        texts.append([points(v) for v in row])
    return go.Heatmap(
        x=columns,
        y=[EQUALISED[s.equalised] for s in found.scenarios],
        z=values,
        text=texts,
        texttemplate="%{text}",
        textfont={"size": 15},
        colorscale=_SHADE,
        zmin=0,
        zmax=_DARKEST,
        showscale=False,
        xgap=3,
        ygap=3,
        hovertemplate="%{y}: %{x} %{text}<extra></extra>",
    )
