"""Where a network could stay: fixed points by search, of two units the field of a step, of one its
curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from app.experiment import Experiment
from app.frames import Array
from app.protocol import Note
from app.stages import RecurrentCell, Setting
from rnncore import (
    ArgumentError,
    ElmanCell,
    FixedPoint,
    GRUCell,
    LSTMCell,
    LSTMState,
    PlaneField,
    closed_loop,
    fixed_points,
    plane_field,
    search_starts,
    unit_map,
)
from rnncore import Note as Remark

ShouldStop = Callable[[], bool]

# A search takes seconds beyond: 32 starts at H = 128 up to some four.
MOST_SEARCHED = 128
STARTS = 32
FIELD = 17  # arrows on either side


@dataclass(frozen=True)
class RestingPoints:
    """What was found, and what is to be said of it."""

    points: tuple[FixedPoint, ...] = ()
    tensors: dict[str, Array] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True)
class Map:
    """F(s), whose fixed points are sought: the cell of a step, its constant input, and a word for
    what else it leaves out."""

    cell: RecurrentCell
    x: Tensor | None
    of: str


def resting_points(
    start: Setting,
    experiment: Experiment,
    states: Tensor,
    cells: Tensor | None,
    should_stop: ShouldStop,
) -> RestingPoints:
    """Of the states h (n, H), and of an LSTM c (n, H), that the search begins at.

    Tensors: search [4], how many starts there were, how many led to none, the least q of these, and
    how many were still on their way; of two units field [rows, columns, 2] at field_across and
    field_upwards, and nullclines [P, 3]: a unit and a place, NaN between two lines; of one unit
    curve [m, 2], h_t of h_{t-1}.
    """
    found = _map(start, experiment)
    if isinstance(found, str):
        return RestingPoints(notes=[Note(code="no_fixed_points", message=found)])
    H = states.shape[-1]
    if H == 2 and (plane := _plane(found, states, should_stop)) is not None:
        # The whole picture was looked through: no search from a trajectory finds more in it.
        points = (*plane.fixed_points, *plane.slow_points)
        return RestingPoints(points, _field_tensors(plane), noted(plane.notes))
    searched = _searched(found, states, cells, should_stop)
    return RestingPoints(searched.points, searched.tensors | _curve(found, states), searched.notes)


def noted(notes: Sequence[Remark]) -> list[Note]:
    """Remarks of the mathematics as notes of an answer."""
    return [Note(code=note.code, message=note.message) for note in notes]


def _map(start: Setting, experiment: Experiment) -> Map | str:
    """The map of a step, or why there is none."""
    if start.above:
        return "The states are the top layer's; fixed points are sought of one layer alone."
    cell = start.cell
    assert isinstance(cell, ElmanCell | GRUCell | LSTMCell)
    if start.feeds_back_after is not None:
        if isinstance(cell, GRUCell):
            return "Fixed points of a loop that is closed are sought of an elman cell or an lstm."
        closed: RecurrentCell = closed_loop(cell, start.readout)  # type: ignore[type-var]
        return Map(closed, None, "While it generates: ")
    drive = experiment.input
    if drive.kind == "constant":
        x = torch.full((experiment.cell.input_size,), drive.amplitude, dtype=torch.float64)
        return Map(cell, x, "")
    return Map(cell, None, "" if drive.kind == "silence" else "Without its input: ")


def _searched(
    found: Map, states: Tensor, cells: Tensor | None, should_stop: ShouldStop
) -> RestingPoints:
    if states.shape[-1] > MOST_SEARCHED:
        message = f"Fixed points are sought up to {MOST_SEARCHED} units."
        return RestingPoints(notes=[Note(code="no_fixed_points", message=message)])
    trajectory = states if cells is None else LSTMState(states, cells)
    try:
        starts = search_starts(trajectory, STARTS)
        ends = fixed_points(found.cell, starts, x=found.x, should_stop=should_stop)
    except ArgumentError as error:
        return RestingPoints(notes=[Note(code="no_fixed_points", message=str(error))])
    lost_q = math.nan if ends.lost_q is None else ends.lost_q
    search = np.array([float(ends.starts), float(ends.lost), lost_q, float(ends.unfinished)])
    note = Note(code="fixed_points", message=found.of + ends.sentence)
    return RestingPoints((*ends.found, *ends.slow), {"search": search}, [note])


def _reach(states: Tensor) -> float:
    """Half the width of a picture that holds all of them."""
    finite = states[states.isfinite().all(dim=-1)]
    return max(1.25, 1.1 * float(finite.abs().max())) if len(finite) else 1.25


def _curve(found: Map, states: Tensor) -> dict[str, Array]:
    if states.shape[-1] != 1 or isinstance(found.cell, LSTMCell):
        return {}
    reach = _reach(states)
    curve = unit_map(found.cell, x=found.x, across=(-reach, reach))
    return {"curve": torch.stack((curve.across, curve.image), dim=-1).numpy()}


def _plane(found: Map, states: Tensor, should_stop: ShouldStop) -> PlaneField | None:
    """None where there is none: of an LSTM, and where steps leave float64."""
    if isinstance(found.cell, LSTMCell):
        return None
    reach = _reach(states)
    try:
        return plane_field(
            found.cell,
            x=found.x,
            across=(-reach, reach),
            upwards=(-reach, reach),
            columns=FIELD,
            rows=FIELD,
            should_stop=should_stop,
        )
    except ArgumentError:
        return None


def _field_tensors(plane: PlaneField) -> dict[str, Array]:
    lines = [
        np.vstack(
            [np.column_stack([np.full(len(line), float(unit)), line.numpy()]), [[np.nan] * 3]]
        )
        for unit, polylines in enumerate(plane.nullclines)
        for line in polylines
    ]
    return {
        "field": plane.displacement.numpy(),
        "field_across": plane.across.numpy(),
        "field_upwards": plane.upwards.numpy(),
        "nullclines": np.vstack(lines) if lines else np.zeros((0, 3)),
    }
