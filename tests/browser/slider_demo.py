"""The smallest page with a frontier, a slider and one fragment; served by the browser tests."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from pages.components.strength_slider import Stop, strength_slider

STRENGTHS = [0.0, 0.05, 0.1, 0.18, 0.32, 0.56, 1.0, 1.8, 3.2, 5.6, 10.0]
GAPS = [14.1 / (1 + strength * 2.2) for strength in STRENGTHS]
ACCURACIES = [85.2 - 0.9 * (index / 10) ** 2 * 6.5 for index in range(11)]
STOPS = [
    Stop(f"λ = {strength:g}", f"accuracy {accuracy:.1f}% · gap {gap:.1f} points", gap, accuracy)
    for strength, gap, accuracy in zip(STRENGTHS, GAPS, ACCURACIES, strict=True)
]


def choose(index: int) -> None:
    """Make one stop the selected one."""
    st.session_state.chosen = index


def choose_point() -> None:
    """Make the clicked point the selected one; a click that deselects changes nothing."""
    points = st.session_state.cloud.selection.points
    if points:
        choose(int(points[0]["customdata"][0]))


def cloud() -> go.Figure:
    """Build the same figure, byte for byte, whatever is selected."""
    points = go.Scatter(
        x=GAPS,
        y=ACCURACIES,
        customdata=[[index] for index in range(len(STOPS))],
        mode="lines+markers",
        marker={"size": 9},
        hovertemplate="gap %{x:.1f} · accuracy %{y:.1f}%<extra></extra>",
    )
    layout = {
        "height": 360,
        "title": "A gap half as wide costs 0.3 points of accuracy",
        "xaxis_title": "gap, points (lower is fairer)",
        "yaxis_title": "accuracy, %",
        "margin": {"l": 60, "r": 20, "t": 50, "b": 50},
    }
    return go.Figure(points, layout)


@st.fragment
def detail() -> None:
    """Say which stop the server holds."""
    st.markdown(f"committed **{st.session_state.chosen}**")


def main() -> None:
    """Draw the page from top to bottom."""
    st.session_state.setdefault("chosen", 4)
    st.session_state.runs = st.session_state.get("runs", 0) + 1

    st.title("Frontier")
    if not st.toggle("hide the slider"):
        strength_slider(
            STOPS,
            index=st.session_state.chosen,
            chart_key="cloud",
            label="Strength of the penalty",
            key="strength",
            on_commit=choose,
        )
    if not st.toggle("hide the chart"):
        st.plotly_chart(cloud(), key="cloud", on_select=choose_point, selection_mode="points")
    left, right = st.columns(2)
    with left:
        detail()
    with right:
        st.markdown(f"runs **{st.session_state.runs}**")
    row = st.selectbox("Row of the table", range(len(STOPS)), index=None, key="row")
    st.button("Take the row", on_click=lambda: choose(st.session_state.row), disabled=row is None)
    if st.toggle("show how it is computed"):
        st.caption("Nothing: the numbers are made up.")


if __name__ == "__main__":  # so that collecting doctests does not run it
    main()
