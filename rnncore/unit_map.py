"""All that a network of one unit can do under a constant input: h_t against h_{t-1}."""

from dataclasses import dataclass
from math import inf
from typing import final

import torch
from torch import Tensor

from rnncore.cells import ElmanCell, GRUCell
from rnncore.checks import ArgumentError, checked_count, checked_number
from rnncore.maps import ConstantMap


@final
@dataclass(frozen=True, eq=False)
class UnitMap:
    """The map h ↦ F(h) of one unit on an interval. Fixed points are where F(h) = h.

    Args:
        across: values of h_{t-1}, (columns,) float64.
        image: F of them, h_t, (columns,) float64; not finite where F leaves float64.
    """

    across: Tensor
    image: Tensor


def unit_map(
    cell: ElmanCell | GRUCell,
    *,
    x: Tensor | None = None,
    across: tuple[float, float] = (-1.25, 1.25),
    columns: int = 201,
) -> UnitMap:
    """F(h) = step(x, h) of one unit on an interval: the curve of a cobweb diagram.

    Args:
        cell: an Elman cell or a GRU with H = 1.
        x: the constant input, (D,), or None for none.
        across: the least and the largest h_{t-1}.
        columns: how many values, 2 or more.

    Raises:
        ValueError: the cell is an LSTM or has not one unit, `x` does not fit, the interval is empty
            or not finite, or there are fewer than 2 columns.

    Reference: Strogatz (1994), section 10.1, on cobwebs.

    >>> cell = ElmanCell(torch.zeros(1, 1), torch.tensor([[2.0]]), torch.zeros(1), "linear")
    >>> unit_map(cell, across=(-1.0, 1.0), columns=3).image.tolist()
    [-2.0, 0.0, 2.0]
    """
    if not isinstance(cell, ElmanCell | GRUCell):
        raise ArgumentError(
            "cell", "is no map of one unit", got=type(cell).__name__, expected="ElmanCell, GRUCell"
        )
    if cell.hidden_size != 1:
        raise ArgumentError("hidden_size", "is no line", got=cell.hidden_size, expected="1")
    low, high = (checked_number("across", end) for end in across)
    if not 0.0 < high - low < inf:
        expected = "two numbers, the lesser one first"
        raise ArgumentError("across", "is no interval", got=across, expected=expected)
    checked_count("columns", columns, least=2)
    values = torch.linspace(low, high, columns, dtype=torch.float64)
    return UnitMap(values, ConstantMap.of(cell, x).image(values.unsqueeze(-1)).squeeze(-1))
