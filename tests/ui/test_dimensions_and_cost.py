"""The table of every tensor, and what a run costs: said, and measured."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.serving import Server
from tests.ui.instrument import Instrument, expect, expect_no_overflow

LATEST_MS = 60_000

ROWS = """async () => {
  const { dimensionsOf } = await import(new URL("js/state/dimensions.js", document.baseURI).href);
  const { parameters, run } = dimensionsOf(rhoscope.painted);
  return [...parameters.rows, ...run.rows].map(({ axes, wires, copies, count }) => ({
    sizes: axes.map(([, size]) => size), wires, copies, count,
  }));
}"""


NETWORKS = (
    "#rho=1&H=5&D=3&O=2&T=7",
    "#rho=1&H=5&D=3&O=2&T=7&B=3&cell=lstm&layers=3",
    "#rho=1&H=5&D=3&O=2&T=7&cell=gru&y=classes&dtype=float64",
    "#H=5&D=3&O=2&T=7&cell=attention&B=2",
    "#rho=1&H=1&T=1",
)


def test_every_shape_is_that_of_a_tensor_of_the_server(
    page: Page, server: Server, subtests: pytest.Subtests
) -> None:
    instrument = Instrument(page, server.url).open("#H=16")
    for link in NETWORKS:
        with subtests.test(link):
            instrument.turn_to(f"{link}&top=dimensions")
            tensors = instrument.posted(instrument.painted)
            seen = set()
            for row in page.evaluate(ROWS):
                for wire in row["wires"]:
                    assert list(tensors[wire].shape) == row["sizes"], wire
                    seen.add(wire)
                if row["wires"]:
                    items = row["count"] // row["copies"]
                    assert all(tensors[wire].size == items for wire in row["wires"])
            # Beside norms, spectra and the loss's direction nothing else is sent.
            others = re.compile(r"log10_.*|eigenvalues|singular_values|cotangent|h_0")
            assert {
                name for name in tensors if name not in seen and not others.fullmatch(name)
            } == set()


def test_the_chapters_example_is_a_preset_that_runs(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.5&H=8")
    instrument.choose_preset("the chapter's dimensions: 256, 512, 10,000")
    instrument.wait_for("cell.output_size", 10_000)
    table = page.locator(".dimensions")
    for name, shape, count in (
        ("Wxh", "[512, 256]", "131,072"),
        ("Whh", "[512, 512]", "262,144"),
        ("Why", "[10000, 512]", "5,120,000"),
    ):
        row = table.locator("tr", has=page.get_by_role("button", name=name))
        expect(row).to_contain_text(shape)
        expect(row).to_contain_text(count)
    expect(table).to_contain_text("22.1 MB")
    table.get_by_role("button", name="Wxh").click()
    expect(page.get_by_label("which weights are shown")).to_have_value("W_xh")
    page.wait_for_function("location.hash.includes('top=dimensions')")


def test_the_table_moves_with_a_size_and_its_rows_go_by_key(page: Page, server: Server) -> None:
    Instrument(page, server.url).open("#rho=1&H=8&T=20&top=dimensions")
    total = page.locator(".dimensions-total")
    before = total.text_content()
    page.locator("#field-steps").fill("40")
    page.keyboard.press("Enter")
    expect(total).not_to_have_text(before or "")
    row = page.get_by_role("button", name="bh")
    row.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("which weights are shown")).to_have_value("b_h")
    expect(page.get_by_role("button", name="bh")).to_be_focused()
    expect(page.get_by_role("button", name="bh")).to_have_attribute("aria-pressed", "true")


def test_what_a_step_costs_stands_with_its_numbers_in_it(page: Page, server: Server) -> None:
    Instrument(page, server.url).open("#rho=1&H=8&D=3&O=2&T=20&bottom=cost")
    cost = page.locator(".cost")
    expect(cost).to_contain_text("H·D + H² + O·H = 8·3 + 8² + 2·8 = 104")
    expect(cost).to_contain_text("2,080")
    expect(cost).to_contain_text("20 steps one after the other")
    expect(cost).to_contain_text("T(T + 1)/2 = 210 looks")
    page.get_by_label("cell", exact=True).select_option("lstm")
    expect(cost).to_contain_text("4(H·D + H²) + O·H = 4(8·3 + 8²) + 2·8 = 368")


def measured(page: Page) -> int:
    """How many visits are done, by what the page says."""
    found = re.search(r"(\d+) of \d+", page.locator(".cost-said").inner_text())
    return int(found[1]) if found else 0


def test_a_measurement_stopped_half_way_keeps_its_points_and_says_so(
    page: Page, server: Server
) -> None:
    Instrument(page, server.url).open("#rho=1&H=8&T=20&bottom=cost")
    cost, said = page.locator(".cost"), page.locator(".cost-said")
    cost.get_by_role("button", name="measure on this machine").click()
    expect(said).to_contain_text(re.compile(r"^[1-9]\d* of \d+$"))
    cost.get_by_role("button", name="stop").click()
    expect(said).to_contain_text("what was measured stays")
    done = measured(page)
    assert done > 0
    expect(cost.get_by_role("button", name="measure again")).to_be_visible()
    expect(page.locator(".cost-fits")).to_be_visible()
    # Another ρ is a network of the same sizes; another H has not been measured.
    page.keyboard.press("]")
    expect(said).to_contain_text("what was measured stays")
    page.locator("#field-steps").fill("21")
    page.keyboard.press("Enter")
    expect(cost.get_by_role("button", name="measure on this machine")).to_be_visible()
    expect(said).to_be_empty()


def test_leaving_the_view_or_changing_the_network_stops_it(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=1&H=8&T=20&bottom=cost")
    cost, said = page.locator(".cost"), page.locator(".cost-said")
    cost.get_by_role("button", name="measure on this machine").click()
    expect(said).to_contain_text(re.compile(r"^[1-9]"))
    instrument.rho.fill("0.9")
    expect(said).to_contain_text("The network was changed.")
    cost.get_by_role("button", name="measure again").click()
    expect(said).to_contain_text(re.compile(r"^[1-9]"))
    cost.get_by_label("lower panel shows").select_option("Norms and gradients")
    page.locator(".norms").get_by_label("lower panel shows").select_option("Cost")
    expect(said).to_contain_text("what was measured stays")


def test_one_unit_and_one_step_are_measured_to_the_end(page: Page, server: Server) -> None:
    """A whole measurement, and its exponents; of a machine's times nothing is asked."""
    Instrument(page, server.url).open("#H=1&T=1&D=64&O=4096&B=32&top=dimensions&bottom=cost")
    cost = page.locator(".cost")
    cost.get_by_role("button", name="measure on this machine").click()
    said = page.locator(".cost-said")
    expect(said).to_contain_text("each the least of", timeout=LATEST_MS)
    expect(page.locator(".cost-fits")).to_contain_text(
        re.compile(r"Elman\s*-?\d+\.\d\d ± \d+\.\d\d")
    )
    cost.get_by_role("button", name="formulas").click()
    expect(page.locator(".cost-path")).to_contain_text("1 step one after the other")


def test_on_a_phone_both_fit(new_context: Callable[..., BrowserContext], server: Server) -> None:
    size: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
    page = new_context(**size).new_page()
    Instrument(page, server.url).open("#cell=lstm&layers=3&B=4&D=8&O=5&top=dimensions&bottom=cost")
    expect_no_overflow(page)
    for selector in (".dimensions-body", ".cost-formulas"):
        assert page.locator(selector).evaluate("(part) => part.scrollWidth <= part.clientWidth + 1")
