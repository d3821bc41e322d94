"""Sizes are refused before anything is allocated, by the name of the limit and its flag."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from app.engine import RunEngine
from app.errors import Refusal
from app.experiment import Experiment
from app.frames import Frame, encode
from app.gates import GATES
from app.limits import check_limits, run_cost
from app.plan import Plan
from app.protocol import Run, View, read_experiment
from app.settings import Settings, flag

SETTINGS = Settings()


def experiment(**document: Any) -> Experiment:
    return read_experiment(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("document", "field", "limit"),
    [
        ({"cell": {"hidden_size": 1025}}, "cell.hidden_size", "max_hidden"),
        ({"cell": {"input_size": 16_385}}, "cell.input_size", "max_input"),
        ({"cell": {"output_size": 16_385}}, "cell.output_size", "max_output"),
        ({"steps": 1_000_001}, "steps", "max_steps"),
        ({"batch_size": 257}, "batch_size", "max_batch"),
        ({"cell": {"layers": 17}}, "cell.layers", "max_layers"),
        ({"cell": {"kind": "attention"}, "steps": 8193}, "steps", "max_attention_steps"),
        (
            {"cell": {"kind": "attention"}, "steps": 4097, "batch_size": 4},
            "steps",
            "max_attention_steps",
        ),
        ({"steps": 10**30}, "steps", "max_steps"),
        ({"recurrent": {"edits": [{"i": 0, "j": 0, "value": 0}] * 10_001}}, "recurrent.edits",
         "max_edits"),
        ({"cell": {"hidden_size": 1024}, "steps": 1_000_000}, "steps", "max_result_bytes"),
    ],
)  # fmt: skip
def test_a_size_over_its_limit_is_refused_by_name(
    document: dict[str, Any], field: str, limit: str
) -> None:
    with pytest.raises(Refusal) as caught:
        check_limits(experiment(**document), None, SETTINGS)
    error = caught.value.error
    assert (error.code, error.field) == ("over_limit", field)
    assert flag(limit) in error.message


def test_a_view_needs_less_for_its_answer_but_not_for_the_run() -> None:
    long = experiment(cell={"hidden_size": 1024}, steps=200_000)
    view = View(t0=0, t1=200_000, columns=600)
    with pytest.raises(Refusal, match="max-result-bytes"):
        check_limits(long, None, SETTINGS)
    assert check_limits(long, view, SETTINGS).result_bytes < 2 * 10**7
    with pytest.raises(Refusal, match="max-memory-bytes"):
        check_limits(long, view, Settings(max_memory_bytes=10**9))


def test_limits_are_settings() -> None:
    large = Settings(max_hidden=4096)
    assert check_limits(experiment(cell={"hidden_size": 4096}), None, large)


@pytest.mark.parametrize("view", [None, View(t0=10, t1=90, columns=16)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize(("kind", "gates"), [("elman", 1), ("gru", 3), ("lstm", 4)])
def test_the_cost_of_an_answer_is_what_it_weighs(
    view: View | None, dtype: str, batch_size: int, kind: str, gates: int
) -> None:
    document = experiment(
        cell={"kind": kind, "hidden_size": 7, "input_size": 2, "output_size": 3},
        steps=100,
        dtype=dtype,
        batch_size=batch_size,
    )
    plan = Plan.of(Run(type="run", id=0, experiment=document, view=view, split_weights=True))
    made = RunEngine("cpu", 0).run(document, plan, lambda: False)
    frames = [item for item in made if isinstance(item, Frame)]
    H, item = 7, {"float32": 4, "float64": 8}[dtype]
    # Where the draw comes instead of W_hh, the cost counts both; its factor is one number more.
    expected = run_cost(document, view).result_bytes - gates * item * H * H + 8
    assert sum(frame.nbytes for frame in frames) == expected
    assert all(len(encode(frame, "0")) > frame.nbytes for frame in frames)


@pytest.mark.parametrize(
    "document",
    [
        {"cell": {"layers": 3, "hidden_size": 7}},
        {"cell": {"kind": "lstm", "layers": 2, "hidden_size": 7}, "batch_size": 2},
        {"cell": {"output_size": 3}, "output": {"kind": "classes"}},
        {"generation": {"after": 20}},
        {"cell": {"kind": "attention", "input_size": 2}},
    ],
    ids=json.dumps,
)
def test_the_cost_of_a_form_is_enough_and_not_much_more(document: dict[str, Any]) -> None:
    asked = experiment(steps=100, **document)
    made = RunEngine("cpu", 0).run(asked, Plan.whole(100), lambda: False)
    weighs = sum(item.nbytes for item in made if isinstance(item, Frame))
    cell = asked.cell
    draw = 8 * len(GATES[cell.kind]) * cell.hidden_size**2  # in float64, which only a stream has
    spare = run_cost(asked, None).result_bytes - draw - weighs
    assert 0 <= spare <= 0.2 * weighs


MEASURE = """
import resource, sys
from app.engine import RunEngine
from app.limits import run_cost
from app.plan import Plan
from app.protocol import read_experiment

engine = RunEngine("cpu", 0)
for body in (b"{}", sys.argv[1].encode()):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    experiment = read_experiment(body)
    held = list(engine.run(experiment, Plan.whole(experiment.steps), lambda: False))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(1024 * (peak - before), run_cost(experiment, None).memory_bytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts in other units elsewhere")
@pytest.mark.parametrize(
    "document",
    [
        {"steps": 30_000, "loss": {"kind": "mse", "at": "every"}, "cell": {"output_size": 64}},
        {"steps": 2_000, "batch_size": 64, "input": {"kind": "noise"}},
        {"cell": {"hidden_size": 512, "output_size": 8192}, "steps": 10},
        {"cell": {"kind": "attention", "hidden_size": 512}, "steps": 200, "batch_size": 24},
        {"cell": {"kind": "attention"}, "steps": 500, "loss": {"at": "every"}, "batch_size": 20},
        {"cell": {"hidden_size": 256, "layers": 6}, "steps": 2_000, "batch_size": 4},
        {"cell": {"output_size": 4096}, "steps": 2_000, "loss": {"kind": "cross_entropy"}},
        {"steps": 30_000, "generation": {"after": 10}},
    ],
    ids=json.dumps,
)
def test_a_run_needs_no_more_memory_than_was_reckoned(document: dict[str, Any]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, json.dumps(document)],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    used, reckoned = map(int, done.stdout.split())
    assert used < 1.1 * reckoned + 2e7, f"{used / 1e6:.0f} MB used, {reckoned / 1e6:.0f} reckoned"
