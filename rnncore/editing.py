"""Edits of weights: an ordered list of operations, each a pure function from matrix to matrix."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, Protocol, final, get_args

from torch import Tensor

from rnncore.checks import ArgumentError, checked_choice, checked_number
from rnncore.eigenvalues import Eigensystem, move_eigenvalue
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
        """Eigenvectors of both sides, and the Schur form."""
        return Eigensystem.of(self.W)


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
        ValueError: names the edit, what is wrong with it, and what would be right.

    >>> import torch
    >>> apply_edits(torch.eye(2), [{"op": "set", "i": 0, "j": 1, "value": 0.5},
    ...     {"op": "zero", "rows": (1, 2)}, {"op": "radius", "spectral_radius": 2.0}])
    tensor([[2., 1.],
            [0., 0.]])
    """
    start = W if isinstance(W, Analysis) else Analysis(W)
    before: Analysis | None = start
    edited, is_own = start.W, False
    for position, edit in enumerate(edits, first):
        given = edit if isinstance(edit, Mapping) else _arguments(edit)
        name = f"{argument}[{position}]."
        op = checked_choice(f"{name}op", given["op"], OPERATIONS)
        if op in _ENTRYWISE:
            # Thousands of typed weights are written into one copy.
            edited = edited if is_own else edited.clone()
            _ENTRYWISE[op](edited, given, name)
        else:
            if edited.ndim != 2 or edited.shape[0] != edited.shape[1]:
                raise ArgumentError(
                    f"{name}op", "needs a square matrix", got=op, expected="set or zero"
                )
            edited = _SPECTRAL[op](before or Analysis(edited), given, name).to(edited)
        before, is_own = None, True
    return edited if is_own else edited.clone()


def set_weight(W: Tensor, i: int, j: int, value: float) -> Tensor:
    """A copy of W (rows, columns) in which the weight from j to i is `value`.

    Raises:
        ValueError: `i` or `j` is not an index of `W`, or `value` is not finite.

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
        ValueError: the radius is below 0 or not finite, or all eigenvalues of `W` are 0.

    Cost: one spectrum.
    """
    checked_number(f"{argument}spectral_radius", spectral_radius, least=0.0)
    before = W if isinstance(W, Analysis) else Analysis(W)
    present = before.spectrum.spectral_radius
    if present == spectral_radius:
        return before.W.clone()
    if present == 0.0:
        raise ArgumentError(
            f"{argument}spectral_radius",
            "cannot be reached, since all eigenvalues are 0 and stay 0 under any factor",
            got=spectral_radius,
            expected="0",
            advice="Set a weight, or move an eigenvalue, first.",
        )
    return before.W * (spectral_radius / present)


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
    W[index] = checked_number(f"{name}value", given.get("value"))


def _zero(W: Tensor, given: Mapping[str, Any], name: str) -> None:
    axes = ("rows", "columns")[: W.ndim]
    block = tuple(
        _checked_interval(f"{name}{axis}", given.get(axis), size)
        for axis, size in zip(axes, W.shape, strict=True)
    )
    W[block] = 0.0


def _eigenvalue(before: Analysis, given: Mapping[str, Any], name: str) -> Tensor:
    return move_eigenvalue(
        before.eigensystem,
        given["at"],
        given["to"],
        half_gap=given.get("half_gap", 0.0),
        keep=given.get("keep", "eigenvectors"),
        argument=name,
    )


def _normality(before: Analysis, given: Mapping[str, Any], name: str) -> Tensor:
    schur = before.eigensystem.schur
    return change_normality(before.W, given["alpha"], schur=schur, argument=name)


def _radius(before: Analysis, given: Mapping[str, Any], name: str) -> Tensor:
    return rescale_to_radius(before, given["spectral_radius"], argument=name)


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


def _checked_interval(argument: str, interval: Interval | None, size: int) -> slice:
    if interval is None:
        return slice(None)
    first, end = interval
    if not 0 <= first < end <= size:
        raise ArgumentError(
            argument,
            "is no interval of the matrix",
            got=f"{first} to {end}",
            expected=f"two numbers from 0 to {size}, the second larger",
        )
    return slice(first, end)
