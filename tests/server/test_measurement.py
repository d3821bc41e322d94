"""How long runs take: what is timed, how often, and what ends it. No test looks at real times."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load
from starlette.testclient import TestClient

from app.cache import Cache
from app.engine import RunEngine
from app.experiment import Experiment
from app.files import Files
from app.frames import Frame
from app.matrix import Shelf
from app.measured_sizes import MOST_PRODUCTS, measured_sizes, points_of, products_of, timed
from app.measurement import BUDGET_S, FITTED, MOST_RUNS, VISIT_S, Measurement
from app.plan import MeasurePlan
from app.protocol import Done, Measure
from app.settings import Settings
from rnncore import Cancelled, local_exponents, power_law

from .documents import CASES
from .scripted import ScriptedEngine as Scripted
from .scripted import metadata, reader_of, run_message, waits

STREAM = "ws://127.0.0.1/api/stream"
SMALL = {"cell": {"hidden_size": 4}, "steps": 6}
QUICK = {"hidden_sizes": [2, 4], "lengths": [3, 6], "rounds": 2}


def message(experiment: dict[str, Any], run_id: int = 1, **options: Any) -> str:
    return json.dumps({"type": "measure", "id": run_id, "experiment": experiment, **options})


def measure(
    client: TestClient, experiment: dict[str, Any], **options: Any
) -> tuple[list[bytes], dict[str, Any]]:
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_text(message(experiment, **options))
        return reader.until_end(1)


def asked(experiment: dict[str, Any], **options: Any) -> Measure:
    return Measure.model_validate_json(message(experiment, **options))


def plan_of(experiment: dict[str, Any], settings: Settings, **options: Any) -> MeasurePlan:
    return measured_sizes(asked(experiment, **options), settings)[0]


def items_of(plan: MeasurePlan, clock: Iterator[float], **document: Any) -> list[Frame | Done]:
    """All that a measurement gives whose clock shows what the test says."""
    experiment = Experiment.model_validate_json(json.dumps({**SMALL, **document}))
    shelf = Shelf(Cache(0), Files())
    now = clock.__next__
    return list(Measurement(experiment, plan, lambda: False, "cpu", shelf, now=now).results())


def test_a_measurement_is_an_overview_a_frame_a_visit_and_done(client: TestClient) -> None:
    frames, end = measure(client, SMALL, **QUICK)
    assert (end["type"], end["status"], end["notes"]) == ("done", "complete", [])
    first, *visits = frames
    assert metadata(first)["kind"] == "measurement"
    overview = {name: each.tolist() for name, each in load(first).items()}
    assert overview == {
        "hidden_sizes": [2, 4],
        "lengths": [3, 6],
        "attention_lengths": [3, 6],
        "visits": [12],
    }
    seen = []
    for frame in visits:
        found = load(frame)
        kind = metadata(frame)["kind"]
        (H,), (T,) = found["hidden_size"], found["steps"]
        seen.append((kind, H if kind == "over_hidden_size" else T))
        assert (found["forward_s"] > 0).all()
        assert (found["whole_s"] > found["forward_s"]).all()
    once = {
        ("over_hidden_size", 2),
        ("over_hidden_size", 4),
        *((kind, T) for kind in ("over_steps", "attention_over_steps") for T in (3, 6)),
    }
    assert set(seen[:6]) == set(seen[6:]) == once, "all sizes once a round"
    first_visit, second_visit = load(visits[0]), load(visits[6])
    assert len(second_visit["whole_s"]) > len(first_visit["whole_s"])
    assert second_visit["whole_s"][: len(first_visit["whole_s"])].tolist() == (
        first_visit["whole_s"].tolist()
    ), "a size keeps what was measured of it"


def test_what_is_said_of_a_series_is_what_rnncore_says_of_its_least_times(
    client: TestClient,
) -> None:
    frames, _ = measure(client, SMALL, hidden_sizes=[1, 2, 3, 4, 5, 6, 7], lengths=[], rounds=1)
    found = [load(frame) for frame in frames[1:]]
    assert "fit_forward" not in found[0], "one size has no exponent"
    sizes = torch.tensor([each["hidden_size"][0] for each in found])
    for name in ("forward", "whole"):
        least = torch.tensor([each[f"{name}_s"].min() for each in found])
        law = power_law(sizes, least, largest=FITTED)
        expected = (law.exponent, law.standard_error, law.log10_factor, law.smallest, law.count)
        np.testing.assert_allclose(found[-1][f"fit_{name}"], expected, rtol=1e-12)
        np.testing.assert_allclose(
            found[-1][f"local_{name}"], local_exponents(sizes, least), rtol=1e-12
        )
    assert np.isnan(found[1]["fit_whole"][1]), "any line goes through two points"


def test_times_are_those_of_the_clock_between_forward_and_backward() -> None:
    """begin and budget are looked at first; then a run is three looks: 3 s forward, 7 s more."""
    clock = iter([0.0, 0.0, 10.0, 13.0, 20.0])
    items = items_of(MeasurePlan((4,), (), (), rounds=1), clock)
    visit = items[1]
    assert isinstance(visit, Frame)
    assert visit.tensors["forward_s"].tolist() == [3.0]
    assert visit.tensors["whole_s"].tolist() == [10.0]


@pytest.mark.parametrize(("step", "runs"), [(VISIT_S / 1000, MOST_RUNS), (VISIT_S / 5, 3)])
def test_quick_runs_are_repeated_until_a_visit_has_its_time(step: float, runs: int) -> None:
    items = items_of(MeasurePlan((4,), (), (), rounds=1), itertools.count(0.0, step))
    assert isinstance(items[1], Frame)
    assert len(items[1].tensors["whole_s"]) == runs


def test_after_its_budget_a_measurement_ends_and_says_what_it_left_out() -> None:
    items = items_of(MeasurePlan((2, 3, 4), (), (), rounds=2), itertools.count(0.0, BUDGET_S / 8))
    *frames, done = items
    assert isinstance(done, Done) and done.status == "complete"
    visits = len(frames) - 1
    assert 0 < visits < 6
    assert [note.code for note in done.notes] == ["out_of_time"]
    assert done.notes[0].message.startswith(f"{6 - visits} visits were left out")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
def test_every_experiment_can_be_timed(client: TestClient, name: str, kind: str) -> None:
    document = CASES[name]
    cell = {**document.get("cell", {}), "kind": kind}
    document = {**document, "cell": cell}
    _, end = measure(client, document, hidden_sizes=[1, 3], lengths=[1, 5], rounds=1)
    assert end["type"] == "done" and end["status"] == "complete", end


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"cell": {"hidden_size": 1}, "steps": 1}, []),
        ({"cell": {"hidden_size": 4, "layers": 3}, "batch_size": 3}, []),
        ({"cell": {"hidden_size": 4, "kind": "attention"}, "loss": {"at": "every"}}, []),
        ({"generation": {"after": 2}}, ["inputs_given"]),
        (
            {
                "cell": {"hidden_size": 4, "input_size": 3, "output_size": 3, "kind": "gru"},
                "output": {"kind": "classes"},
                "loss": {"kind": "cross_entropy", "at": "every", "target": [0, 1, 2, 0, 1, 2]},
                "generation": {"after": 1},
            },
            ["inputs_given"],
        ),
    ],
    ids=["one unit, one step", "layers and a batch", "attention", "generation", "classes"],
)
def test_every_form_can_be_timed(
    client: TestClient, changes: dict[str, Any], codes: list[str]
) -> None:
    frames, end = measure(client, {**SMALL, **changes}, **QUICK)
    assert end["status"] == "complete", end
    assert [note["code"] for note in end["notes"]] == codes
    kinds = {metadata(frame)["kind"] for frame in frames}
    is_attention = changes.get("cell", {}).get("kind") == "attention"
    assert ("attention_over_steps" in kinds) is not is_attention


def test_a_length_that_cannot_be_run_ends_its_series_alone(client: TestClient) -> None:
    """Of so much noise one number among thousands is beyond float32, and with attention any."""
    noise = {"kind": "noise", "amplitude": 1e38}
    loud = {**SMALL, "input": noise, "input_weights": {"scale": 1e-9}}
    frames, end = measure(client, loud, hidden_sizes=[2], lengths=[4, 4000, 8000], rounds=2)
    assert end["status"] == "complete"
    assert [note["code"] for note in end["notes"]] == ["ended_early"] * 2
    words = " ".join(note["message"] for note in end["notes"])
    assert "from T = 4000 on: x is too large" in words
    assert "from T = 4 on, with attention" in words
    found = [load(frame) for frame in frames if metadata(frame)["kind"] == "over_steps"]
    assert [each["steps"][0] for each in found] == [4, 4], "what can be timed goes on"


def test_weights_from_a_file_have_one_hidden_size_and_that_is_said(client: TestClient) -> None:
    weights = json.dumps({"W_hh": [[0.5, 0.1], [0.0, 0.3]]}).encode()
    (layer,) = client.post("/api/files", content=weights).json()["layers"]
    document = {
        "cell": {"hidden_size": 2, "activation": "linear"},
        "weights": {"file": layer["changes"]["weights.file"]},
        "steps": 6,
    }
    frames, end = measure(client, document, lengths=[3, 6], rounds=1)
    assert [note["code"] for note in end["notes"]] == ["no_hidden_sizes"]
    assert load(frames[0])["hidden_sizes"].tolist() == []
    kinds = {metadata(frame)["kind"] for frame in frames}
    assert kinds == {"measurement", "over_steps", "attention_over_steps"}
    _, refused = measure(client, document, hidden_sizes=[4])
    assert (refused["code"], refused["field"]) == ("invalid_field", "hidden_sizes")


def test_sizes_are_chosen_within_the_limits_and_hold_the_present_one() -> None:
    document = {"cell": {"hidden_size": 50, "output_size": 20}, "steps": 77}
    plan = plan_of(document, Settings(max_hidden=300, max_steps=5000, max_attention_steps=1000))
    assert 50 in plan.hidden_sizes and 77 in plan.lengths and 77 in plan.attention_lengths
    assert (plan.hidden_sizes[0], plan.hidden_sizes[-1]) == (8, 256)
    assert (plan.lengths[0], plan.lengths[-1]) == (64, 4096)
    assert plan.attention_lengths[-1] == 768
    for sizes in (plan.hidden_sizes, plan.lengths, plan.attention_lengths):
        assert list(sizes) == sorted(set(sizes)), "each once, upwards"


def test_no_chosen_run_is_long() -> None:
    for cell in ({"kind": "lstm", "layers": 4}, {"hidden_size": 1024}, {"kind": "attention"}):
        document = {"cell": {"kind": "elman", **cell}, "batch_size": 8}
        if cell.get("kind") != "attention":
            document["steps"] = 20_000
        plan = plan_of(document, Settings(max_hidden=4096))
        experiment = Experiment.model_validate_json(json.dumps(document))
        points = points_of(plan)
        assert points
        for series, size in points:
            assert products_of(timed(experiment, series, size)) <= MOST_PRODUCTS


def test_products_are_those_of_one_hidden_step_counted_by_hand() -> None:
    cell = {"input_size": 2, "hidden_size": 3, "output_size": 5}
    expected = {
        "elman": 10 * (6 + 9 + 15),
        "gru": 10 * (3 * (6 + 9) + 15),
        "lstm": 10 * (4 * (6 + 9) + 15),
        "attention": 10 * (6 + 27 + 15) + 2 * 55 * 3,
    }
    for kind, products in expected.items():
        document = json.dumps({"cell": {**cell, "kind": kind}, "steps": 10, "batch_size": 4})
        assert products_of(Experiment.model_validate_json(document)) == 4 * products


@pytest.mark.parametrize(
    ("options", "code", "field"),
    [
        ({"hidden_sizes": [8, 5000]}, "over_limit", "hidden_sizes.1"),
        ({"lengths": [10**7]}, "over_limit", "lengths.0"),
        ({"hidden_sizes": [1024], "experiment": {"steps": 100_000}}, "over_limit",
         "hidden_sizes.0"),
        ({"lengths": [9000], "experiment": {"cell": {"kind": "attention"}}}, "over_limit",
         "lengths.0"),
        ({"hidden_sizes": [0]}, "invalid_field", "hidden_sizes.0"),
        ({"lengths": ["8"]}, "invalid_field", "lengths.0"),
        ({"lengths": [1] * 33}, "invalid_field", "lengths"),
        ({"rounds": 0}, "invalid_field", "rounds"),
        ({"rounds": 101}, "invalid_field", "rounds"),
        ({"view": None}, "invalid_field", "view"),
        ({"experiment": {"steps": 10**9}}, "over_limit", "steps"),
        ({"experiment": {"steps": 0}}, "invalid_field", "steps"),
    ],
)  # fmt: skip
def test_what_cannot_be_timed_is_refused_by_name(
    client: TestClient, options: dict[str, Any], code: str, field: str
) -> None:
    options = dict(options)
    _, end = measure(client, options.pop("experiment", SMALL), **options)
    assert (end["type"], end["code"], end["field"]) == ("error", code, field)
    assert ": got " in end["message"] and "; expected " in end["message"]


def test_cancelled_half_way_it_ends_so_and_sends_no_more(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_text(message(SMALL, **{**QUICK, "rounds": 100}))
        for _ in range(4):
            assert isinstance(reader.message(), bytes)
        ws.send_text(json.dumps({"type": "cancel", "id": 1}))
        _, end = reader.until_end(1)
        assert end["status"] == "cancelled"
        ws.send_text(run_message(2, **SMALL))
        _, end = reader.until_end(2)
    assert end["status"] == "complete"


def test_a_newer_measurement_supersedes_and_a_closed_tab_stops(
    client_of: Callable[..., TestClient],
) -> None:
    engine = Scripted()
    live = {**SMALL, "steps": 1}
    with client_of(engine=engine).websocket_connect(STREAM) as ws:
        reader = reader_of(ws)
        reader.text()
        ws.send_text(message(live))
        waits(engine.waiting)
        ws.send_text(message(live, 2))
        assert reader.until_end(1)[1]["status"] == "superseded"
        waits(engine.stopped)
        waits(engine.waiting)
    waits(engine.stopped)


def test_a_run_in_another_session_gets_its_turn(
    client_of: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one turn for all: a measurement gives it back after every visit."""
    visited = []
    visit = Measurement._visit

    def counted(self: Measurement, *point: Any) -> Frame:
        visited.append(point)
        return visit(self, *point)

    monkeypatch.setattr(Measurement, "_visit", counted)
    client = client_of(max_jobs=1)
    with client.websocket_connect(STREAM) as slow, client.websocket_connect(STREAM) as other:
        timing, reader = reader_of(slow), reader_of(other)
        timing.text()
        reader.text()
        slow.send_text(message(SMALL, hidden_sizes=[2, 4, 8], lengths=[3, 6], rounds=100))
        assert isinstance(timing.message(), bytes)
        other.send_text(run_message(1, **SMALL))
        assert reader.until_end(1)[1]["status"] == "complete"
        assert len(visited) < 700, "the run waited for the whole measurement"
        slow.send_text(json.dumps({"type": "cancel", "id": 1}))
        assert timing.until_end(1)[1]["status"] == "cancelled"


def test_nothing_of_a_measurement_is_kept() -> None:
    """The engine keeps small results; a time that was kept would be measured once for all."""
    engine = RunEngine("cpu", 2**26)
    experiment = Experiment.model_validate_json(json.dumps(SMALL))
    plan = MeasurePlan((4,), (), (), rounds=1)

    def times() -> list[float]:
        _, visit, _ = engine.run(experiment, plan, lambda: False)
        assert isinstance(visit, Frame)
        return list(visit.tensors["whole_s"])

    assert times() != times()


def test_one_that_is_told_to_stop_stops_before_the_next_visit() -> None:
    experiment = Experiment.model_validate_json(json.dumps(SMALL))
    shelf = Shelf(Cache(0), Files())
    plan = MeasurePlan((2, 4), (), (), rounds=1)
    stopped = False
    results = Measurement(experiment, plan, lambda: stopped, "cpu", shelf).results()
    next(results)
    next(results)
    stopped = True
    with pytest.raises(Cancelled):
        next(results)
