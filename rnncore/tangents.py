"""The steps of a run, linearised: what becomes of a small change of a state or of an input.

    Elman: δh_t = d_t ⊙ (W_hh δh_{t-1} + W_xh δx_t)
    GRU:   δh_t = z ⊙ δh_{t-1} + Σ over r, z, n of k ⊙ (W_h· δh_{t-1} + W_x· δx_t)
    LSTM:  δc_t = f ⊙ δc_{t-1} + Σ over i, f, g of k ⊙ δa      δh_t = k_o ⊙ δa_o + q ⊙ δc_t

The state is h, of an LSTM (h, c); M is its size, H or 2H. That of a stack is those of all layers
(`stack.tangents`). From the step on at which a run is fed its own output, W_hh is that of the
closed loop, and the input of a step is what came in. The factors k, q come from what the run has
stored (`gated.tangents`), so no step is taken again. All is float64 on the CPU, whatever the run's
dtype. Tangent vectors are rows of a matrix, and a step of all of them is one product.
"""

from bisect import bisect_right
from typing import Final, Protocol, final

import numpy as np
import torch

from rnncore.activations import slope
from rnncore.checks import ArgumentError, checked_count
from rnncore.feedback import AnyCell
from rnncore.gated.rollout import GatedRollout
from rnncore.gated.tangents import Factors, GatedSteps
from rnncore.linear_steps import InputStep, LinearStep, Matrix, as_array
from rnncore.rollout import Rollout
from rnncore.schur import unit_exponent
from rnncore.slopes import damped
from rnncore.stack.rollout import StackedRollout
from rnncore.stack.tangents import StackSteps

OneLayer = Rollout | GatedRollout
AnyRollout = OneLayer | StackedRollout

# Steps all of whose slopes are below this get an exponent of their own.
_SATURATED: Final = 2.0**-10


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
        # With the steps from 0 on, and with those from which the loop is closed.
        self._phases = _phases(rollout, sequence)
        self._starts = [start for start, _ in self._phases]
        self.state_size = self._phases[0][1].state_size
        self.input_size = _first(rollout).input_size
        self._block = rollout.trajectory.block
        self._loaded = range(0)
        self._steps = self._phases[0][1]

    def step(self, t: int) -> LinearStep:
        """Step t, from 0 on: to the chapter's h_{t+1}. Cheapest in order."""
        j = self._place(t)
        return self._steps.step(j)

    def input_step(self, t: int) -> InputStep:
        """What the input does in step t."""
        j = self._place(t)
        return self._steps.input_step(j)

    def _place(self, t: int) -> int:
        checked_count("t", t, least=0)
        if t >= self.steps:
            raise ArgumentError("t", "is out of range", got=t, expected=f"less than {self.steps}")
        if t not in self._loaded:
            phase = bisect_right(self._starts, t) - 1
            first, self._steps = self._phases[phase]
            end = self.steps if phase + 1 == len(self._phases) else self._starts[phase + 1]
            start = max(t // self._block * self._block, first)
            self._loaded = range(start, min((t // self._block + 1) * self._block, end))
            self._steps.load(self._loaded.start, self._loaded.stop)
        return t - self._loaded.start


def _phases(rollout: AnyRollout, sequence: int) -> list[tuple[int, _Steps]]:
    """From which step on which linear steps hold."""
    if isinstance(rollout, StackedRollout):
        layers = [Linearisation(layer, sequence) for layer in rollout.layers]
        return [(0, StackSteps(layers))]
    feedback = rollout.trajectory.feedback
    phases = [(0, _steps_of(rollout, sequence, rollout.cell.W_hh))]
    if feedback is not None and feedback.after < rollout.steps:
        phases.append((feedback.after, _steps_of(rollout, sequence, feedback.W_hh)))
    return phases


def _steps_of(rollout: OneLayer, sequence: int, W_hh: torch.Tensor) -> _Steps:
    if isinstance(rollout, GatedRollout):
        return _Gated(rollout, sequence, W_hh)
    return _Elman(rollout, sequence, W_hh)


def _first(rollout: AnyRollout) -> AnyCell:
    """The cell that x comes in to."""
    return rollout.cells[0] if isinstance(rollout, StackedRollout) else rollout.cell


@final
class _Elman:
    def __init__(self, rollout: Rollout, sequence: int, recurrent: torch.Tensor) -> None:
        cell, factors = rollout.cell, rollout.trajectory.factors
        W_hh, self._W_xh = as_array(recurrent), as_array(cell.W_xh)
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
        return LinearStep(self._W_hh, d, None, float(self._shift[j]) + self._k, len(self._W_hh))

    def input_step(self, j: int) -> InputStep:
        rows = self._W_xh.T if self._d is None else self._W_xh.T * self._d[j]
        return InputStep(rows, self.state_size, float(self._shift[j]) + self._k_x)


@final
class _Gated:
    def __init__(self, rollout: GatedRollout, sequence: int, recurrent: torch.Tensor) -> None:
        cell, H = rollout.cell, rollout.cell.hidden_size
        self._H = H
        W_hh, W_xh = as_array(recurrent), as_array(cell.W_xh)
        k, k_x = (unit_exponent(W) if W.any() else None for W in (W_hh, W_xh))
        self._W_hh = np.ldexp(W_hh, -(k or 0)).reshape(-1, H, H)
        self._W_xh = np.ldexp(W_xh, -(k_x or 0)).reshape(-1, H, cell.input_size)
        blocks = len(self._W_hh)
        self._factors = GatedSteps(rollout.trajectory, sequence, (k, k_x), blocks)
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
        shift, h_exponent = float(factors.shift[j]), float(factors.h_exponent[j])
        return LinearStep(A, None, kept, shift, self._H, h_exponent)

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
