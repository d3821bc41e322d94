"""Moving the eigenvalues of a real matrix while the others stay where they are."""

from collections.abc import Sequence
from math import hypot
from typing import Final, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from rnncore.checks import ArgumentError, cast_result, checked_choice, checked_number
from rnncore.eigensystem import Eigensystem
from rnncore.limits import check_change, check_condition, largest_change, worded
from rnncore.planes import Plane
from rnncore.schur import Block, Matrix, RealSchur, frobenius_norm

__all__ = ["KEEPS", "Eigensystem", "Keep", "move_eigenvalue"]

Keep = Literal["eigenvectors", "schur_vectors"]
KEEPS: Final[tuple[Keep, ...]] = get_args(Keep)
Point = Sequence[float]

# How far from an eigenvalue the hand may have been, and how near to another one it may put it,
# in units of the matrix's norm. A double eigenvalue is known to about √eps alone.
REACH: Final = 1e-3
NEAREST: Final = 1e-6
LEAST_NORM: Final = 1.0  # a smaller matrix may change as much as one of this norm


def move_eigenvalue(
    W: Tensor | Eigensystem,
    at: Point,
    to: Point,
    *,
    half_gap: float = 0.0,
    keep: Keep = "eigenvectors",
    argument: str = "",
) -> Tensor:
    """W with one real eigenvalue, or one conjugate pair, moved; the others stay.

    With the eigenvectors kept, λ → λ + Δλ is W + 2 Re(Δλ v wᴴ) for a pair and W + Δλ v wᵀ for a
    real one, wᴴv = 1, which changes W by at most 2|Δλ|κ. With the Schur vectors kept only the
    block of λ in T of W = QTQᵀ changes, and the eigenvectors of the others turn: for a real one
    by |Δλ|; for a pair by √2 |Re Δλ| and by |Im Δλ| √(b² + c²) / ω of its block [[a, b], [c, a]].

    A pair moved onto the real axis becomes the two reals to ± half_gap; a real eigenvalue moved
    off it becomes a pair together with the nearest other real one. Both happen inside the
    invariant plane of the two, from a normal block or to one.

    Args:
        W: (H, H), or its `Eigensystem` where many moves start from one matrix.
        at: (Re λ, Im λ); the nearest eigenvalue is taken. Two equal reals are a pair to whom takes
            them for one.
        to: (Re, Im) of where it goes, its conjugate to the conjugate. Where it was: W as it is.
        half_gap: half the distance of the two reals that a pair becomes; 0 for the least at which
            they can be told apart, 10⁻⁶ ‖W‖_F.
        keep: which vectors stay.
        argument: what precedes the arguments' names in a refusal.

    Returns:
        (H, H) float64, a new tensor.

    Raises:
        ValueError: no eigenvalue near `at`; `to` is where another one is; its condition number
            exceeds 10⁴, or W would change by more than ten times its norm (or 10, if that is more).

    Cost: about 10 H² flops after one Schur form.

    Reference: Brauer (1952); Golub and Van Loan (2013), sections 7.2 and 7.6.

    >>> W = torch.tensor([[0.5, 1.0], [0.0, 0.25]])
    >>> move_eigenvalue(W, (0.25, 0.0), (-0.5, 0.0))
    tensor([[ 0.5000,  4.0000],
            [ 0.0000, -0.5000]], dtype=torch.float64)
    """
    checked_choice(f"{argument}keep", keep, KEEPS)
    checked_number(f"{argument}half_gap", half_gap, least=0.0)
    start, end = _point(f"{argument}at", at), _point(f"{argument}to", to)
    system = W if isinstance(W, Eigensystem) else Eigensystem.of(W)
    form = system.schur
    target = form.in_unit(end)
    blocks = _taken(form, start, target, argument)
    # A multiple eigenvalue, too, may be put down where it was.
    if end == start or (len(blocks) == 1 and _upper(target) == blocks[0].value):
        return torch.from_numpy(system.W.copy())
    goals = _goals(form, target, form.in_unit(half_gap).real, blocks, argument)
    _check_free(form, blocks, goals, argument)
    change = _change(form, blocks, goals, keep, argument)
    with np.errstate(over="ignore"):
        moved = system.W + np.ldexp(change, form.exponent)
    return cast_result(f"{argument}to", torch.from_numpy(moved), torch.float64)


def _point(argument: str, value: object) -> complex:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise ArgumentError(
            argument,
            "is no point of the plane",
            got=value,
            expected="two finite numbers, Re and Im",
        )
    return complex(*(checked_number(argument, part) for part in value))


def _upper(value: complex) -> complex:
    return complex(value.real, abs(value.imag))


def _size(value: complex) -> float:
    # abs() of a complex number raises where this is infinite.
    return hypot(value.real, value.imag)


