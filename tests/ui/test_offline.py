"""An exported file, opened from the disk with no server: everything that moves still moves."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Frame, Page
from typer.testing import CliRunner

from app import cli
from tests.serving import Server
from tests.ui.instrument import LATEST_MS, Instrument, expect, expect_no_overflow

LINK = "#rho=0.9&H=16&T=60&input=noise"
RADII = "0:2:0.1"


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Exports a link as the command does; each of them once."""
    folder = tmp_path_factory.mktemp("exported")

    @cache
    def export(link: str = LINK, *options: str) -> Path:
        output = folder / f"{len(list(folder.iterdir()))}.html"
        arguments = ["export", link, "-o", str(output), *(options or ("--rho-values", RADII))]
        result = CliRunner().invoke(cli.cli, arguments)
        assert result.exit_code == 0, result.output
        return output

    return export


def opened(page: Page, file: Path, link: str = "") -> Instrument:
    page.set_default_timeout(LATEST_MS)
    instrument = Instrument(page, "")
    page.goto(f"{file.as_uri()}{link}")
    instrument.wait("rhoscope.picturesPainted > 0")
    return instrument


def pixels(page: Page | Frame, panel: str) -> str:
    """What is painted in a panel, as text."""
    script = "(panel) => document.querySelector(`${panel} .marks`).toDataURL()"
    return str(page.evaluate(script, panel))


def test_the_slider_turns_every_panel_with_no_server(page: Page, exported: Callable) -> None:
    instrument = opened(page, exported())
    assert instrument.painted["recurrent"]["spectral_radius"] == 0.9
    expect(instrument.verdict).to_contain_text("Gradients vanish")
    before = {panel: pixels(page, panel) for panel in (".hidden-states", ".norms", ".eigenvalues")}
    instrument.drag_rho(1.2, 1.63)
    instrument.wait_for("recurrent.spectral_radius", 1.6)  # the nearest that is recorded
    expect(instrument.rho).to_have_value("1.6")
    for panel, picture in before.items():
        assert pixels(page, panel) != picture, panel
    page.keyboard.press("Control+z")
    instrument.wait_for("recurrent.spectral_radius", 0.9)
    assert pixels(page, ".hidden-states") == before[".hidden-states"]


def test_the_file_shows_what_the_server_shows(
    page: Page, new_context: Callable[..., BrowserContext], server: Server, exported: Callable
) -> None:
    """The same link, live and from the disk: the same pixels, the same words."""
    live = Instrument(new_context().new_page(), server.url).open(LINK).rest()
    instrument = opened(page, exported()).rest()
    for panel in (".hidden-states", ".norms", ".eigenvalues", ".weights"):
        assert pixels(page, panel) == pixels(live.page, panel), panel
    assert instrument.verdict.inner_text() == live.verdict.inner_text()
    readouts = [each.locator(".readout").inner_text() for each in (page, live.page)]
    assert readouts[0] == readouts[1]


def test_scrubbing_playing_keys_and_themes_live_on(page: Page, exported: Callable) -> None:
    instrument = opened(page, exported()).rest()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("step t", exact=True)).to_have_value("2")
    line = page.locator(".timeline").bounding_box()
    assert line is not None
    page.mouse.click(line["x"] + line["width"] / 2, line["y"] + 12)
    expect(page.get_by_label("step t", exact=True)).not_to_have_value("2")
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(page.get_by_label("step t", exact=True)).not_to_have_value("1")
    page.keyboard.press("Space")
    page.keyboard.press("]")
    instrument.wait_for("recurrent.spectral_radius", 1)
    page.keyboard.press("[")
    page.keyboard.press("[")
    instrument.wait_for("recurrent.spectral_radius", 0.8)
    for theme in ("dark", "projector", "light"):
        page.keyboard.press("d")
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
    page.keyboard.press("?")
    expect(page.locator(".help-sheet")).to_be_visible()
    expect_no_overflow(page)


def test_what_is_not_recorded_says_so_and_changes_nothing(page: Page, exported: Callable) -> None:
    options = ("--rho-values", "0.5,1.5", "--live", "https://rho.example/")
    instrument = opened(page, exported(LINK, *options))
    cell = page.get_by_label("cell", exact=True)
    expect(cell).to_be_disabled()
    expect(cell).to_have_attribute("title", "This is recorded: open the live page to change it.")
    expect(page.get_by_role("link", name="Open the live page")).to_have_attribute(
        "href", "https://rho.example/"
    )
    for key in ("n", "o"):
        page.keyboard.press(key)
    expect(page.locator(".message-remark")).to_contain_text("open the live page")
    assert instrument.painted["recurrent"]["seed"] == 0
    # A file chooser would have opened for o.
    expect(page.locator(".controls .recorded")).to_contain_text("3 values of ρ from 0.5 to 1.5")
    assert instrument.pictures == 1


def test_a_second_parameter_can_be_chosen(page: Page, exported: Callable) -> None:
    options = ("--rho-values", "0.9,1.2", "--over", "phi=relu,linear")
    instrument = opened(page, exported(LINK, *options))
    page.get_by_label("activation φ").select_option("linear")
    instrument.wait_for("cell.activation", "linear")
    assert instrument.painted["recurrent"]["spectral_radius"] == 0.9
    instrument.rho.focus()
    page.keyboard.press("ArrowRight")
    instrument.wait_for("recurrent.spectral_radius", 1.2)
    assert instrument.painted["cell"]["activation"] == "linear"


