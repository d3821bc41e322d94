"""What a person sees first, on every screen, and that it is true."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from tests.serving import Server
from tests.ui.instrument import Instrument, expect, expect_no_overflow


def test_the_opening_view_is_its_link(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open()
    painted = instrument.painted
    assert painted["recurrent"]["spectral_radius"] == 1.03
    assert painted["cell"]["activation"] == "linear"
    assert (painted["steps"], painted["cell"]["hidden_size"], painted["version"]) == (200, 64, 1)
    expect(instrument.verdict).to_contain_text("Gradients explode")
    expect(instrument.rho).to_have_value("1.03")


def test_rho_is_a_native_slider_with_a_name(page: Page, server: Server) -> None:
    rho = Instrument(page, server.url).open().rho
    expect(rho).to_have_count(1)
    found = rho.evaluate("e => [e.tagName, e.type, e.min, e.max, e.step]")
    assert found == ["INPUT", "range", "0", "2", "0.001"]


def test_numbers_on_the_page_are_those_of_the_run(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.8&T=60&H=16")
    run = instrument.posted(
        {"recurrent": {"spectral_radius": 0.8}, "steps": 60, "cell": {"hidden_size": 16}}
    )
    assert instrument.readout("∂L/∂h") == as_shown(run["log10_grad_h"][0])
    assert instrument.readout("share") == "0"  # h_0 = 0: step 1 has no part in ∂L/∂W_hh
    page.keyboard.press("End")
    expect(page.locator(".readout h2")).to_have_text("at t = 60")
    assert instrument.readout("‖ht‖") == as_shown(run["log10_norm_h"][-1])
    assert instrument.readout("share") == as_shown(run["log10_grad_W_hh"][-1])


def as_shown(log10: float) -> str:
    """A power of ten as the page writes it: “0.42” or “3.2 · 10⁻³⁷”."""
    if -3 < log10 < 5:
        return f"{float(f'{10**log10:.3g}'):g}" if log10 < 3 else f"{float(f'{10**log10:.3g}'):.0f}"
    exponent = int(log10 // 1)
    mantissa = f"{10 ** (log10 - exponent):.1f}"
    return f"{mantissa} · 10{str(exponent).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


@pytest.mark.expect_console("willReadFrequently")  # reading pixels is the test's doing
def test_every_panel_is_painted(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open().rest()
    for panel in (".hidden-states", ".norms", ".eigenvalues", ".weights"):
        colours = page.evaluate(
            """(selector) => {
              const canvas = document.querySelector(`${selector} .marks`);
              const context = canvas.getContext("2d");
              const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
              return new Set(new Uint32Array(data.buffer)).size;
            }""",
            panel,
        )
        assert colours > 20, f"{panel} is blank"
    expect(page.locator(".equation math")).to_be_visible()
    instrument.point()
    assert page.evaluate("Plotly.version").startswith("4.")


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1440, 900), (390, 844)])
def test_it_fits_every_screen(
    new_context: Callable[..., BrowserContext],
    server: Server,
    subtests: pytest.Subtests,
    width: int,
    height: int,
) -> None:
    page = new_context(viewport={"width": width, "height": height}).new_page()
    instrument = Instrument(page, server.url, "?theme=projector").open().rest()
    assert page.evaluate("document.documentElement.dataset.theme") == "projector"
    for theme in ("projector", "light", "dark"):
        with subtests.test(theme):
            page.evaluate("scrollTo(0, 0)")
            instrument.use_theme(theme)
            instrument.rest()
            expect_no_overflow(page)
            expect(instrument.rho).to_be_in_viewport()
            expect(instrument.verdict).to_be_in_viewport()
            if width < 960:
                page.mouse.wheel(0, 900)
                page.wait_for_function("scrollY > 0")
                expect(instrument.rho).to_be_in_viewport()
                expect(instrument.verdict).to_be_in_viewport()


def test_dark_follows_the_system(
    new_context: Callable[..., BrowserContext], server: Server
) -> None:
    page = new_context(color_scheme="dark").new_page()
    Instrument(page, server.url).open()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.expect_console("willReadFrequently")  # reading pixels is the test's doing
def test_canvas_and_plotly_agree_to_the_pixel(page: Page, server: Server) -> None:
    """An identity matrix shows its diagonal, and nothing else, where Plotly says its cells are."""
    instrument = Instrument(page, server.url).open("#ensemble=identity&H=8&T=20").rest()
    area = instrument.plot_area(".weights")
    strengths = page.evaluate(
        """({ x, y, width, height }) => {
          const canvas = document.querySelector(".weights .marks");
          const box = canvas.getBoundingClientRect();
          const context = canvas.getContext("2d");
          const at = (i, j) => {
            const left = x - box.x + width * (j + 0.06) / 8; // beside its number
            const top = y - box.y + height * (i + 0.5) / 8;
            return [...context.getImageData(left, top, 1, 1).data].join();
          };
          const eight = Array.from({ length: 8 }, (_, k) => k);
          return eight.map((i) => eight.map((j) => at(i, j)));
        }""",
        area,
    )
    on = {strengths[k][k] for k in range(8)}
    off = {strengths[i][j] for i in range(8) for j in range(8) if i != j}
    assert len(on) == 1
    assert len(off) == 1
    assert on != off
    times = [instrument.plot_area(panel) for panel in (".hidden-states", ".norms")]
    assert times[0]["x"] == times[1]["x"]
    assert times[0]["width"] == times[1]["width"]


def test_it_runs_under_its_own_content_security_policy(
    new_context: Callable[..., BrowserContext], server: Server
) -> None:
    page = new_context(bypass_csp=False).new_page()
    answer = page.goto(server.url)
    assert answer is not None
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    expect(page.locator(".verdict")).to_contain_text("Gradients explode")
    page.locator(".norms .panel-body").hover()
    expect(page.locator(".norms .plot .main-svg").first).to_be_attached()


def test_nothing_runs_when_nothing_moves(
    new_context: Callable[..., BrowserContext], server: Server
) -> None:
    context = new_context()
    context.add_init_script(
        """const real = window.requestAnimationFrame.bind(window);
        window.frames_asked = 0;
        window.real_frame = real;
        window.requestAnimationFrame = (callback) => {
          window.frames_asked += 1;
          return real(callback);
        };"""
    )
    page = context.new_page()
    Instrument(page, server.url).open().rest().point()
    asked = page.evaluate(
        """async () => {
          const frame = () => new Promise((done) => real_frame(done));
          for (let k = 0; k < 5; k++) await frame();  // what the last change still had to do
          const before = frames_asked;
          for (let k = 0; k < 20; k++) await frame();
          return frames_asked - before;
        }"""
    )
    assert asked == 0


def test_the_page_needs_nobody_else(page: Page, server: Server) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    Instrument(page, server.url).open().rest().point()
    foreign = [url for url in asked if not re.match(rf"{server.url}/|data:|blob:", url)]
    assert foreign == []


def test_plotly_is_brought_ahead_and_read_when_a_pointer_comes(page: Page, server: Server) -> None:
    held: list[Route] = []
    is_held = True
    page.route(
        "**/assets/plotly-*", lambda route: held.append(route) if is_held else route.continue_()
    )
    instrument = Instrument(page, server.url).open("#rho=1.2&H=16")
    expect(instrument.verdict).to_contain_text("Gradients")
    assert page.locator("link[rel=prefetch][href*=plotly]").count() == 1
    instrument.drag_rho(0.7)
    instrument.wait("Math.abs(rhoscope.painted.recurrent.spectral_radius - 0.7) < 0.02")
    instrument.rest()
    assert page.locator(".norms canvas.axes").count() == 1
    assert page.locator("script[src*=plotly]").count() == 0
    page.locator(".norms .panel-body").hover()
    page.wait_for_function("document.querySelector('script[src*=plotly]') !== null")
    is_held = False
    for route in held:
        route.continue_()
    instrument.rest().point()
    assert page.locator(".norms canvas.axes").count() == 0


@pytest.mark.parametrize(("query", "opens_files"), [("", 1), ("embed", 0)])
def test_the_help_names_every_key_once(
    page: Page, server: Server, query: str, opens_files: int
) -> None:
    Instrument(page, server.url, query).open("#H=8&T=20")
    keys = page.locator(".help-sheet th kbd").all_text_contents()
    assert len(set(keys)) == len(keys)
    assert keys.count("o") == opens_files
