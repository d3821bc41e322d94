"""The engine by itself: its results, its cache, its plans."""

import json
import threading
from typing import Any

import numpy as np
import pytest

from app.cache import LARGEST_SHARE, Cache
from app.engine import RunEngine
from app.experiment import Experiment
from app.frames import Frame
from app.plan import AT_ONCE_PRODUCTS, SHORT_STEPS, Plan
from app.protocol import Done, Run, View, read_experiment
from rnncore import (
    Cancelled,
)

from .documents import CASES


def results(engine: RunEngine, document: dict[str, Any]) -> tuple[list[Frame], Done]:
    experiment = read_experiment(json.dumps(document).encode())
    plan = Plan.of(Run(type="run", id=0, experiment=experiment))
    made = list(engine.run(experiment, plan, lambda: False))
    assert isinstance(made[-1], Done)
    return [item for item in made if isinstance(item, Frame)], made[-1]


def contents(frames: list[Frame]) -> list[tuple[str, int, int, bytes]]:
    return [(frame.kind, frame.t0, frame.t1, frame.digest) for frame in frames]


@pytest.mark.parametrize("name", ["default", "edited", "gain", "relu overflows", "batch"])
def test_results_are_a_function_of_the_document_alone(name: str) -> None:
    warm, cold = RunEngine("cpu", 2**27), RunEngine("cpu", 0)
    first, first_done = results(warm, CASES[name])
    for other in CASES.values():
        results(warm, other)
    for frames, done in (results(warm, CASES[name]), results(cold, CASES[name])):
        assert contents(frames) == contents(first)
        assert done.model_copy(update={"timings": None}) == first_done.model_copy(
            update={"timings": None}
        )


def test_a_changed_radius_changes_only_the_scale() -> None:
    engine = RunEngine("cpu", 2**27)
    one, _ = results(engine, {"recurrent": {"spectral_radius": 0.5}})
    two, _ = results(engine, {"recurrent": {"spectral_radius": 1.0}})
    halves = {frame.kind: frame for frame in one}
    for frame in two:
        if frame.kind == "spectrum":
            np.testing.assert_allclose(
                frame.tensors["eigenvalues"], 2 * halves["spectrum"].tensors["eigenvalues"]
            )


def test_a_run_looks_whether_it_is_still_wanted() -> None:
    experiment = read_experiment(b'{"steps": 100000, "cell": {"hidden_size": 2}}')
    looks = 0

    def should_stop() -> bool:
        nonlocal looks
        looks += 1
        return looks > 3

    with pytest.raises(Cancelled):
        list(RunEngine("cpu", 0).run(experiment, Plan.whole(100000), should_stop))
    assert looks == 4


@pytest.mark.parametrize("steps", [1, 200, 2000, 100_000])
@pytest.mark.parametrize("view", [None, View(t0=3, t1=999, columns=100)])
def test_plans_cover_time_both_ways(view: View | None, steps: int) -> None:
    if view is not None:
        steps = max(steps, view.t1)
    plan = Plan.of(Run(type="run", id=0, experiment=Experiment(steps=steps), view=view))
    first, last = (0, steps) if view is None else (view.t0, view.t1)
    assert len(plan.forward) == len(plan.backward)
    is_short = steps < SHORT_STEPS and view is None
    assert len(plan.forward) == 1 if is_short else len(plan.forward) >= 3
    assert plan.is_at_once == (64**2 * steps <= AT_ONCE_PRODUCTS)
    assert [t0 for t0, _ in plan.forward] == [first, *(t1 for _, t1 in plan.forward[:-1])]
    assert plan.forward[-1][1] == last
    assert [t1 for _, t1 in plan.backward] == [last, *(t0 for t0, _ in plan.backward[:-1])]
    assert plan.backward[-1][0] == first


def test_the_cache_is_bounded_and_forgets_the_oldest() -> None:
    cache = Cache(800)
    for key in range(10):
        cache.keep(key, key, 100)
        cache.find(0)
    assert [key for key in range(10) if cache.find(key) is not None] == [0, 3, 4, 5, 6, 7, 8, 9]
    cache.keep("large", 1, 800 // LARGEST_SHARE + 1)
    assert cache.find("large") is None


def test_the_cache_serves_several_threads() -> None:
    cache = Cache(10_000)
    made = []

    def use() -> None:
        for key in range(500):
            made.append(cache.get(key % 20, lambda key=key: key % 20, lambda _: 50) == key % 20)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [True] * 2000
