"""How long runs take: forward, and forward and backward, size by size, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from app.clock import Clock
from app.computation import in_force, loss_of
from app.device import Device
from app.experiment import Experiment
from app.frames import Array, Frame
from app.gates import BIAS_BLOCKS, GATES, INPUT_BLOCKS
from app.matrix import Shelf, matrix
from app.measured_sizes import Series, points_of, products_of, timed
from app.plan import MeasurePlan
from app.protocol import Done, Note
from app.rollouts import rollout_of, sweep_of
from app.stages import (
    DTYPES,
    Setting,
    Weights,
    array,
    cell_of,
    recurrent_cell_of,
    setting,
    stimuli,
)
from rnncore import (
    ArgumentError,
    Cancelled,
    PowerLaw,
    Readout,
    cast,
    gaussian_weights,
    local_exponents,
    power_law,
)

ShouldStop = Callable[[], bool]

BUDGET_S = 40.0  # of computing, after which the sizes that are left are left out
# A visit repeats a run until so many seconds or runs are spent on it: the least of many is steady.
VISIT_S = 0.02
MOST_RUNS = 8
FITTED = 5  # of the largest sizes, a factor of 4; smaller ones are overhead for the most part


@dataclass(eq=False)
class _Times:
    """Seconds of every run of a series so far, by size."""

    forward: dict[int, list[float]] = field(default_factory=dict)
    whole: dict[int, list[float]] = field(default_factory=dict)


class Measurement:
    """One measurement, from its Experiment to its end."""

    def __init__(
        self,
        experiment: Experiment,
        plan: MeasurePlan,
        should_stop: ShouldStop,
        device: Device,
        shelf: Shelf,
        *,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._experiment = experiment
        self._plan = plan
        self._should_stop = should_stop
        self._device = device
        self._shelf = shelf
        self._now = now
        self._clock = Clock()
        self._times: dict[Series, _Times] = {}
        self._notes = list(_notes_of(experiment))

    def results(self) -> Iterator[Frame | Done]:
        """What will be timed, a frame a visit, then `Done`.

        Raises:
            Cancelled: `should_stop` became true.
        """
        points = points_of(self._plan)
        points.sort(key=lambda point: products_of(timed(self._experiment, *point)))
        visits = [point for _ in range(self._plan.rounds) for point in points]
        yield self._overview(len(visits))
        begin = self._now()
        ended: dict[Series, int] = {}
        for k, (series, size) in enumerate(visits):
            if self._should_stop():
                raise Cancelled
            if self._now() - begin > BUDGET_S:
                self._notes.append(_out_of_time(len(visits) - k))
                break
            if size >= ended.get(series, size + 1):
                continue
            try:
                yield self._visit(series, size)
            except ArgumentError as refused:
                # Of loud noise one number among many may be beyond the dtype.
                ended[series] = size
                self._notes.append(_ended(series, size, str(refused)))
        yield Done(
            id=None,
            status="complete",
            timings=self._clock.timings(),
            notes=self._notes,
            experiment=in_force(self._experiment),
        )

    def _overview(self, visits: int) -> Frame:
        plan = self._plan
        tensors = {
            "hidden_sizes": np.array(plan.hidden_sizes, dtype=np.float64),
            "lengths": np.array(plan.lengths, dtype=np.float64),
            "attention_lengths": np.array(plan.attention_lengths, dtype=np.float64),
            "visits": np.array([float(visits)]),
        }
        return Frame("measurement", 0, self._experiment.steps, tensors)

    def _visit(self, series: Series, size: int) -> Frame:
        experiment = timed(self._experiment, series, size)
        with self._clock.counting("build"):
            start = self._start(series, experiment)
        runs = [self._time(experiment, start)]
        while len(runs) < MOST_RUNS and sum(whole for _, whole in runs) < VISIT_S:
            runs.append(self._time(experiment, start))
        found = self._times.setdefault(series, _Times())
        forward, whole = found.forward.setdefault(size, []), found.whole.setdefault(size, [])
        forward += [run[0] for run in runs]
        whole += [run[1] for run in runs]
        tensors = {
            "hidden_size": np.array([float(experiment.cell.hidden_size)]),
            "steps": np.array([float(experiment.steps)]),
            "forward_s": np.array(forward),
            "whole_s": np.array(whole),
            **_law("forward", found.forward),
            **_law("whole", found.whole),
        }
        return Frame(series, 0, experiment.steps, tensors)

    def _time(self, experiment: Experiment, start: Setting) -> tuple[float, float]:
        """Seconds of one run forward, and of the same with its sweep backward."""
        steps, loss = experiment.steps, loss_of(experiment, start, self._device)
        begin = self._now()
        rollout = rollout_of(start, has_outputs=True)
        for _ in rollout.states(self._should_stop, bounds=((0, steps),)):
            pass
        self._wait()
        middle = self._now()
        sweep = sweep_of(rollout, loss)
        for _ in sweep.chunks(bounds=((0, steps),), should_stop=self._should_stop):
            pass
        self._wait()
        return middle - begin, self._now() - begin

    def _wait(self) -> None:
        """A GPU is handed its work and goes on by itself."""
        if self._device == "cuda":
            torch.cuda.synchronize()

    def _start(self, series: Series, experiment: Experiment) -> Setting:
        if series == "over_steps":
            found = matrix(experiment, self._shelf, self._should_stop)
            return setting(experiment, found, self._shelf, self._device)
        return _drawn(experiment, self._shelf, self._device)


def _drawn(experiment: Experiment, shelf: Shelf, device: Device) -> Setting:
    """The same network with weights drawn for its sizes, and W_hh without a spectrum, whose
    decomposition would take longer than all runs together."""
    cell, dtype = experiment.cell, DTYPES[experiment.dtype]
    H, gates = cell.hidden_size, len(GATES[cell.kind])

    def draw(name: str, rows: int, columns: int, seed: int) -> Tensor:
        weight = gaussian_weights(rows, columns, scale=1.0, seed=seed)
        return cast(name, weight, dtype).to(device)

    def zeros(rows: int) -> Tensor:
        return torch.zeros(rows, dtype=dtype, device=device)

    b_h = zeros(BIAS_BLOCKS[cell.kind] * H)
    rows = INPUT_BLOCKS[cell.kind] * H
    W_xh, W_hh = draw("W_xh", rows, cell.input_size, 0), draw("W_hh", gates * H, H, 1)
    above = [
        recurrent_cell_of(
            experiment,
            draw("W_xh", rows, H, 2 * number),
            draw("W_hh", gates * H, H, 2 * number + 1),
            b_h,
        )
        for number in range(1, cell.layers)
    ]
    readout = Readout(draw("W_hy", cell.output_size, H, 2), zeros(cell.output_size))
    x, starts = stimuli(experiment, shelf.files)
    return Setting(
        cell_of(experiment, W_xh, W_hh, b_h),
        tuple(above),
        readout,
        cast("x", x, dtype).to(device),
        tuple(cast("h_0", h_0, dtype).to(device) for h_0 in starts),
        Weights(W_xh, b_h, readout, source=""),
    )


def _law(name: str, times: dict[int, list[float]]) -> dict[str, Array]:
    """What the least times of a series say, once there are two sizes."""
    if len(times) < 2:
        return {}
    sizes = torch.tensor([float(size) for size in times], dtype=torch.float64)
    least = torch.tensor([min(runs) for runs in times.values()], dtype=torch.float64)
    fit: PowerLaw = power_law(sizes, least, largest=FITTED)
    numbers = (fit.exponent, fit.standard_error, fit.log10_factor, fit.smallest, float(fit.count))
    return {
        f"fit_{name}": np.array(numbers),
        f"local_{name}": array(local_exponents(sizes, least)),
    }


def _notes_of(experiment: Experiment) -> Iterator[Note]:
    if experiment.weights.file is not None:
        yield Note(
            code="no_hidden_sizes",
            message="These weights come from a file, and so does H: time is measured against T "
            "alone.",
        )
    if experiment.generates:
        yield Note(
            code="inputs_given",
            message="Timed with inputs that are given: a step that is fed its own output costs "
            "the same H · H.",
        )


def _out_of_time(left: int) -> Note:
    return Note(
        code="out_of_time",
        message=f"{left} visits were left out: the measurement may take {BUDGET_S:g} s.",
    )


def _ended(series: Series, size: int, why: str) -> Note:
    of = f"{'H' if series == 'over_hidden_size' else 'T'} = {size}"
    beside = ", with attention" if series == "attention_over_steps" else ""
    return Note(code="ended_early", message=f"Nothing is timed from {of} on{beside}: {why}")
