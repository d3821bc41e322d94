"""Several starts at once, their race, the Lyapunov exponents, and the plane they are seen in."""

import json
import re
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load
from starlette.testclient import TestClient

from app.experiment import Experiment
from app.exponents import measured_steps
from app.starts import FATES, followed_steps

from .test_analysis import SMALL, analyse, posted

NOISE: dict[str, Any] = {"input": {"kind": "noise"}, "dtype": "float64"}
RANDOM = {"kind": "random"}


def merged(**changes: Any) -> dict[str, Any]:
    cell = {**SMALL["cell"], **changes.pop("cell", {})}
    return {**SMALL, **NOISE, "cell": cell, **changes}


def experiment(document: dict[str, Any]) -> Experiment:
    return Experiment.model_validate_json(json.dumps(document))


def noted(end: dict[str, Any], code: str) -> str:
    return " ".join(note["message"] for note in end["notes"] if note["code"] == code)


# Several starts in the state space


@pytest.mark.parametrize("distance", ["far", "near"])
@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
def test_further_starts_are_runs_of_the_same_network(
    client: TestClient, kind: str, distance: str
) -> None:
    document = merged(cell={"kind": kind, "hidden_size": 3})
    options = {"starts": 4, "start_distance": distance, "plane": [2, 0]}
    (frame,), _ = analyse(client, document, "state_space", **options)
    found = load(frame)
    run = posted(client, document)
    assert np.array_equal(found["trajectory"][1:], run["h"][:, [2, 0]])
    assert found["others"].shape == (3, 41, 2)
    apart = np.linalg.norm(found["others"] - found["trajectory"], axis=-1)
    assert (apart[:, 0] > 0.05).all() if distance == "far" else (apart[:, 0] <= 1e-6).all()
    if kind == "elman":
        # A start that is told to the server goes the same way.
        start = {"kind": "values", "values": []}
        whole, _ = analyse(client, document, "state_space", **{**options, "plane": [0, 1]})
        others = load(whole[0])["others"]
        h_0 = [*others[0, 0], found["others"][0, 0, 0]]
        again = posted(client, document | {"initial_state": start | {"values": h_0}})
        np.testing.assert_allclose(again["h"][:, :2], others[0, 1:], atol=1e-12)


def test_one_bistable_unit_goes_to_either_side(client: TestClient) -> None:
    """V9: h = tanh(2h) stays at ±.957504, and the curve of the step crosses the diagonal there."""
    document = {
        "cell": {"hidden_size": 1},
        "recurrent": {"ensemble": "identity", "spectral_radius": 2.0},
        "input": {"kind": "silence"},
        "steps": 60,
    }
    (frame,), _ = analyse(client, document, "state_space", starts=3)
    found = load(frame)
    ends = found["others"][:, -1, 1]
    assert sorted(ends) == pytest.approx([-0.957504, 0.957504], abs=1e-6)
    # A cobweb: h_t over h_{t-1}, from (h_0, h_0) on.
    assert found["others"][0, 0, 0] == found["others"][0, 0, 1]
    np.testing.assert_array_equal(found["others"][:, 1:, 0], found["others"][:, :-1, 1])
    np.testing.assert_allclose(
        found["others"][:, 1:, 1], np.tanh(2 * found["others"][:, 1:, 0]), atol=1e-6
    )
    np.testing.assert_allclose(found["curve"][:, 1], np.tanh(2 * found["curve"][:, 0]), atol=1e-12)
    assert np.abs(found["curve"][:, 0]).max() >= np.abs(found["others"]).max()
    points = found["fixed_points"]
    assert np.array_equal(points[:, 0], points[:, 1])
    assert sorted(points[:, 0]) == pytest.approx([-0.957504, 0.0, 0.957504], abs=1e-6)


def test_one_unit_of_an_lstm_is_seen_with_its_c(client: TestClient) -> None:
    document = merged(cell={"kind": "lstm", "hidden_size": 1})
    (frame,), _ = analyse(client, document, "state_space", starts=2)
    found = load(frame)
    run = posted(client, document)
    assert np.array_equal(found["trajectory"][1:], np.hstack((run["h"], run["c"])))
    assert found["trajectory"][0].tolist() == [0.0, 0.0]
    assert (found["others"][0, 0] != 0).all()


def test_further_starts_end_where_they_are_no_longer_followed(client: TestClient) -> None:
    document = {"cell": {"hidden_size": 2}, "steps": 9000}
    steps = followed_steps(experiment(document), 2)
    (frame,), end = analyse(client, document, "state_space", starts=2)
    found = load(frame)
    is_followed = np.isfinite(found["others"][0]).all(axis=-1)
    assert np.array_equal(is_followed, found["times"] <= steps)
    assert set(range(2001)) <= set(found["times"])
    assert str(steps) in noted(end, "starts_followed")
    (frame,), end = analyse(client, document, "race", starts=2)
    assert load(frame)["log10_distance"].shape == (1, steps + 1)
    assert str(steps) in noted(end, "starts_followed")


