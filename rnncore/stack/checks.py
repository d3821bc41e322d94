"""What a stack refuses before it runs."""

from collections.abc import Sequence
from typing import TypeVar

from torch import Tensor

from rnncore.cells import ElmanCell, GRUCell, LSTMCell
from rnncore.checks import ArgumentError, checked_shape

Cell = TypeVar("Cell", bound=ElmanCell | GRUCell | LSTMCell)


def checked_cells(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """`cells`, refused unless each can stand on the one before it."""
    if not cells:
        raise ArgumentError("cells", "is empty", got="no layer", expected="1 or more")
    first = cells[0]
    for i, cell in enumerate(cells[1:], 2):
        if type(cell) is not type(first):
            raise ArgumentError(
                f"layer {i}",
                "is of another kind than layer 1",
                got=type(cell).__name__,
                expected=type(first).__name__,
            )
        if (cell.dtype, cell.device) != (first.dtype, first.device):
            raise ArgumentError(
                f"layer {i}",
                "does not match layer 1",
                got=f"{cell.dtype} on {cell.device}",
                expected=f"{first.dtype} on {first.device}",
            )
        checked_shape(f"W_hh of layer {i}", cell.W_hh, tuple(first.W_hh.shape))
        checked_shape(f"W_xh of layer {i}", cell.W_xh, tuple(first.W_hh.shape))
    return tuple(cells)


def checked_states(
    name: str, states: Tensor | Sequence[Tensor], layers: int, hidden_size: int
) -> Sequence[Tensor]:
    """The initial states of all layers, (…, H) each, from (…, L, H) or one for each layer."""
    if isinstance(states, Tensor):
        checked_shape(name, states, (layers, hidden_size))
        return states.unbind(-2)
    if len(states) != layers:
        raise ArgumentError(
            name, "does not match the layers", got=f"{len(states)} states", expected=f"{layers}"
        )
    for i, state in enumerate(states, 1):
        checked_shape(f"{name} of layer {i}", state, (hidden_size,))
    return states
