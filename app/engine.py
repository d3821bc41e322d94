"""From an Experiment to frames, recomputing only what changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from app.analysis import AnalysisRun
from app.cache import Cache
from app.computation import Computation
from app.device import Device
from app.experiment import Experiment
from app.files import Files
from app.frames import Frame
from app.matrix import Shelf
from app.measurement import Measurement
from app.plan import AnalysisPlan, AnyPlan, MeasurePlan
from app.protocol import Done, Timings

ShouldStop = Callable[[], bool]


class RunEngine:
    """Runs Experiments on one device. What it gives, times apart, is a function of the document."""

    def __init__(self, device: Device, cache_bytes: int, files: Files | None = None) -> None:
        self._device = device
        self._shelf = Shelf(Cache(cache_bytes // 2), files or Files())
        self._results = Cache(cache_bytes - cache_bytes // 2)

    def run(
        self, experiment: Experiment, plan: AnyPlan, should_stop: ShouldStop
    ) -> Generator[Frame | Done]:
        """Frames as they are computed, then `Done`.

        Raises:
            Cancelled: `should_stop` became true.
            ValueError: a number overflows the run's dtype.
        """
        if isinstance(plan, MeasurePlan):
            # Times are no function of the document: nothing is kept of them.
            yield from Measurement(
                experiment, plan, should_stop, self._device, self._shelf
            ).results()
            return
        start = time.perf_counter()
        key = (experiment.model_dump_json(), plan)
        kept: list[Frame | Done] | None = self._results.find(key)
        if kept is not None:
            for item in kept:
                yield _retimed(item, start) if isinstance(item, Done) else item
            return
        computation: Computation | AnalysisRun
        if isinstance(plan, AnalysisPlan):
            computation = AnalysisRun(experiment, plan, should_stop, self._device, self._shelf)
        else:
            computation = Computation(experiment, plan, should_stop, self._device, self._shelf)
        made: list[Frame | Done] = []
        nbytes = 0
        for item in computation.results():
            yield item
            nbytes += item.nbytes if isinstance(item, Frame) else len(key[0])
            if self._results.has_room_for(nbytes):
                made.append(item)
            else:
                made.clear()  # too large to be kept: let go of it as soon as it is sent
        if self._results.has_room_for(nbytes):
            self._results.keep(key, made, nbytes)


def _retimed(done: Done, start: float) -> Done:
    """The end of a run whose results were kept: nothing was computed for it."""
    total_ms = 1e3 * (time.perf_counter() - start)
    timings = Timings(build_ms=0, spectrum_ms=0, forward_ms=0, backward_ms=0, total_ms=total_ms)
    return done.model_copy(update={"timings": timings})
