"""Edits of single weights: pure functions from matrix to matrix."""

from collections.abc import Iterable
from typing import Any, Protocol

from torch import Tensor

from rnncore.checks import ArgumentError, checked_choice, checked_number

OPERATIONS = ("set", "zero", "eigenvalue", "normality", "radius")


class SetWeight(Protocol):
    """An edit as an object: op "set", W_hh[i, j] = value, counted from 0."""

    @property
    def op(self) -> str: ...
    @property
    def i(self) -> int: ...
    @property
    def j(self) -> int: ...
    @property
    def value(self) -> float: ...


def set_weight(W: Tensor, i: int, j: int, value: float) -> Tensor:
    """A copy of W (H, H) in which the weight from unit j to unit i is `value`.

    Raises:
        ValueError: `i` or `j` is not an index of `W`, or `value` is not finite.

    >>> import torch
    >>> set_weight(torch.zeros(2, 2), 0, 1, 0.5)
    tensor([[0.0000, 0.5000],
            [0.0000, 0.0000]])
    """
    edited = W.clone()
    _set(edited, i, j, value, "")
    return edited


def apply_edits(W: Tensor, edits: Iterable[SetWeight | tuple[Any, ...]]) -> Tensor:
    """A copy of W with the edits applied in order; a later one wins.

    Args:
        W: (H, H).
        edits: objects with `op`, `i`, `j`, `value`, or tuples of the same four.

    Raises:
        ValueError: names the edit whose operation, index or value is wrong.

    >>> import torch
    >>> apply_edits(torch.zeros(2, 2), [("set", 0, 1, 0.5), ("set", 0, 1, 0.25)])[0, 1]
    tensor(0.2500)
    """
    edited = W.clone()
    for position, edit in enumerate(edits):
        prefix = f"edits[{position}]."
        op, i, j, value = edit if isinstance(edit, tuple) else (edit.op, edit.i, edit.j, edit.value)
        checked_choice(f"{prefix}op", op, OPERATIONS)
        _set(edited, i, j, value, prefix)
    return edited


def _set(W: Tensor, i: int, j: int, value: float, prefix: str) -> None:
    for name, index, size in (("i", i, W.shape[0]), ("j", j, W.shape[1])):
        # Negative indices count from the end in Python; here they are a slip of the hand.
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < size:
            raise ArgumentError(
                f"{prefix}{name}", "is out of range", got=index, expected=f"0 to {size - 1}"
            )
    W[i, j] = checked_number(f"{prefix}value", value)
