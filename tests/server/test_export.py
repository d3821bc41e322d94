"""What leaves: a network for PyTorch, a cell of code that checks itself, arrays, a table."""

import io
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors import safe_open
from safetensors.numpy import load
from starlette.testclient import TestClient
from torch import nn

from app.link import read_link
from tests.server.kernel import pasted

EDITED = {
    "cell": {"hidden_size": 8, "input_size": 2},
    "recurrent": {
        "spectral_radius": 0.9,
        "edits": [
            {"i": 3, "j": 5, "value": 0.2},
            {"op": "normality", "alpha": 1.5},
            {"op": "radius", "spectral_radius": 1.25},
        ],
    },
    "bias": {"scale": 0.5},
    "input": {"kind": "noise"},
    "steps": 60,
}


def exported(client: TestClient, file: str, document: dict[str, Any]) -> bytes:
    answer = client.post(f"/api/export/{file}", json=document)
    assert answer.status_code == 200, answer.text
    assert f'filename="rhoscope-{file}"' in answer.headers["content-disposition"]
    return answer.content


def posted(client: TestClient, document: dict[str, Any]) -> dict[str, np.ndarray]:
    answer = client.post("/api/run", json=document)
    assert answer.status_code == 200, answer.text
    tensors: dict[str, np.ndarray] = load(answer.content)
    return tensors


def test_a_bare_module_loads_the_network(client: TestClient) -> None:
    weights = safetensors.torch.load(exported(client, "network.safetensors", EDITED))
    module = nn.RNN(2, 8)
    module.load_state_dict(weights)
    run = posted(client, EDITED)
    assert np.array_equal(module.weight_hh_l0.detach().numpy(), run["W_hh"])
    with torch.no_grad():
        h, _ = module(torch.from_numpy(run["x"].copy()))
    assert np.abs(h.numpy() - run["h"]).max() <= 1e-5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_out_and_in_again_gives_the_same_bits(client: TestClient, dtype: str) -> None:
    document = EDITED | {"dtype": dtype, "readout": {"scale": 0.5}, "cell": {"hidden_size": 5}}
    document["recurrent"] = {"edits": [{"i": 1, "j": 2, "value": 0.1}]}
    content = exported(client, "network.safetensors", document)
    found = client.post("/api/files", content=content).json()
    (layer,) = found["layers"]
    assert layer["changes"]["cell.activation"] == "tanh"
    assert layer["output_size"] == 1
    again = {
        "cell": {"hidden_size": 5},
        "weights": {"file": found["file"]},
        "input": document["input"],
        "steps": 60,
        "dtype": dtype,
    }
    before, after = posted(client, document), posted(client, again)
    for name in ("W_xh", "W_hh", "b_h", "W_hy", "b_y", "h", "y", "log10_grad_h"):
        assert np.array_equal(before[name], after[name]), name


