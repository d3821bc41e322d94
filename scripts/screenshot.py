"""Takes the README's picture from the running product: docs/screenshot.png, the opening view."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.serving import Server  # noqa: E402

CHROMIUM = os.environ.get("RHOSCOPE_CHROMIUM", "/usr/bin/chromium")
RESTED = """() => window.rhoscope?.picturesPainted > 0
  && document.querySelectorAll('.panel .plot.is-moving').length === 0
  && document.querySelectorAll('.panel .plot .main-svg').length >= 8"""


def main() -> None:
    with Server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(
            viewport={"width": 1280, "height": 720}, device_scale_factor=1.5, bypass_csp=True
        )
        page.goto(server.url)
        page.wait_for_function(RESTED)
        page.screenshot(path=ROOT / "docs" / "screenshot.png")
        browser.close()


if __name__ == "__main__":
    main()
