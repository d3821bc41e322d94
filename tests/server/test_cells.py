"""GRU and LSTM through the server: PyTorch's own numbers, gates, edits, files, exports."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors.numpy import load
from starlette.testclient import TestClient
from torch import nn

from app.found import experiment_with
from tests.server.kernel import pasted

from .scripted import reader_of, run_message

MODULES: dict[str, type[nn.RNNBase]] = {"gru": nn.GRU, "lstm": nn.LSTM}
GATES = {"gru": "rzn", "lstm": "ifgoc"}
TOLERANCE = {"float32": 1e-6, "float64": 1e-12}


def document(kind: str, **changes: Any) -> dict[str, Any]:
    made = {
        "cell": {"kind": kind, "input_size": 2, "hidden_size": 6, "output_size": 3},
        "input": {"kind": "noise"},
        "bias": {"scale": 0.5},
        "steps": 40,
    }
    return made | changes


def run(client: TestClient, asked: dict[str, Any]) -> dict[str, np.ndarray]:
    answer = client.post("/api/run", json=asked)
    assert answer.status_code == 200, answer.text
    tensors: dict[str, np.ndarray] = load(answer.content)
    return tensors


def done_of(client: TestClient, asked: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/api/run", json=asked)
    length = int.from_bytes(answer.content[:8], "little")
    done: dict[str, Any] = json.loads(
        json.loads(answer.content[8 : 8 + length])["__metadata__"]["done"]
    )
    return done


def module_of(client: TestClient, asked: dict[str, Any]) -> nn.RNNBase:
    """PyTorch's module with the weights of an Experiment."""
    content = client.post("/api/export/network.safetensors", json=asked).content
    weights = safetensors.torch.load(content)
    module = MODULES[asked["cell"]["kind"]](2, 6, batch_first=True)
    module.to(torch.float64 if asked.get("dtype") == "float64" else torch.float32)
    module.load_state_dict(weights)
    return module


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("kind", MODULES)
def test_states_are_those_of_pytorch(
    client: TestClient, kind: str, batch_size: int, dtype: str
) -> None:
    asked = document(kind, dtype=dtype, batch_size=batch_size)
    found = run(client, asked)
    module = module_of(client, asked)
    with torch.no_grad():
        h, _ = module(torch.from_numpy(found["x"].copy()))
    assert np.abs(found["h"] - h.numpy()).max() <= TOLERANCE[dtype]
    for gate in GATES[kind]:
        assert found[gate].shape == found["h"].shape
    if kind == "lstm":
        state = found["o"] * np.tanh(found["c"])
        assert np.abs(state - found["h"]).max() <= 2e-7
        assert np.allclose(
            found["log10_norm_c"], np.log10(np.linalg.norm(found["c"], axis=-1)), atol=1e-6
        )


@pytest.mark.parametrize("kind", MODULES)
def test_gradients_are_those_of_autograd(client: TestClient, kind: str) -> None:
    asked = document(kind, dtype="float64", loss={"kind": "mse"}, steps=12)
    found = run(client, asked)
    module = module_of(client, asked)
    states, x = [], torch.from_numpy(found["x"].copy())
    state: Any = None
    for t in range(12):
        _, state = module(x[t : t + 1], state)
        h = state[0] if kind == "lstm" else state
        h.retain_grad()
        states.append(h)
    W_hy, b_y = (torch.from_numpy(found[name].copy()) for name in ("W_hy", "b_y"))
    y = states[-1].reshape(-1) @ W_hy.T + b_y
    (0.5 * y.square().sum()).backward()
    expected = np.log10([float(each.grad.norm()) for each in states])
    assert np.abs(found["log10_grad_h"] - expected).max() <= 1e-6


def test_the_stream_sends_gates_only_where_they_are_wanted(client: TestClient) -> None:
    with client.websocket_connect("ws://127.0.0.1/api/stream") as ws:
        reader = reader_of(ws)
        reader.text()
        for run_id, omit in enumerate(([], list("fgoc"), list("ifgoc"))):
            message = json.loads(run_message(run_id, **document("lstm")))
            ws.send_text(json.dumps(message | {"omit": omit}))
            frames, _ = reader.until_end(run_id)
            sent = {name for frame in frames for name in load(frame)}
            assert {name for name in "ifgoc" if name in sent} == set("ifgoc") - set(omit)


