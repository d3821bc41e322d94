"""Edges of the subject: overflow, nothing at all, one unit, a long run, a server that goes away."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect


def test_overflow_is_shown_and_the_log_norm_goes_on(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=2&phi=relu&T=2000&t=2000")
    run = instrument.posted(
        {"recurrent": {"spectral_radius": 2.0}, "cell": {"activation": "relu"}, "steps": 2000}
    )
    log10_norm = run["log10_norm_h"]
    first = int((log10_norm > 38.6).argmax())
    note = page.locator(".hidden-states .panel-note")
    expect(note).to_contain_text("leaves float32 at t = ")
    shown = int(note.inner_text().rsplit(" ", 1)[1])
    assert abs(shown - (first + 1)) <= 2
    assert log10_norm[-1] > 100
    expect(instrument.verdict).to_contain_text("Activations explode")
    assert "10" in instrument.readout("‖ht‖")


EDGES = (
    "#T=1",
    "#H=1",
    "#T=1&H=1&phi=relu",
    "#H=1&ensemble=rotation&phi=linear",
    "#rho=0",
    "#input=silence",
    "#amplitude=1e30",
    "#amplitude=1e-30&rho=0.5",
    "#gain=3&phi=linear",
    "#ensemble=delay_line&H=16&phi=linear&T=50",
    "#ensemble=antisymmetric&H=1",
    "#ensemble=sparse&H=2",
    "#ensemble=ring&H=5&phi=linear",
    "#at=every&loss=mse",
    "#B=3&input=noise",
    "#D=3&O=5",
    "#dtype=float64&rho=0.5",
    "#h0=random&input=silence&ensemble=identity",
)


def test_edges_are_painted_whole(page: Page, server: Server, subtests: pytest.Subtests) -> None:
    instrument = Instrument(page, server.url).open("#H=16")
    for link in EDGES:
        with subtests.test(link):
            instrument.turn_to(link)
            expect(page.locator(".message-problem")).to_be_hidden()
            assert not page.locator("text=/NaN|undefined|null/").filter(visible=True).count()
            for key in ("ArrowRight", "End", "Home", "h", "n"):
                page.keyboard.press(key)
            instrument.wait("rhoscope.painted.recurrent.seed === 1")


@pytest.mark.parametrize("link", ["#T=1&H=1", "#amplitude=1e30"])
def test_a_page_begins_at_an_edge(page: Page, server: Server, link: str) -> None:
    Instrument(page, server.url).open(link).rest().point()
    expect(page.locator(".message-problem")).to_be_hidden()
    assert not page.locator("text=/NaN|undefined|null/").filter(visible=True).count()


def test_a_nilpotent_matrix_says_why_rho_does_nothing(page: Page, server: Server) -> None:
    Instrument(page, server.url).open("#ensemble=delay_line&H=16&phi=linear&T=50&rho=1.5")
    expect(page.locator(".rho-hint")).to_contain_text("can't be rescaled")
    expect(page.locator(".verdict")).to_contain_text("Gradients die: exactly zero")


def test_a_long_run_shows_progress_and_can_be_stopped(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#H=16")
    page.evaluate("location.hash = '#H=512&T=100000&rho=0.9'")
    stop = page.get_by_role("button", name="stop")
    stop.click()
    expect(page.get_by_role("progressbar")).to_be_hidden()
    # What is on the screen is one run again: the last whole one, verdict and panels alike.
    expect(page.locator(".message-problem")).to_contain_text("the last whole run")
    assert instrument.painted["cell"]["hidden_size"] == 16
    expect(instrument.verdict).not_to_contain_text("computing")
    instrument.rest()
    page.get_by_label("units H", exact=True).fill("8")
    page.get_by_label("steps T", exact=True).fill("40")
    instrument.wait_for("steps", 40)
    expect(page.locator(".message-problem")).to_be_hidden()


def test_a_million_steps_cost_the_page_no_more_than_ten_thousand(
    page: Page, server: Server
) -> None:
    received: list[int] = []
    page.on("websocket", lambda ws: ws.on("framereceived", lambda data: received.append(len(data))))
    instrument = Instrument(page, server.url)
    taken = []
    for steps in (10_000, 1_000_000):
        received.clear()
        instrument.open(f"#H=4&T={steps}&rho=0.9&input=noise")
        instrument.wait_for("steps", steps)
        taken.append(sum(received))
        page.goto("about:blank")
    # A hundred times the steps, the same columns: only the pieces they come in are more.
    assert taken[1] < 3 * taken[0], taken


@pytest.mark.expect_console("WebSocket", "ERR_CONNECTION_REFUSED")
def test_the_page_outlives_its_server(page: Page, own_server: Server) -> None:
    instrument = Instrument(page, own_server.url).open("#rho=0.9&H=8").rest()
    own_server.kill()
    gone = page.locator(".message-server")
    expect(gone).to_contain_text("The server is gone")
    page.locator("body").press("ArrowRight")  # what needs no server goes on
    expect(page.get_by_label("step t", exact=True)).to_have_value("2")
    instrument.rho.fill("0.4")
    own_server.start()
    instrument.wait_for("recurrent.spectral_radius", 0.4)
    expect(gone).to_be_hidden()
    assert instrument.painted["cell"]["hidden_size"] == 8


@pytest.mark.expect_console("ERR_FAILED", "request failed")
def test_without_plotly_the_page_paints_and_says_so(page: Page, server: Server) -> None:
    page.route("**/assets/plotly-*", lambda route: route.abort())
    instrument = Instrument(page, server.url).open()
    page.locator(".norms .panel-body").hover()
    expect(page.locator(".message-axes")).to_contain_text("Plotly could not be loaded")
    instrument.rho.fill("0.5")
    instrument.wait_for("recurrent.spectral_radius", 0.5)
