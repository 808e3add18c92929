"""How quickly the Frontier page answers in a real browser: first load, slider, clicks, filters.

    python -m benchmarks.dashboard_speed [candidates ...] [--keep FOLDER]     default: 200 1000 5000

Each review is made up of noisy scores (tests/made_up.py), so that everything the page computes is
real but nothing was trained. One session is measured alone, then beside 4 and 19 others that move
the slider every five seconds: a browser page each, so that the same cores also draw them all;
what the server itself works for a move is told beside it. Medians. Making 5,000 takes minutes: with
--keep they stay in FOLDER and are used again.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from faircore.records import Review, ReviewStore
from tests.browser.harness import LAUNCH_ARGS, Server, find_chromium, wait_idle
from tests.made_up import made_up_review

REPEATS = 15
SESSIONS = (1, 5, 20)
EVERY = 5.0
"""Seconds between two moves of a session that is not measured."""

AFTER = 5
"""Seconds between a server's start and its first visitor, who types the address meanwhile."""

BUDGETS = {
    "first load": 4_000,
    "slider moves in the browser": 16,
    "text after release": 100,
    "group bars after release": 150,
    "click on a point, text": 1_000,
    "filter": 1_000,
    "server's own time": 150,
}
SLIDER = ".st-key-strength input[type=range]"
HEADING = ".st-key-selected-name"

AXIS = "document.querySelector('.st-key-cloud .xtitle')?.textContent"
"""What the cloud is drawn over; it changes in the frame in which the marks do."""

LOCAL_MOVE = """
(input) => {
  const times = [];
  for (let i = 0; i < 40; i++) {
    const start = performance.now();
    input.value = i % (Number(input.max) + 1);
    input.dispatchEvent(new Event("input", {bubbles: true}));
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[20];
}
"""

# Lets go at another stop and waits, frame by frame, until a text and a chart have changed.
RELEASE = """
async (input, [heading, chart, index]) => {
  const name = () => document.querySelector(heading)?.innerText;
  const bars = () => JSON.stringify(
    document.querySelector(chart)?._fullData?.map((t) => Array.from(t.x)) ?? null);
  const before = [name(), bars()], start = performance.now();
  input.value = index;
  input.dispatchEvent(new Event("input", {bubbles: true}));
  input.dispatchEvent(new Event("change", {bubbles: true}));
  const frame = () => new Promise(requestAnimationFrame);
  while (name() === before[0]) await frame();
  const text = performance.now() - start;
  while (bars() === before[1] && performance.now() - start < 5000) await frame();
  return [text, performance.now() - start];
}
"""

ELSEWHERE = """
(input) => {
  let place = Number(input.value);
  setInterval(() => {
    place = (place + 1) % (Number(input.max) + 1);
    input.value = place;
    input.dispatchEvent(new Event("input", {bubbles: true}));
    input.dispatchEvent(new Event("change", {bubbles: true}));
  }, 4500 + 1000 * Math.random());
}
"""


def timed(act: Callable[[], object]) -> float:
    """Milliseconds an act takes."""
    start = time.perf_counter()
    act()
    return 1_000 * (time.perf_counter() - start)


def open_frontier(browser: Browser, url: str) -> Page:
    """A page of its own session, drawn to the end."""
    page = browser.new_context(
        viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    ).new_page()
    page.set_default_timeout(120_000)
    page.goto(url)
    page.locator(f"{SLIDER}").wait_for()
    page.locator(".st-key-cloud .main-svg").first.wait_for()
    wait_idle(page)
    return page


def released(page: Page) -> tuple[float, float]:
    """Medians of text and chart after the slider was let go elsewhere."""
    last = int(page.locator(SLIDER).get_attribute("max") or 0)
    text, chart = [], []
    for i in range(REPEATS):
        index = (int(page.locator(SLIDER).input_value()) + 1 + i % last) % (last + 1)
        found = page.locator(SLIDER).evaluate(
            RELEASE, [HEADING, ".st-key-bars .js-plotly-plot", index]
        )
        text.append(found[0])
        chart.append(found[1])
        page.wait_for_timeout(300)
    return statistics.median(text), statistics.median(chart)


@contextmanager
def others(browser: Browser, url: str, n: int) -> Iterator[None]:
    """Sessions beside the measured one, each moving its slider."""
    pages = [open_frontier(browser, url) for _ in range(n)]
    for page in pages:
        page.locator(SLIDER).evaluate(ELSEWHERE)
    try:
        yield
    finally:
        for page in pages:
            page.context.close()


