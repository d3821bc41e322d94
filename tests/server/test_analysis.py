"""What is computed behind the panels: condition numbers, growth, and the atlas coarse to fine."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load
from starlette.testclient import TestClient

from app.atlas import coarse_to_fine
from app.experiment import Experiment
from app.plan import group_size

from .scripted import ScriptedEngine as Scripted
from .scripted import metadata, reader_of, run_message, waits

STREAM = "ws://127.0.0.1/api/stream"
SMALL = {"cell": {"hidden_size": 8, "activation": "tanh"}, "steps": 40}


def analyse(
    client: TestClient, experiment: dict[str, Any], *wants: str, **options: Any
) -> tuple[list[Any], dict[str, Any]]:
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        message = {"type": "analyse", "id": 1, "experiment": experiment, "wants": wants, **options}
        ws.send_text(json.dumps(message))
        frames, end = reader.until_end(1)
    return frames, end


def posted(client: TestClient, experiment: dict[str, Any]) -> dict[str, np.ndarray]:
    answer = client.post("/api/run", json=experiment)
    assert answer.status_code == 200, answer.text
    tensors: dict[str, np.ndarray] = load(answer.content)
    return tensors


@pytest.mark.parametrize("count", [1, 2, 9, 101, 1001])
def test_coarse_to_fine_is_every_row_once(count: int) -> None:
    order = coarse_to_fine(count)
    assert sorted(order) == list(range(count))
    assert set(order[:2]) == {0, count - 1}


def test_conditions_are_those_of_the_matrix_on_the_screen(client: TestClient) -> None:
    document = {**SMALL, "recurrent": {"edits": [{"op": "normality", "alpha": 2.0}]}}
    (frame,), end = analyse(client, document, "conditions")
    found = load(frame)
    assert end["status"] == "complete" and end["diagnosis"] is None
    W = posted(client, {**document, "dtype": "float64"})["W_hh"]
    values, right = np.linalg.eig(W)
    left = np.linalg.inv(right)
    for (real, imaginary), kappa in zip(
        found["eigenvalues"], found["condition_numbers"], strict=True
    ):
        k = np.argmin(np.abs(values - complex(real, imaginary)))
        assert kappa == pytest.approx(
            np.linalg.norm(right[:, k]) * np.linalg.norm(left[k]), rel=1e-8
        )


def test_powers_say_how_far_they_grow(client: TestClient) -> None:
    W = [[0.9, 1.0], [0.0, 0.9]]
    edits = [{"i": i, "j": j, "value": W[i][j]} for i in (0, 1) for j in (0, 1)]
    document = {"cell": {"hidden_size": 2}, "recurrent": {"edits": edits}}
    (frame,), _ = analyse(client, document, "powers")
    found = load(frame)
    assert 10 ** found["log10_largest_power"][0] == pytest.approx(3.9126, abs=1e-4)
    assert found["largest_power_step"][0] == 9


@pytest.mark.parametrize(
    "document",
    [
        SMALL,
        {**SMALL, "loss": {"kind": "mse", "at": "every", "target": [0.5]}, "batch_size": 3},
        {**SMALL, "recurrent": {"gain": 0.7, "edits": [{"i": 0, "j": 1, "value": 0.5}]}},
        {**SMALL, "cell": {"hidden_size": 8, "activation": "linear"}, "dtype": "float64"},
    ],
)
def test_every_ray_of_the_atlas_is_a_run(client: TestClient, document: dict[str, Any]) -> None:
    frames, _ = analyse(client, document, "atlas", radii=11)
    tensors = [load(frame) for frame in frames]
    assert {metadata(frame)["kind"] for frame in frames} == {"atlas"}
    radii = np.concatenate([t["radii"] for t in tensors])
    assert sorted(radii) == pytest.approx(np.linspace(0, 2, 11))
    for name in ("log10_norm_h", "log10_grad_h"):
        rays = np.concatenate([t[name] for t in tensors])
        for rho in (0.4, 0.8):
            edits = [*document.get("recurrent", {}).get("edits", []), radius(rho)]
            recurrent = {**document.get("recurrent", {}), "edits": edits}
            single = posted(client, {**document, "recurrent": recurrent, "batch_size": 1})
            k = int(np.argmin(np.abs(radii - rho)))
            np.testing.assert_allclose(rays[k], single[name], atol=2e-3)


@pytest.mark.parametrize(
    ("rho", "dtype"),
    [(1e-39, "float32"), (1e-44, "float32"), (1e-310, "float64"), (1e30, "float32")],
)
@pytest.mark.parametrize("activation", ["linear", "tanh"])
def test_the_atlas_is_that_of_the_direction_of_the_matrix(
    client: TestClient, rho: float, dtype: str, activation: str
) -> None:
    """However small the ρ in force, the map of all ρ is the same."""
    document = {"cell": {"hidden_size": 8, "activation": activation}, "steps": 10, "dtype": dtype}
    (frame,), end = analyse(
        client, {**document, "recurrent": {"spectral_radius": rho}}, "atlas", radii=5
    )
    assert end["status"] == "complete"
    (plain,), _ = analyse(client, document, "atlas", radii=5)
    found, wanted = load(frame), load(plain)
    for name in ("radii", "log10_norm_h", "log10_grad_h"):
        np.testing.assert_allclose(found[name], wanted[name], atol=1e-4)


def test_numbers_past_the_squares_of_float64(client: TestClient) -> None:
    edits = [{"i": 0, "j": 0, "value": 1e200}]
    document = {**SMALL, "dtype": "float64", "recurrent": {"edits": edits}}
    frames, _ = analyse(client, document, "powers", "conditions")
    found = load(frames[0]) | load(frames[1])
    assert np.abs(found["eigenvalues"]).max() == pytest.approx(1e200)
    assert found["log10_largest_power"][0] == pytest.approx(200 * 40)


def test_a_radius_that_is_only_rounding_has_no_atlas(client: TestClient) -> None:
    turn = [[0.8, -0.6], [0.6, 0.8]]
    W = np.array(turn) @ [[0.0, 1.0], [0.0, 0.0]] @ np.array(turn).T
    edits = [{"i": i, "j": j, "value": W[i][j]} for i in (0, 1) for j in (0, 1)]
    document = {"cell": {"hidden_size": 2}, "recurrent": {"edits": edits}}
    frames, end = analyse(client, document, "atlas")
    assert not frames
    assert end["notes"][0]["code"] == "no_atlas"


def radius(rho: float) -> dict[str, Any]:
    return {"op": "radius", "spectral_radius": rho}


def test_a_large_atlas_comes_in_groups_each_a_turn(client: TestClient) -> None:
    document = {"cell": {"hidden_size": 128}, "steps": 400}
    size = group_size(Experiment.model_validate_json(json.dumps(document)))
    frames, end = analyse(client, document, "atlas", view={"t0": 0, "t1": 400, "columns": 50})
    tensors = [load(frame) for frame in frames]
    assert len(frames) == -(-101 // size) > 1
    assert tensors[0]["log10_norm_h"].shape == (size, 50)
    first = tensors[0]["radii"]
    assert {0.0, 2.0} <= set(first) and np.diff(np.sort(first)).max() < 0.4
    assert end["status"] == "complete"


def test_columns_hold_the_largest_of_their_steps(client: TestClient) -> None:
    whole = load(analyse(client, SMALL, "atlas", radii=3)[0][0])
    view = {"t0": 10, "t1": 40, "columns": 7}
    binned = load(analyse(client, SMALL, "atlas", radii=3, view=view)[0][0])
    starts = [10 + k * 30 // 7 for k in range(7)]
    for name in ("log10_norm_h", "log10_grad_h"):
        expected = np.maximum.reduceat(whole[name], starts, axis=1)
        np.testing.assert_array_equal(binned[name], expected)


def test_a_nilpotent_matrix_has_no_atlas_and_says_so(client: TestClient) -> None:
    document = {**SMALL, "recurrent": {"ensemble": "delay_line"}}
    frames, end = analyse(client, document, "atlas")
    assert not frames
    assert end["notes"][0]["code"] == "no_atlas"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"wants": ["weather"]}, "wants.0"),
        ({"radii": 1}, "radii"),
        ({"radii": 10_000}, "radii"),
        ({"view": {"t0": 0, "t1": 41, "columns": 5}}, "view.t1"),
        ({"experiment": {"cell": {"hidden_size": 5000}}}, "cell.hidden_size"),
        ({"experiment": {"recurrent": {"edits": [{"op": "scale"}]}}}, "recurrent.edits.0.op"),
    ],
)
def test_wrong_questions_are_refused_by_field(
    client: TestClient, changes: dict[str, Any], field: str
) -> None:
    options = {"experiment": SMALL, "wants": ["atlas"], **changes}
    frames, end = analyse(client, options.pop("experiment"), *options.pop("wants"), **options)
    assert not frames
    assert (end["type"], end["field"]) == ("error", field)


def test_a_newer_question_supersedes_and_cancel_ends(client_of: Callable[..., TestClient]) -> None:
    engine = Scripted()
    with client_of(engine=engine).websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        message = json.loads(run_message(1, steps=1))
        ws.send_text(json.dumps({**message, "type": "analyse", "wants": ["atlas"]}))
        waits(engine.waiting)
        ws.send_text(json.dumps({**message, "type": "analyse", "wants": ["powers"], "id": 2}))
        assert reader.until_end(1)[1]["status"] == "superseded"
        waits(engine.waiting)
        ws.send_text(json.dumps({"type": "cancel", "id": 2}))
        assert reader.until_end(2)[1]["status"] == "cancelled"


def test_powers_of_a_matrix_that_is_not_normal(client: TestClient) -> None:
    edits = [{"op": "set", "i": 0, "j": 1, "value": 1.0}]
    recurrent = {"ensemble": "identity", "gain": 0.9, "edits": edits}
    document = {"cell": {"hidden_size": 2}, "recurrent": recurrent, "steps": 60}
    (frame, constant), _ = analyse(client, document, "matrix_powers")
    norms = 10 ** load(frame)["log10_norm_powers"]
    assert norms.argmax() == 8
    assert norms.max() == pytest.approx(3.9126, abs=5e-5)
    assert np.flatnonzero(norms >= 1)[-1] == 33
    assert load(constant)["kreiss_constant"] == pytest.approx(2.6, abs=5e-5)


def test_the_influence_of_inputs_in_a_linear_network_is_toeplitz(client: TestClient) -> None:
    document = {"cell": {"hidden_size": 6, "activation": "linear"}, "steps": 30}
    (frame,), _ = analyse(client, document, "influence")
    found = load(frame)["log10_influence"]
    assert found.shape == (30, 30)
    assert np.isneginf(found[np.triu_indices(30, 1)]).all()
    for distance in range(30):
        assert np.ptp(np.diagonal(found, -distance)) <= 1e-9
    run = posted(client, document | {"dtype": "float64"})
    assert found[0, 0] == pytest.approx(np.log10(np.linalg.norm(run["W_xh"])), abs=1e-6)


def test_the_influence_of_a_zoomed_window_is_in_its_bins(client: TestClient) -> None:
    view = {"t0": 10, "t1": 40, "columns": 10}
    (frame,), _ = analyse(client, SMALL, "influence", view=view)
    found = load(frame)
    assert found["edges"].tolist() == [10 + 3 * k for k in range(11)]
    assert found["log10_influence"].shape == (10, 10)


@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
def test_the_jacobian_is_that_of_the_step(client: TestClient, kind: str) -> None:
    cell = SMALL["cell"] | {"kind": kind}
    document = SMALL | {"cell": cell, "input": {"kind": "noise"}, "dtype": "float64"}
    (frame,), _ = analyse(client, document, "jacobian", t=7)
    assert metadata(frame)["t1"] == "7"
    found = load(frame)
    assert found["jacobian_eigenvalues"].shape == (16 if kind == "lstm" else 8, 2)
    assert ((found["slopes"] > 0) & (found["slopes"] <= 1)).all()
    if kind == "elman":
        run = posted(client, document)
        slopes = 1 - run["h"][6] ** 2
        assert found["slopes"] == pytest.approx(slopes, abs=1e-12)
        expected = np.linalg.eigvals(slopes[:, None] * run["W_hh"])
        moduli = np.hypot(*found["jacobian_eigenvalues"].T)
        assert np.sort(moduli) == pytest.approx(np.sort(np.abs(expected)), abs=1e-9)


@pytest.mark.parametrize("want", ["influence", "jacobian", "state_space"])
def test_attention_has_no_step_to_look_at(client: TestClient, want: str) -> None:
    frames, end = analyse(client, SMALL | {"cell": {"kind": "attention"}}, want)
    assert not frames
    assert re.search("Attention", end["notes"][0]["message"])


@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
def test_layers_have_a_jacobian_and_a_map(client: TestClient, kind: str) -> None:
    cell = SMALL["cell"] | {"kind": kind, "layers": 2}
    document = SMALL | {"cell": cell, "input": {"kind": "noise"}, "dtype": "float64"}
    (frame,), _ = analyse(client, document, "jacobian", t=7)
    found = load(frame)
    assert found["jacobian_eigenvalues"].shape == (32 if kind == "lstm" else 16, 2)
    assert found["slopes"].shape == (16,)
    (frame,), _ = analyse(client, document, "influence")
    log10_influence = load(frame)["log10_influence"]
    assert np.isfinite(log10_influence[np.tril_indices(40)]).all()
    if kind == "elman":
        run = posted(client, document)
        by_hand = ((1 - run[name][6] ** 2)[:, None] for name in ("h_l0", "h"))
        weights = (run["W_hh"], run["W_hh_l1"])
        pairs = zip(by_hand, weights, strict=True)
        expected = np.concatenate([np.abs(np.linalg.eigvals(d * W)) for d, W in pairs])
        moduli = np.hypot(*found["jacobian_eigenvalues"].T)
        assert np.sort(moduli) == pytest.approx(np.sort(expected), abs=1e-9)


def test_the_jacobian_of_a_loop_that_is_closed(client: TestClient) -> None:
    document = SMALL | {"generation": {"after": 10}, "dtype": "float64", "input": {"kind": "noise"}}
    run = posted(client, document)
    closed = run["W_hh"] + run["W_xh"] @ run["W_hy"]
    for t, W in ((10, run["W_hh"]), (11, closed)):
        (frame,), _ = analyse(client, document, "jacobian", t=t)
        slopes = 1 - run["h"][t - 1] ** 2
        moduli = np.hypot(*load(frame)["jacobian_eigenvalues"].T)
        expected = np.abs(np.linalg.eigvals(slopes[:, None] * W))
        assert np.sort(moduli) == pytest.approx(np.sort(expected), abs=1e-9)


def test_a_map_that_would_take_too_long_asks_for_a_zoom(client: TestClient) -> None:
    document = SMALL | {"steps": 50_000}
    frames, end = analyse(client, document, "influence")
    assert not frames
    assert "zoom in" in end["notes"][0]["message"]
    frames, _ = analyse(client, document, "influence", view={"t0": 0, "t1": 99, "columns": 99})
    assert len(frames) == 1


def test_a_step_outside_the_run_has_no_jacobian(client: TestClient) -> None:
    _, end = analyse(client, SMALL, "jacobian", t=41)
    assert end["type"] == "error"
    assert end["field"] == "t"


def test_the_state_space_of_two_units_has_its_field(client: TestClient) -> None:
    edits = [{"op": "set", "i": k, "j": k, "value": 2.0} for k in range(2)]
    document = {
        "cell": {"hidden_size": 2},
        "recurrent": {"ensemble": "identity", "edits": edits},
        "initial_state": {"kind": "random"},
        "steps": 50,
    }
    (frame,), end = analyse(client, document, "state_space")
    found = load(frame)
    run = posted(client, document)
    assert np.array_equal(found["trajectory"][1:], run["h"].astype(np.float64))
    assert found["times"].tolist() == list(range(51))
    # W = 2I: nine fixed points, four of them stable (kind 0), four saddles, one repeller.
    kinds = found["fixed_points"][:, 2]
    assert [int((kinds == kind).sum()) for kind in range(3)] == [4, 4, 1]
    stable = found["fixed_points"][kinds == 0]
    assert np.abs(np.abs(stable[:, :2]) - 0.957504).max() <= 1e-6
    assert found["field"].shape == (17, 17, 2)
    assert end["status"] == "complete"


@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
def test_the_state_space_of_any_cell(client: TestClient, kind: str) -> None:
    document = SMALL | {"cell": SMALL["cell"] | {"kind": kind}, "input": {"kind": "constant"}}
    (frame,), _ = analyse(client, document, "state_space")
    found = load(frame)
    assert found["trajectory"].shape == (41, 2)
    assert found["shares"].sum() <= 1 + 1e-9
    assert found["search"][0] == 32
    assert len(found["fixed_points"]) >= 1


def test_a_state_space_that_leaves_its_dtype(client: TestClient) -> None:
    cell = {"hidden_size": 4, "activation": "linear"}
    document = {"cell": cell, "recurrent": {"spectral_radius": 3}, "steps": 300}
    (frame,), end = analyse(client, document, "state_space")
    assert load(frame)["trajectory"].shape == (301, 2)
    assert any(note["code"] == "left_out" for note in end["notes"])


def test_one_step_of_one_unit_has_a_state_space(client: TestClient) -> None:
    (frame,), _ = analyse(client, {"cell": {"hidden_size": 1}, "steps": 1}, "state_space")
    assert load(frame)["trajectory"].shape == (2, 2)


@pytest.mark.parametrize(
    ("cell", "said"),
    [({"kind": "attention"}, "Attention has no W_hh"), ({"hidden_size": 600}, "up to 512 units")],
)
def test_powers_that_are_not_taken_say_why(
    client: TestClient, cell: dict[str, Any], said: str
) -> None:
    frames, end = analyse(client, {"cell": cell, "steps": 5}, "matrix_powers")
    assert not frames
    assert said in end["notes"][0]["message"]
    if "hidden_size" in cell:
        frames, end = analyse(client, {"cell": cell, "steps": 5}, "jacobian")
        assert not frames
        assert "600" in end["notes"][0]["message"]


def test_powers_of_a_large_matrix_are_the_first_ones(client: TestClient) -> None:
    document = {"cell": {"hidden_size": 512}, "steps": 60}
    (frame,), end = analyse(client, document, "matrix_powers")
    assert load(frame)["log10_norm_powers"].shape == (8,)
    assert "8 powers of the 60" in end["notes"][0]["message"]