def test_views_that_were_open_are_there_at_every_radius(page: Page, exported: Callable) -> None:
    link = "#rho=1.2&H=2&T=30&top=influence&bottom=powers&side=state_space&h0=random"
    instrument = opened(page, exported(link, "--rho-values", "0.8,1.2")).rest()
    expect(page.locator(".powers .panel-legend")).to_contain_text("grows to")
    before = {panel: pixels(page, panel) for panel in (".influence", ".powers", ".state-space")}
    page.keyboard.press("[")
    instrument.wait_for("recurrent.spectral_radius", 0.8)
    instrument.rest()
    for panel, picture in before.items():
        page.wait_for_function(
            "([it, was]) => document.querySelector(`${it} .marks`).toDataURL() !== was",
            arg=[panel, picture],
        )
    menu = page.locator(".influence select[data-place]")
    assert menu.locator("option[value=atlas]").get_attribute("disabled") is None


def test_an_address_in_the_file_is_followed_where_it_is_recorded(
    page: Page, exported: Callable
) -> None:
    file = exported()
    assert opened(page, file, f"{LINK.replace('0.9', '1.5')}&t=9").painted["recurrent"][
        "spectral_radius"
    ] == pytest.approx(1.5)
    expect(page.get_by_label("step t", exact=True)).to_have_value("9")
    page.goto("about:blank")
    opened(page, file, "#rho=0.123")
    expect(page.locator(".message-remark")).to_contain_text("not recorded in this file")


@pytest.mark.expect_console("422")
def test_a_hand_makes_the_file_in_the_page_and_opens_it(
    page: Page, server: Server, new_context: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    Instrument(page, server.url).open(LINK)
    page.locator(".save summary").click()
    page.get_by_role("button", name="offline page").click()
    sheet = page.get_by_role("dialog", name="One HTML file for offline use")
    sheet.get_by_label("values of ρ").fill("0.5,nonsense")
    sheet.get_by_role("button", name="make it").click()
    expect(sheet.get_by_role("alert")).to_contain_text(
        "The values of ρ cannot be read: got '0.5,nonsense'"
    )
    sheet.get_by_label("values of ρ").fill("0.5, 1.5")
    sheet.get_by_label("second parameter").select_option("phi")
    expect(sheet.get_by_label("its values")).to_have_value("tanh, relu, linear")
    sheet.get_by_role("button", name="make it").click()
    expect(sheet.get_by_role("status")).to_contain_text("9 runs")
    expect(sheet.get_by_role("status")).to_contain_text("MB")
    with page.expect_download() as download:
        sheet.get_by_role("button", name="save", exact=True).click()
    file = tmp_path / "lecture.html"
    download.value.save_as(file)
    instrument = opened(new_context().new_page(), file)
    instrument.page.get_by_label("activation φ").select_option("relu")
    instrument.wait_for("cell.activation", "relu")


@pytest.mark.parametrize("sandbox", ["allow-scripts", "allow-scripts allow-same-origin"])
def test_it_runs_in_a_sandboxed_frame_under_its_own_policy(
    new_context: Callable[..., BrowserContext], exported: Callable, sandbox: str, tmp_path: Path
) -> None:
    """As a learning platform shows an upload: no origin, no storage, nothing fetched."""
    page = new_context(bypass_csp=False).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    outside = tmp_path / "course.html"
    file = exported().as_uri()
    frame_html = f'<iframe sandbox="{sandbox}" src="{file}" width="1240" height="680"></iframe>'
    outside.write_text(frame_html)
    page.goto(outside.as_uri())
    inside, frame = page.frame_locator("iframe"), page.frames[1]
    verdict, slider = inside.locator(".verdict"), inside.get_by_role("slider", name="spectral")
    expect(verdict).to_contain_text("Gradients vanish", timeout=LATEST_MS)
    words, before = verdict.inner_text(), pixels(frame, ".norms")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("1.4")
    expect(verdict).not_to_have_text(words, timeout=LATEST_MS)
    assert frame.evaluate("rhoscope.painted.recurrent.spectral_radius") > 0.9
    assert pixels(frame, ".norms") != before
    # Plotly comes to a pointer, out of the file itself.
    inside.locator(".norms .panel-body").hover()
    expect(inside.locator(".norms .main-svg").first).to_be_visible(timeout=LATEST_MS)
    assert {url.partition("#")[0] for url in asked} == {outside.as_uri(), file}


@pytest.mark.expect_console("exception: Failed to fetch")
@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda text: text[: len(text) // 2], "This file is cut off"),
        (lambda text: text[:-60], "This file is cut off"),
        (lambda text: damaged(text, "page"), "the page in it can't be unpacked"),
        (lambda text: damaged(text, "recording"), "what it has recorded can't be read"),
    ],
    ids=["half", "no end", "page", "recording"],
)
def test_a_broken_file_says_so(
    page: Page, exported: Callable, tmp_path: Path, harm: Callable[[str], str], words: str
) -> None:
    broken = tmp_path / "broken.html"
    broken.write_text(harm(exported().read_text("utf-8")), "utf-8")
    page.goto(broken.as_uri())
    expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()


def damaged(text: str, name: str) -> str:
    """The file with a few characters of a packed part changed."""
    at = text.index(f'id="packed-{name}">') + len(f'id="packed-{name}">') + 400
    return f"{text[:at]}{'A' * 24}{text[at + 24 :]}"


def test_the_opening_view_fits_a_mail(exported: Callable) -> None:
    assert exported("", "--max-bytes", "8000000").stat().st_size < 8_000_000
