"""Views behind the panels' titles: the influence map, and powers of W_hh."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect


def test_a_matrix_with_a_small_radius_may_grow_all_the_same(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.5&H=8")
    instrument.choose_preset("ρ = 0.9 and yet it grows: powers of a matrix that is not normal")
    instrument.wait_for("cell.hidden_size", 2)
    note = page.locator(".powers .powers-note")
    expect(note).to_be_visible()
    expect(note).to_have_text("largest 3.91 at t = 9; below 1 from t = 35")
    expect(instrument.rho).to_have_value("0.9")
    expect(page.locator(".powers .kreiss")).to_have_text("Kreiss 2.6")
    instrument.rho.fill("0.5")
    expect(note).not_to_contain_text("3.91")
    expect(note).to_contain_text("below 1")


def test_a_matrix_with_a_large_radius_may_lose_its_gradient(page: Page, server: Server) -> None:
    """V9: powers of W_hh double at every step, slopes of .042 make .166 of that."""
    instrument = Instrument(page, server.url).open("#rho=0.5&H=8")
    instrument.choose_preset("one unit, w = 2: ρ > 1 and yet it vanishes")
    instrument.wait_for("cell.hidden_size", 1)
    expect(page.locator(".powers .powers-note")).to_have_text("grows to 1.2 · 10¹⁸ at t = 60")
    expect(page.locator(".powers .curve-gradient")).to_be_visible()
    expect(page.locator(".powers .kreiss")).to_be_empty()
    expect(page.locator(".verdict")).to_contain_text("vanish: ×0.17")
    page.get_by_label("form", exact=True).select_option("many-to-many")
    expect(page.locator(".powers .curve-gradient")).to_be_hidden()


def test_the_influence_of_inputs_is_seen_and_said(
    page: Page, server: Server, new_context: Callable[..., BrowserContext]
) -> None:
    instrument = Instrument(page, server.url).open("#rho=1&H=8&T=40&input=noise&phi=linear&t=30")
    page.get_by_label("upper panel shows").first.select_option("Influence map")
    said = page.locator(".influence .influence-said")
    expect(said).to_contain_text("at t = 30")
    page.get_by_role("slider", name="time step t").press("Home")
    expect(said).to_contain_text("the latest input alone")
    for kind in ("lstm", "gru"):
        page.get_by_label("cell", exact=True).select_option(kind)
        instrument.wait_for("cell.kind", kind)
        expect(said).to_contain_text("at t = 1")
    other = Instrument(new_context().new_page(), server.url)
    page.wait_for_function("location.hash.includes('top=influence')")
    other.open(page.evaluate("location.hash"))
    expect(other.page.locator(".influence")).to_be_visible()


def test_a_network_without_a_map_says_why(page: Page, server: Server) -> None:
    Instrument(page, server.url).open("#rho=0.9&H=8&T=40&cell=attention&top=influence")
    note = page.locator(".influence .panel-note")
    expect(note).to_contain_text("Attention carries no state on")
    page.get_by_label("cell", exact=True).select_option("elman")
    expect(note).to_be_empty()


def test_layers_and_a_closed_loop_have_both(page: Page, server: Server) -> None:
    Instrument(page, server.url).open("#H=8&T=40&layers=2&top=influence&jacobian=1&t=30")
    said, jacobian = page.locator(".influence .influence-said"), page.locator(".of-jacobian")
    expect(said).to_contain_text("at t = 30")
    expect(jacobian).to_contain_text("✕ Jₜ")
    page.get_by_label("form", exact=True).select_option("generation")
    expect(page.locator(".influence .panel-note")).to_be_empty()
    expect(said).to_contain_text("at t = 30")
    expect(jacobian).to_contain_text("✕ Jₜ")


def test_one_step_of_one_unit_has_both(page: Page, server: Server) -> None:
    Instrument(page, server.url).open("#H=1&T=1&top=influence&bottom=powers")
    expect(page.locator(".influence .influence-said")).to_contain_text("at t = 1")
    expect(page.locator(".powers .powers-note")).to_contain_text("at t = 1")


def test_what_a_step_really_multiplies_by(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=1.2&H=8&T=40&input=noise&t=20")
    page.get_by_role("button", name="Jt", exact=True).click()
    said = page.locator(".of-jacobian")
    expect(said).to_contain_text("φ′ 0.")
    before = said.text_content()
    page.get_by_role("slider", name="time step t").press("ArrowRight")
    expect(said).not_to_have_text(before or "")
    page.wait_for_function("location.hash.includes('jacobian=1')")
    page.get_by_label("cell", exact=True).select_option("lstm")
    instrument.wait_for("cell.kind", "lstm")
    expect(said).to_contain_text("f 0.")
    page.get_by_label("form", exact=True).select_option("generation")
    instrument.wait("rhoscope.painted.generation.after !== null")
    expect(said).to_contain_text("f 0.")
    page.get_by_label("cell", exact=True).select_option("elman")
    expect(said).to_contain_text("φ′ 0.")


def test_the_state_space_shows_where_it_could_stay(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.5&H=2&ensemble=identity&T=40&h0=random")
    page.get_by_label("side panel shows").first.select_option("State space")
    said = page.locator(".state-space .panel-said")
    expect(said).to_contain_text("fixed points: 1 stable")
    instrument.rho.fill("2")
    expect(said).to_contain_text("4 stable")
    page.wait_for_function("location.hash.includes('side=state_space')")
    page.locator(".state-space").get_by_label("side panel shows").select_option("Eigenvalues")
    expect(page.locator(".eigenvalues")).to_be_visible()


def test_a_projector_shows_what_is_beside_too(page: Page, server: Server) -> None:
    Instrument(page, server.url, "?theme=projector").open("#H=8&T=40&bottom=powers")
    powers, eigenvalues, weights = (
        page.locator(each) for each in (".powers", ".eigenvalues", ".weights")
    )
    expect(powers).to_be_visible()
    expect(eigenvalues).to_be_hidden()
    page.keyboard.press("b")
    expect(eigenvalues).to_be_visible()
    expect(powers).to_be_hidden()
    page.wait_for_function("location.hash.includes('second=side')")
    page.get_by_role("button", name="change to weights").click()
    expect(weights).to_be_visible()
    page.wait_for_function("location.hash.includes('second=corner')")
    page.reload()
    expect(weights).to_be_visible()
    page.keyboard.press("b")
    expect(powers).to_be_visible()
    page.keyboard.press("d")
    expect(eigenvalues).to_be_visible()