def test_a_network_of_many_edits_goes_out_and_in_again(client: TestClient) -> None:
    edits = [{"i": k % 8, "j": k // 8 % 8, "value": k / 7} for k in range(3000)]
    document = {"cell": {"hidden_size": 8}, "recurrent": {"edits": edits}, "steps": 2}
    content = exported(client, "network.safetensors", document)
    found = client.post("/api/files", content=content)
    assert found.status_code == 200, found.text


@pytest.mark.parametrize("has_readout", [True, False])
def test_a_readout_goes_out_only_where_it_came_in(client: TestClient, has_readout: bool) -> None:
    module = nn.ModuleDict(
        {"rnn": nn.RNN(1, 4), **({"readout": nn.Linear(4, 2)} if has_readout else {})}
    )
    found = client.post("/api/files", content=safetensors.torch.save(module.state_dict())).json()
    cell = {"hidden_size": 4, "output_size": 2 if has_readout else 1}
    document = {"cell": cell, "weights": {"file": found["file"]}}
    weights = safetensors.torch.load(exported(client, "network.safetensors", document))
    module.load_state_dict(weights)


def test_a_reader_that_takes_nothing_is_dropped_and_gives_its_seat_back(
    serve: Callable[..., Any],
) -> None:
    served = serve(send_timeout_s=0.2, max_sessions=1)
    body = json.dumps({"cell": {"hidden_size": 64}, "steps": 50_000, "dtype": "float64"}).encode()
    with socket.create_connection(("127.0.0.1", served.port)) as stalled:
        head = (
            f"POST /api/export/run.npz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}"
        )
        stalled.sendall(head.encode() + b"\r\n\r\n" + body)
        stalled.recv(10)
        assert served.house.seats.taken == 1
        deadline = time.monotonic() + 20
        while served.house.seats.taken:
            assert time.monotonic() < deadline, "the seat was not given back"


def test_a_module_that_was_loaded_goes_back_under_its_own_names(client: TestClient) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.RNN(3, 4, num_layers=2)
            self.fc = nn.Linear(4, 2)

    model = Model()
    found = client.post("/api/files", content=safetensors.torch.save(model.state_dict())).json()
    document = {
        "cell": {"hidden_size": 4, "input_size": 4, "output_size": 2},
        "weights": {"file": found["file"], "layer": 1},
        "recurrent": {"edits": [{"i": 0, "j": 0, "value": 0.5}]},
    }
    weights = safetensors.torch.load(exported(client, "network.safetensors", document))
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected
    assert all(name.endswith("_l0") for name in missing)
    assert model.encoder.weight_hh_l1[0, 0] == 0.5


DOCUMENTS: dict[str, dict[str, Any]] = {
    "edited": EDITED,
    "linear, exploding past the end of float32": {
        "cell": {"hidden_size": 8, "activation": "linear"},
        "recurrent": {"spectral_radius": 2.0},
        "steps": 300,
    },
    "chaotic": {
        "cell": {"hidden_size": 64},
        "recurrent": {"gain": 4.0},
        "input": {"kind": "noise"},
        "steps": 300,
    },
    "a batch in float64": {
        "cell": {"hidden_size": 5, "input_size": 2, "activation": "relu"},
        "input": {"kind": "noise"},
        "batch_size": 3,
        "dtype": "float64",
        "steps": 40,
    },
    "silence": {"cell": {"hidden_size": 2}, "input": {"kind": "silence"}, "steps": 3},
    "numbers that float32 has not": {
        "cell": {"hidden_size": 2, "activation": "linear"},
        "recurrent": {"edits": [{"i": 0, "j": 1, "value": 1e100}]},
        "dtype": "float64",
        "steps": 3,
    },
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_cell_of_code_runs_and_agrees(client: TestClient, name: str) -> None:
    text = exported(client, "pytorch.py", DOCUMENTS[name]).decode()
    steps = DOCUMENTS[name]["steps"]
    assert f"T = {steps}" in text
    ran = pasted(text)
    assert ran.error == ""
    assert f"{steps} steps" in ran.output
    if "float32 has not" in name:
        assert "No state is compared" in text
    elif name in ("chaotic", "linear, exploding past the end of float32"):
        assert "from there on rounding decides" in text
    else:
        assert f"up to t = {steps}." in text


def test_the_cell_of_code_notices_another_network(client: TestClient) -> None:
    text = exported(client, "pytorch.py", EDITED).decode()
    wrong = text.replace("with torch.no_grad():\n", "with torch.no_grad():\n    x = 1.01 * x\n")
    assert wrong != text
    assert "AssertionError" in pasted(wrong).error


@pytest.mark.parametrize("batch_size", [1, 3])
def test_npz_holds_every_array_and_what_made_it(client: TestClient, batch_size: int) -> None:
    document = EDITED | {"batch_size": batch_size}
    found = np.load(io.BytesIO(exported(client, "run.npz", document)), allow_pickle=False)
    run = posted(client, document)
    for name, array in run.items():
        assert np.array_equal(found[name], array)
    assert read_link(str(found["link"])).model_dump()["steps"] == 60
    assert json.loads(str(found["experiment"]))["bias"]["scale"] == 0.5
    assert json.loads(str(found["versions"]))["torch"] == torch.__version__


@pytest.mark.parametrize(("batch_size", "dtype"), [(1, "float32"), (3, "float64")])
def test_the_table_has_a_line_a_step_and_loses_no_digit(
    client: TestClient, batch_size: int, dtype: str
) -> None:
    document = EDITED | {"batch_size": batch_size, "dtype": dtype}
    text = exported(client, "run.csv", document).decode()
    names = text.splitlines()[0].split(",")
    table = dict(
        zip(names, np.loadtxt(io.StringIO(text), delimiter=",", skiprows=1).T, strict=True)
    )
    run = posted(client, document)
    assert len(table["t"]) == 60 * batch_size
    assert (table["t"][:3].tolist(), table["t"][-1]) == ([1, 2, 3], 60)
    assert ("b" in table) == (batch_size > 1)
    assert np.array_equal(table["h_4"].astype(dtype), run["h"][..., 3].reshape(-1))
    assert np.array_equal(table["x_2"].astype(dtype), run["x"][..., 1].reshape(-1))
    assert np.array_equal(table["log10_grad_h"], run["log10_grad_h"].reshape(-1))


CELLS: tuple[dict[str, object], ...] = (
    {"cell": {"kind": "lstm", "hidden_size": 3}},
    {"cell": {"kind": "gru", "hidden_size": 3, "layers": 2}, "batch_size": 2},
    {"cell": {"kind": "attention", "hidden_size": 3}},
    {"cell": {"hidden_size": 3}, "generation": {"after": 2}},
    {"cell": {"hidden_size": 3, "output_size": 2}, "output": {"kind": "classes"}},
    {"cell": {"hidden_size": 3, "input_size": 2}, "input": {"kind": "text", "text": "a b"}},
)


@pytest.mark.parametrize("document", CELLS, ids=str)
def test_npz_says_of_every_array_what_it_is(
    client: TestClient, document: dict[str, object]
) -> None:
    content = exported(client, "run.npz", document | {"steps": 5})
    found = np.load(io.BytesIO(content), allow_pickle=False)
    about = json.loads(str(found["about"]))
    assert set(about) == {name for name in found.files if found[name].dtype.kind == "f"}
    for name, words in about.items():
        axes = words["axes"].strip("[]").split(", ")
        assert len(axes) in (found[name].ndim, found[name].ndim - 1), name  # a batch may lead
        assert words["meaning"] and words["unit"]


@pytest.mark.parametrize("document", CELLS, ids=str)
def test_the_table_has_all_that_steps_have(client: TestClient, document: dict[str, object]) -> None:
    document = document | {"steps": 5}
    names = exported(client, "run.csv", document).decode().splitlines()[0].split(",")
    assert len(names) == len(set(names))
    columns = {name if name.startswith("log10_") else name.rpartition("_")[0] for name in names}
    of_steps = {
        name
        for name, array in posted(client, document).items()
        if name not in ("token_index", "x_h") and 5 in array.shape and not name.startswith("W_")
    }
    assert of_steps <= columns


def test_what_would_be_too_long_is_refused_with_a_way_out(client: TestClient) -> None:
    long = {"cell": {"hidden_size": 256}, "steps": 100_000}
    error = client.post("/api/export/run.csv", json=long).json()
    assert (error["code"], "npz" in error["message"]) == ("over_limit", True)
    noisy = {"cell": {"hidden_size": 1024}, "steps": 1}
    error = client.post("/api/export/pytorch.py", json=noisy).json()
    assert (error["code"], "too long to be pasted" in error["message"]) == ("over_limit", True)


def test_the_network_needs_no_run(client: TestClient) -> None:
    long = {"cell": {"hidden_size": 4, "activation": "relu"}, "steps": 1_000_000}
    content = exported(client, "network.safetensors", long)
    assert safetensors.torch.load(content)["weight_hh_l0"].shape == (4, 4)


def test_the_file_says_what_it_is(client: TestClient, tmp_path: Path) -> None:
    file = tmp_path / "network.safetensors"
    file.write_bytes(exported(client, "network.safetensors", EDITED))
    with safe_open(file, "np") as opened:
        metadata = opened.metadata()
    assert metadata["nonlinearity"] == "tanh"
    assert read_link(metadata["link"]).cell.hidden_size == 8