@pytest.mark.parametrize("kind", MODULES)
def test_every_gate_is_a_draw_of_its_own_with_the_radius_that_is_asked(
    client: TestClient, kind: str
) -> None:
    W = run(client, document(kind, recurrent={"spectral_radius": 1.5}, dtype="float64"))["W_hh"]
    blocks = W.reshape(-1, 6, 6)
    assert len(blocks) == (3 if kind == "gru" else 4)
    radii = [np.abs(np.linalg.eigvals(block)).max() for block in blocks]
    assert radii == pytest.approx([1.5] * len(blocks))
    assert len({block.tobytes() for block in blocks}) == len(blocks)
    assert done_of(client, document(kind))["spectral_radius"] == pytest.approx(1.0)
    gained = run(client, document(kind, recurrent={"gain": 0.5}, dtype="float64"))["W_hh"]
    doubled = run(client, document(kind, recurrent={"gain": 1.0}, dtype="float64"))["W_hh"]
    assert np.allclose(doubled, 2 * gained)


def test_edits_reach_every_gate_and_spectral_ones_the_candidate(client: TestClient) -> None:
    plain = run(client, document("lstm", dtype="float64"))["W_hh"]
    edits: list[dict[str, Any]] = [{"op": "set", "i": 23, "j": 5, "value": 0.25}]
    asked = document("lstm", dtype="float64", recurrent={"edits": edits})
    set_one = run(client, asked)["W_hh"]
    assert set_one[23, 5] == 0.25
    assert (set_one != plain).sum() == 1
    edits.append({"op": "normality", "alpha": 0.0})
    normal = run(client, asked)["W_hh"]
    candidate = normal[12:18]
    assert np.allclose(candidate @ candidate.T, candidate.T @ candidate, atol=1e-12)
    assert np.array_equal(np.delete(normal, range(12, 18), 0), np.delete(set_one, range(12, 18), 0))
    edits.append({"op": "radius", "spectral_radius": 2.0})
    scaled = run(client, asked)
    assert np.allclose(scaled["W_hh"], 2.0 * normal, rtol=1e-9)
    assert np.abs(np.linalg.eigvals(scaled["W_hh"][12:18])).max() == pytest.approx(2.0)
    assert np.hypot(*scaled["eigenvalues"].T).max() == pytest.approx(2.0)
    edits.append({"op": "set", "i": 24, "j": 0, "value": 0.0})
    error = client.post("/api/run", json=asked).json()
    assert error["field"] == "recurrent.edits.3.i"
    assert "0 to 23" in error["expected"]


@pytest.mark.parametrize(("kind", "block"), [("lstm", 1), ("gru", 1)])
def test_the_forget_bias_is_added_to_the_gate_that_keeps(
    client: TestClient, kind: str, block: int
) -> None:
    before, after = (
        run(client, document(kind, dtype="float64", bias={"scale": 0.5, "forget": forget}))["b_h"]
        for forget in (0.0, 2.0)
    )
    assert len(before) == 24
    difference = (after - before).reshape(4, 6)
    assert difference[block] == pytest.approx(2.0)
    assert np.delete(difference, block, 0).tolist() == np.zeros((3, 6)).tolist()


def test_v19_the_direct_path_is_the_product_of_the_forget_gates(client: TestClient) -> None:
    asked = document("lstm", dtype="float64", steps=200, bias={"forget": float(np.log(199))})
    asked["recurrent"] = {"gain": 0.0}
    asked["input"] = {"kind": "silence"}
    asked["initial_state"] = {"kind": "random"}
    found = run(client, asked)
    assert found["f"] == pytest.approx(1 - 1 / 200)
    per_step = np.diff(found["log10_direct_path"])
    assert per_step == pytest.approx(-np.log10(1 - 1 / 200))


@pytest.mark.parametrize("kind", MODULES)
def test_the_verdict_says_nothing_that_only_an_elman_cell_has(
    client: TestClient, kind: str
) -> None:
    diagnosis = done_of(client, document(kind))["diagnosis"]
    assert diagnosis["certificate"] is None
    assert diagnosis["gradients"]["log10_saturation"] is None
    assert diagnosis["gradients"]["fate"] == "vanish"
    assert diagnosis["states"]["fate"] in ("live", "vanish")