@pytest.mark.parametrize(
    ("plane", "field"), [([0, 8], "plane.1"), ([3, 3], "plane.1"), ([-1, 0], "plane.0")]
)
def test_a_plane_of_what_is_no_pair_of_units_is_refused(
    client: TestClient, plane: list[int], field: str
) -> None:
    frames, end = analyse(client, SMALL, "state_space", plane=plane)
    assert not frames
    assert end["field"] == field


@pytest.mark.parametrize("starts", [0, 9])
def test_too_few_or_too_many_starts_are_refused(client: TestClient, starts: int) -> None:
    _, end = analyse(client, SMALL, "race", starts=starts)
    assert end["field"] == "starts"


# Stacks and loops that are closed


def test_the_state_space_of_a_stack_is_of_its_top_layer(client: TestClient) -> None:
    for kind in ("elman", "gru", "lstm"):
        document = merged(cell={"kind": kind, "layers": 2})
        (frame,), end = analyse(client, document, "state_space", plane=[0, 1], starts=3)
        found = load(frame)
        assert np.array_equal(found["trajectory"][1:], posted(client, document)["h"][:, :2])
        assert found["others"].shape == (2, 41, 2)
        assert not len(found["fixed_points"])
        assert "one layer" in noted(end, "no_fixed_points")


def test_fixed_points_of_a_closed_loop_are_those_it_generates_towards(client: TestClient) -> None:
    document = merged(cell={"hidden_size": 2}, generation={"after": 10}, steps=300)
    (frame,), _ = analyse(client, document, "state_space", starts=2)
    found = load(frame)
    run = posted(client, document)
    closed = run["W_hh"] + run["W_xh"] @ run["W_hy"]
    assert len(found["fixed_points"])
    for point in found["fixed_points"]:
        np.testing.assert_allclose(np.tanh(closed @ point[:2]), point[:2], atol=1e-9)
    assert found["field"].shape == (17, 17, 2)
    document["cell"] |= {"kind": "gru"}
    (frame,), end = analyse(client, document, "state_space")
    assert not len(load(frame)["fixed_points"])
    assert "elman cell or an lstm" in noted(end, "no_fixed_points")


# The search says what it has not found


def test_a_search_that_finds_nothing_says_how_near_it_came(client: TestClient) -> None:
    """ReLU with a bias and ρ > 1 grows for ever: F(h) - h is never 0."""
    document = {
        "cell": {"hidden_size": 1, "activation": "relu"},
        "recurrent": {"ensemble": "identity", "spectral_radius": 1.0},
        "input": {"kind": "constant", "amplitude": 1.0},
        "input_weights": {"edits": [{"i": 0, "j": 0, "value": 1.0}]},
        "steps": 9,
    }
    (frame,), end = analyse(client, document, "state_space")
    found = load(frame)
    starts, lost, best_q, unfinished = found["search"]
    assert (starts, lost, unfinished) == (32, 32, 0)
    assert best_q == pytest.approx(0.5)
    assert not len(found["fixed_points"])
    assert "q = 0.5" in noted(end, "fixed_points")


def test_a_large_network_is_not_searched_and_says_so(client: TestClient) -> None:
    (frame,), end = analyse(client, merged(cell={"hidden_size": 129}), "state_space")
    assert "search" not in load(frame)
    assert "up to 128 units" in noted(end, "no_fixed_points")


# The race


def test_a_linear_race_goes_at_the_eigenvalue(client: TestClient) -> None:
    recurrent = {"ensemble": "symmetric", "spectral_radius": 0.8}
    document = merged(cell={"activation": "linear"}, recurrent=recurrent, steps=400)
    (frame,), _ = analyse(client, document, "race", starts=5)
    found = load(frame)
    logs = found["log10_distance"]
    assert logs.shape == (4, 401)
    np.testing.assert_allclose(np.diff(logs)[:, -50:], np.log10(0.8), atol=1e-6)
    assert [FATES[int(each)] for each in found["fate"]] == ["vanish"] * 4
    for k, forgotten in enumerate(found["forgotten"].astype(int)):
        assert logs[k, forgotten] <= logs[k, 0] - 6 < logs[k, forgotten - 1]


def test_starts_that_never_meet_and_starts_that_part(client: TestClient) -> None:
    turning = merged(recurrent={"ensemble": "rotation"}, cell={"activation": "linear"})
    (frame,), _ = analyse(client, turning, "race")
    found = load(frame)
    assert [FATES[int(each)] for each in found["fate"]] == ["live"]
    assert np.isnan(found["forgotten"]).all()
    chaos = merged(
        cell={"hidden_size": 64},
        recurrent={"gain": 3.0},
        input={"kind": "silence"},
        initial_state=RANDOM,
        steps=200,
    )
    (frame,), _ = analyse(client, chaos, "race", start_distance="near")
    found = load(frame)
    assert [FATES[int(each)] for each in found["fate"]] == ["explode"]
    size = np.linalg.norm(posted(client, chaos | {"steps": 1})["h_0"])
    assert found["log10_distance"][0, 0] == pytest.approx(-6 + np.log10(size), abs=1e-5)
    assert found["log10_distance"][0, -1] > -1


