"""A real reveal.js deck with three embeds: keys, play on slide start, state across slides."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Frame, Page, expect

from tests.serving import Server
from tests.ui.elsewhere import Elsewhere

LATEST_MS = 20_000
PAINTED = "() => window.rhoscope?.picturesPainted > 0"
QUERIES = ("controls=min", "view=norms,time&autoplay=never", "view=top&controls=none")
LINKS = ("#rho=1.03&phi=linear&T=2000", "#rho=0.9", "#rho=1.5")


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as site:
        yield site


@pytest.fixture
def deck(page: Page, server: Server, elsewhere: Elsewhere) -> Page:
    """The deck, opened, with the first embed's picture on the screen."""
    page.set_default_timeout(LATEST_MS)
    slides = [
        f'<section><iframe data-src="{server.url}/embed?{query}{link}" width="900" height="540" '
        'title="an embed"></iframe></section>'
        for query, link in zip(QUERIES, LINKS, strict=True)
    ]
    page.goto(elsewhere.deck(*slides))
    embed(page, 0)
    return page


def embed(page: Page, slide: int) -> Frame:
    """The frame of a slide, once its picture is painted."""
    page.wait_for_function("slide => Reveal.getIndices().h === slide", arg=slide)
    element = page.wait_for_selector("section.present iframe[src]", state="attached")
    frame = element.content_frame()
    assert frame is not None
    frame.wait_for_function(PAINTED)
    return frame


def is_playing(frame: Frame) -> bool:
    return frame.locator(".clock-play").get_attribute("aria-label") == "pause"


def test_keys_work_after_a_click_in_the_frame(deck: Page) -> None:
    first = embed(deck, 0)
    first.locator(".hidden-states .panel-body").click()
    deck.keyboard.press("ArrowRight")
    second = embed(deck, 1)
    # What was taken in hand with the pointer does not hold the keys back either.
    second.get_by_role("slider", name="spectral radius").click()
    deck.keyboard.press("PageDown")
    third = embed(deck, 2)
    third.locator(".panel-body").first.click()
    deck.keyboard.press("ArrowLeft")
    second = embed(deck, 1)
    second.locator(".timeline canvas").click(position={"x": 200, "y": 10})
    deck.keyboard.press("Space")
    embed(deck, 2)
    deck.keyboard.press("Home")
    embed(deck, 0)


def test_a_control_that_has_the_focus_from_the_keyboard_keeps_its_keys(deck: Page) -> None:
    first = embed(deck, 0)
    slider = first.get_by_role("slider", name="spectral radius")
    first.locator(".clock-play").click()
    while not slider.evaluate("each => each === document.activeElement"):
        deck.keyboard.press("Shift+Tab")
    deck.keyboard.press("ArrowRight")
    first.wait_for_function("() => rhoscope.painted.recurrent.spectral_radius === 1.04")
    assert deck.evaluate("Reveal.getIndices().h") == 0
    # A presenter's clicker is heard all the same once the hand has clicked somewhere.
    first.locator(".hidden-states .panel-body").click()
    deck.keyboard.press("PageDown")
    embed(deck, 1)


def test_it_plays_with_its_slide_and_not_before_or_after(deck: Page) -> None:
    first = embed(deck, 0)
    expect(first.get_by_role("button", name="pause")).to_be_visible()
    first.wait_for_function("() => Number(document.querySelector('.clock-t').value) > 3")
    deck.keyboard.press("ArrowRight")
    second = embed(deck, 1)
    second.wait_for_function("() => document.querySelector('.clock-play').dataset.shows")
    assert not is_playing(second)


def test_space_pauses_what_plays_before_it_turns_the_slide(deck: Page) -> None:
    first = embed(deck, 0)
    expect(first.get_by_role("button", name="pause")).to_be_visible()
    first.locator(".hidden-states .panel-body").click()
    deck.keyboard.press("Space")
    expect(first.get_by_role("button", name="play", exact=True)).to_be_visible()
    assert deck.evaluate("Reveal.getIndices().h") == 0
    deck.keyboard.press("Space")
    embed(deck, 1)


def test_a_slide_that_comes_back_shows_what_was_made_there(deck: Page) -> None:
    embed(deck, 0)
    deck.keyboard.press("ArrowRight")
    second = embed(deck, 1)
    second.get_by_role("slider", name="spectral radius").fill("1.4")
    second.wait_for_function("() => window.name.includes('rho=1.4')")
    deck.evaluate("Reveal.next()")
    embed(deck, 2)
    # The deck has unloaded it.
    assert deck.locator("section").nth(1).locator("iframe[src]").count() == 0
    deck.evaluate("Reveal.prev()")
    second = embed(deck, 1)
    second.wait_for_function("() => rhoscope.painted.recurrent.spectral_radius === 1.4")
    second.get_by_role("button", name="back to how this was prepared").click()
    second.wait_for_function("() => rhoscope.painted.recurrent.spectral_radius === 0.9")


def test_a_deck_that_is_loaded_anew_is_as_it_was_prepared(deck: Page) -> None:
    deck.evaluate("Reveal.next()")
    second = embed(deck, 1)
    second.get_by_role("slider", name="spectral radius").fill("1.4")
    second.wait_for_function("() => window.name.includes('rho=1.4')")
    deck.wait_for_function("() => location.hash === '#/1'")  # the deck is slower to note its slide
    deck.reload()
    second = embed(deck, 1)
    second.wait_for_function("() => rhoscope.painted.recurrent.spectral_radius === 0.9")


def test_it_takes_neither_focus_nor_wheel(deck: Page) -> None:
    first = embed(deck, 0)
    assert deck.evaluate("document.activeElement === document.body")
    prevented = first.evaluate(
        """() => [...document.querySelectorAll('.panel-body, .timeline canvas, .rho-slider')]
          .map((each) => each.dispatchEvent(new WheelEvent('wheel', {cancelable: true})))
          .filter((goesOn) => !goesOn).length"""
    )
    assert prevented == 0


def test_who_wants_less_motion_gets_none_by_itself(
    new_context: Callable[..., BrowserContext], server: Server, elsewhere: Elsewhere
) -> None:
    page = new_context(reduced_motion="reduce").new_page()
    link = f"{server.url}/embed?autoplay=always#rho=1.2"
    frame = f'<iframe data-src="{link}" title="an embed"></iframe>'
    page.goto(elsewhere.deck(f"<section>{frame}</section>"))
    assert not is_playing(embed(page, 0))
