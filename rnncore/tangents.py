"""The steps of a run, linearised: what becomes of a small change of a state or of an input.

    Elman: δh_t = d_t ⊙ (W_hh δh_{t-1} + W_xh δx_t)
    GRU:   δh_t = z ⊙ δh_{t-1} + Σ over r, z, n of k ⊙ (W_h· δh_{t-1} + W_x· δx_t)
    LSTM:  δc_t = f ⊙ δc_{t-1} + Σ over i, f, g of k ⊙ δa      δh_t = k_o ⊙ δa_o + q ⊙ δc_t

The state is h, of an LSTM (h, c); M is its size, H or 2H. The factors k, q come from what the run
has stored (`gated.tangents`), so no step is taken again. All is float64 on the CPU, whatever the
run's dtype. Tangent vectors are rows of a matrix, and a step of all of them is one product.
"""

from dataclasses import dataclass
from typing import Final, Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray

from rnncore.activations import slope
from rnncore.checks import ArgumentError, checked_count
from rnncore.gated.rollout import GatedRollout
from rnncore.gated.tangents import Factors, GatedSteps
from rnncore.rollout import Rollout
from rnncore.schur import unit_exponent
from rnncore.slopes import damped

Matrix = NDArray[np.float64]
AnyRollout = Rollout | GatedRollout

# Steps all of whose slopes are below this get an exponent of their own.
_SATURATED: Final = 2.0**-10


@final
@dataclass(frozen=True, eq=False)
class LinearStep:
    """∂ state_t / ∂ state_{t-1} without a factor of 2^exponent, its entries of moderate size.

    The h of what it makes has yet another factor 2^h_exponent, which `settle` applies: behind a
    shut o, h is so much smaller than c that float64 does not hold both.
    """

    A: Matrix  # (M, H), what multiplies δh, before d
    d: Matrix | None  # (M,), slopes; None for 1
    kept: Matrix | None  # (M,), of an LSTM [q ⊙ f, f], what multiplies δc
    exponent: float
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
        settle(J, self.A.shape[1], self.h_exponent)
        return _scaled(J.T, self.exponent)


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
        return _scaled(rows.T, self.exponent)


def settle(V: Matrix, hidden_size: int, h_exponent: float) -> None:
    """Brings h in the rows of V (…, M) to the scale of the whole, in place."""
    if h_exponent:
        V[..., :hidden_size] *= power_of_two(h_exponent)


class _Steps(Protocol):
    """The linear steps of one sequence, a block of them at a time."""

    state_size: int

    def load(self, t0: int, t1: int) -> None: ...
    def step(self, j: int) -> LinearStep: ...
    def input_step(self, j: int) -> InputStep: ...


@final
class Linearisation:
    """The linear steps of one sequence of a complete run, from any of them on.

    Args:
        rollout: complete, that is with `states` exhausted.
        sequence: which one of a batch, counted through its flattened axes.

    Raises:
        ValueError: the rollout is not complete, or has no such sequence.

    Cost: of a step of K vectors 2KMH flops; for a gated cell H² products of the factors and the
    weights of each gate before.
    """

    def __init__(self, rollout: AnyRollout, sequence: int = 0) -> None:
        rollout.require_complete()
        checked_count("sequence", sequence, least=0)
        if sequence >= rollout.trajectory.rows:
            expected = f"less than {rollout.trajectory.rows}"
            raise ArgumentError("sequence", "is out of range", got=sequence, expected=expected)
        self.steps = rollout.steps
        self.hidden_size = rollout.cell.hidden_size
        self._steps: _Steps
        if isinstance(rollout, GatedRollout):
            self._steps = _Gated(rollout, sequence)
        else:
            self._steps = _Elman(rollout, sequence)
        self.state_size = self._steps.state_size
        self._block = rollout.trajectory.block
        self._loaded = range(0)

    def step(self, t: int) -> LinearStep:
        """Step t, from 0 on: to the chapter's h_{t+1}. Cheapest in order."""
        return self._steps.step(self._place(t))

    def input_step(self, t: int) -> InputStep:
        """What the input does in step t."""
        return self._steps.input_step(self._place(t))

    def _place(self, t: int) -> int:
        checked_count("t", t, least=0)
        if t >= self.steps:
            raise ArgumentError("t", "is out of range", got=t, expected=f"less than {self.steps}")
        if t not in self._loaded:
            start = t // self._block * self._block
            self._loaded = range(start, min(start + self._block, self.steps))
            self._steps.load(self._loaded.start, self._loaded.stop)
        return t - self._loaded.start


