"""Several starts at once, the plane they are seen in, their race, and Lyapunov exponents."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect, expect_no_overflow


def test_starts_of_a_bistable_network_stay_apart_and_a_link_keeps_them(
    page: Page, server: Server, new_context: Callable[..., BrowserContext]
) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.5")
    instrument.choose_preset("two bistable units: four ways to end, eight starts")
    instrument.wait_for("cell.hidden_size", 2)
    expect(page.locator(".state-space .panel-said")).to_contain_text("4 stable")
    said = page.locator(".race-said")
    expect(said).to_contain_text("are forgotten")
    expect(said).to_contain_text("stay apart")
    # With a radius below 1 there is one place to end, and every start is forgotten.
    instrument.rho.fill("0.5")
    expect(said).to_contain_text("7 are forgotten: ×0.50 per step")
    page.locator(".race").get_by_label("how many starts").select_option("2near")
    expect(said).to_have_text(re.compile("^the start is forgotten: ×0.50 per step"))
    page.wait_for_function("location.hash.includes('starts=2near')")
    other = Instrument(new_context().new_page(), server.url)
    other.open(page.evaluate("location.hash"))
    expect(other.page.locator(".race-said")).to_have_text(said.inner_text())
    menu = other.page.locator(".state-space").get_by_label("how many starts")
    expect(menu).to_have_value("2near")


def test_the_plane_of_two_units_is_typed_and_stepped(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=8&T=40&side=state_space")
    page.get_by_label("plane", exact=True).select_option("units")
    page.wait_for_function("location.hash.endsWith('plane=1,2')")
    across, upwards = page.get_by_label("unit across"), page.get_by_label("unit upwards")
    across.press("ArrowUp")
    expect(across).to_have_value("3")  # past the other one
    upwards.fill("9")
    expect(upwards).to_have_attribute("aria-invalid", "true")
    upwards.fill("7")
    expect(upwards).to_have_attribute("aria-invalid", "false")
    page.wait_for_function("location.hash.endsWith('plane=3,7')")
    expect(page.locator(".state-space .panel-said")).to_contain_text("fixed points: 1 stable")
    page.get_by_label("units H", exact=True).last.fill("4")
    instrument.wait_for("cell.hidden_size", 4)
    expect(page.get_by_label("plane", exact=True)).to_have_value("components")


def test_exponents_of_a_linear_network_are_those_of_its_matrix(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.95&phi=linear&side=lyapunov&bottom=race")
    said = page.locator(".lyapunov .panel-said")
    leading = f"{math.log(0.95):.4f}".replace("-", "−")
    expect(said).to_contain_text(f"Λ₁ = {leading}: nearby starts meet")
    expect(said).to_contain_text(f"ln ρ = {leading}")
    expect(page.locator(".race [data-of=lyapunov]")).to_be_visible()
    instrument.rho.fill("1.2")
    expect(said).to_contain_text("nearby starts part")
    page.get_by_label("activation φ").select_option("tanh")
    expect(said).to_contain_text(" ± ")
    expect(said).to_contain_text("gradient")


def test_one_step_of_one_unit_and_what_has_no_state(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url)
    instrument.open("#H=1&T=1&side=state_space&bottom=race&starts=3")
    expect(page.locator(".state-space .panel-said")).to_contain_text("fixed points: 1 marginal")
    expect(page.locator(".race-said")).to_contain_text("apart in the end")
    expect(page.locator(".plane")).to_be_hidden()
    page.locator(".state-space").get_by_label("side panel shows").select_option("lyapunov")
    said = page.locator(".lyapunov .panel-said")
    expect(said).to_contain_text("± ?")
    page.evaluate("location.hash = '#cell=attention&H=8&side=lyapunov&bottom=race'")
    expect(said).to_contain_text("Attention carries no state on")
    expect(page.locator(".race-said")).to_contain_text("no start to remember")


def test_on_a_projector_the_side_is_one_of_the_two(page: Page, server: Server) -> None:
    Instrument(page, server.url).open("#H=8&T=40&side=state_space&second=side&starts=3")
    page.locator("button.theme").click()
    page.locator("button.theme").click()
    page.wait_for_function("document.documentElement.dataset.theme === 'projector'")
    space = page.locator(".state-space")
    expect(space).to_be_visible()
    expect(space.locator(".panel-said")).to_contain_text("fixed points")
    expect(page.locator(".norms")).to_be_hidden()
    expect(space.get_by_label("how many starts")).to_have_value("3")
    space.get_by_label("side panel shows").select_option("lyapunov")
    expect(page.locator(".lyapunov .panel-said")).to_contain_text("nearby starts")
    expect_no_overflow(page)
