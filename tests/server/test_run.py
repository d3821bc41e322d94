"""Runs by the real engine: what the stream sends is what POST sends, bit for bit."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load
from starlette.testclient import TestClient

from app.experiment import Experiment

from .documents import CASES, SMALL
from .scripted import metadata, reader_of

STREAM = "ws://127.0.0.1/api/stream"
Tensors = dict[str, np.ndarray]


def posted(client: TestClient, document: dict[str, Any]) -> tuple[Tensors, dict[str, Any]]:
    answer = client.post("/api/run", json=document)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    about = metadata(answer.content)
    assert (about["id"], about["kind"], about["t0"]) == ("", "run", "0")
    done = json.loads(about["done"], parse_constant=pytest.fail)
    assert int(about["t1"]) == done["experiment"]["steps"]
    return load(answer.content), done


def streamed(
    ws: Any,
    run_id: int,
    document: dict[str, Any],
    view: dict[str, int] | None = None,
    **options: Any,
) -> tuple[list[tuple[str, int, int, Tensors]], dict[str, Any]]:
    message = {"type": "run", "id": run_id, "experiment": document, "view": view, **options}
    ws.send_text(json.dumps(message))
    frames, done = reader_of(ws).until_end(run_id)
    return [
        (m["kind"], int(m["t0"]), int(m["t1"]), load(frame))
        for frame in frames
        for m in [metadata(frame)]
    ], done


def time_axis(name: str) -> int:
    return -2 if name in ("h", "y") else -1


def joined(frames: list[tuple[str, int, int, Tensors]], kind: str) -> Tensors:
    """The chunks of one kind, checked for gaps and overlaps, in order of time."""
    chunks = [(t0, t1, tensors) for k, t0, t1, tensors in frames if k == kind]
    if kind == "gradients":
        chunks.reverse()
    reached = 0
    parts: dict[str, list[np.ndarray]] = {}
    for t0, t1, tensors in chunks:
        assert t0 == reached
        reached = t1
        for name, tensor in tensors.items():
            parts.setdefault(name, []).append(tensor)
    return {
        name: found[0] if name == "cotangent" else np.concatenate(found, axis=time_axis(name))
        for name, found in parts.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_the_stream_joined_is_what_post_gives_bit_for_bit(client: TestClient, name: str) -> None:
    document = CASES[name]
    whole, whole_done = posted(client, document)
    with client.websocket_connect(STREAM) as ws:
        reader_of(ws).text()
        frames, done = streamed(ws, 1, document)
    tensors: Tensors = {}
    for kind in ("weights", "inputs", "spectrum"):
        [(t0, t1, found)] = [(t0, t1, found) for k, t0, t1, found in frames if k == kind]
        assert (t0, t1) == (0, done["experiment"]["steps"])
        tensors |= found
    tensors |= joined(frames, "states") | joined(frames, "gradients")
    assert set(tensors) == set(whole)
    for key, tensor in tensors.items():
        assert tensor.dtype == whole[key].dtype
        assert tensor.shape == whole[key].shape
        assert tensor.tobytes() == whole[key].tobytes(), key
    same = ("status", "first_nonfinite_step", "notes", "diagnosis", "spectral_radius", "experiment")
    assert {key: done[key] for key in same} == {key: whole_done[key] for key in same}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ensemble", ["gaussian", "orthogonal", "delay_line"])
def test_a_draw_times_its_factor_is_the_matrix_bit_for_bit(
    client: TestClient, ensemble: str, dtype: str
) -> None:
    for rho in (0.3, 1.0, 1.37):
        recurrent = {"ensemble": ensemble, "spectral_radius": rho}
        document = {"cell": {"hidden_size": 9}, "recurrent": recurrent, "dtype": dtype, "steps": 3}
        with client.websocket_connect(STREAM) as ws:
            reader_of(ws).text()
            frames, _ = streamed(ws, 1, document, split_weights=True)
        kinds = {kind: tensors for kind, _, _, tensors in frames}
        W_hh = kinds["spectrum"]["W_hh_scale"] * kinds["matrix"]["W_hh_drawn"]
        whole, _ = posted(client, document)
        assert W_hh.astype(dtype).tobytes() == whole["W_hh"].tobytes()
        assert set(kinds["weights"]) == {"W_xh", "b_h", "W_hy", "b_y"}


def test_a_changed_radius_sends_no_weights_and_an_edit_sends_the_matrix(client: TestClient) -> None:
    def recurrent(rho: float, *values: float) -> dict[str, Any]:
        edits = [{"op": "set", "i": 0, "j": 1, "value": value} for value in values]
        return {"recurrent": {"spectral_radius": rho, "edits": edits}, "steps": 5}

    documents = [recurrent(1), recurrent(0.9), recurrent(0.9, 0.5), recurrent(0.8, 0.5)]
    with client.websocket_connect(STREAM) as ws:
        reader_of(ws).text()
        sent = [
            {
                kind: set(tensors)
                for kind, _, _, tensors in streamed(ws, run_id, document, split_weights=True)[0]
                if kind in ("weights", "matrix", "spectrum")
            }
            for run_id, document in enumerate([*documents, recurrent(0.8)])
        ]
    values = {"eigenvalues", "singular_values"}
    assert sent[0]["matrix"] == {"W_hh_drawn"}
    assert sent[1] == {"spectrum": {*values, "W_hh_scale"}}
    assert sent[2] == {"matrix": {"W_hh"}, "spectrum": values}
    assert sent[3] == sent[2]
    assert sent[4] == {"matrix": {"W_hh_drawn"}, "spectrum": {*values, "W_hh_scale"}}


@pytest.mark.parametrize("name", CASES)
def test_no_number_on_the_wire_is_nan(client: TestClient, name: str) -> None:
    for key, tensor in posted(client, CASES[name])[0].items():
        assert not np.isnan(tensor).any(), key


def test_shapes_are_those_of_the_document(client: TestClient) -> None:
    document = {"cell": {"hidden_size": 5, "input_size": 2, "output_size": 3}, "steps": 7}
    tensors, _ = posted(client, document)
    H, D, O, T = 5, 2, 3, 7  # noqa: E741
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        "W_xh": (H, D),
        "W_hh": (H, H),
        "b_h": (H,),
        "W_hy": (O, H),
        "b_y": (O,),
        "x": (T, D),
        "h_0": (H,),
        "eigenvalues": (H, 2),
        "singular_values": (H,),
        "h": (T, H),
        "y": (T, O),
        "log10_norm_h": (T,),
        "log10_grad_h": (T,),
        "log10_grad_W_hh": (T,),
        "log10_grad_W_xh": (T,),
        "cotangent": (H,),
    }
    batched, _ = posted(client, {**document, "batch_size": 4})
    leading = {"x", "h_0", "h", "y", "log10_norm_h", "log10_grad_h"}
    for name, tensor in batched.items():
        expected = (4, *tensors[name].shape) if name in leading else tensors[name].shape
        assert tensor.shape == expected, name


def test_what_is_sent_satisfies_the_equations(client: TestClient) -> None:
    document = {**SMALL, "dtype": "float64", "input": {"kind": "noise"}, "bias": {"scale": 0.3}}
    t, done = posted(client, document)
    h = t["h_0"]
    for k in range(40):
        h = np.tanh(t["W_xh"] @ t["x"][k] + t["W_hh"] @ h + t["b_h"])
        np.testing.assert_allclose(t["h"][k], h, rtol=1e-9)
        np.testing.assert_allclose(t["y"][k], t["W_hy"] @ h + t["b_y"], rtol=1e-9)
    np.testing.assert_allclose(t["log10_norm_h"], np.log10(np.linalg.norm(t["h"], axis=1)))
    assert t["log10_grad_h"][-1] == pytest.approx(0, abs=1e-12)
    assert np.linalg.norm(t["cotangent"]) == pytest.approx(1)
    radius = np.abs(np.linalg.eigvals(t["W_hh"])).max()
    assert done["spectral_radius"] == pytest.approx(radius) == pytest.approx(1)


def test_what_is_omitted_is_not_sent_and_changes_nothing_else(client: TestClient) -> None:
    unwanted = ["W_xh", "b_h", "W_hy", "b_y", "x", "h_0", "y", "cotangent", "log10_grad_W_xh"]
    with client.websocket_connect(STREAM) as ws:
        reader_of(ws).text()
        some, _ = streamed(ws, 1, {"steps": 20}, omit=unwanted, split_weights=True)
        every, _ = streamed(ws, 2, {"steps": 20}, split_weights=True)
    assert [kind for kind, *_ in some] == ["matrix", "spectrum", "states", "gradients"]
    assert "inputs" in [kind for kind, *_ in every], "other tensors of the same kind are sent"
    wanted = {name: tensor for *_, tensors in some for name, tensor in tensors.items()}
    assert not set(wanted) & set(unwanted)
    for *_, tensors in every:
        for name in set(tensors) & set(wanted):
            assert np.array_equal(tensors[name], wanted[name])


def test_a_run_of_states_alone_leaves_standing_what_was_sent_before(client: TestClient) -> None:
    standing = ["W_xh", "b_h", "W_hy", "b_y", "x", "h_0", "W_hh", "eigenvalues", "singular_values"]
    other = {"steps": 20, "recurrent": {"spectral_radius": 0.5}}
    with client.websocket_connect(STREAM) as ws:
        reader_of(ws).text()
        streamed(ws, 1, {"steps": 20}, split_weights=True)
        for run_id, splits in ((2, True), (4, False)):
            frames, done = streamed(ws, run_id, other, omit=standing, split_weights=splits)
            assert [kind for kind, *_ in frames] == ["states", "gradients"]
            assert done["spectral_radius"] == pytest.approx(0.5)
            again, _ = streamed(ws, run_id + 1, {"steps": 20}, split_weights=True)
            assert [kind for kind, *_ in again] == ["states", "gradients"]


def test_an_unknown_tensor_cannot_be_omitted(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as ws:
        reader_of(ws).text()
        ws.send_text('{"type": "run", "id": 1, "experiment": {}, "omit": ["h"]}')
        error = reader_of(ws).text()
    assert error["code"] == "invalid_field"
    assert error["field"] == "omit.0"


def test_the_first_chunk_is_small_and_a_long_run_has_several(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as ws:
        reader_of(ws).text()
        frames, _ = streamed(ws, 1, {"cell": {"hidden_size": 4}, "steps": 3000})
    for kind in ("states", "gradients"):
        lengths = [t1 - t0 for k, t0, t1, _ in frames if k == kind]
        assert len(lengths) >= 3
        assert lengths[0] <= 64
    order = [k for k, *_ in frames]
    assert order.index("weights") < order.index("states") < order.index("gradients")


@pytest.mark.parametrize(("t0", "t1", "columns"), [(0, 1000, 70), (130, 901, 50), (7, 9, 600)])
@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_view_gets_whole_bins(
    client: TestClient, t0: int, t1: int, columns: int, batch_size: int
) -> None:
    document = {
        "cell": {"hidden_size": 4},
        "steps": 1000,
        "batch_size": batch_size,
        "input": {"kind": "noise"},
        "recurrent": {"spectral_radius": 0.5},
    }
    whole, whole_done = posted(client, document)
    with client.websocket_connect(STREAM) as ws:
        reader_of(ws).text()
        frames, done = streamed(ws, 1, document, {"t0": t0, "t1": t1, "columns": columns})
    n = min(columns, t1 - t0)
    edges = [t0 + k * (t1 - t0) // n for k in range(n + 1)]
    reached = {"states": t0, "gradients": t1}
    for kind, first, last, tensors in frames:
        if kind in reached:
            assert (first if kind == "states" else last) == reached[kind]
            reached[kind] = last if kind == "states" else first
            assert first in edges
            assert last in edges
        chosen = edges if kind == "inputs" else [e for e in edges if first <= e <= last]
        for name, tensor in tensors.items():
            if (kind in ("states", "gradients") and name != "cotangent") or name == "x":
                assert tensor.tobytes() == binned(whole[name], name, chosen).tobytes(), name
    assert reached == {"states": t1, "gradients": t0}
    assert done["diagnosis"] == whole_done["diagnosis"], "the verdict is about all steps"


def binned(values: np.ndarray, name: str, edges: list[int]) -> np.ndarray:
    """The rule of the wire, written as it reads."""
    columns = []
    for start, end in pairwise(edges):
        if name in ("h", "y", "x"):
            part = values[..., start:end, :]
            best = np.abs(part).max(axis=-2)
            columns.append(np.where(part.max(axis=-2) == best, best, -best))
        else:
            part = values[..., start:end]
            columns.append(np.stack([part.min(axis=-1), part.max(axis=-1)], axis=-1))
    return np.stack(columns, axis=-2).astype(values.dtype)


@pytest.mark.parametrize(
    ("recurrent", "radius"),
    [
        ({}, 1.0),
        ({"spectral_radius": 0.7}, 0.7),
        ({"gain": 0.7}, None),
        ({"ensemble": "delay_line"}, 1.0),
    ],
)
def test_done_repeats_the_whole_experiment_in_force(
    client: TestClient, recurrent: dict[str, Any], radius: float | None
) -> None:
    _, done = posted(client, {**SMALL, "recurrent": recurrent})
    experiment = done["experiment"]
    assert experiment["recurrent"]["spectral_radius"] == radius
    assert experiment["steps"] == 40
    assert set(experiment) == set(Experiment.model_fields)


def test_what_cannot_be_rescaled_runs_as_drawn_and_says_so(client: TestClient) -> None:
    tensors, done = posted(client, CASES["nilpotent"])
    assert [note["code"] for note in done["notes"]] == ["nilpotent"]
    assert tensors["W_hh"].sum() == 7
    assert done["spectral_radius"] == pytest.approx(0, abs=1e-9)


def test_an_overflow_is_a_result_that_says_where(client: TestClient) -> None:
    tensors, done = posted(client, CASES["relu overflows"])
    step = done["first_nonfinite_step"]
    assert 0 < step < 2000
    logs = tensors["log10_norm_h"]
    end = np.log10(np.finfo(np.float32).max)
    assert end < logs[step]
    assert np.isfinite(tensors["h"][:step]).all()
    assert np.isinf(tensors["h"][step]).any()
    assert np.isinf(tensors["h"][step + 10 :]).any(axis=1).all()
    assert np.isfinite(logs).all()
    growth = np.diff(logs[-500:])
    assert growth.min() > 0.1
    assert np.ptp(growth) < 1e-5, "the line goes on, straight"


def test_an_edit_is_in_force_and_measured(client: TestClient) -> None:
    tensors, done = posted(client, CASES["edited"])
    assert tensors["W_hh"][1, 2] == 3.5
    radius = np.abs(np.linalg.eigvals(tensors["W_hh"].astype(np.float64))).max()
    assert done["spectral_radius"] == pytest.approx(radius, rel=1e-5)
    np.testing.assert_allclose(np.hypot(*tensors["eigenvalues"].T).max(), done["spectral_radius"])


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({**SMALL, "recurrent": {"gain": 3e38}}, "recurrent"),
        ({**SMALL, "input_weights": {"scale": 1e30}, "input": {"amplitude": 1e10}}, "input"),
        ({**SMALL, "readout": {"scale": 3e38}}, "readout.scale"),
        ({**SMALL, "bias": {"scale": 3e38}, "cell": {"hidden_size": 64}}, "bias.scale"),
    ],
)
def test_a_product_that_overflows_is_refused_by_name(
    client: TestClient, document: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/run", json=document)
    assert answer.status_code == 422, answer.headers
    error = answer.json()
    assert (error["code"], error["field"]) == ("invalid_field", field)
    assert client.post("/api/run", json=SMALL).status_code == 200


def test_timings_add_up(client_of: Callable[..., TestClient]) -> None:
    _, done = posted(client_of(), CASES["long"])
    timings = done["timings"]
    parts = sum(timings[f"{part}_ms"] for part in ("build", "spectrum", "forward", "backward"))
    assert 0 < parts <= timings["total_ms"]


@pytest.mark.parametrize("name", CASES)
def test_the_shares_of_all_steps_are_summed_up(client: TestClient, name: str) -> None:
    tensors, done = posted(client, CASES[name])
    logs, told = tensors["log10_grad_W_hh"], done["diagnosis"]["shares"]
    if np.isneginf(logs).all():
        assert told == {
            "log10_sum": None,
            "log10_largest": None,
            "largest_step": None,
            "steps_of_half": 0,
        }
        return
    top = float(logs.max())
    assert told["log10_largest"] == top and logs[told["largest_step"]] == top
    assert told["log10_sum"] == pytest.approx(top + np.log10((10 ** (logs - top)).sum()))
    assert 1 <= told["steps_of_half"] <= len(logs)