def test_a_delay_line_forgets_altogether(client: TestClient) -> None:
    document = merged(recurrent={"ensemble": "delay_line"})
    (frame,), _ = analyse(client, document, "race")
    found = load(frame)
    assert np.isneginf(found["log10_distance"][0, 8:]).all()
    assert [FATES[int(each)] for each in found["fate"]] == ["zero"]
    assert found["forgotten"].tolist() == [8]


# Lyapunov exponents


@pytest.mark.parametrize("layers", [1, 2])
def test_exponents_of_a_linear_network_are_its_eigenvalues(client: TestClient, layers: int) -> None:
    """V7."""
    document = merged(cell={"activation": "linear", "layers": layers, "hidden_size": 6})
    (frame,), _ = analyse(client, document, "lyapunov")
    found = load(frame)
    run = posted(client, document)
    names = ["W_hh", "W_hh_l1"][:layers]
    moduli = np.concatenate([np.abs(np.linalg.eigvals(run[name])) for name in names])
    expected = np.sort(np.log(moduli))[::-1]
    np.testing.assert_allclose(found["exponents"], expected, atol=1e-12)
    np.testing.assert_allclose(found["ln_moduli"], expected, atol=1e-12)
    assert not found["standard_errors"].any()


def test_exponents_have_error_bars_and_say_of_which_steps(client: TestClient) -> None:
    document = merged(cell={"hidden_size": 32}, recurrent={"gain": 3.0}, steps=500)
    (frame,), _ = analyse(client, document, "lyapunov")
    found = load(frame)
    assert found["exponents"].shape == found["ln_moduli"].shape == (16,)
    assert (np.diff(found["exponents"]) <= 0).all()
    assert ((found["standard_errors"] > 0) & (found["standard_errors"] < 0.1)).all()
    assert found["steps"].tolist() == [100, 400]


def test_one_step_of_one_unit_has_an_exponent_without_an_error_bar(client: TestClient) -> None:
    document = merged(cell={"hidden_size": 1}, steps=1)
    (frame,), _ = analyse(client, document, "lyapunov")
    found = load(frame)
    run = posted(client, document)
    expected = np.log(np.abs((1 - run["h"][0] ** 2) * run["W_hh"][0]))
    assert found["exponents"] == pytest.approx(expected, abs=1e-9)
    assert np.isposinf(found["standard_errors"]).all()
    (frame,), _ = analyse(client, document, "race")
    assert load(frame)["log10_distance"].shape == (1, 2)


@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
def test_a_closed_loop_has_exponents_of_what_it_generates(client: TestClient, kind: str) -> None:
    document = merged(
        cell={"kind": kind, "activation": "linear"}, generation={"after": 10}, steps=60
    )
    if kind != "elman":
        del document["cell"]["activation"]
    (frame,), _ = analyse(client, document, "lyapunov")
    found = load(frame)
    assert found["steps"].tolist() == [20, 40]
    if kind == "elman":
        run = posted(client, document)
        closed = np.linalg.eigvals(run["W_hh"] + run["W_xh"] @ run["W_hy"])
        expected = np.sort(np.log(np.abs(closed)))[::-1]
        np.testing.assert_allclose(found["exponents"], expected, atol=1e-9)
        np.testing.assert_allclose(found["ln_moduli"], expected, atol=1e-9)
    else:
        assert not len(found["ln_moduli"])


@pytest.mark.parametrize(
    ("want", "changes", "said"),
    [
        ("race", {"cell": {"kind": "attention"}}, "no start to remember"),
        ("lyapunov", {"cell": {"kind": "attention"}}, "no change of one"),
        ("state_space", {"cell": {"kind": "attention"}}, "no state space"),
        ("race", {"cell": {"layers": 2}}, "one layer"),
        ("race", {"cell": {"kind": "gru"}, "generation": {"after": 5}}, "elman and lstm alone"),
    ],
)
def test_what_cannot_be_measured_says_why(
    client: TestClient, want: str, changes: dict[str, Any], said: str
) -> None:
    frames, end = analyse(client, merged(**changes), want)
    assert not frames
    assert re.search(said, end["notes"][0]["message"])


def test_long_and_wide_networks_are_measured_in_part() -> None:
    for kind in ("elman", "gru", "lstm"):
        wide = {"cell": {"kind": kind, "hidden_size": 1024}, "steps": 200_000}
        assert 200 <= followed_steps(experiment(wide), 8) <= 2000
        assert 200 <= measured_steps(experiment(wide)) <= 5000
    assert measured_steps(experiment({"steps": 1_000_000})) <= 150_000
    assert followed_steps(experiment({"steps": 100}), 8) == 100
