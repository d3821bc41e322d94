"""One linear step of a run: what it does to small changes of the state, and of the input."""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class LinearStep:
    """∂ state_t / ∂ state_{t-1} without a factor of 2^exponent, its entries of moderate size.

    The h of what it makes has yet another factor 2^h_exponent, which `settle` applies: behind a
    shut o, h is so much smaller than c that float64 does not hold both.
    """

    A: Matrix  # (M, H), what multiplies δh, before d; of a stack (M, M)
    d: Matrix | None  # (M,), slopes; None for 1
    kept: Matrix | None  # (M,), of an LSTM [q ⊙ f, f], what multiplies δc
    exponent: float
    hidden_size: int
    h_exponent: float = 0.0

    def pushed(self, V: Matrix, out: Matrix | None = None) -> Matrix:
        """δ state_{t-1} → δ state_t of the rows of V, (K, M), into `out`."""
        H = self.A.shape[1]
        out = np.matmul(V[:, :H], self.A.T, out=out)
        if self.d is not None:
            out *= self.d
        if self.kept is not None:
            c = V[:, H:]
            out[:, :H] += self.kept[:H] * c
            out[:, H:] += self.kept[H:] * c
        return out

    def jacobian(self) -> Matrix:
        """J_t, (M, M), at its own scale: 0 or ±inf where float64 ends."""
        J = self.pushed(np.eye(len(self.A)))
        settle(J, self.hidden_size, self.h_exponent)
        return scaled(J.T, self.exponent)


@final
@dataclass(frozen=True, eq=False)
class InputStep:
    """∂ state_t / ∂x_t, likewise."""

    rows: Matrix  # (D, M): one for every input
    hidden_size: int
    exponent: float
    h_exponent: float = 0.0

    def jacobian(self) -> Matrix:
        """∂ state_t / ∂x_t, (M, D), at its own scale: 0 or ±inf where float64 ends."""
        rows = self.rows.copy()
        settle(rows, self.hidden_size, self.h_exponent)
        return scaled(rows.T, self.exponent)


def settle(V: Matrix, hidden_size: int, h_exponent: float) -> None:
    """Brings h in the rows of V (…, M) to the scale of the whole, in place."""
    if h_exponent:
        V[..., :hidden_size] *= power_of_two(h_exponent)


def as_array(values: torch.Tensor) -> Matrix:
    """`values` as float64 on the CPU."""
    array: Matrix = values.detach().double().cpu().numpy()
    return array


def power_of_two(exponent: float) -> float:
    """2^exponent, 0 or inf where float64 ends."""
    return float(np.ldexp(1.0, int(min(max(exponent, -1100.0), 1100.0))))


def scaled(values: Matrix, exponent: float) -> Matrix:
    """values · 2^exponent, 0 or ±inf where float64 ends."""
    with np.errstate(over="ignore", under="ignore"):
        result: Matrix = np.ldexp(values, int(min(max(exponent, -4000.0), 4000.0)))
    return result
