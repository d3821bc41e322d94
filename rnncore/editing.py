"""Edits of weights: an ordered list of operations, each a pure function from matrix to matrix."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import frexp
from typing import Any, Final, Literal, Protocol, final, get_args

import torch
from torch import Tensor

from rnncore.checks import (
    ArgumentError,
    cast_result,
    checked_choice,
    checked_number,
    checked_square,
    too_large,
)
from rnncore.eigenvalues import Eigensystem, move_eigenvalue
from rnncore.extended_range import times_power_of_two
from rnncore.nilpotency import is_nilpotent
from rnncore.normality import change_normality
from rnncore.spectrum import Spectrum, spectrum

Operation = Literal["set", "zero", "eigenvalue", "normality", "radius"]
OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)

Interval = Sequence[int]


class Edit(Protocol):
    """An edit as an object: `op`, and the arguments of that operation as attributes."""

    @property
    def op(self) -> str: ...


@final
@dataclass(frozen=True, eq=False)
class Analysis:
    """A matrix, and what operations on its spectrum need to know of it, decomposed once.

    A hand that drags an eigenvalue asks for many edits of one matrix: it keeps one of these.

    Args:
        W: any shape; square where it is decomposed. Not to be written into.
    """

    W: Tensor

    @cached_property
    def spectrum(self) -> Spectrum:
        """Eigenvalues and singular values."""
        return spectrum(self.W)

    @cached_property
    def eigensystem(self) -> Eigensystem:
        """The Schur form, and eigenvectors of both sides."""
        return Eigensystem.of(self.W)

    @cached_property
    def is_nilpotent(self) -> bool:
        """Whether all eigenvalues are 0, or nothing but rounding keeps them from it."""
        return is_nilpotent(self.eigensystem.W, self.spectrum.eigenvalues.numpy())


def apply_edits(
    W: Tensor | Analysis,
    edits: Iterable[Edit | Mapping[str, Any]],
    *,
    argument: str = "edits",
    first: int = 0,
) -> Tensor:
    """A copy of `W` with the edits applied in order; a later one wins.

    - set: entry [i, j] (of a vector [i]) = value;
    - zero: the block rows × columns = 0, each [first, one past the last], None for all of them;
    - eigenvalue: `move_eigenvalue` with at, to, half_gap, keep;
    - normality: `change_normality` with alpha;
    - radius: the matrix times the factor that gives it this spectral_radius.

    Args:
        W: (H, H), or any (rows, columns) or (rows,) for set and zero alone; or its `Analysis`.
        edits: objects or mappings with `op` and the arguments named above.
        argument: the list's name in a refusal, which names the edit and its argument.
        first: position of the first of `edits` in that list.

    Raises:
        ValueError: names the edit, what is wrong with it, and what would be right; or `W` is
            neither a matrix nor a vector.

    >>> import torch
    >>> apply_edits(torch.eye(2), [{"op": "set", "i": 0, "j": 1, "value": 0.5},
    ...     {"op": "zero", "rows": (1, 2)}, {"op": "radius", "spectral_radius": 2.0}])
    tensor([[2., 1.],
            [0., 0.]])
    """
    start = W if isinstance(W, Analysis) else Analysis(W)
    if start.W.ndim not in (1, 2) or not start.W.is_floating_point():
        raise ArgumentError(
            "W",
            "is no matrix of weights",
            got=f"{tuple(start.W.shape)} {start.W.dtype}",
            expected="(rows, columns) or (rows,), of a floating dtype",
        )
    before: Analysis | None = start
    edited, is_own = start.W, False
    for position, edit in enumerate(edits, first):
        given = edit if isinstance(edit, Mapping) else _arguments(edit)
        name = f"{argument}[{position}]."
        wanted: Any = given.get("op")
        op = checked_choice(f"{name}op", wanted, OPERATIONS)
        if op in _ENTRYWISE:
            # Thousands of typed weights are written into one copy.
            edited = edited if is_own else edited.clone()
            _ENTRYWISE[op](edited, given, name)
        else:
            if edited.ndim != 2 or edited.shape[0] != edited.shape[1]:
                raise ArgumentError(
                    f"{name}op", "needs a square matrix", got=op, expected="set or zero"
                )
            edited = _SPECTRAL[op](before or Analysis(edited), given, name)
        before, is_own = None, True
    return edited if is_own else edited.clone()


def set_weight(W: Tensor, i: int, j: int, value: float) -> Tensor:
    """A copy of W (rows, columns) in which the weight from j to i is `value`.

    Raises:
        ValueError: `i` or `j` is not an index of `W`, or `value` is not finite or overflows W's
            dtype.

    >>> import torch
    >>> set_weight(torch.zeros(2, 2), 0, 1, 0.5)
    tensor([[0.0000, 0.5000],
            [0.0000, 0.0000]])
    """
    edited = W.clone()
    _set(edited, {"i": i, "j": j, "value": value}, "")
    return edited


def rescale_to_radius(
    W: Tensor | Analysis, spectral_radius: float, *, argument: str = ""
) -> Tensor:
    """W times the factor that gives it a spectral radius, (H, H) in W's dtype.

    Raises:
        ValueError: the radius is below 0 or not finite, a weight would overflow, `W` is not
            square or not finite, or all its eigenvalues are 0 to rounding (`is_nilpotent`): then
            its radius is rounding, of which no factor makes a number that was asked for.

    Cost: one spectrum.
    """
    checked_number(f"{argument}spectral_radius", spectral_radius, least=0.0)
    before = W if isinstance(W, Analysis) else Analysis(W)
    checked_square("W", before.W)
    present = before.spectrum.spectral_radius
    if present == spectral_radius:
        return before.W.clone()
    if spectral_radius > 0.0 and before.is_nilpotent:
        but = f" but for rounding, which puts them at up to {present:.3g}," if present else ""
        raise ArgumentError(
            f"{argument}spectral_radius",
            f"cannot be reached, since all eigenvalues are 0{but} and stay 0 under any factor",
            got=spectral_radius,
            expected="0",
            advice="Set a weight, or move an eigenvalue, first.",
        )
    # The factor itself may leave float64 where the weights do not: it is taken in two parts.
    (wanted, up), (found, down) = frexp(spectral_radius), frexp(present)
    if wanted < found:
        wanted, up = 2.0 * wanted, up - 1
    rescaled = times_power_of_two(before.W.double(), up - down) * (wanted / found)
    return cast_result(f"{argument}spectral_radius", rescaled, before.W.dtype)


def _arguments(edit: Edit) -> Mapping[str, Any]:
    return {name: getattr(edit, name) for name in _NAMES if hasattr(edit, name)}


_NAMES: Final = (
    *("op", "i", "j", "value", "rows", "columns"),
    *("at", "to", "half_gap", "keep", "alpha", "spectral_radius"),
)


def _set(W: Tensor, given: Mapping[str, Any], name: str) -> None:
    axes = ("i", "j")[: W.ndim]
    index = tuple(
        _checked_index(f"{name}{axis}", given.get(axis), size)
        for axis, size in zip(axes, W.shape, strict=True)
    )
    value = checked_number(f"{name}value", given.get("value"))
    if abs(value) > torch.finfo(W.dtype).max:
        raise too_large(f"{name}value", value, W.dtype)
    W[index] = value


def _zero(W: Tensor, given: Mapping[str, Any], name: str) -> None:
    axes = ("rows", "columns")[: W.ndim]
    block = tuple(
        _checked_interval(f"{name}{axis}", given.get(axis), size)
        for axis, size in zip(axes, W.shape, strict=True)
    )
    W[block] = 0.0


def _eigenvalue(before: Analysis, given: Mapping[str, Any], name: str) -> Tensor:
    # What is missing is refused there, by name.
    at: Any = given.get("at")
    to: Any = given.get("to")
    moved = move_eigenvalue(
        before.eigensystem,
        at,
        to,
        half_gap=given.get("half_gap", 0.0),
        keep=given.get("keep", "eigenvectors"),
        argument=name,
    )
    return cast_result(f"{name}to", moved, before.W.dtype).to(before.W.device)


def _normality(before: Analysis, given: Mapping[str, Any], name: str) -> Tensor:
    schur = before.eigensystem.schur
    alpha: Any = given.get("alpha")
    changed = change_normality(before.W, alpha, schur=schur, argument=name)
    return cast_result(f"{name}alpha", changed, before.W.dtype).to(before.W.device)


def _radius(before: Analysis, given: Mapping[str, Any], name: str) -> Tensor:
    radius: Any = given.get("spectral_radius")
    return rescale_to_radius(before, radius, argument=name)


_ENTRYWISE: Final[Mapping[str, Callable[[Tensor, Mapping[str, Any], str], None]]] = {
    "set": _set,
    "zero": _zero,
}
_SPECTRAL: Final[Mapping[str, Callable[[Analysis, Mapping[str, Any], str], Tensor]]] = {
    "eigenvalue": _eigenvalue,
    "normality": _normality,
    "radius": _radius,
}


def _checked_index(argument: str, index: object, size: int) -> int:
    # Negative indices count from the end in Python; here they are a slip of the hand.
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < size:
        raise ArgumentError(argument, "is out of range", got=index, expected=f"0 to {size - 1}")
    return index


def _checked_interval(argument: str, interval: object, size: int) -> slice:
    if interval is None:
        return slice(None)
    ends = interval if isinstance(interval, Sequence) else ()
    are_whole = [isinstance(end, int) and not isinstance(end, bool) for end in ends]
    if are_whole != [True, True] or not 0 <= ends[0] < ends[1] <= size:
        raise ArgumentError(
            argument,
            "is no interval of the matrix",
            got=interval,
            expected=f"two whole numbers from 0 to {size}, the second larger",
        )
    return slice(ends[0], ends[1])
