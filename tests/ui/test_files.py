"""A network of one's own: dropped, opened, edited, linked, and taken out again."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from playwright.sync_api import BrowserContext, FilePayload, Locator, Page
from torch import nn

from app.link import write_link
from app.notebook import load
from app.protocol import read_experiment
from tests.serving import Server
from tests.ui.instrument import Instrument, expect

DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (char) => char.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name));
  for (const type of ["dragenter", "dragover", "drop"]) {
    const event = new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true });
    document.querySelector("main").dispatchEvent(event);
  }
}"""


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, 12, num_layers=2)
        self.fc = nn.Linear(12, 3)


@pytest.fixture
def model() -> Tagger:
    torch.manual_seed(0)
    return Tagger()


@pytest.fixture
def content(model: Tagger, tmp_path: Path) -> bytes:
    """What `safetensors.torch.save_model` writes."""
    file = tmp_path / "tagger.safetensors"
    safetensors.torch.save_model(model, str(file))
    return file.read_bytes()


def drop(page: Page, name: str, content: bytes) -> Locator:
    """Drops a file on the page; the sheet that shows what was found."""
    page.evaluate(DROP, [name, base64.b64encode(content).decode()])
    return page.get_by_role("dialog", name=name)


def opened(instrument: Instrument, name: str, content: bytes) -> None:
    sheet = drop(instrument.page, name, content)
    sheet.get_by_role("button", name="open").click()
    instrument.wait("rhoscope.painted.weights.file !== null")


def test_a_dropped_module_is_shown_and_opened_with_its_own_weights(
    page: Page, server: Server, model: Tagger, content: bytes
) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16")
    instrument.rest().click_weight(2, 3, 16)
    sheet = drop(page, "tagger.safetensors", content)
    expect(sheet.locator("tr", has_text="rnn.weight_hh_l1").first).to_contain_text("[12, 12]")
    expect(sheet.locator("tr", has_text="fc.weight").first).to_contain_text("→ W_hy")
    expect(sheet.get_by_role("radio", name="all 2 layers of rnn")).to_be_checked()
    sheet.get_by_role("radio", name="layer 0 of rnn").check()
    sheet.get_by_role("button", name="open").click()
    instrument.wait_for("cell.hidden_size", 12)
    painted = instrument.painted
    assert painted["recurrent"]["spectral_radius"] is None
    assert painted["recurrent"]["edits"] == []
    run = instrument.posted(painted)
    assert np.array_equal(run["W_hh"], model.rnn.weight_hh_l0.detach().numpy())
    with torch.no_grad():
        h = torch.from_numpy(run["x"].copy())
        states = nn.RNN(1, 12)
        weights = {k: v for k, v in model.rnn.state_dict().items() if k.endswith("l0")}
        states.load_state_dict(weights)
        expected = states(h)[0].norm(dim=-1)
    assert np.abs(run["log10_norm_h"] - expected.log10().numpy()).max() <= 1e-5
    expect(page.locator(".file-weights")).to_contain_text("tagger.safetensors")


def address_of(instrument: Instrument) -> str:
    """The address once it has followed what is on the screen."""
    link = write_link(read_experiment(json.dumps(instrument.painted).encode()))
    address: str = instrument.page.evaluate(
        """async (written) => {
          const { decodeLink } = await import("./js/state/link.js");
          const wanted = JSON.stringify((await decodeLink(written)).experiment);
          while (JSON.stringify((await decodeLink(location.hash)).experiment) !== wanted)
            await new Promise(requestAnimationFrame);
          return location.href;
        }""",
        link,
    )
    return address


def test_the_layer_can_be_changed_and_the_draw_comes_back(
    page: Page, server: Server, content: bytes
) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16")
    opened(instrument, "tagger.safetensors", content)
    assert instrument.painted["cell"]["layers"] == 2
    page.get_by_label("layer of the file").select_option("layer 1 of rnn")
    instrument.wait_for("cell.input_size", 12)
    page.get_by_label("layer of the file").select_option("all 2 layers of rnn")
    instrument.wait_for("cell.layers", 2)
    page.get_by_label("layer of the file").select_option("layer 0 of rnn")
    instrument.wait_for("cell.layers", 1)
    page.get_by_role("button", name="draw instead").click()
    instrument.wait_for("weights.file", None)
    expect(page.locator(".file-weights")).to_be_hidden()
    page.keyboard.press("Control+z")
    instrument.wait("rhoscope.painted.weights.file !== null")


def test_what_was_loaded_is_edited_rescaled_and_linked_to_the_bit(
    page: Page, server: Server, content: bytes, new_context: Callable[..., BrowserContext]
) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16")
    opened(instrument, "tagger.safetensors", content)
    instrument.rest().click_weight(2, 3, 12)
    page.keyboard.type("0.5")
    instrument.wait("rhoscope.painted.recurrent.edits[0]?.value === 0.5")
    page.keyboard.press("Enter")
    instrument.drag_rho(1.2)
    instrument.wait("rhoscope.painted.recurrent.edits.length === 2")
    run = instrument.posted(instrument.painted)
    other = Instrument(new_context().new_page(), server.url)
    other.page.goto(address_of(instrument))
    other.wait("rhoscope.painted?.recurrent.edits.length === 2")
    again = other.posted(other.painted)
    assert np.array_equal(run["W_hh"], again["W_hh"])
    layers = other.page.get_by_label("layer of the file").locator("option:checked")
    expect(layers).to_have_text("all 2 layers of rnn")


