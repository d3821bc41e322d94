"""In a frame of somebody else's page: sandboxed or not, let in or kept out. The page's own policy
is in force here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, FrameLocator, Page

from tests.serving import Server
from tests.ui.instrument import LATEST_MS, expect

LINK = "/embed#rho=1.2&phi=linear&H=8&T=40"


@pytest.fixture
def page(new_context: Callable[..., BrowserContext]) -> Page:
    return new_context(bypass_csp=False).new_page()


@pytest.fixture(scope="module")
def lenient() -> Iterator[Server]:
    with Server("--allow-origin", "null") as running:
        yield running


def framed(page: Page, url: str, attributes: str = "") -> FrameLocator:
    """A page of nobody's with a frame in it."""
    page.set_content(f'<iframe {attributes} src="{url}" width="1200" height="700"></iframe>')
    return page.frame_locator("iframe")


def test_a_sandboxed_frame_that_is_let_in_works_whole(page: Page, lenient: Server) -> None:
    frame = framed(page, lenient.url + LINK, 'sandbox="allow-scripts"')
    expect(frame.locator(".verdict")).to_contain_text("Gradients explode")
    frame.locator(".norms .panel-body").hover()  # Plotly comes when it is wanted
    expect(frame.locator(".norms .plot .main-svg").first).to_be_attached(timeout=LATEST_MS)
    expect(frame.locator(".message-server")).to_be_hidden()
    expect(frame.locator(".message-line")).to_be_hidden()
    frame.get_by_role("slider", name="spectral radius").fill("0.5")
    expect(frame.locator(".verdict")).to_contain_text("Gradients vanish")
    frame.locator("body").press("d")  # without storage the choice lasts as long as the page
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    whole = LINK.replace("/embed", "/")
    frame = framed(page, lenient.url + whole, 'sandbox="allow-scripts"')
    frame.locator("details.save summary").click()
    frame.get_by_role("button", name="copy as PyTorch code").click()
    expect(frame.locator("details.save [role=status]")).not_to_have_text("…")


@pytest.mark.expect_console("CORS", "WebSocket", "403", "net::ERR_FAILED")
def test_a_sandboxed_frame_that_is_kept_out_says_what_to_do(page: Page, server: Server) -> None:
    frame = framed(page, server.url + LINK, 'sandbox="allow-scripts"')
    said = frame.locator(".message-server")
    expect(said).to_contain_text("This frame is sandboxed")
    expect(said).to_contain_text("--allow-origin null")
    expect(said).to_contain_text("allow-same-origin")
    expect(frame.get_by_role("slider", name="spectral radius")).to_be_visible()


def test_any_page_may_frame_it_even_one_from_disk(
    page: Page, server: Server, tmp_path: Path
) -> None:
    deck = tmp_path / "deck.html"
    deck.write_text(f'<!doctype html><iframe src="{server.url}{LINK}"></iframe>')
    page.goto(deck.as_uri())
    expect(page.frame_locator("iframe").locator(".verdict")).to_contain_text("Gradients explode")


@pytest.mark.expect_console("frame-ancestors", "ERR_BLOCKED_BY_RESPONSE")
@pytest.mark.parametrize(("who", "is_let_in"), [("self", False), ("file:", True)])
def test_frame_ancestors_names_who_may(
    page: Page, tmp_path: Path, who: str, is_let_in: bool
) -> None:
    deck = tmp_path / "deck.html"
    with Server("--frame-ancestors", who) as own:
        deck.write_text(f'<!doctype html><iframe src="{own.url}{LINK}"></iframe>')
        verdict = page.frame_locator("iframe").locator(".verdict")
        if is_let_in:
            page.goto(deck.as_uri())
            expect(verdict).to_contain_text("Gradients explode")
        else:
            with page.expect_event("requestfailed") as blocked:
                page.goto(deck.as_uri())
            assert blocked.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"
            expect(verdict).to_have_count(0)
        page.goto(own.url)  # on its own it opens in any case
        expect(page.locator(".verdict")).to_contain_text("Gradients")
        page.close()
