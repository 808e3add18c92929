"""A real server and helpers that make a real browser's tests of it robust."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Self

from playwright.sync_api import ConsoleMessage, Page, TimeoutError

ROOT = Path(__file__).resolve().parents[2]
LAUNCH_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--no-first-run",
]
# On a page's own address Streamlit first looks for its server below that address.
KNOWN_NOISE = ("/_stcore/health", "/_stcore/host-config", "ResizeObserver loop")


def find_chromium() -> str | None:
    """Path of the browser to drive; None leaves the choice to Playwright's own."""
    named = os.environ.get("FAIRCORE_CHROMIUM")
    if named:
        return named
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


class Server:
    """`streamlit run` of one script in a process of its own, with a workspace of its own.

    Use it as a context manager: it starts on entering, and stops only what it started.
    """

    def __init__(self, script: str | Path = "app.py", *, env: dict[str, str] | None = None) -> None:
        self.script = str(script)
        self.env = env or {}

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="faircore-browser-"))
        self.workspace = self.folder / "workspace"
        self.log = self.folder / "server.log"
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "streamlit", "run", self.script]
        command += ["--server.port", str(self.port)]
        env = os.environ | {"FAIRCORE_WORKSPACE": str(self.workspace)} | self.env
        self._output: IO[bytes] = self.log.open("wb")
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=self._output, stderr=subprocess.STDOUT
        )
        try:
            self._wait_until_healthy()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._output.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_text(self) -> str:
        """Everything the server has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def _wait_until_healthy(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise RuntimeError(f"the server for {self.script} did not start:\n{self.log_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def watch_errors(page: Page) -> list[str]:
    """Collect what goes wrong in the page: uncaught errors and console errors."""
    errors: list[str] = []

    def note(text: str) -> None:
        if not any(noise in text for noise in KNOWN_NOISE):
            errors.append(text)

    page.on("pageerror", lambda error: note(f"uncaught: {error}"))

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error":
            note(f"console: {said.text} ({said.location.get('url', '')})")

    page.on("console", hear)
    return errors


# Streamlit starts a run a moment after the click that asks for it, so a page counts as idle
# only when it has stayed so for a few frames.
IDLE = """
async (frames) => {
  const idle = () =>
    document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "notRunning"
    && document.querySelector('[data-testid="stApp"]').dataset.testConnectionState === "CONNECTED"
    && !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]');
  for (let calm = 0; calm < frames; calm = idle() ? calm + 1 : 0)
    await new Promise(requestAnimationFrame);
  return true;
}
"""


def wait_idle(page: Page, *, frames: int = 8) -> None:
    """Wait until Streamlit has nothing running and nothing stale on the screen."""
    page.wait_for_selector('[data-testid="stApp"]')
    page.evaluate(IDLE, frames)


def open_page(page: Page, url: str) -> None:
    """Go to an address and wait until it has been drawn."""
    page.goto(url)
    wait_idle(page)


def select_option(page: Page, label: str, value: str) -> None:
    """Choose an option of the selectbox with this label by its text."""
    box = page.get_by_role("combobox", name=label, exact=True)
    option = page.get_by_role("option", name=value, exact=True)
    for attempt in range(5):
        wait_idle(page)
        box.click()
        # Long lists draw only the options in view, so the text narrows them first.
        if box.is_editable():
            box.fill(value)
        try:
            option.click(timeout=2_000)
            break
        except TimeoutError:  # a rerun that arrives late closes the list again
            if attempt == 4:
                raise
            page.keyboard.press("Escape")
    wait_idle(page)


def decide_alone(page: Page, reason: str, *, name: str = "Ada") -> None:
    """On the Decide page: propose what is selected, open the sealed rows, record it alone."""
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Why this point").fill(reason)
    page.get_by_role("button", name="Propose this point").click()
    page.get_by_role("heading", name="The proposal").wait_for()
    wait_idle(page)
    page.get_by_role("button", name="Open the sealed rows").click()
    page.get_by_role("heading", name="What the sealed rows say").wait_for()
    wait_idle(page)
    page.get_by_role("button", name="Record the decision alone").click()
    page.get_by_text("The choice that stands").wait_for()
    wait_idle(page)


def choose_point(page: Page, reason: str) -> None:
    """From the Frontier: choose the selected point, decide alone, go on to Export."""
    page.get_by_role("button", name="Choose this point").click()
    page.get_by_role("heading", name="Decide", exact=True).wait_for()
    wait_idle(page)
    decide_alone(page, reason)
    page.get_by_role("button", name="Download the model").click()
    page.get_by_role("heading", name="Export", exact=True).wait_for()
    wait_idle(page)
