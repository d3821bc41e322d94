"""Files that people bring along: read, kept, refused; the same server, and the next one."""

import hashlib
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors.numpy import load
from starlette.testclient import TestClient
from torch import nn

from app.file_formats import read_contents
from app.found import experiment_with


def saved(module: nn.Module, path: Path) -> bytes:
    file = path / "module.safetensors"
    safetensors.torch.save_model(module, str(file))
    return file.read_bytes()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def uploaded(client: TestClient, content: bytes) -> dict[str, Any]:
    answer = client.post("/api/files", content=content)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["file"] == hashlib.sha256(content).hexdigest()
    return found


def opening(changes: dict[str, Any], **document: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(
        experiment_with(changes, document).model_dump_json(exclude_defaults=True)
    )
    return made


def run(client: TestClient, document: dict[str, Any]) -> dict[str, np.ndarray]:
    answer = client.post("/api/run", json=document)
    assert answer.status_code == 200, answer.text
    tensors: dict[str, np.ndarray] = load(answer.content)
    return tensors


def refused(client: TestClient, content: bytes) -> str:
    answer = client.post("/api/files", content=content)
    assert answer.status_code in (413, 422), answer.text
    message: str = answer.json()["message"]
    return message


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_a_trained_module_runs_as_it_does_in_pytorch(
    client: TestClient, tmp_path: Path, nonlinearity: str
) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(3, 16, nonlinearity=nonlinearity, batch_first=True)
            self.head = nn.Linear(16, 2)

    model = Model()
    (layer,) = uploaded(client, saved(model, tmp_path))["layers"]
    assert layer["problem"] is None
    assert [layer[size] for size in ("input_size", "hidden_size", "output_size")] == [3, 16, 2]
    assert {tensor["symbol"] for tensor in layer["tensors"]} == {
        "W_xh",
        "W_hh",
        "b_h",
        "W_hy",
        "b_y",
    }
    x = torch.randn(2, 30, 3)
    document = opening(layer["changes"], steps=30, batch_size=2)
    document["cell"]["activation"] = nonlinearity
    source = uploaded(client, npy(x.numpy()))["input"]
    assert source["changes"] | {"input.file": ""} == {
        "input.kind": "file", "input.file": "", "cell.input_size": 3, "steps": 30, "batch_size": 2,
    }  # fmt: skip
    found = run(client, opening(source["changes"], **document))
    with torch.no_grad():
        h, _ = model.rnn(x)
        y = model.head(h)
    assert np.abs(found["h"] - h.numpy()).max() <= 1e-6
    assert np.abs(found["y"] - y.numpy()).max() <= 1e-6
    assert np.array_equal(found["W_hh"], model.rnn.weight_hh_l0.detach().numpy())
    assert np.array_equal(found["W_xh"], model.rnn.weight_ih_l0.detach().numpy())


def test_edits_work_on_what_was_loaded_and_a_radius_is_measured(client: TestClient) -> None:
    W = np.array([[0.5, 0.25], [0.0, 0.75]])
    (layer,) = uploaded(client, npz(W_hh=W))["layers"]
    document = opening(layer["changes"], cell={"activation": "linear"}, steps=5)
    edits = [
        {"op": "radius", "spectral_radius": 1.5},
        {"op": "set", "i": 1, "j": 0, "value": 0.125},
    ]
    document["recurrent"] = {"edits": edits}
    expected = 2 * W
    expected[1, 0] = 0.125
    assert np.allclose(run(client, document)["W_hh"], expected, rtol=1e-15)
    assert np.array_equal(run(client, {**document, "recurrent": {}})["W_hh"], W)


def test_what_the_file_lacks_is_drawn_as_the_document_says(client: TestClient) -> None:
    (layer,) = uploaded(client, json.dumps({"W_hh": [[0.5]], "b_h": [1.0]}).encode())["layers"]
    found = run(client, opening(layer["changes"], input_weights={"scale": 0.0}, steps=2))
    assert found["W_xh"].tolist() == [[0.0]]
    assert found["b_h"].tolist() == [1.0]
    assert "cell.input_size" not in layer["changes"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_float_is_read_exactly(client: TestClient, dtype: torch.dtype) -> None:
    W = (torch.randn(4, 4) / 4).to(dtype)
    (layer,) = uploaded(client, safetensors.torch.save({"W_hh": W}))["layers"]
    document = opening(layer["changes"])
    assert document.get("dtype") == ("float64" if dtype == torch.float64 else None)
    found = run(client, opening(layer["changes"], steps=1))["W_hh"]
    assert np.array_equal(found.astype(np.float64), W.double().numpy())


@pytest.mark.parametrize(
    ("content", "shape"),
    [
        (npy(np.ones((7, 3))), (1, 7, 3)),
        (npy(np.asfortranarray(np.ones((7, 3)))), (1, 7, 3)),
        (npy(np.ones((2, 7, 3), np.float16)), (2, 7, 3)),
        (npy(np.arange(7)), (1, 7, 1)),
        (npz(anything=np.ones((7, 3))), (1, 7, 3)),
        (b"[[1, 2], [3, 4.5], [5, 6]]", (1, 3, 2)),
        (b"[[[1], [2]]]", (1, 2, 1)),
        (b'{"x": [[1, 2], [3, 4], [5, 6]]}', (1, 3, 2)),
        (b"a,b\n1,2\n3,4\n-1e3,.5\n", (1, 3, 2)),
        ("\ufeff1;2\r\n3;4\r\n5;6".encode(), (1, 3, 2)),
        (b"1\t2\n3\t4\n5\t6\n", (1, 3, 2)),
        (b"1 2\n3 4\n5 6\n", (1, 3, 2)),
        (b"0.5\n0.25\n", (1, 2, 1)),
    ],
)
def test_an_input_comes_in_many_forms(
    client: TestClient, content: bytes, shape: tuple[int, int, int]
) -> None:
    source = uploaded(client, content)["input"]
    assert (source["batch_size"], source["steps"], source["input_size"]) == shape


def test_an_input_gives_its_first_steps_and_no_more_than_it_has(client: TestClient) -> None:
    x = np.random.default_rng(0).normal(size=(3, 9, 2))
    changes = uploaded(client, npy(x))["input"]["changes"]
    document = opening(changes, dtype="float64") | {"steps": 4, "batch_size": 1}
    assert np.array_equal(run(client, document)["x"], x[0, :4])
    for field, value, expected in (("steps", 10, "at most 9"), ("batch_size", 4, "at most 3")):
        error = client.post("/api/run", json=document | {field: value}).json()
        assert (error["field"], error["got"]) == (field, value)
        assert expected in error["expected"]
    wrong = document | {"cell": {"input_size": 1}}
    assert client.post("/api/run", json=wrong).json()["field"] == "cell.input_size"


def test_a_square_array_may_be_either(client: TestClient) -> None:
    found = uploaded(client, npy(np.eye(3)))
    assert found["input"]["steps"] == found["layers"][0]["hidden_size"] == 3


def test_a_restarted_server_and_a_neighbour_know_the_file(
    client_of: Callable[..., TestClient], tmp_path: Path
) -> None:
    content = npz(W_hh=np.eye(2))
    folder = str(tmp_path / "shared")
    first, second = client_of(upload_folder=folder), client_of(upload_folder=folder)
    found = uploaded(first, content)
    assert second.get(f"/api/files/{found['file']}").json() == found
    stranger = client_of(upload_folder=str(tmp_path / "another"))
    answer = stranger.post("/api/run", json={"weights": {"file": found["file"]}})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_file")
    assert answer.json()["field"] == "weights.file"
    assert "Drop the file" in answer.json()["message"]


def test_a_folder_that_cannot_be_written_is_said(
    client_of: Callable[..., TestClient], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    client = client_of(upload_folder=str(tmp_path / "file" / "uploads"))
    answer = client.post("/api/files", content=npy(np.eye(2)))
    assert (answer.status_code, answer.json()["code"]) == (507, "no_storage")
    assert "--upload-folder" in answer.json()["message"]


def archive(names: list[str], content: bytes = b"") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            made.writestr(name, content)
    return stream.getvalue()


def torch_saved() -> bytes:
    stream = io.BytesIO()
    torch.save(nn.RNN(2, 2).state_dict(), stream)
    return stream.getvalue()


MODULE = safetensors.torch.save(nn.RNN(3, 4).state_dict())
HUGE = np.lib.format.header_data_from_array_1_0(np.zeros(1)) | {"shape": (10**9, 10**3)}


def huge_npy() -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, HUGE)
    return stream.getvalue() + b"\0" * 8


def npy_header(text: bytes) -> bytes:
    padded = text + b" " * (118 - len(text)) if len(text) < 118 else text
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded


def npy_shape(shape: str) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n"
    return npy_header(header.encode()) + b"\0" * 64


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty: got '0 bytes'"),
    "cut off": (MODULE[:-10], "is broken"),
    "cut off in its header": (MODULE[:40], "is cut off"),
    "a hundred thousand tensors": (
        safetensors.torch.save({f"t{k}": torch.zeros(1) for k in range(100_000)}),
        "header is too long: got 6733344; expected at most 65536 bytes",
    ),
    "too many for one layer": (
        safetensors.torch.save(
            nn.RNN(3, 4).state_dict() | {f"t{k}": torch.zeros(1) for k in range(13)}
        ),
        "has too many tensors: got 17; expected at most 16 for each recurrent layer",
    ),
    "a pickle": (pickle.dumps({"W_hh": [[1.0]]}), "may hold code, and is not opened"),
    "torch.save": (torch_saved(), "may hold code, and is not opened"),
    "an npz of objects": (npz(W_hh=np.array([[{}]], object)), "may hold code"),
    "an npy of text": (npy(np.array(["a"])), "of the wrong dtype"),
    "an npy that claims terabytes": (huge_npy(), "is cut off: got '8 bytes of the array'"),
    "an archive of a page": (archive(["index.html"]), "is an archive of something else"),
    "an empty archive": (archive([]), "is of no known format"),
    "a bomb": (archive(["W_hh.npy"], b"\0" * 10**7), "unpacks to too much"),
    "half an archive": (npz(W_hh=np.eye(2))[:-40], "is cut off"),
    "infinite": (npz(W_hh=np.full((2, 2), np.inf)), "W_hh is not finite: got 'inf'"),
    "not a number": (b'{"W_hh": [[NaN]]}', "is no JSON"),
    "an input with a hole": (b"1,2\n3,nan\n", "is not finite: got 'nan'"),
    "a table with a word": (b"1,2\n3,x\n", "is no table of numbers: got 'could not convert"),
    "rows of different length": (b"1,2\n3\n", "is no table of numbers"),
    "ragged lists": (b'{"W_hh": [[1, 2], [3]]}', "has W_hh that is no array"),
    "texts for numbers": (b'{"W_hh": [["1"]]}', "has W_hh that is no array"),
    "deep lists": (b"[" * 100_000, "is no JSON"),
    "millions of lists": (b"[" + b"[]," * 2_000_001 + b"[]]", "has too many lists"),
    "a long text among numbers": (
        b'["' + b"a" * 10**6 + b'"' + b', ""' * 10**5 + b"]",
        "has the list that is no array",
    ),
    "a hundred thousand layers": (
        ("{" + ",".join(f'"weight_hh_l{k}":1' for k in range(100_000)) + "}").encode(),
        "has too many tensors: got 100000; expected at most 1024",
    ),
    "narrow numbers that become wide": (
        npz(x=np.random.default_rng(0).integers(0, 4, 2**23 + 1).astype(np.int8)),
        "has too many numbers: got 8388609; expected at most 8388608",
    ),
    "a header that never closes": (npy_header(b"{'descr': '<f8', 'shape': ("), "can't be read"),
    "a negative shape": (npy_shape("(-1, -1)"), "the array"),
    "a shape of truths": (npy_shape("(True,)"), "the array"),
    "seventy axes": (npy_shape(f"({'1,' * 70})"), "has the array of no shape"),
    "prose": ("Der Rücken".encode(), "is of no known format"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is of no known format"),
    "no recurrent layer": (
        safetensors.torch.save(nn.Linear(2, 3).state_dict()),
        "holds no recurrent layer and no input: got '",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(client: TestClient, case: str) -> None:
    content, message = BROKEN[case]
    assert message in refused(client, content)


def test_what_is_in_use_is_not_what_goes_first(
    client_of: Callable[..., TestClient], tmp_path: Path
) -> None:
    folder = tmp_path / "uploads"
    contents = [npz(W_hh=np.eye(2) * k) for k in range(3)]
    client = client_of(upload_folder=str(folder), max_uploads_bytes=2 * len(contents[0]) + 10)
    first, second = (uploaded(client, content)["file"] for content in contents[:2])
    for age, digest in enumerate((first, second)):
        os.utime(folder / f"{digest}.rhoscope", (age, age))
    run(client, {"weights": {"file": first}, "cell": {"hidden_size": 2}, "steps": 2})
    uploaded(client, contents[2])
    assert (folder / f"{first}.rhoscope").exists()
    assert not (folder / f"{second}.rhoscope").exists()


def test_a_bare_module_opens_with_its_own_activation_and_without_a_bias(
    client: TestClient,
) -> None:
    content = safetensors.torch.save(nn.RNN(2, 3, bias=False).state_dict())
    changes = uploaded(client, content)["layers"][0]["changes"]
    assert changes["cell.activation"] == "tanh"
    found = run(client, opening(changes, bias={"scale": 5.0}, steps=2))
    assert not found["b_h"].any()


def test_a_header_of_any_length_is_read(client: TestClient) -> None:
    W = torch.eye(2)
    starts = set()
    for length in range(300):
        content = safetensors.torch.save({"W_hh": W}, {"comment": "x" * length})
        starts.add(content[0])
        assert uploaded(client, content)["format"] == "safetensors"
    assert 0x80 in starts


def test_a_module_that_cannot_be_run_is_shown_with_the_reason(client: TestClient) -> None:
    content = safetensors.torch.save(nn.LSTM(3, 4, num_layers=3, bidirectional=True).state_dict())
    layers = uploaded(client, content)["layers"]
    assert len(layers) == 6
    for layer in layers:
        assert "one direction of a bidirectional module" in layer["problem"]
    error = client.post("/api/run", json=opening_of(layers[0])).json()
    assert error["code"] == "invalid_field"


def opening_of(layer: dict[str, Any]) -> dict[str, Any]:
    weights = {"file": layer["changes"]["weights.file"], "layer": layer["layer"]}
    return {"weights": weights, "cell": {"hidden_size": layer["hidden_size"]}}


def test_sizes_over_the_servers_limits_are_said_before_anything_opens(
    client_of: Callable[..., TestClient],
) -> None:
    client = client_of(max_hidden=3)
    (layer,) = uploaded(client, MODULE)["layers"]
    assert "got 4; expected 1 to 3" in layer["problem"]
    assert "--max-hidden" in layer["problem"]


def test_a_document_that_does_not_fit_its_file_says_which_field(client: TestClient) -> None:
    found = uploaded(client, MODULE)
    fitting = opening(found["layers"][0]["changes"])
    for field, changed in (
        ("cell.hidden_size", {"cell": {"hidden_size": 5, "input_size": 3}}),
        ("cell.input_size", {"cell": {"hidden_size": 4, "input_size": 2}}),
        ("weights.layer", {"weights": {"file": found["file"], "layer": 1}}),
        ("recurrent.spectral_radius", {"recurrent": {"spectral_radius": 1.0}}),
        ("recurrent.gain", {"recurrent": {"gain": 1.0}}),
    ):
        error = client.post("/api/run", json=fitting | changed).json()
        assert error["field"] == field, error


def test_the_document_comes_back_without_a_radius_that_nobody_gave(client: TestClient) -> None:
    changes = uploaded(client, MODULE)["layers"][0]["changes"]
    answer = client.post("/api/run", json=opening(changes))
    length = int.from_bytes(answer.content[:8], "little")
    done = json.loads(json.loads(answer.content[8 : 8 + length])["__metadata__"]["done"])
    assert done["experiment"]["recurrent"]["spectral_radius"] is None
    assert done["spectral_radius"] > 0
    again = client.post("/api/run", json=done["experiment"])
    assert again.status_code == 200


def test_metadata_says_the_activation() -> None:
    contents = read_contents(
        safetensors.torch.save({"W_hh": torch.eye(1)}, {"nonlinearity": "relu"})
    )
    assert contents.metadata["nonlinearity"] == "relu"
