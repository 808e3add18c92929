"""Fixtures of the browser tests: one server and one browser per session, one page per test."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.harness import LAUNCH_ARGS, ROOT, Server, find_chromium, watch_errors

SCREENSHOTS = ROOT / "build" / "screenshots"
REPORT = pytest.StashKey[dict[str, pytest.TestReport]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Leave each phase's report where the `page` fixture can read it."""
    report = yield
    item.stash.setdefault(REPORT, {})[report.when] = report
    return report


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The application itself, on a port and with a workspace of its own."""
    with Server() as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One headless browser for the whole session."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=LAUNCH_ARGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A fresh page; fails the test if anything went wrong in it, and keeps a picture of it."""
    scheme = getattr(request, "param", "light")
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(15_000)
    errors = watch_errors(page)
    yield page
    call = request.node.stash.get(REPORT, {}).get("call")
    if errors or (call is not None and call.failed):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^\w.-]+", "_", request.node.name)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    context.close()
    assert not errors, "\n".join(errors)