def _taken(form: RealSchur, start: complex, target: complex, argument: str) -> tuple[Block, ...]:
    """The block of the eigenvalue at `start`; off the axis, of a real one and its nearest other."""
    at = _upper(form.in_unit(start))
    held = min(form.blocks, key=lambda block: _size(block.value - at))
    if not _size(held.value - at) <= REACH * form.norm:
        nearest = worded(form.from_unit(held.value))
        raise ArgumentError(
            f"{argument}at",
            "is where no eigenvalue is",
            got=worded(start),
            expected=f"an eigenvalue of the matrix; the nearest is {nearest}",
        )
    if held.rows == 2:
        return (held,)
    others = [block for block in form.blocks if block.rows == 1 and block is not held]
    other = min(others, key=lambda block: abs(block.value - held.value), default=None)
    # Whether two equal reals are drawn as a pair is rounding's choice, so the hand's word counts.
    is_seen_as_pair = (
        at.imag != 0.0
        and other is not None
        and abs(other.value - held.value) <= NEAREST * form.norm
    )
    if target.imag == 0.0 and not is_seen_as_pair:
        return (held,)
    if other is None:
        raise ArgumentError(
            f"{argument}to",
            "needs a second real eigenvalue, since a real matrix has its complex ones in pairs",
            got=worded(form.from_unit(target)),
            expected="a real number",
        )
    return held, other


def _goals(
    form: RealSchur, target: complex, half_gap: float, blocks: tuple[Block, ...], argument: str
) -> tuple[complex, ...]:
    """Where the eigenvalues of the blocks go, in the form's unit."""
    size = _size(target)
    _check_within(form, size, f"{argument}to")
    if sum(block.rows for block in blocks) == 1:
        return (target,)
    least = NEAREST * max(form.norm, size)
    if target.imag != 0.0:
        if abs(target.imag) < least:
            raise ArgumentError(
                f"{argument}to",
                "is so near to the real axis that the pair could not be told from two equal reals",
                got=worded(form.from_unit(target)),
                expected=f"Im = 0, or at least {form.from_unit(least).real:.2g}",
            )
        return target, target.conjugate()
    if 0.0 < half_gap < least:
        raise ArgumentError(
            f"{argument}half_gap",
            "is so small that the two reals could not be told apart",
            got=f"{form.from_unit(half_gap).real:.4g}",
            expected=f"at least {form.from_unit(least).real:.2g}, or 0 for the least possible",
        )
    _check_within(form, size + half_gap, f"{argument}half_gap")
    return target + max(half_gap, least), target - max(half_gap, least)


def _check_within(form: RealSchur, size: float, argument: str) -> None:
    """No eigenvalue exceeds its matrix's norm, so one far beyond W's asks for a change as large."""
    check_change(
        argument,
        size - form.norm,
        form,
        least_norm=LEAST_NORM,
        or_more=True,
        advice="Move it less far.",
    )


def _check_free(
    form: RealSchur, blocks: tuple[Block, ...], goals: tuple[complex, ...], argument: str
) -> None:
    """No two eigenvalues in one place: no later move could tell them apart, and W may then have
    too few eigenvectors."""
    nearest = NEAREST * max(form.norm, *(abs(goal) for goal in goals))
    for goal in goals:
        for other in form.blocks:
            # Above the axis each is nearer to the other than to its conjugate.
            if other not in blocks and abs(other.value - _upper(goal)) <= nearest:
                raise ArgumentError(
                    f"{argument}to",
                    "is where another eigenvalue is, and the two could not be told apart",
                    got=worded(form.from_unit(goal)),
                    expected=f"a place at least {form.from_unit(nearest).real:.1g} away from "
                    f"{worded(form.from_unit(other.value))}",
                )


def _change(
    form: RealSchur,
    blocks: tuple[Block, ...],
    goals: tuple[complex, ...],
    keep: Keep,
    argument: str,
) -> Matrix:
    """What is added to W, in the form's unit."""
    plane = _plane(form, blocks, argument)
    across, is_other_way = plane.basis, False
    if keep == "eigenvectors":
        limit = largest_change(form, least_norm=LEAST_NORM)
        is_other_way = frobenius_norm(plane.step(goals, plane.basis)) <= limit
        value = form.from_unit(blocks[0].value)
        advice = "Keep the Schur vectors instead." if is_other_way else ""
        check_condition(f"{argument}at", plane.condition, value, advice=advice)
        across = plane.dual
    change: Matrix = plane.basis @ plane.step(goals, across) @ across.T
    check_change(
        f"{argument}to",
        frobenius_norm(change),
        form,
        least_norm=LEAST_NORM,
        advice=f"Move it less far{', or keep the Schur vectors' if is_other_way else ''}.",
    )
    return change


def _plane(form: RealSchur, blocks: tuple[Block, ...], argument: str) -> Plane:
    try:
        led = form.led_by(*blocks)
    except np.linalg.LinAlgError as error:
        raise ArgumentError(
            f"{argument}at",
            "is too near to another eigenvalue to be moved without it",
            got=worded(form.from_unit(blocks[0].value)),
            expected="an eigenvalue apart from the others",
        ) from error
    return led.plane(sum(block.rows for block in blocks))
