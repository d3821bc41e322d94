"""From a kernel: a module is shown by a server of its own, a link gives its arrays back."""

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np
import pytest
import torch
from torch import nn

from app.errors import Refusal
from app.link import read_link
from app.notebook import Address, load, show
from app.versions import versions


def test_a_module_is_shown_and_its_link_gives_the_same_states() -> None:
    module = nn.RNN(3, 6, nonlinearity="relu")
    x = torch.randn(25, 3)
    address = show(module, x, experiment={"loss": {"at": "every"}})
    assert isinstance(address, Address)
    with urlopen(f"{address.split('#')[0]}healthz") as answer:
        assert answer.status == 200
    run = load(address)
    with torch.no_grad():
        h, _ = module(x)
    assert np.abs(run.arrays["h"] - h.numpy()).max() <= 1e-6
    assert run.experiment["loss"]["at"] == "every"
    assert np.array_equal(run.weights["W_hh"], module.weight_hh_l0.detach().numpy())
    assert run.versions == versions()
    assert run.verdict["spectral_radius"] > 0


def test_a_second_call_uses_the_same_server_and_jupyter_gets_a_frame() -> None:
    first, second = show(nn.RNNCell(1, 3)), show({"W_hh": torch.eye(2) / 2})
    assert urlsplit(first).netloc == urlsplit(second).netloc
    assert first != second
    assert first._repr_html_().startswith(f'<iframe src="{first.split("#")[0]}')


def test_of_a_large_model_only_the_recurrent_part_is_kept() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(*(nn.Linear(9, 9) for _ in range(40)))
            self.rnn = nn.GRU(9, 5)
            self.out = nn.Linear(5, 9, bias=False)
            self.out.weight = nn.Parameter(self.out.weight.t().contiguous().t())

        def get_extra_state(self) -> dict[str, int]:
            return {"epoch": 3}

        def set_extra_state(self, state: object) -> None: ...

    run = load(show(Model()))
    assert run.arrays["z"].shape == (200, 5)
    assert run.weights["W_hy"].shape == (9, 5)


def test_an_input_of_another_size_is_refused() -> None:
    with pytest.raises(Refusal, match=r"x has the wrong size: got 2; expected \(…, T, 3\)"):
        show(nn.RNN(3, 4), torch.randn(10, 2))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Linear(2, 3), "holds no recurrent layer"),
        (nn.RNN(2, 3, bidirectional=True), "one direction of a bidirectional module"),
    ],
)
def test_what_cannot_be_shown_says_why(module: nn.Module, message: str) -> None:
    with pytest.raises(Refusal, match=message):
        show(module)
    with pytest.raises(Refusal, match="expected 0 to 0"):
        show(nn.RNN(2, 3), layer=1)


def test_a_link_to_a_file_that_is_elsewhere_takes_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = show({"W_hh": torch.eye(2) / 2})
    digest = read_link(address).weights.file
    assert digest is not None
    monkeypatch.setenv("RHOSCOPE_UPLOAD_FOLDER", str(tmp_path / "another"))
    with pytest.raises(Refusal, match="is not on this server"):
        load(address)


def test_a_link_without_a_file_needs_no_server() -> None:
    run = load("#rho=0.5&H=8&T=10")
    assert run.arrays["h"].shape == (10, 8)
    assert run.arrays["log10_grad_h"].shape == (10,)
    assert run.verdict["spectral_radius"] == pytest.approx(0.5)
