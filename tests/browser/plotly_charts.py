"""What a test does with a Plotly chart on a Streamlit page: read it, and click its points."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.harness import wait_idle


def chart(page: Page, key: str) -> Locator:
    """The Plotly element of the chart with this key, once it has been drawn."""
    gd = page.locator(f".st-key-{key} .js-plotly-plot")
    expect(gd.locator(".main-svg").first).to_be_visible()
    return gd


def plotly_points(page: Page, key: str) -> list[dict[str, Any]]:
    """Name, x, y, customdata and selectedpoints of every trace, as plain lists."""
    return chart(page, key).evaluate(
        """gd => gd._fullData.map((trace, i) => ({
             name: trace.name,
             x: Array.from(gd.calcdata[i], d => d.x), y: Array.from(gd.calcdata[i], d => d.y),
             customdata: Array.from(trace.customdata ?? [], c => Array.from([c].flat())),
             selectedpoints: trace.selectedpoints ?? null,
           }))"""
    )


def point_position(page: Page, key: str, trace: int, index: int) -> tuple[float, float]:
    """Where a point stands on the screen, in CSS pixels of the viewport."""
    gd = chart(page, key)
    gd.scroll_into_view_if_needed()
    x, y = gd.evaluate(
        """(gd, [trace, index]) => {
             const {xaxis, yaxis} = gd._fullLayout;
             const point = gd.calcdata[trace][index];
             const [x, y] = [xaxis.c2p(point.x), yaxis.c2p(point.y)];
             if (x < 0 || x > xaxis._length || y < 0 || y > yaxis._length)
               throw new Error(`point ${index} of trace ${trace} is outside the view`);
             const box = gd.getBoundingClientRect();
             return [box.x + xaxis._offset + x, box.y + yaxis._offset + y];
           }""",
        [trace, index],
    )
    return float(x), float(y)


def click_point(page: Page, key: str, trace: int, index: int) -> None:
    """Click a point with the real mouse, and wait for the rerun it causes."""
    x, y = point_position(page, key, trace, index)
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    # Plotly finds the point under the mouse on hover, some frames after the move.
    page.wait_for_timeout(120)
    page.mouse.click(x, y)
    # A click becomes a selection only once it can no longer be a double click.
    page.wait_for_timeout(400)
    wait_idle(page)


def plotly_selection(page: Page, key: str) -> list[tuple[int, int]]:
    """The selected points as the browser shows them: pairs of trace and index."""
    traces = plotly_points(page, key)
    return [
        (number, index)
        for number, trace in enumerate(traces)
        for index in trace["selectedpoints"] or []
    ]
