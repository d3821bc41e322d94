"""The one form in which a caller's mistake is refused.

Every refusal reads *argument, what is wrong: got …; expected …. What to do.* It is a
`ValueError`, and it also carries its parts, so that a program can show them one by one.
"""

from collections.abc import Collection
from math import isfinite
from typing import TypeVar

import torch
from torch import Tensor

Choice = TypeVar("Choice", bound=str)


class ArgumentError(ValueError):
    """An argument that cannot be used, with what was got and what was expected."""

    def __init__(
        self, argument: str, problem: str, *, got: object, expected: str, advice: str = ""
    ) -> None:
        self.argument = argument
        self.problem = problem
        self.got = _shown(got)
        self.expected = expected
        self.advice = advice
        sentence = f"{argument} {problem}: got {self.got}; expected {expected}."
        super().__init__(f"{sentence} {advice}" if advice else sentence)


def _shown(got: object) -> str:
    if isinstance(got, int) and got.bit_length() > 1024:
        return f"a whole number of {got.bit_length()} bits"
    try:
        return str(got)
    except ValueError:  # Python refuses to write out whole numbers of thousands of digits
        return "a number of thousands of digits"


def checked_count(argument: str, value: object, *, least: int = 1) -> int:
    """`value` as an int, refused unless it is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ArgumentError(
            argument, "is not a whole number", got=value, expected=f"{least} or more"
        )
    if value < least:
        raise ArgumentError(argument, "is out of range", got=value, expected=f"{least} or more")
    return value


def checked_number(
    argument: str, value: object, *, least: float | None = None, above: float | None = None
) -> float:
    """`value` as a float, refused unless it is finite, >= `least` and > `above`."""
    expected = "a finite number"
    if least is not None:
        expected = f"a finite number, {least:g} or more"
    if above is not None:
        expected = f"a finite number above {above:g}"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ArgumentError(argument, "is not a number", got=value, expected=expected)
    try:
        number = float(value)
    except OverflowError as error:  # a whole number beyond float64
        raise ArgumentError(argument, "is too large", got=value, expected=expected) from error
    if not isfinite(number):
        raise ArgumentError(argument, "is not finite", got=value, expected=expected)
    if (least is not None and value < least) or (above is not None and value <= above):
        raise ArgumentError(argument, "is out of range", got=value, expected=expected)
    return number


def checked_choice(argument: str, value: Choice, choices: Collection[str]) -> Choice:
    """`value`, refused unless it is one of `choices`."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ArgumentError(argument, "is unknown", got=repr(value), expected=f"one of {listed}")
    return value


def checked_shape(argument: str, value: Tensor, expected: tuple[int | str, ...]) -> None:
    """Refuses `value` unless its trailing axes fit `expected`; names stand for any size."""
    shape = tuple(value.shape)
    trailing = shape[len(shape) - len(expected) :]
    fits = len(shape) >= len(expected) and all(
        isinstance(wanted, str) or wanted == size
        for wanted, size in zip(expected, trailing, strict=True)
    )
    if not fits:
        wanted = ", ".join(str(size) for size in expected)
        raise ArgumentError(argument, "has the wrong shape", got=shape, expected=f"(…, {wanted})")


def checked_square(argument: str, value: Tensor) -> None:
    """Refuses `value` unless it is a square matrix, (H, H) with H of 1 or more."""
    if value.ndim != 2 or value.shape[0] != value.shape[1] or value.shape[0] == 0:
        raise ArgumentError(
            argument, "is not square", got=tuple(value.shape), expected="(H, H), H 1 or more"
        )


def is_finite(value: Tensor) -> bool:
    """Whether `value` holds neither NaN nor an infinity: one pass, nothing allocated."""
    if value.numel() == 0:
        return True
    # NaN wins both, so the two ends speak for all.
    lowest, highest = torch.aminmax(value)
    return isfinite(lowest.item()) and isfinite(highest.item())


def checked_finite(argument: str, value: Tensor) -> None:
    """Refuses `value` where it holds NaN or an infinity."""
    if not is_finite(value):
        got = value[~torch.isfinite(value)].flatten()[0].item()
        raise ArgumentError(argument, "is not finite", got=got, expected="finite numbers")


def too_large(
    argument: str, got: float, dtype: torch.dtype, *, what: str = "is too large"
) -> ArgumentError:
    """The refusal of numbers that overflow a dtype; `what` where `got` is not the argument."""
    name = str(dtype).removeprefix("torch.")
    advice = "Make it smaller" + (", or use float64." if dtype == torch.float32 else ".")
    return ArgumentError(
        argument,
        f"{what} for {name}",
        got=f"{got:.6g}",
        expected=f"magnitudes up to {torch.finfo(dtype).max:.6g}",
        advice=advice,
    )


def cast_result(argument: str, value: Tensor, dtype: torch.dtype) -> Tensor:
    """Weights that an edit made, in `dtype`; one that overflows is laid to its `argument`."""
    converted = value.to(dtype)
    if not is_finite(converted):
        largest = float(value.abs().max())
        raise too_large(argument, largest, dtype, what="would make a weight too large")
    return converted


def cast(argument: str, value: Tensor, dtype: torch.dtype) -> Tensor:
    """`value` in `dtype`, shape unchanged.

    Raises:
        ValueError: a value is not finite, or overflows `dtype`.

    >>> cast("W_hh", torch.tensor([[1e39]], dtype=torch.float64), torch.float32)
    Traceback (most recent call last):
        ...
    rnncore.checks.ArgumentError: W_hh is too large for float32: got 1e+39; \
expected magnitudes up to 3.40282e+38. Make it smaller, or use float64.
    """
    converted = value.to(dtype)
    if not is_finite(converted):
        checked_finite(argument, value)
        raise too_large(argument, float(value.abs().max()), dtype)
    return converted