def worked(server: Server) -> float:
    """Milliseconds of processor time that a server has used."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return 1_000 * sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def clicked(page: Page) -> float:
    """A click on a point of the cloud, until the text beside it has changed."""
    times = []
    for i in range(REPEATS):
        spot = page.evaluate(
            """i => {
                 const gd = document.querySelector('.st-key-cloud .js-plotly-plot');
                 const t = gd._fullData.findIndex((d) => d.mode.includes('markers')
                   && d.customdata && d.customdata.length > 8);
                 const {xaxis, yaxis} = gd._fullLayout, box = gd.getBoundingClientRect();
                 const p = gd.calcdata[t][(i * 37) % gd.calcdata[t].length];
                 gd.scrollIntoView({block: 'center'});
                 const now = gd.getBoundingClientRect();
                 return [now.x + xaxis._offset + xaxis.c2p(p.x),
                         now.y + yaxis._offset + yaxis.c2p(p.y)];
               }""",
            i,
        )
        page.mouse.move(spot[0] - 2, spot[1])
        page.mouse.move(*spot)
        page.wait_for_timeout(150)
        before = page.locator(HEADING).inner_text()
        page.mouse.click(*spot)
        start = time.perf_counter()
        while page.locator(HEADING).inner_text() == before:
            if time.perf_counter() - start > 3:
                break
            page.wait_for_timeout(5)
        else:
            times.append(1_000 * (time.perf_counter() - start))
        wait_idle(page)
    return statistics.median(times) if times else float("nan")


def filtered(page: Page) -> tuple[float, float]:
    """Another disparity: until the cloud is drawn anew, and until everything beside it is."""
    cloud, everything = [], []
    box = page.get_by_role("combobox", name="Fairness", exact=True)
    for name in ("Gap in accuracy", "Gap in selection", "Gap in either error", "Gap in selection"):
        box.click()
        box.fill(name)
        option = page.get_by_role("option", name=name, exact=True)
        option.wait_for()
        before = page.evaluate(AXIS)
        start = time.perf_counter()
        option.click()
        page.wait_for_function(f"before => ({AXIS}) !== before", arg=before, polling="raf")
        cloud.append(1_000 * (time.perf_counter() - start))
        wait_idle(page)
        everything.append(1_000 * (time.perf_counter() - start))
    return statistics.median(cloud), statistics.median(everything)


def review_of(workspace: Path, k: int) -> Review:
    """The review of so many candidates, made where it is not there yet."""
    found = ReviewStore(workspace).list()
    return found[0] if found else made_up_review(workspace, k, n_rows=48_000)


def measure(browser: Browser, k: int, workspace: Path) -> Iterator[tuple[str, float]]:
    """Every figure of one number of candidates, in milliseconds."""
    review = review_of(workspace, k)
    for what, wait in (("at once", 0), (f"{AFTER} s after it started", AFTER)):
        with Server(env={"FAIRCORE_WORKSPACE": str(workspace)}) as server:
            time.sleep(wait)
            url = f"{server.url}/frontier?review={review.id}"
            spent = timed(lambda url=url: open_frontier(browser, url).context.close())
            yield f"first load, the server's first {what}", spent
    with Server(env={"FAIRCORE_WORKSPACE": str(workspace)}) as server:
        url = f"{server.url}/frontier?review={review.id}"
        open_frontier(browser, url).context.close()
        yield (
            "first load of another session",
            statistics.median(
                timed(lambda: open_frontier(browser, url).context.close()) for _ in range(3)
            ),
        )
        page = open_frontier(browser, url)
        yield "slider moves in the browser", page.locator(SLIDER).evaluate(LOCAL_MOVE)
        for n in SESSIONS:
            with others(browser, url, n - 1):
                before, start = worked(server), time.perf_counter()
                text, bars = released(page)
                moves = REPEATS + (n - 1) * (time.perf_counter() - start) / EVERY
                spent = (worked(server) - before) / moves
            yield f"text after release, {n} sessions", text
            yield f"group bars after release, {n} sessions", bars
            yield f"server's own time per move, {n} sessions", spent
        yield "click on a point, text", clicked(page)
        cloud, everything = filtered(page)
        yield "filter, whole cloud", cloud
        yield "filter, everything beside it too", everything
        page.context.close()


def budget_of(what: str) -> float:
    """Milliseconds that a figure may take."""
    return next(most for name, most in BUDGETS.items() if what.startswith(name))


def show(found: dict[int, dict[str, float]]) -> None:
    """A table: every figure of each number of candidates beside its budget; * is missed."""
    sizes = list(found)
    print(f"\n{'milliseconds, medians':54}{'budget':>9}" + "".join(f"{k:>9,}" for k in sizes))
    for what in found[sizes[0]]:
        most = budget_of(what)
        cells = (found[k][what] for k in sizes)
        marks = (f"{ms:8,.0f}{' ' if ms <= most else '*'}" for ms in cells)
        print(f"{what:54}{most:9,.0f}" + "".join(marks))


def main() -> None:
    """Measure each number of candidates that is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("candidates", type=int, nargs="*", default=[200, 1_000, 5_000])
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    found: dict[int, dict[str, float]] = {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=LAUNCH_ARGS)
        for k in asked.candidates:
            found[k] = {}
            for what, ms in measure(browser, k, (asked.keep or Path(scratch)) / str(k)):
                found[k][what] = ms
                print(f"{k:6,}  {what:54} {ms:8,.1f}", flush=True)
        browser.close()
    show(found)


if __name__ == "__main__":
    main()