@pytest.mark.parametrize("kind", MODULES)
def test_a_trained_module_comes_in_runs_and_goes_out_again(client: TestClient, kind: str) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = MODULES[kind](2, 6, num_layers=2, batch_first=True)
            self.fc = nn.Linear(6, 3)

    model = Model()
    content = safetensors.torch.save(model.state_dict())
    found = client.post("/api/files", content=content).json()
    assert [layer["problem"] for layer in found["layers"]] == [None, None]
    layer = found["layers"][0]
    assert layer["module"] == f"nn.{kind.upper()}"
    asked = json.loads(
        experiment_with(
            layer["changes"], {"input": {"kind": "noise"}, "steps": 30, "batch_size": 2}
        ).model_dump_json()
    )
    ran = run(client, asked)
    first = MODULES[kind](2, 6, batch_first=True)
    first.load_state_dict({k: v for k, v in model.rnn.state_dict().items() if k.endswith("_l0")})
    with torch.no_grad():
        h, _ = first(torch.from_numpy(ran["x"].copy()))
    assert np.abs(ran["h"] - h.numpy()).max() <= 1e-6
    weights = safetensors.torch.load(
        client.post("/api/export/network.safetensors", json=asked).content
    )
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert all(name.endswith("_l1") or name.startswith("fc") for name in missing)
    assert all(name.startswith("readout") for name in unexpected)
    again = client.post("/api/files", content=safetensors.torch.save(weights)).json()
    changes = again["layers"][0]["changes"]
    back = run(client, json.loads(experiment_with(changes, asked).model_dump_json()))
    for name in ("W_hh", "W_xh", "b_h", "h", "log10_grad_h"):
        assert np.array_equal(back[name], ran[name]), name


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize(
    ("file", "word"),
    [
        ("pytorch.py", "torch.nn.{}("),
        ("pytorch-loop.py", "torch.nn.{}Cell("),
        ("pytorch-minimal.py", "class MinimalRNN"),
    ],
)
@pytest.mark.parametrize("kind", ["elman", *MODULES])
def test_every_form_of_code_runs_and_agrees(
    client: TestClient, kind: str, file: str, word: str, batch_size: int
) -> None:
    answer = client.post(f"/api/export/{file}", json=document(kind, batch_size=batch_size))
    assert word.format({"elman": "RNN"}.get(kind, kind.upper())) in answer.text
    ran = pasted(answer.text)
    assert ran.error == ""
    assert "40 steps" in ran.output


@pytest.mark.parametrize("kind", MODULES)
def test_the_atlas_of_a_gated_cell_is_its_single_runs(client: TestClient, kind: str) -> None:
    asked = document(kind)
    message = {"type": "analyse", "id": 1, "experiment": asked, "wants": ["atlas"], "radii": 5}
    rays: dict[float, np.ndarray] = {}
    with client.websocket_connect("ws://127.0.0.1/api/stream") as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_text(json.dumps(message))
        frames, _ = reader.until_end(1)
    for frame in frames:
        tensors = load(frame)
        rays |= dict(zip(tensors["radii"].tolist(), tensors["log10_grad_h"], strict=True))
    assert sorted(rays) == [0.0, 0.5, 1.0, 1.5, 2.0]
    for radius in (0.5, 1.5):
        single = run(client, asked | {"recurrent": {"spectral_radius": radius}})
        assert np.abs(rays[radius] - single["log10_grad_h"]).max() <= 1e-4


@pytest.mark.parametrize("kind", MODULES)
def test_one_step_and_one_unit_are_a_network_too(client: TestClient, kind: str) -> None:
    found = run(client, {"cell": {"kind": kind, "hidden_size": 1}, "steps": 1})
    assert found["h"].shape == (1, 1)
    assert found["log10_grad_h"].tolist() == [0.0]


def test_a_gated_cell_counts_for_what_it_takes(client_of: Callable[..., TestClient]) -> None:
    client = client_of(max_memory_bytes=60_000_000)
    asked = {"cell": {"hidden_size": 256}, "steps": 10_000}
    assert client.post("/api/run", json=asked).status_code == 200
    asked["cell"] = {"hidden_size": 256, "kind": "lstm"}
    assert client.post("/api/run", json=asked).json()["code"] == "over_limit"
