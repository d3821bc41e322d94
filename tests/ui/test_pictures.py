"""Pictures to take along: of a panel and of the page, as PNG and as SVG."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect

LINK = "#rho=1.2&H=8&T=40&input=noise"
SVG = "{http://www.w3.org/2000/svg}"


def taken(page: Page, subject: str, format: str, folder: Path) -> Path:
    """Saves a picture as a hand would, by the save menu."""
    if not page.locator(".save[open]").count():
        page.locator(".save summary").click()
    page.get_by_role("combobox", name="picture of").select_option(label=subject)
    with page.expect_download() as download:
        page.get_by_role("button", name=format, exact=True).click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    expect(page.locator(".save [role=status]")).to_have_text(f"picture: saved as {file.name}")
    return file


def colours_of(page: Page, file: Path) -> tuple[int, int, int]:
    """Width and height of a PNG, and how many colours it has."""
    text = base64.b64encode(file.read_bytes()).decode()
    script = """async (text) => {
      const image = new Image();
      image.src = `data:image/png;base64,${text}`;
      await image.decode();
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, image.width, image.height);
      const pixels = new Uint32Array(data.buffer);
      return [image.width, image.height, new Set(pixels).size];
    }"""
    width, height, colours = page.evaluate(script, text)
    return width, height, colours


def test_the_page_is_taken_at_the_size_of_a_projector(
    page: Page, server: Server, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    instrument = Instrument(page, server.url).open(LINK)
    for theme in ("light", "dark", "projector"):
        with subtests.test(theme):
            instrument.use_theme(theme)
            instrument.rest()
            before = page.locator(".norms .marks").evaluate("(canvas) => canvas.toDataURL()")
            file = taken(page, "the page", "PNG", tmp_path)
            width, height, colours = colours_of(page, file)
            assert (file.name, width, height) == ("rhoscope-page.png", 1920, 1080)
            assert colours > 100
            # The screen is what it was.
            instrument.rest()
            assert page.locator(".norms .marks").evaluate("(e) => e.toDataURL()") == before


def test_a_panel_is_an_svg_that_any_program_reads(
    page: Page, server: Server, tmp_path: Path
) -> None:
    Instrument(page, server.url).open(LINK).rest()
    root = ElementTree.parse(taken(page, "norms and gradients", "SVG", tmp_path)).getroot()
    assert root.tag == f"{SVG}svg"
    words = " ".join("".join(each.itertext()) for each in root.iter(f"{SVG}text"))
    assert "Norms and gradients" in words and "step t" in words and "10" in words
    said = root.find(f"{SVG}desc")
    assert said is not None and said.text is not None
    assert "ρ = 1.2, tanh, H = 8, T = 40, t = 1" in said.text and "#H=8&rho=1.2" in said.text
    assert "Rhoscope 0." in said.text
    hrefs = [each.get("href", "") for each in root.iter(f"{SVG}image")]
    assert hrefs and all(href.startswith("data:image/png") for href in hrefs)
    assert not list(root.iter(f"{SVG}foreignObject"))


def test_pictures_are_taken_by_keyboard_alone(page: Page, server: Server, tmp_path: Path) -> None:
    Instrument(page, server.url).open(LINK).rest()
    page.locator(".save summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("combobox", name="picture of").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "rhoscope-hidden-states.png"
    page.keyboard.press("Escape")
    expect(page.locator(".save")).not_to_have_attribute("open", "")
