"""All that a network of two units can do under a constant input, in one picture."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.cells import ElmanCell, GRUCell
from rnncore.checks import ArgumentError, checked_count, checked_number
from rnncore.chunks import ShouldStop, stop_if_asked
from rnncore.contours import Grid, zero_lines
from rnncore.ensembles import Note
from rnncore.fixed_points import FixedPoint, fixed_points
from rnncore.maps import ConstantMap

_FINER: Final = 4  # nullclines are sought on a grid so many times finer
_COARSE: Final = 9  # starts each way, besides where nullclines meet
_MOST_MEETINGS: Final = 256

Interval = tuple[float, float]


@final
@dataclass(frozen=True, eq=False)
class PlaneField:
    """The map h ↦ F(h) of two units on a rectangle.

    Args:
        across: values of h_1, (columns,) float64.
        upwards: values of h_2, (rows,) float64.
        displacement: F(h) - h, (rows, columns, 2) float64.
        nullclines: where F_1(h) = h_1, and where F_2(h) = h_2: polylines (P, 2) float64.
        fixed_points: those in the rectangle, fewer growing directions first.
        slow_points: points in the rectangle that the map moves by only little.
        notes: what should be said beside it.
    """

    across: Tensor
    upwards: Tensor
    displacement: Tensor
    nullclines: tuple[tuple[Tensor, ...], tuple[Tensor, ...]]
    fixed_points: tuple[FixedPoint, ...]
    slow_points: tuple[FixedPoint, ...]
    notes: tuple[Note, ...]


def plane_field(
    cell: ElmanCell | GRUCell,
    *,
    x: Tensor | None = None,
    across: Interval = (-1.25, 1.25),
    upwards: Interval = (-1.25, 1.25),
    columns: int = 25,
    rows: int = 25,
    should_stop: ShouldStop | None = None,
) -> PlaneField:
    """Displacements, nullclines and fixed points of F(h) = step(x, h) on a rectangle.

    A step jumps: nullclines say where a unit stays as it is for one step, and the fixed points
    are where they meet, but the path between two states is not drawn by the arrows.

    Args:
        cell: an Elman cell or a GRU with H = 2.
        x: the constant input, (D,), or None for none.
        across: the least and the largest h_1.
        upwards: the least and the largest h_2.
        columns: of the grid, 2 or more.
        rows: of the grid, 2 or more.
        should_stop: asked now and then; once it is true, `Cancelled` is raised.

    Raises:
        ValueError: the cell is an LSTM or has not two units, `x` does not fit, an interval is
            empty or not finite, a count is below 2, or F leaves float64 in the rectangle.
        Cancelled: `should_stop` was true.

    Reference: Strogatz (1994), chapter 6, on phase planes; Sussillo and Barak (2013).

    >>> W = torch.tensor([[2.0, 0.0], [0.0, 0.5]])
    >>> field = plane_field(ElmanCell(torch.zeros(2, 1), W, torch.zeros(2), "tanh"))
    >>> [point.stability.kind for point in field.fixed_points]
    ['stable', 'stable', 'saddle']
    """
    if not isinstance(cell, ElmanCell | GRUCell):
        raise ArgumentError(
            "cell", "has no plane of states", got=type(cell).__name__, expected="ElmanCell, GRUCell"
        )
    if cell.hidden_size != 2:
        raise ArgumentError("hidden_size", "is no plane", got=cell.hidden_size, expected="2")
    step = ConstantMap.of(cell, x)
    axes = (
        _checked_axis("across", across, "columns", columns),
        _checked_axis("upwards", upwards, "rows", rows),
    )
    displacement = _displacement(step, axes)
    stop_if_asked(should_stop)
    notes: list[Note] = []
    nullclines = tuple(
        _nullcline(step, unit, axes, displacement[..., unit], notes) for unit in (0, 1)
    )
    stop_if_asked(should_stop)
    search = fixed_points(cell, _starts(axes, displacement), x=x, should_stop=should_stop)
    shown = np.s_[::_FINER]
    return PlaneField(
        torch.from_numpy(axes[0][shown].copy()),
        torch.from_numpy(axes[1][shown].copy()),
        torch.from_numpy(displacement[shown, shown].copy()),
        (nullclines[0], nullclines[1]),
        tuple(point for point in search.found if _is_inside(point, axes)),
        tuple(point for point in search.slow if _is_inside(point, axes)),
        tuple(notes),
    )


def _checked_axis(argument: str, interval: Interval, count_name: str, count: int) -> Grid:
    least, largest = interval
    checked_number(f"{argument}[0]", least)
    checked_number(f"{argument}[1]", largest)
    if not least < largest or not np.isfinite(largest - least):
        raise ArgumentError(
            argument, "is no interval", got=interval, expected="two numbers, the lesser one first"
        )
    checked_count(count_name, count, least=2)
    axis: Grid = np.linspace(least, largest, _FINER * (count - 1) + 1)
    return axis


def _displacement(step: ConstantMap, axes: tuple[Grid, Grid]) -> Grid:
    states = np.stack(np.meshgrid(*axes), axis=-1)
    displacement: Grid = step.image(torch.from_numpy(states)).numpy() - states
    if not np.isfinite(displacement).all():
        raise ArgumentError(
            "across or upwards",
            "is too wide",
            got="a displacement beyond float64",
            expected="an interval whose products with the weights stay within it",
        )
    return displacement


def _nullcline(
    step: ConstantMap, unit: int, axes: tuple[Grid, Grid], values: Grid, notes: list[Note]
) -> tuple[Tensor, ...]:
    is_zero = values == 0.0
    # Squares, because a line of zeros through grid points is a nullcline like any other.
    is_still = is_zero[:-1, :-1] & is_zero[:-1, 1:] & is_zero[1:, :-1] & is_zero[1:, 1:]
    if is_still.any():
        where = "wherever it is" if is_still.all() else "in a whole region"
        message = f"Unit {unit + 1} stays as it is {where}, which no line can show."
        notes.append(Note("region", message))

    def displacement(points: Grid) -> Grid:
        result: Grid = step.image(torch.from_numpy(points)).numpy()[:, unit] - points[:, unit]
        return result

    lines = zero_lines(displacement, *axes, values)
    return tuple(torch.from_numpy(line) for line in lines)


def _starts(axes: tuple[Grid, Grid], displacement: Grid) -> Tensor:
    """The squares in which both nullclines are seen, and a coarse grid for what is not seen."""
    has_both = _has_zero(displacement[..., 0]) & _has_zero(displacement[..., 1])
    rows, columns = np.nonzero(has_both)
    if len(rows) > _MOST_MEETINGS:  # the two nullclines are one
        chosen = np.arange(_MOST_MEETINGS) * len(rows) // _MOST_MEETINGS
        rows, columns = rows[chosen], columns[chosen]
    across, upwards = axes
    meetings = np.stack(
        (
            across[columns] / 2 + across[columns + 1] / 2,
            upwards[rows] / 2 + upwards[rows + 1] / 2,
        ),
        axis=-1,
    )
    coarse = np.meshgrid(*(np.linspace(axis[0], axis[-1], _COARSE) for axis in axes))
    return torch.from_numpy(np.concatenate((meetings, np.stack(coarse, axis=-1).reshape(-1, 2))))


def _has_zero(values: Grid) -> NDArray[np.bool_]:
    """Whether the corners of each square differ in sign, 0 being both."""
    corners = np.stack((values[:-1, :-1], values[:-1, 1:], values[1:, :-1], values[1:, 1:]))
    result: NDArray[np.bool_] = (corners.min(axis=0) <= 0.0) & (corners.max(axis=0) >= 0.0)
    return result


def _is_inside(point: FixedPoint, axes: tuple[Grid, Grid]) -> bool:
    return all(
        axis[0] - 1e-9 * (axis[-1] - axis[0]) <= value <= axis[-1] + 1e-9 * (axis[-1] - axis[0])
        for axis, value in zip(axes, point.point.tolist(), strict=True)
    )
