"""The state space of a run: its trajectory in a plane, and the points where it could stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from app.experiment import Experiment
from app.frames import Array
from app.protocol import Note
from rnncore import (
    ArgumentError,
    FixedPoint,
    FixedPoints,
    GatedRollout,
    LSTMCell,
    LSTMState,
    PlaneField,
    Rollout,
    StatePlane,
    fixed_points,
    plane_field,
    search_starts,
    state_plane,
)
from rnncore import Note as Remark

ShouldStop = Callable[[], bool]

MOST_POINTS = 2000  # of a trajectory, evenly spaced in time
# A search takes seconds beyond: 32 starts at H = 128 some two.
MOST_SEARCHED = 128
STARTS = 32
KINDS = ("stable", "saddle", "repeller", "marginal", "kink", "slow")
FIELD = 17  # arrows on either side


def portrait(
    rollout: Rollout | GatedRollout, experiment: Experiment, should_stop: ShouldStop
) -> tuple[dict[str, Array], list[Note]]:
    """Tensors by their names on the wire, and what is to be said of them.

    trajectory [n, 2] at the times [n] from 0 (h_0) to T, for two units h_1 and h_2 themselves;
    shares [2] of the variance; fixed_points [K, 3], a place and the number of its kind; search [2],
    how many starts they were sought from, and how many led to none. Of two
    units also the displacement of one step on a grid, field [rows, columns, 2] at field_across and
    field_upwards, and nullclines [P, 3]: a unit and a place, NaN between two lines.
    """
    states = rollout.trajectory.sequences(rollout.trajectory.h(0, rollout.steps + 1))
    T = rollout.steps
    times = np.unique(np.linspace(0, T, MOST_POINTS + 1).round().astype(np.int64))
    shown = states[torch.from_numpy(times)]
    plane = state_plane(states)
    H = states.shape[-1]
    is_own = H == 2  # two units are a plane already
    path = shown.double() if is_own else plane.coordinates(shown)
    tensors = {
        "trajectory": path.numpy(),
        "times": times.astype(np.float64),
        "shares": plane.shares.numpy(),
    }
    field = _field(rollout, experiment, path, should_stop) if is_own else None
    if field is not None:
        # The whole picture was looked through: no search from a trajectory finds more in it.
        points, notes = (*field.fixed_points, *field.slow_points), list(_noted(field.notes))
        tensors |= _field_tensors(field)
    else:
        found, notes = _searched(rollout, experiment, states, should_stop)
        points = (*found.found, *found.slow) if found else ()
        if found is not None:
            tensors["search"] = np.array([float(found.starts), float(found.lost)])
    tensors["fixed_points"] = _places(points, plane, H, is_own=is_own)
    notes += _noted(plane.notes)
    return tensors, notes


def _noted(notes: Sequence[Remark]) -> list[Note]:
    return [Note(code=note.code, message=note.message) for note in notes]


def _constant_input(experiment: Experiment) -> Tensor | None:
    """The input of the map whose fixed points are sought: what is constant, else none."""
    drive = experiment.input
    if drive.kind != "constant":
        return None
    return torch.full((experiment.cell.input_size,), drive.amplitude, dtype=torch.float64)


def _searched(
    rollout: Rollout | GatedRollout,
    experiment: Experiment,
    states: Tensor,
    should_stop: ShouldStop,
) -> tuple[FixedPoints | None, list[Note]]:
    if states.shape[-1] > MOST_SEARCHED:
        message = f"Fixed points are sought up to {MOST_SEARCHED} units."
        return None, [Note(code="no_fixed_points", message=message)]
    trajectory: Tensor | LSTMState = states
    if isinstance(rollout, GatedRollout) and rollout.trajectory.c is not None:
        c = rollout.gates(0, rollout.steps)["c"]
        trajectory = LSTMState(states[1:], c)
    try:
        starts = search_starts(trajectory, STARTS)
        found = fixed_points(
            rollout.cell, starts, x=_constant_input(experiment), should_stop=should_stop
        )
    except ArgumentError as error:
        return None, [Note(code="no_fixed_points", message=str(error))]
    of = "" if experiment.input.kind in ("constant", "silence") else "Without its input: "
    return found, [Note(code="fixed_points", message=of + found.sentence)]


def _places(points: Sequence[FixedPoint], plane: StatePlane, H: int, *, is_own: bool) -> Array:
    rows = []
    for point in points:
        h = point.point[:H]
        place = h.double() if is_own else plane.coordinates(h)
        kind = "slow" if point.is_slow else point.stability.kind
        rows.append([*place.tolist(), float(KINDS.index(kind))])
    return np.array(rows).reshape(-1, 3)


def _field(
    rollout: Rollout | GatedRollout, experiment: Experiment, path: Tensor, should_stop: ShouldStop
) -> PlaneField | None:
    """None where there is none: of an LSTM, and where steps leave float64."""
    if isinstance(rollout.cell, LSTMCell):
        return None
    finite = path[path.isfinite().all(dim=-1)]
    reach = max(1.25, 1.1 * float(finite.abs().max())) if len(finite) else 1.25
    try:
        return plane_field(
            rollout.cell,
            x=_constant_input(experiment),
            across=(-reach, reach),
            upwards=(-reach, reach),
            columns=FIELD,
            rows=FIELD,
            should_stop=should_stop,
        )
    except ArgumentError:
        return None


def _field_tensors(field: PlaneField) -> dict[str, Array]:
    lines = [
        np.vstack(
            [np.column_stack([np.full(len(line), float(unit)), line.numpy()]), [[np.nan] * 3]]
        )
        for unit, polylines in enumerate(field.nullclines)
        for line in polylines
    ]
    return {
        "field": field.displacement.numpy(),
        "field_across": field.across.numpy(),
        "field_upwards": field.upwards.numpy(),
        "nullclines": np.vstack(lines) if lines else np.zeros((0, 3)),
    }
