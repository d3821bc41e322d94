"""Several starts at once: the runs from further states beside the one that is shown, and how far
they are from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from app.experiment import Experiment
from app.frames import Array
from app.gates import GATES
from app.protocol import Note, StartDistance
from app.stages import Setting
from rnncore import (
    AttentionCell,
    ElmanCell,
    GatedRollout,
    LSTMCell,
    Rollout,
    StackedRollout,
    further_starts,
    quantity_fate,
    race,
)

ShouldStop = Callable[[], bool]

# A second or two of one thread.
MOST_STEPS = 5000
MOST_PRODUCTS = 2**33
SEED = 11
FATES = ("live", "vanish", "explode", "zero")
FORGOTTEN = -6.0  # decades of the distance at the start


def followed_steps(experiment: Experiment, starts: int) -> int:
    """For how many steps further starts are followed."""
    cell = experiment.cell
    products = starts * len(GATES[cell.kind]) * cell.hidden_size**2 * (2 * cell.layers - 1)
    return max(1, min(experiment.steps, MOST_STEPS, MOST_PRODUCTS // products))


def followed_notes(experiment: Experiment, steps: int) -> list[Note]:
    """Says where the steps that are followed are not all."""
    if steps == experiment.steps:
        return []
    message = f"Further starts are followed for the first {steps} steps."
    return [Note(code="starts_followed", message=message)]


def shortened(start: Setting, steps: int) -> Setting:
    """The first steps of a run."""
    after = start.feeds_back_after
    feeds_back = after if after is not None and after < steps else None
    return replace(start, x=start.x[..., :steps, :], feeds_back_after=feeds_back)


@dataclass(frozen=True, eq=False)
class Starts:
    """Further starts of a setting: h_0, and of LSTMs c_0, of each layer, (K, H) float64."""

    h: tuple[Tensor, ...]
    c: tuple[Tensor, ...] | None

    @classmethod
    def of(cls, start: Setting, count: int, distance: StartDistance) -> Starts:
        """`count` of them, far or near."""
        origin = _origin(start)
        found = further_starts(origin, count, distance=distance, seed=SEED)
        parts = found.split(start.cell.hidden_size, dim=-1)
        layers = len(start.starts)
        return cls(parts[:layers], parts[layers:] or None)

    @property
    def states(self) -> Tensor:
        """(K, S), of an LSTM [h, c]."""
        return torch.cat((*self.h, *(self.c or ())), dim=-1)


def _origin(start: Setting) -> Tensor:
    """(S,): h_0 of each layer, and of LSTMs c_0."""
    h = torch.cat([each.double().cpu() for each in start.starts])
    return torch.cat((h, torch.zeros_like(h))) if isinstance(start.cell, LSTMCell) else h


def further_states(
    start: Setting, starts: Starts, should_stop: ShouldStop
) -> tuple[Tensor, Tensor | None]:
    """h of the top layer, and of an LSTM c, from every start: (K, T + 1, H) each."""
    cell, x, readout = start.cell, start.x, start.readout
    assert not isinstance(cell, AttentionCell)
    rollout: Rollout | GatedRollout | StackedRollout
    after = start.feeds_back_after
    c_0 = starts.c[0] if starts.c else None
    if start.above:
        cells = (cell, *start.above)
        rollout = StackedRollout(cells, x, starts.h, readout, c_0=starts.c, has_outputs=False)
    elif isinstance(cell, ElmanCell):
        rollout = Rollout(
            *(cell, x, starts.h[0], readout), feeds_back_after=after, has_outputs=False
        )
    else:
        rollout = GatedRollout(
            *(cell, x, starts.h[0], readout), feeds_back_after=after, c_0=c_0, has_outputs=False
        )
    for _ in rollout.states(should_stop, bounds=()):
        pass
    trajectory = rollout.trajectory
    h = trajectory.sequences(trajectory.h(0, rollout.steps + 1))
    if c_0 is None or not isinstance(rollout, GatedRollout):
        return h, None
    c = rollout.gates(0, rollout.steps)["c"]
    return h, torch.cat((c_0.to(c).unsqueeze(-2), c), dim=-2)


def no_race_of(experiment: Experiment) -> str:
    """Why starts can't be raced; nothing where they can."""
    cell = experiment.cell
    if cell.kind == "attention":
        return "Attention carries no state on: there is no start to remember."
    if cell.layers > 1:
        return "The distance of two starts is of one layer: set layers to 1 to see it."
    if experiment.closes_loop and cell.kind == "gru":
        return "The distance of two starts in a loop that is closed is of elman and lstm alone."
    return ""


def raced(start: Setting, starts: Starts, should_stop: ShouldStop) -> dict[str, Array]:
    """log10_distance [K, T + 1] of every start from the first, t from 0; of each its fate [K], a
    number into `FATES`, log10_factor [K] per step, and forgotten [K], the first t from which it is
    within 10^-6 of the distance at the start. NaN for what there isn't."""
    cell = start.cell
    assert not isinstance(cell, AttentionCell)
    found = race(
        *(cell, start.x, _origin(start), starts.states),
        readout=start.readout,
        feeds_back_after=start.feeds_back_after,
        should_stop=should_stop,
    )
    logs = found.ln_distance / math.log(10.0)
    fates = [quantity_fate(each, toward="end") for each in logs]
    return {
        "log10_distance": logs.numpy(),
        "fate": np.array(
            [float(FATES.index(each.fate)) if each.fate else np.nan for each in fates]
        ),
        "log10_factor": np.array(
            [np.nan if each.log10_factor is None else each.log10_factor for each in fates]
        ),
        "forgotten": np.array([_forgotten(each) for each in logs.numpy()]),
    }


def _forgotten(logs: Array) -> float:
    """From which t on a distance stays so much smaller; NaN where it doesn't."""
    above = np.flatnonzero(logs - logs[0] > FORGOTTEN)
    return math.nan if not len(above) or above[-1] == len(logs) - 1 else float(above[-1] + 1)