@pytest.mark.expect_console("404")
def test_a_link_to_a_file_that_is_not_here_asks_for_it(
    page: Page, server: Server, model: Tagger
) -> None:
    content = safetensors.torch.save({"W_hh": torch.eye(3) * 0.625})
    digest = hashlib.sha256(content).hexdigest()
    document = {"weights": {"file": digest}, "cell": {"hidden_size": 3}}
    link = write_link(read_experiment(json.dumps(document).encode()))
    page.goto(f"{server.url}/{link}")
    box = page.locator(".message-file")
    expect(box).to_contain_text(f"SHA-256 {digest[:12]}")
    expect(box.get_by_role("button", name="choose a file")).to_be_visible()
    assert page.evaluate("location.hash") == link
    sheet = drop(page, "another.json", b'{"W_hh": [[1]]}')
    expect(sheet).to_contain_text("This is not the file that the link names")
    sheet.get_by_role("button", name="cancel").click()
    page.locator(".file-chooser").set_input_files(
        {"name": "right.safetensors", "mimeType": "", "buffer": content}
    )
    instrument = Instrument(page, server.url)
    instrument.wait_for("weights.file", digest)
    expect(box).to_be_hidden()
    assert float(instrument.posted(instrument.painted)["W_hh"][0, 0]) == 0.625


NO_FILES = (
    ("empty.safetensors", b"", "is empty"),
    ("model.pt", b"\x80\x04K\x01.", "may hold code, and is not opened"),
    ("half.npz", b"PK\x03\x04" + b"\0" * 50, "is cut off"),
    ("inf.json", b'{"W_hh": [[1e999]]}', "W_hh is not finite"),
    ("large.csv", b"1\n" * (2**22 + 1), "is too large"),
)


@pytest.mark.expect_console("422|413")
def test_a_file_that_is_none_ends_in_a_sentence_and_an_unchanged_matrix(
    page: Page, server: Server, subtests: pytest.Subtests
) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16")
    before = instrument.painted
    for name, content, message in NO_FILES:
        with subtests.test(name):
            file: FilePayload = {"name": name, "mimeType": "", "buffer": content}
            page.locator(".file-chooser").set_input_files(file)
            box = page.locator(".message-file")
            expect(box).to_contain_text(message)
            expect(box).to_contain_text(name)
            expect(page.locator(".file-sheet")).to_be_hidden()
            assert instrument.painted == before


def test_what_cannot_be_opened_is_shown_with_the_reason(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16")
    before = instrument.painted
    module = nn.LSTM(3, 4, num_layers=3, bidirectional=True)
    sheet = drop(page, "lstm.safetensors", safetensors.torch.save(module.state_dict()))
    expect(sheet).to_contain_text("Layer 2_reverse is one direction of a bidirectional module")
    expect(sheet.get_by_role("button", name="open")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    assert instrument.painted == before


def test_an_input_comes_from_a_table(page: Page, server: Server) -> None:
    instrument = Instrument(page, server.url).open("#rho=0.9&H=16")
    rows = np.random.default_rng(0).normal(size=(37, 2)).round(3)
    text = io.StringIO()
    np.savetxt(text, rows, delimiter=",", fmt="%.3f", header="left,right", comments="")
    sheet = drop(page, "drive.csv", text.getvalue().encode())
    expect(sheet).to_contain_text("T = 37, D = 2")
    sheet.get_by_role("button", name="open").click()
    instrument.wait_for("steps", 37)
    assert np.array_equal(instrument.posted(instrument.painted)["x"], rows.astype(np.float32))
    expect(page.locator(".file-input")).to_contain_text("drive.csv")
    page.get_by_label("input xt").select_option("noise")
    instrument.wait_for("input.kind", "noise")
    expect(page.locator(".file-input")).to_be_hidden()


def test_the_network_and_the_arrays_are_taken_along(
    server: Server, new_context: Callable[..., BrowserContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    instrument = Instrument(page, server.url).open("#rho=1.1&H=8&T=40")
    page.locator(".save summary").click()
    with page.expect_download() as got:
        page.get_by_role("button", name="network, .safetensors").click()
    assert got.value.suggested_filename == "rhoscope-network.safetensors"
    module = nn.RNN(1, 8)
    module.load_state_dict(safetensors.torch.load_file(got.value.path()))
    run = instrument.posted(instrument.painted)
    assert np.array_equal(module.weight_hh_l0.detach().numpy(), run["W_hh"])
    with page.expect_download() as got:
        page.get_by_role("button", name="all arrays, .npz").click()
    with np.load(got.value.path()) as arrays:
        assert np.array_equal(arrays["h"], run["h"])
    page.get_by_role("button", name="copy as PyTorch code").click()
    expect(page.get_by_text("PyTorch code: copied")).to_be_visible()
    assert "torch.nn.RNN(" in page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("button", name="copy as notebook cell").click()
    expect(page.get_by_text("notebook cell: copied")).to_be_visible()
    cell: str = page.evaluate("navigator.clipboard.readText()")
    link = cell.split('load("')[1].split('")')[0]
    assert np.array_equal(load(link).arrays["h"], run["h"])
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="network, .safetensors")).to_be_hidden()


@pytest.mark.expect_console("422")
def test_a_table_that_would_be_too_long_says_so_in_the_menu(page: Page, server: Server) -> None:
    Instrument(page, server.url).open("#H=256&T=100000&rho=0.5")
    page.locator(".save summary").click()
    page.get_by_role("button", name="table, .csv").click()
    expect(page.locator(".save [role=status]")).to_contain_text("too large for CSV")
