"""Takes pictures of the running product: docs/screenshot.png, the opening view, for the README, and
frontend/card.png, which stands beside a link to it where links are previewed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.embed_page import CARD_SIZE  # noqa: E402
from tests.serving import Server  # noqa: E402

CHROMIUM = os.environ.get("RHOSCOPE_CHROMIUM", "/usr/bin/chromium")
# Big enough to be read in a preview as wide as a hand.
CARD = (
    "view=verdict,top,bottom,side,time&controls=none&hide=menus&scale=1.35&theme=light"
    "&title=Rhoscope:+see+what+a+recurrent+network+does#rho=1.03&phi=linear&t=120"
)
RESTED = """() => window.rhoscope?.picturesPainted > 0
  && document.querySelectorAll('.panel .plot.is-moving').length === 0"""


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
        width, height = CARD_SIZE
        card = browser.new_page(viewport={"width": width, "height": height}, bypass_csp=True)
        card.goto(f"{server.url}/embed?{CARD}")
        card.wait_for_function("() => window.rhoscope?.picturesPainted > 0")
        card.screenshot(path=ROOT / "frontend" / "card.png")
        browser.close()


if __name__ == "__main__":
    main()
