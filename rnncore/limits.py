"""What an edit of the spectrum is not allowed to do, and the sentences that say so."""

from math import isfinite
from typing import Final

from rnncore.checks import ArgumentError
from rnncore.schur import RealSchur

LARGEST_CONDITION: Final = 1e4
LARGEST_CHANGE: Final = 10.0  # in norms of W


def largest_change(form: RealSchur, *, least_norm: float = 0.0) -> float:
    """The most by which an edit may change W in ‖·‖_F, in the unit of `form`."""
    return LARGEST_CHANGE * max(form.norm, form.in_unit(least_norm).real)


def check_condition(argument: str, kappa: float, value: complex, *, advice: str) -> None:
    """Refuses to move an eigenvalue that is too sensitive."""
    if not kappa <= LARGEST_CONDITION:
        raise ArgumentError(
            argument,
            "is too sensitive to be moved with the eigenvectors kept: its condition number κ",
            got=f"{kappa:.3g} at {worded(value)}",
            expected=f"at most {LARGEST_CONDITION:g}",
            advice=advice,
        )


def check_change(
    argument: str,
    size: float,
    form: RealSchur,
    *,
    least_norm: float = 0.0,
    or_more: bool = False,
    advice: str,
) -> None:
    """Refuses a change of W whose norm exceeds ten times W's.

    Args:
        argument: what asked for it.
        size: ‖ΔW‖_F in the unit of `form`.
        form: of W.
        least_norm: what a smaller norm of W counts as, in W's own unit.
        or_more: whether `size` is only what the change comes to at least.
        advice: what to do.
    """
    limit = largest_change(form, least_norm=least_norm)
    if size <= limit:
        return
    own = "ten times the matrix's own"
    if form.norm < form.in_unit(least_norm).real:
        own = f"ten times the matrix's own or {LARGEST_CHANGE * least_norm:g}, whichever is more"
    found = form.from_unit(size).real
    got = f"{found:.3g}{' or more' if or_more else ''}" if isfinite(found) else "beyond float64"
    raise ArgumentError(
        argument,
        "would blow the weights up: the norm of their change",
        got=got,
        expected=f"at most {form.from_unit(limit).real:.3g}, {own}",
        advice=advice,
    )


def worded(value: complex) -> str:
    """A complex number as a sentence has it: 0.5 + 0.25i."""
    value = complex(value)
    if value.imag == 0.0:
        return f"{value.real:.4g}"
    return f"{value.real:.4g} {'+' if value.imag > 0 else '-'} {abs(value.imag):.4g}i"
