"""The server dies in mid-lecture: the picture stays, the hand goes on, all is caught up with."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect

pytestmark = pytest.mark.expect_console("WebSocket", "ERR_CONNECTION", "ERR_FAILED")
LONG = "#rho=0.9&phi=linear&input=noise&H=64&T=1000000"


def test_killed_while_it_plays_with_a_view_open_that_is_computed_behind(
    page: Page, own_server: Server
) -> None:
    instrument = Instrument(page, own_server.url).open(
        "#rho=0.9&phi=linear&H=16&T=60&bottom=powers"
    )
    expect(page.locator(".powers")).to_contain_text("W")
    page.keyboard.press("Space")
    own_server.kill()
    gone = page.locator(".message-server")
    expect(gone).to_contain_text("The server is gone. What you made stays here")
    expect(instrument.verdict).to_contain_text("Gradients vanish")
    instrument.wait("document.querySelector('.readout h2').textContent !== 'at t = 1'")
    page.keyboard.press("Space")
    # Changes in a row, one of them taken back, and another view.
    instrument.rho.fill("1.2")
    instrument.rho.fill("0.3")
    page.keyboard.press("Control+z")
    page.locator("body").press("h")
    pictures = instrument.pictures
    own_server.start()
    instrument.wait_for("recurrent.spectral_radius", 1.2)
    expect(gone).to_be_hidden()
    expect(instrument.verdict).to_contain_text("Gradients explode")
    assert instrument.pictures > pictures
    instrument.wait("rhoscope.painted.steps === 60")
    expect(page.locator(".message-line")).to_be_hidden()


def test_killed_in_the_middle_of_a_long_run_the_last_whole_picture_is_shown(
    page: Page, own_server: Server
) -> None:
    instrument = Instrument(page, own_server.url).open("#rho=1.3&phi=linear&H=8&T=40").rest()
    before = instrument.painted
    words = instrument.verdict.inner_text()
    page.evaluate(f"location.hash = '{LONG}'")
    expect(page.locator(".progress")).to_be_visible()
    own_server.kill()
    expect(page.locator(".message-server")).to_contain_text("The server is gone")
    expect(page.locator(".progress")).to_be_hidden()
    expect(instrument.verdict).to_have_text(words)
    assert instrument.painted == before
    page.evaluate("location.hash = '#rho=0.7&phi=linear&H=8&T=40'")
    own_server.start()
    instrument.wait_for("recurrent.spectral_radius", 0.7)
    expect(instrument.verdict).to_contain_text("Gradients vanish")


def test_killed_before_plotly_came_it_comes_with_the_server(page: Page, own_server: Server) -> None:
    page.route("**/assets/plotly-*", lambda route: route.abort())
    instrument = Instrument(page, own_server.url).open("#rho=0.9&H=8&T=40")
    page.locator(".norms .panel-body").hover()
    expect(page.locator(".message-axes")).to_be_visible()
    page.unroute("**/assets/plotly-*")
    own_server.kill()
    expect(page.locator(".message-server")).to_be_visible()
    own_server.start()
    expect(page.locator(".message-axes")).to_be_hidden()
    instrument.point()


def test_another_version_that_comes_back_asks_for_a_reload(page: Page, own_server: Server) -> None:
    Instrument(page, own_server.url).open("#rho=0.9&H=8&T=40").rest()
    page.evaluate("rhoscope.version = '0.0.1'")
    own_server.kill()
    expect(page.locator(".message-server")).to_be_visible()
    own_server.start()
    expect(page.locator(".message-remark")).to_contain_text(
        "Reload for the page that belongs to it"
    )
