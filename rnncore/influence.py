"""The influence map: how much of a change of every input is left in every later state."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from rnncore.bins import Edges, bin_edges
from rnncore.checks import ArgumentError
from rnncore.chunks import ShouldStop, stop_if_asked
from rnncore.extended_range import Exponents, Norms, log10_of, safe_norms
from rnncore.linear_steps import InputStep, LinearStep, Matrix, power_of_two, settle
from rnncore.tangents import AnyRollout, Linearisation
from rnncore.threads import single_threaded

# Squares of norms between which vectors are left as they are: there is room for one more step.
_LOW, _HIGH = 2.0**-120, 2.0**120
# Sums of squares below this may have lost some.
_LEAST: Final = 2.0**-900


@final
@dataclass(frozen=True, eq=False)
class InfluenceMap:
    """log10 ‖∂h_t/∂x_k‖_F of the steps of a window; for D = 1 that is ‖·‖₂ itself.

    Row i and column i are the steps [edges[i], edges[i + 1]), counted from 0, and hold the
    largest value of theirs. Where every step has a row of its own, the map is lower triangular.
    """

    edges: Edges  # (n + 1,)
    log10_norm: Tensor  # (n, n) float64, [t, k]; -inf where t < k, and where it is exactly 0


def influence_map(
    rollout: AnyRollout,
    t0: int = 0,
    t1: int | None = None,
    *,
    columns: int = 512,
    sequence: int = 0,
    should_stop: ShouldStop | None = None,
) -> InfluenceMap:
    """How strongly every input still acts on every later state, ‖∂h_t/∂x_k‖ for t0 ≤ k ≤ t < t1.

        ∂h_t/∂x_k = J_t … J_{k+1} ∂h_k/∂x_k        (of an LSTM, h alone of what c carries too)

    Of a stack h is that of the top layer, and x comes in at the bottom. Where outputs are fed back,
    x_k is what was fed, and the change travels on through the closed loop.

    All inputs are pushed on together, one product a step, and each has an exponent of its own:
    10^-400 is a value like any other. One limit remains, that of one exponent for each vector: a
    change that sits on units whose slopes are all 308 decades below those of other units reads
    as 0.

    Args:
        rollout: complete; of a batch, one sequence is looked at.
        t0, t1: the window of steps, counted from 0; None for T. Inputs before it are left out.
        columns: a longer window is given in that many bins, each with its largest value.
        sequence: which one of a batch, counted through its flattened axes.
        should_stop: asked at every step; once it is true, `Cancelled` is raised.

    Raises:
        ValueError: the rollout is not complete, or a window, bins or sequence that do not exist.
        Cancelled: `should_stop` was true.

    Cost: n² min(D, M) M H flops for n = t1 - t0, with M the size of the state, of a stack M in the
    place of H and L² M² H flops a step more for its matrix, and a storage of
    2n min(D, M) M numbers, whatever the columns. H = 64, D = 1, T = 200, one thread: 16 ms for
    Elman's cell, 21 ms for a GRU, 37 ms for an LSTM.

    Reference: Pascanu, Mikolov, Bengio (2013), equation 5, with ∂x in place of the parameters.

    >>> from rnncore import ElmanCell, Readout, Rollout
    >>> cell = ElmanCell(torch.ones(1, 1), torch.tensor([[0.1]]), torch.zeros(1), "linear")
    >>> readout = Readout(torch.ones(1, 1), torch.zeros(1))
    >>> run = Rollout(cell, torch.zeros(3, 1), torch.zeros(1), readout)
    >>> for chunk in run.states():
    ...     pass
    >>> influence_map(run).log10_norm.round(decimals=3)
    tensor([[ 0., -inf, -inf],
            [-1.,  0., -inf],
            [-2., -1.,  0.]], dtype=torch.float64)
    """
    linear = Linearisation(rollout, sequence)
    t1 = linear.steps if t1 is None else t1
    edges = bin_edges(t0, t1, columns)
    if t1 > linear.steps:
        raise ArgumentError("t1", "is out of range", got=t1, expected=f"at most T = {linear.steps}")
    swept = _Sweep(linear, t1 - t0, linear.input_size)
    starts = edges[:-1] - t0
    result = np.full((len(starts), len(starts)), -np.inf)
    with single_threaded(), np.errstate(under="ignore"):
        for i, row in enumerate(result):
            for t in range(edges[i], edges[i + 1]):
                stop_if_asked(should_stop)
                logs = swept.advance(linear.step(t), linear.input_step(t))
                if len(starts) == t1 - t0:
                    row[: len(logs)] = logs
                    continue
                found = np.maximum.reduceat(logs, starts[: i + 1])
                np.maximum(row[: i + 1], found, out=row[: i + 1])
    return InfluenceMap(edges, torch.from_numpy(result))


@final
class _Sweep:
    """∂ state_t / ∂x_k of all k so far: `V[k]`, (R, M) by rows, times 2^exponents[k].

    R is D; where that exceeds M, any R = M rows with the same product VᵀV do.
    """

    def __init__(self, linear: Linearisation, steps: int, input_size: int) -> None:
        self._H, self._M = linear.hidden_size, linear.state_size
        self._V, self._spare = np.empty((2, steps, min(input_size, self._M), self._M))
        self._exponents = np.zeros(steps)
        self._n = 0

    def advance(self, step: LinearStep, of_input: InputStep) -> Norms:
        """Takes one step and the input that comes in with it; log10 of the norms, (n,)."""
        n, M = self._n, self._M
        step.pushed(self._V[:n].reshape(-1, M), out=self._spare[:n].reshape(-1, M))
        self._V, self._spare = self._spare, self._V
        self._V[n] = _rows(of_input.rows)
        self._exponents[:n] += step.exponent
        self._exponents[n] = of_input.exponent
        self._n = n + 1
        before = self._measured(slice(0, n), step.h_exponent)
        return np.concatenate((before, self._measured(slice(n, n + 1), of_input.h_exponent)))

    def _measured(self, which: slice, h_exponent: float) -> Norms:
        """log10 of the norms of some, which are brought to a scale that they can keep."""
        V, exponents = self._V[which], self._exponents[which]
        h, c = V[:, :, : self._H], V[:, :, self._H :]
        squares = np.einsum("krm,krm->k", h, h)
        norm, shift = np.sqrt(squares), np.zeros(len(V))
        # A zero may be an underflow of squares, or of none.
        odd = np.flatnonzero(squares < _LEAST)
        if len(odd):
            norm[odd], shift[odd] = _safe_norms(h[odd])
        logs = log10_of(norm, shift + exponents + h_exponent)
        if c.shape[-1]:
            settle(V, self._H, h_exponent)
            squares *= power_of_two(2 * h_exponent)
            squares += np.einsum("krm,krm->k", c, c)
        outside = np.flatnonzero(~((squares >= _LOW) & (squares <= _HIGH)))
        if len(outside):
            _, shift = _safe_norms(V[outside])
            V[outside] = np.ldexp(V[outside], -shift.astype(np.int64)[:, None, None])
            exponents[outside] += shift
        return logs


def _safe_norms(V: Matrix) -> tuple[Norms, Exponents]:
    """‖V[k]‖_F of any (n, R, M) as m · 2ᵉ, 0 · 2⁰ of zeros."""
    return safe_norms(torch.from_numpy(V.reshape(len(V), -1)))


def _rows(rows: Matrix) -> Matrix:
    """(D, M) → (R, M): rows whose images under any map have the norm of those of all."""
    D, M = rows.shape
    return rows if D <= M else np.linalg.qr(rows).R
