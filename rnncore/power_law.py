"""How what is measured grows with a size: the exponent of a power law, and how sure it is."""

from dataclasses import dataclass
from math import nan, sqrt
from typing import final

import torch
from torch import Tensor

from rnncore.checks import ArgumentError, checked_count


@final
@dataclass(frozen=True)
class PowerLaw:
    """value = 10^log10_factor · size^exponent, fitted on log-log axes."""

    exponent: float
    standard_error: float  # of the exponent; NaN of two sizes, which any line goes through
    log10_factor: float
    smallest: float  # of the sizes that the fit is of
    count: int  # how many


def power_law(sizes: Tensor, values: Tensor, *, largest: int | None = None) -> PowerLaw:
    """The power law through measured values, by least squares of log10 value on log10 size.

    The exponent is S_xy / S_xx and its standard error √(Σ residual² / ((n - 2) S_xx)), which takes
    errors of the logarithms, relative errors of the values that is, to be independent and alike.

    What is spent on other things than the size is not alike: an overhead bends the line at small
    sizes. `largest` leaves these out; `local_exponents` shows where the bend is.

    Args:
        sizes: (n,), above 0, at least two of them different.
        values: (n,), above 0, in any unit.
        largest: how many of the largest sizes are fitted, 2 or more; all of them for None.

    Raises:
        ValueError: shapes differ or are not (n,); a number is not finite or not above 0; fewer
            than two different sizes are left.

    Reference: Montgomery, Peck and Vining (2012), Introduction to Linear Regression Analysis,
    section 2.3, for the standard error.

    >>> H = torch.tensor([64.0, 128.0, 256.0])
    >>> round(power_law(H, 3e-9 * H**2).exponent, 9)
    2.0
    """
    x, y = _checked_logs(sizes, values)
    if largest is not None:
        kept = checked_count("largest", largest, least=2)
        x, y = x[-kept:], y[-kept:]
    count = len(x)
    if count < 2 or x[0] == x[-1]:
        found = "one size" if count else "no sizes"
        raise ArgumentError("sizes", "are too few", got=found, expected="two or more that differ")
    mean_x, mean_y = x.mean(), y.mean()
    spread = torch.sum((x - mean_x) ** 2)
    exponent = torch.sum((x - mean_x) * (y - mean_y)) / spread
    factor = mean_y - exponent * mean_x
    left = float(torch.sum((y - factor - exponent * x) ** 2))
    error = sqrt(left / ((count - 2) * float(spread))) if count > 2 else nan
    # Ten to a logarithm is a size only to rounding.
    smallest = float(sizes.double().sort().values[-count])
    return PowerLaw(float(exponent), error, float(factor), smallest, count)


def local_exponents(sizes: Tensor, values: Tensor) -> Tensor:
    """The exponent between each size and the next larger one, (n - 1,) float64.

    Δ log10 value / Δ log10 size: near 0 where overhead rules, and constant where one power does.

    Args:
        sizes: (n,), above 0 and all different, in any order.
        values: (n,), above 0.

    Raises:
        ValueError: shapes differ or are not (n,); a number is not finite or not above 0; a size
            comes twice.

    >>> local_exponents(torch.tensor([1.0, 10.0, 100.0]), torch.tensor([5.0, 5.0, 500.0])).tolist()
    [0.0, 2.0]
    """
    x, y = _checked_logs(sizes, values)
    steps = x.diff()
    if bool((steps == 0).any()):
        twice = float(sizes.double().sort().values[:-1][steps == 0][0])
        raise ArgumentError("sizes", "repeat one", got=f"{twice:g} twice", expected="each once")
    return y.diff() / steps


def _checked_logs(sizes: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """log10 of both in float64, the smallest size first."""
    if sizes.ndim != 1 or sizes.shape != values.shape:
        got = f"sizes {list(sizes.shape)}, values {list(values.shape)}"
        raise ArgumentError("values", "do not fit the sizes", got=got, expected="both (n,)")
    for name, numbers in (("sizes", sizes), ("values", values)):
        is_good = torch.isfinite(numbers) & (numbers > 0)
        if not bool(is_good.all()):
            wrong = float(numbers[~is_good][0])
            raise ArgumentError(name, "cannot be on a log axis", got=wrong, expected="above 0")
    order = sizes.argsort(stable=True)
    return sizes[order].double().log10(), values[order].double().log10()
