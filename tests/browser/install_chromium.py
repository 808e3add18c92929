"""Make sure there is a Chromium for the browser tests: use one, or install one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.harness import find_chromium


def playwright_has_one() -> bool:
    """Whether Playwright's own Chromium is installed."""
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def main() -> int:
    """Try in turn: one that is there, Debian's package, Playwright's own."""
    if find_chromium() or playwright_has_one():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "check": False}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        # What Debian recommends beside it runs printers and finds other machines: not asked for.
        packages = ["--no-install-recommends", "chromium", "fonts-liberation"]
        subprocess.run(["apt-get", "install", "-y", "-qq", *packages], **quiet)
        if find_chromium():
            return 0
    done = subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if done.returncode == 0 and playwright_has_one():
        return 0
    print(
        "The browser tests need a Chromium, and none could be installed. Install one and put it "
        "on the PATH, or name it in FAIRCORE_CHROMIUM.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