@final
class _Elman:
    def __init__(self, rollout: Rollout, sequence: int) -> None:
        cell, factors = rollout.cell, rollout.trajectory.factors
        W_hh, self._W_xh = as_array(cell.W_hh), as_array(cell.W_xh)
        factor = 1.0 if factors is None else float(factors[sequence])
        # In units of W's largest entry nothing ends before the product with it does.
        self._k, self._k_x = unit_exponent(W_hh), unit_exponent(self._W_xh)
        self._W_hh = np.ldexp(W_hh, -self._k) * factor
        self._W_xh = np.ldexp(self._W_xh, -self._k_x)
        self._activation, self._trajectory = cell.activation, rollout.trajectory
        self._row = sequence
        self.state_size = cell.hidden_size

    def load(self, t0: int, t1: int) -> None:
        trajectory, row = self._trajectory, self._row
        self._shift = np.zeros(t1 - t0)
        if self._activation == "linear":
            self._d = None
            return
        if self._activation == "relu":
            self._d = as_array(slope("relu", trajectory.u[t0 + 1 : t1 + 1, row]))
            return
        a = trajectory.a[t0:t1, row].double()
        d = slope("tanh", a)
        saturated = d.amax(dim=-1) < _SATURATED
        if bool(saturated.any()):
            d[saturated], shift = damped(torch.zeros_like(a[saturated]), a[saturated])
            self._shift[saturated.cpu().numpy()] = shift
        self._d = as_array(d)

    def step(self, j: int) -> LinearStep:
        d = None if self._d is None else self._d[j]
        return LinearStep(self._W_hh, d, None, float(self._shift[j]) + self._k)

    def input_step(self, j: int) -> InputStep:
        rows = self._W_xh.T if self._d is None else self._W_xh.T * self._d[j]
        return InputStep(rows, self.state_size, float(self._shift[j]) + self._k_x)


@final
class _Gated:
    def __init__(self, rollout: GatedRollout, sequence: int) -> None:
        cell, H = rollout.cell, rollout.cell.hidden_size
        self._H = H
        W_hh, W_xh = as_array(cell.W_hh), as_array(cell.W_xh)
        k, k_x = (unit_exponent(W) if W.any() else None for W in (W_hh, W_xh))
        self._W_hh = np.ldexp(W_hh, -(k or 0)).reshape(-1, H, H)
        self._W_xh = np.ldexp(W_xh, -(k_x or 0)).reshape(-1, H, cell.input_size)
        self._factors = GatedSteps(rollout.trajectory, sequence, (k, k_x))
        self.state_size = 2 * H if rollout.trajectory.c is not None else H

    def load(self, t0: int, t1: int) -> None:
        self._of_state, self._of_input = self._factors.load(t0, t1)

    def step(self, j: int) -> LinearStep:
        factors, kept = self._of_state, None
        keep = factors.keep[j]
        A = _rows(factors, j, self._W_hh)
        if factors.q is not None:
            kept = np.concatenate((factors.q[j] * keep, keep))
        else:
            A.flat[:: self._H + 1] += keep
        return LinearStep(A, None, kept, float(factors.shift[j]), float(factors.h_exponent[j]))

    def input_step(self, j: int) -> InputStep:
        factors = self._of_input
        rows = _rows(factors, j, self._W_xh).T
        return InputStep(rows, self._H, float(factors.shift[j]), float(factors.h_exponent[j]))


def _rows(factors: Factors, j: int, W: Matrix) -> Matrix:
    """What the gates' δa do to the state, of a GRU or an LSTM: (G, H, K) → (M, K)."""
    gates = factors.gates[j]
    if factors.q is None:
        return _weighted(gates, W)
    to_c = _weighted(gates[:3], W[:3])
    return np.concatenate((gates[3][:, None] * W[3] + factors.q[j][:, None] * to_c, to_c))


def _weighted(factors: Matrix, W: Matrix) -> Matrix:
    """Σ_g diag(k_g) W_g: (G, H), (G, H, K) → (H, K)."""
    total: Matrix = factors[0][:, None] * W[0]
    for factor, W_g in zip(factors[1:], W[1:], strict=True):
        total += factor[:, None] * W_g
    return total


def as_array(values: torch.Tensor) -> Matrix:
    """`values` as float64 on the CPU."""
    array: Matrix = values.detach().double().cpu().numpy()
    return array


def power_of_two(exponent: float) -> float:
    """2^exponent, 0 or inf where float64 ends."""
    return float(np.ldexp(1.0, int(min(max(exponent, -1100.0), 1100.0))))


def _scaled(values: Matrix, exponent: float) -> Matrix:
    """values · 2^exponent, 0 or ±inf where float64 ends."""
    with np.errstate(over="ignore", under="ignore"):
        result: Matrix = np.ldexp(values, int(min(max(exponent, -4000.0), 4000.0)))
    return result
