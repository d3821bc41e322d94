"""Forms of one network through the server: fed back, classes, layers, attention; their code."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors.numpy import load
from starlette.testclient import TestClient
from torch import nn

from app.found import experiment_with
from app.protocol import read_experiment

CELLS = ("elman", "gru", "lstm")
FED_BACK: dict[str, Any] = {
    "cell": {"hidden_size": 6, "input_size": 2, "output_size": 2},
    "input": {"kind": "noise"},
    "generation": {"after": 7},
    "loss": {"kind": "mse", "at": "every"},
    "steps": 20,
    "dtype": "float64",
}
DRAWN: dict[str, Any] = {
    "cell": {"hidden_size": 8, "input_size": 4, "output_size": 4},
    "output": {"kind": "classes", "temperature": 0.5},
    "generation": {"after": 3},
    "loss": {"kind": "cross_entropy", "target": 2},
    "readout": {"scale": 3.0},
    "steps": 30,
}
STACK: dict[str, Any] = {
    "cell": {"hidden_size": 5, "input_size": 2, "layers": 3},
    "input": {"kind": "noise"},
    "bias": {"scale": 0.3},
    "initial_state": {"kind": "random"},
    "loss": {"at": "every"},
    "steps": 25,
    "dtype": "float64",
}
ATTENTION: dict[str, Any] = {
    "cell": {"kind": "attention", "hidden_size": 6, "input_size": 2},
    "input": {"kind": "noise"},
    "steps": 25,
    "dtype": "float64",
}


def of_cell(document: dict[str, Any], kind: str, **changes: Any) -> dict[str, Any]:
    return document | {"cell": document["cell"] | {"kind": kind}} | changes


def run(client: TestClient, document: dict[str, Any]) -> tuple[dict[str, np.ndarray], Any]:
    answer = client.post("/api/run", json=document)
    assert answer.status_code == 200, answer.text
    length = int.from_bytes(answer.content[:8], "little")
    metadata = json.loads(answer.content[8 : 8 + length])["__metadata__"]
    return load(answer.content), json.loads(metadata["done"])


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("kind", CELLS)
def test_what_comes_out_goes_in(client: TestClient, kind: str, batch_size: int) -> None:
    found, done = run(client, of_cell(FED_BACK, kind, batch_size=batch_size))
    x, y = found["x"], found["y"]
    assert np.abs(x[..., 7:, :] - y[..., 6:-1, :]).max() <= 1e-12
    given, _ = run(client, of_cell(FED_BACK, kind, batch_size=batch_size, generation={}))
    assert np.array_equal(given["x"][..., :7, :], x[..., :7, :])
    assert np.array_equal(given["h"][..., :7, :], found["h"][..., :7, :])
    assert not np.allclose(given["h"][..., 8:, :], found["h"][..., 8:, :])
    assert (done["closed_loop_radius"] is not None) == (kind == "elman")
    assert done["diagnosis"]["fed"] and done["diagnosis"]["generating"]


def test_a_linear_network_that_is_stable_when_fed_diverges_when_it_generates(
    client: TestClient,
) -> None:
    document = {
        "cell": {"activation": "linear"},
        "recurrent": {"spectral_radius": 0.9},
        "input": {"kind": "sine"},
        "generation": {"after": 100},
        "steps": 2000,
    }
    found, done = run(client, document)
    W = found["W_hh"] + found["W_xh"].astype(np.float64) @ found["W_hy"]
    closed = np.abs(np.linalg.eigvals(W)).max()
    assert done["spectral_radius"] == pytest.approx(0.9, abs=1e-6)
    assert done["closed_loop_radius"] == pytest.approx(closed, rel=1e-5)
    assert closed > 1.02
    assert done["diagnosis"]["fed"]["fate"] != "explode"
    assert done["diagnosis"]["generating"]["fate"] == "explode"
    slope, _ = np.polyfit(np.arange(1500), found["log10_norm_h"][-1500:], 1)
    assert slope == pytest.approx(np.log10(closed), abs=1e-4)
    assert np.isfinite(found["log10_norm_h"][1:]).all()  # the sine starts at 0
    assert not np.isnan(found["x"]).any()
    eigenvalues = found["closed_loop_eigenvalues"]
    assert np.hypot(*eigenvalues.T).max() == pytest.approx(closed, rel=1e-5)


@pytest.mark.parametrize("kind", CELLS)
def test_classes_are_drawn_from_their_softmax(client: TestClient, kind: str) -> None:
    found, _ = run(client, of_cell(DRAWN, kind))
    p = torch.softmax(torch.from_numpy(found["y"]).double() / 0.5, dim=-1).numpy()
    assert np.abs(found["p"] - p).max() <= 1e-6
    drawn = found["x"][3:]
    assert set(np.unique(drawn)) <= {0.0, 1.0}
    assert (drawn.sum(axis=1) == 1).all()
    again, _ = run(client, of_cell(DRAWN, kind))
    assert np.array_equal(again["x"], found["x"])
    other, _ = run(client, of_cell(DRAWN, kind, generation={"after": 3, "seed": 8}))
    assert not np.array_equal(other["x"], found["x"])


@pytest.mark.parametrize(("temperature", "expected"), [(0, 1.0), (1e9, 0.25)])
def test_the_ends_of_temperature(client: TestClient, temperature: float, expected: float) -> None:
    output = {"kind": "classes", "temperature": temperature}
    found, _ = run(client, DRAWN | {"output": output})
    assert np.abs(found["p"].max(axis=1) - expected).max() <= 1e-6
    if temperature == 0:
        assert (found["x"][3:].argmax(axis=1) == found["y"][2:-1].argmax(axis=1)).all()


def test_cross_entropy_is_pytorch_s(client: TestClient) -> None:
    document = DRAWN | {"generation": {}, "input": {"kind": "noise"}, "dtype": "float64"}
    found, _ = run(client, document)
    y = torch.from_numpy(found["y"][-1].copy()).requires_grad_()
    nn.functional.cross_entropy(y, torch.tensor(2)).backward()
    assert y.grad is not None
    expected = torch.from_numpy(found["W_hy"].copy()).T @ y.grad
    assert found["log10_grad_h"][-1] == pytest.approx(float(expected.norm().log10()), abs=1e-9)


MODULES: dict[str, type[nn.RNNBase]] = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("kind", CELLS)
def test_a_stack_is_pytorch_s(client: TestClient, kind: str, batch_size: int) -> None:
    document = of_cell(STACK, kind, batch_size=batch_size)
    found, _ = run(client, document)
    content = client.post("/api/export/network.safetensors", json=document).content
    module = MODULES[kind](2, 5, num_layers=3, batch_first=True, dtype=torch.float64)
    module.load_state_dict(safetensors.torch.load(content))
    names = ("h_0", "h_0_l1", "h_0_l2")
    h_0 = torch.stack([torch.from_numpy(found[name].copy()) for name in names])
    state: Any = (h_0, torch.zeros_like(h_0)) if kind == "lstm" else h_0
    with torch.no_grad():
        output, end = module(torch.from_numpy(found["x"].copy()), state)
    h_n = end[0] if kind == "lstm" else end
    assert np.abs(found["h"] - output.numpy()).max() <= 1e-12
    for layer, name in enumerate(("h_l0", "h_l1", "h")):
        assert np.abs(found[name][..., -1, :] - h_n[layer].numpy()).max() <= 1e-12
        assert np.isfinite(found[name.replace("h", "log10_grad_h")]).all()


def test_a_stack_streams_what_post_gives(client: TestClient) -> None:
    asked = STACK | {"steps": 2500}
    found, _ = run(client, asked)
    with client.websocket_connect("ws://127.0.0.1/api/stream") as ws:
        ws.receive_text()
        message = {"type": "run", "id": 1, "experiment": asked}
        ws.send_text(json.dumps(message))
        chunks: dict[str, list[np.ndarray]] = {}
        while True:
            received = ws.receive()
            if received.get("bytes") is None:
                break
            for name, tensor in load(received["bytes"]).items():
                chunks.setdefault(name, []).append(tensor)
    assert len(chunks["h_l0"]) >= 3
    for name in ("h_l0", "log10_norm_h_l1"):
        assert np.array_equal(np.concatenate(chunks[name]), found[name])
    assert np.array_equal(np.concatenate(chunks["log10_grad_h_l0"][::-1]), found["log10_grad_h_l0"])


def test_a_stack_comes_from_a_file(client: TestClient) -> None:
    module = nn.ModuleDict({"rnn": nn.LSTM(2, 5, num_layers=2), "fc": nn.Linear(5, 3)})
    found = client.post("/api/files", content=safetensors.torch.save(module.state_dict())).json()
    cell = {"kind": "lstm", "input_size": 2, "hidden_size": 5, "output_size": 3, "layers": 2}
    document = {"cell": cell, "weights": {"file": found["file"]}, "input": {"kind": "noise"}}
    (stack,) = found["stacks"]
    opened = experiment_with(stack["changes"], {"input": {"kind": "noise"}})
    assert (
        opened.cell.model_dump() == read_experiment(json.dumps(document).encode()).cell.model_dump()
    )
    tensors, _ = run(client, document)
    x = torch.from_numpy(tensors["x"].copy())
    with torch.no_grad():
        output, _ = module["rnn"](x)
        y = module["fc"](output)
    assert np.abs(tensors["h"] - output.numpy()).max() <= 1e-6
    assert np.abs(tensors["y"] - y.numpy()).max() <= 1e-6
    answer = client.post("/api/run", json=document | {"cell": cell | {"layers": 3}})
    assert answer.status_code == 422
    assert answer.json()["field"] == "cell.layers"


def test_layers_go_on_beyond_their_dtype(client: TestClient) -> None:
    cell = {"activation": "linear", "hidden_size": 8, "layers": 2}
    document = {"cell": cell, "recurrent": {"spectral_radius": 2}, "steps": 400}
    found, done = run(client, document)
    step = done["first_nonfinite_step"]
    beyond = [np.isinf(found[name]).any(axis=-1) for name in ("h", "h_l0")]
    assert step == min(int(np.argmax(each)) for each in beyond) and 100 < step < 140
    assert not np.isnan(found["h"]).any()
    # Both layers double: the top's norms grow as t · 2^t.
    log10_norm = found["log10_norm_h"]
    assert log10_norm[-1] - log10_norm[-101] == pytest.approx(100 * np.log10(2), abs=0.5)


def test_attention_is_pytorch_s(client: TestClient) -> None:
    found, done = run(client, ATTENTION)
    x, W_xh, W_qkv = (torch.from_numpy(found[name].copy()) for name in ("x", "W_xh", "W_qkv"))
    q, k, v = ((x @ W_xh.T) @ W_qkv.T).chunk(3, dim=-1)
    attend = nn.functional.scaled_dot_product_attention
    expected = attend(q[None], k[None], v[None], is_causal=True)[0]
    assert np.abs(found["h"] - expected.numpy()).max() <= 1e-12
    assert "W_hh" not in found
    assert done["diagnosis"]["certificate"] is None


def test_attention_has_a_limit_of_its_own(client: TestClient) -> None:
    answer = client.post("/api/run", json=ATTENTION | {"steps": 100_000})
    assert answer.status_code == 422
    assert "--max-attention-steps" in answer.json()["message"]


@pytest.mark.parametrize("form", ["pytorch.py", "pytorch-loop.py", "pytorch-minimal.py"])
@pytest.mark.parametrize(
    "document",
    [
        *(of_cell(STACK, kind) for kind in CELLS),
        *(of_cell(FED_BACK, kind) for kind in CELLS),
        of_cell(STACK, "gru") | {"batch_size": 2},
        of_cell(FED_BACK, "lstm") | {"batch_size": 2},
        FED_BACK | {"cell": FED_BACK["cell"] | {"activation": "linear"}},
        DRAWN,
        ATTENTION,
    ],
    ids=lambda document: json.dumps([document["cell"], document.get("batch_size", 1)]),
)
def test_the_code_gets_the_same_states(
    client: TestClient, tmp_path: Path, document: dict[str, Any], form: str
) -> None:
    answer = client.post(f"/api/export/{form}", json=document)
    assert answer.status_code == 200, answer.text
    assert b"states are compared" in answer.content
    names: dict[str, Any] = {}
    exec(compile(answer.content, form, "exec"), names)
    found, _ = run(client, document)
    assert np.abs(names["h"].numpy() - found["h"]).max() <= 1e-5
    assert np.abs(names["y"].numpy() - found["y"]).max() <= 1e-5


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(2, 5, num_layers=2)
        self.fc = nn.Linear(5, 3)


@pytest.mark.parametrize("form", ["pytorch.py", "pytorch-loop.py", "pytorch-minimal.py"])
@pytest.mark.parametrize("module", [Tagger(), nn.GRUCell(2, 5), nn.RNN(2, 5)], ids=repr)
def test_the_code_of_a_network_from_a_file(
    client: TestClient, module: nn.Module, form: str
) -> None:
    content = safetensors.torch.save(module.state_dict())
    found = client.post("/api/files", content=content).json()
    for opened in (*found["stacks"], *found["layers"]):
        document = json.loads(
            experiment_with(opened["changes"], {"input": {"kind": "noise"}}).model_dump_json()
        )
        answer = client.post(f"/api/export/{form}", json=document)
        assert answer.status_code == 200, answer.text
        names: dict[str, Any] = {}
        exec(compile(answer.content, form, "exec"), names)
        run_of_it, _ = run(client, document)
        assert np.abs(names["h"].numpy() - run_of_it["h"]).max() <= 1e-5
        assert np.abs(names["y"].numpy() - run_of_it["y"]).max() <= 1e-5


def test_code_runs_on_its_own(client: TestClient, tmp_path: Path) -> None:
    script = tmp_path / "cell.py"
    script.write_bytes(client.post("/api/export/pytorch.py", json=STACK).content)
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "states as in Rhoscope" in ran.stdout


@pytest.mark.parametrize("kind", [*CELLS, "attention"])
def test_one_step_of_one_unit(client: TestClient, kind: str) -> None:
    document = {"cell": {"kind": kind, "hidden_size": 1}, "steps": 1}
    found, _ = run(client, document)
    assert found["h"].shape == (1, 1)
    for changes in ({"generation": {"after": 1}}, {"cell": document["cell"] | {"layers": 2}}):
        if kind != "attention":
            found, done = run(client, document | changes)
            assert found["h"].shape == (1, 1)
            assert done["diagnosis"]["generating"] is None


def test_what_never_generates_is_not_refused_for_it(client: TestClient) -> None:
    for cell in ({"layers": 2}, {"kind": "attention"}, {"output_size": 3}):
        document = {"cell": cell | {"hidden_size": 4}, "generation": {"after": 20}, "steps": 20}
        _, done = run(client, document)
        assert done["diagnosis"]["generating"] is None


@pytest.mark.parametrize("hidden_size", [8, 513])
def test_a_certificate_is_of_both_matrices_or_not_given(
    client: TestClient, hidden_size: int
) -> None:
    document = {
        "cell": {"hidden_size": hidden_size, "activation": "linear"},
        "recurrent": {"gain": 0.1},
        "readout": {"scale": 60.0},
        "generation": {"after": 5},
        "steps": 30,
    }
    _, done = run(client, document)
    assert done["diagnosis"]["gradients"]["fate"] == "explode"
    certificate = done["diagnosis"]["certificate"]
    assert certificate is None if hidden_size > 512 else not certificate["must_vanish"]


def test_what_was_drawn_was_likely_also_beyond_the_dtype(client: TestClient) -> None:
    document = {
        "cell": {"hidden_size": 8, "input_size": 3, "output_size": 3, "activation": "linear"},
        "recurrent": {"spectral_radius": 3},
        "output": {"kind": "classes"},
        "generation": {"after": 5},
        "steps": 400,
    }
    found, _ = run(client, document)
    assert np.isinf(found["y"]).any()
    p = found["p"][4:-1]
    assert (p[found["x"][5:] == 1] > 1e-6).all()
    assert np.abs(p.sum(axis=1) - 1).max() <= 1e-6
    # Far beyond, one class is certain: none shares it because both are infinite.
    assert (found["p"][200:].max(axis=1) == 1).all()


def test_a_linear_stack_may_explode(client: TestClient) -> None:
    cell = {"activation": "linear", "hidden_size": 8, "layers": 2}
    _, done = run(client, {"cell": cell, "recurrent": {"spectral_radius": 1.1}})
    assert done["diagnosis"]["states"]["fate"] == "explode"
    assert done["diagnosis"]["certificate"] is None


def test_a_network_that_is_fed_back_leaves_with_its_readout(client: TestClient) -> None:
    document = {"cell": {"hidden_size": 6}, "generation": {"after": 5}}
    content = client.post("/api/export/network.safetensors", json=document).content
    assert "readout.weight" in safetensors.torch.load(content)


def test_what_attention_has_for_w_hh_is_left_out_like_it(client: TestClient) -> None:
    edits = [{"op": "set", "i": 0, "j": 0, "value": 0.5}]
    document = ATTENTION | {"recurrent": {"edits": edits}}
    with client.websocket_connect("ws://127.0.0.1/api/stream") as ws:
        ws.receive_text()
        message = {"type": "run", "id": 1, "experiment": document, "split_weights": True}
        ws.send_text(json.dumps(message | {"omit": ["W_hh"]}))
        names: set[str] = set()
        while (content := ws.receive().get("bytes")) is not None:
            names |= set(load(content))
    assert "h" in names
    assert not names & {"W_hh", "W_qkv", "W_hh_drawn"}
