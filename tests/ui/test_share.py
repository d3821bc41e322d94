"""Share: every snippet is taken from the dialog, put where it belongs, and opened."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace

import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import BrowserContext, Page, expect

from tests.serving import Server
from tests.ui.elsewhere import Elsewhere
from tests.ui.instrument import Instrument, expect_no_overflow

PAINTED = "() => window.rhoscope?.picturesPainted > 0"
LINK = "#H=16&rho=1.2&T=50&t=9"


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as site:
        yield site


@pytest.fixture
def sheet(page: Page, server: Server) -> Page:
    """A page with Share open."""
    Instrument(page, server.url).open(LINK)
    page.get_by_role("button", name="share").click()
    return page


def taken(page: Page, format: str) -> str:
    page.get_by_role("tab", name=format, exact=True).click()
    return page.get_by_label("code").input_value()


def expect_same_experiment(page: Page) -> None:
    """The frame of the page shows what was shared."""
    element = page.wait_for_selector("iframe[src]", state="attached")
    frame = element.content_frame()
    assert frame is not None
    frame.wait_for_function(PAINTED)
    painted = frame.evaluate("rhoscope.painted")
    assert (painted["recurrent"]["spectral_radius"], painted["steps"]) == (1.2, 50)
    assert "t=" in frame.evaluate("location.hash")


def opened(sheet: Page, address: str) -> None:
    sheet.goto(address)
    expect_same_experiment(sheet)


def test_the_link_opens_the_whole_page(sheet: Page, server: Server) -> None:
    assert taken(sheet, "Link") == f"{server.url}/{LINK}"


def test_the_iframe_in_a_page(sheet: Page, elsewhere: Elsewhere) -> None:
    opened(sheet, elsewhere.page(taken(sheet, "iframe")))


def test_the_slide_in_a_deck(sheet: Page, elsewhere: Elsewhere) -> None:
    code = taken(sheet, "reveal.js")
    opened(sheet, elsewhere.deck("<section>before</section>", code) + "#/1")


def test_the_block_of_a_quarto_document(sheet: Page, elsewhere: Elsewhere) -> None:
    # Quarto hands a raw block of {=html} on as it is; any Markdown reader finds its bounds.
    text = f"Before.\n\n{taken(sheet, 'Quarto')}\n\nAfter.\n"
    [block] = [token for token in MarkdownIt().parse(text) if token.type == "fence"]
    assert block.info == "{=html}"
    opened(sheet, elsewhere.page(block.content))


def test_the_cell_of_a_notebook(
    sheet: Page, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def frame(src: str, width: int | str, height: int | str) -> None:
        # As IPython 9 writes it; before that the address was not escaped, which reads the same.
        size = f'width="{width}" height="{height}"'
        made.append(f'<iframe {size} src="{html.escape(src)}" frameborder="0"></iframe>')

    display = SimpleNamespace(IFrame=frame)
    for name in ("IPython", "IPython.display"):
        module = ModuleType(name)
        module.__dict__.update(vars(display), display=display)
        monkeypatch.setitem(sys.modules, name, module)
    exec(taken(sheet, "Jupyter"), {})
    opened(sheet, elsewhere.page(made[0]))


def test_the_picture_with_a_link_in_markdown(sheet: Page, elsewhere: Elsewhere) -> None:
    sheet.goto(elsewhere.page(MarkdownIt().render(taken(sheet, "Markdown"))))
    picture = sheet.locator("a > img")
    expect(picture).to_have_attribute("alt", re.compile("ρ = 1.2, H = 16, T = 50"))
    assert picture.evaluate("async (each) => (await each.decode(), each.naturalWidth)") == 1200
    picture.click()
    sheet.wait_for_function(PAINTED)
    assert sheet.url.endswith(LINK)


def test_the_element_in_a_page(sheet: Page, elsewhere: Elsewhere) -> None:
    opened(sheet, elsewhere.page(taken(sheet, "<rho-scope>")))


def test_choices_change_code_and_preview_at_once(sheet: Page) -> None:
    assert 'width="960" height="540"' in taken(sheet, "iframe")
    preview = sheet.frame_locator(".share-preview iframe")
    expect(preview.locator(".norms")).to_be_visible()
    sheet.get_by_label("size").select_option(label="480 × 320")
    sheet.locator("#share-theme").select_option("dark")
    sheet.get_by_label("upper panel", exact=True).uncheck()
    sheet.locator("#share-controls").select_option("none")
    code = taken(sheet, "iframe")
    assert 'width="480" height="320"' in code
    assert "embed?view=verdict,bottom,time&amp;controls=none&amp;theme=dark#" in code
    expect(preview.locator("html[data-theme=dark] .hidden-states")).to_be_hidden()
    expect(preview.locator(".embed-bar")).to_have_count(0)
    sheet.get_by_label("size").select_option(label="as wide as the page, 16:9")
    assert "aspect-ratio: 960 / 540" in taken(sheet, "iframe")


def test_by_keyboard_alone(sheet: Page) -> None:
    expect(sheet.get_by_role("button", name="copy")).to_be_focused()
    sheet.keyboard.press("Shift+Tab")
    sheet.keyboard.press("Shift+Tab")
    expect(sheet.get_by_role("tab", name="Link", exact=True)).to_be_focused()
    sheet.keyboard.press("ArrowRight")
    expect(sheet.get_by_role("tab", name="iframe", exact=True)).to_be_focused()
    assert sheet.get_by_label("code").input_value().startswith("<iframe")
    expect(sheet.locator(".share-preview iframe")).to_have_count(1)
    sheet.keyboard.press("Escape")
    expect(sheet.get_by_role("button", name="share")).to_be_focused()
    # What was looked at runs no longer.
    expect(sheet.locator(".share-preview iframe")).to_have_count(0)


@pytest.mark.parametrize("permissions", [["clipboard-read", "clipboard-write"], []])
def test_it_copies_with_and_without_permission(
    new_context: Callable[..., BrowserContext], server: Server, permissions: list[str]
) -> None:
    page = new_context(permissions=permissions).new_page()
    Instrument(page, server.url).open(LINK)
    if not permissions:
        refuse = "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }"
        page.evaluate(refuse)
    page.get_by_role("button", name="share").click()
    page.get_by_role("button", name="copy").click()
    expect(page.locator(".share-copy")).to_have_text("copied")
    # What was copied is what a paste brings.
    page.keyboard.press("Escape")
    field = page.get_by_label("step t", exact=True)
    field.evaluate("(each) => (each.type = 'text', each.value = '')")
    field.focus()
    page.keyboard.press("Control+V")
    expect(field).to_have_value(f"{server.url}/{LINK}")


def test_on_a_phone_it_fits(new_context: Callable[..., BrowserContext], server: Server) -> None:
    page = new_context(viewport={"width": 390, "height": 844}).new_page()
    Instrument(page, server.url).open(LINK)
    page.get_by_role("button", name="share").click()
    page.get_by_role("tab", name="reveal.js").click()
    box = page.locator(".share-sheet").bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
    inner = "document.querySelector('.share-sheet')"
    assert page.evaluate(f"{inner}.scrollWidth <= {inner}.clientWidth")
    expect_no_overflow(page)
