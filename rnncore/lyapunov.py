"""Lyapunov exponents of a run: the rates at which small changes of the state grow or die."""

from dataclasses import dataclass
from functools import cached_property
from math import inf, isinf, log, sqrt
from typing import Any, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.checks import ArgumentError, checked_count
from rnncore.chunks import ShouldStop, stop_if_asked
from rnncore.linear_steps import Matrix, settle
from rnncore.rollout import Rollout
from rnncore.spectrum import spectrum
from rnncore.stack.rollout import StackedRollout
from rnncore.tangents import AnyRollout, Linearisation
from rnncore.threads import single_threaded

# Vectors may drift together, or away from length 1, by about that much between two QRs, and by no
# more than the second: the digits that are lost in the smaller ones.
_LN_DRIFT: Final = log(1e4)
_LARGEST_LN_DRIFT: Final = log(1e8)
_LONGEST_STRIDE: Final = 16
# A short run is cut finer, or there would be nothing to resample.
_FEWEST_STRIDES: Final = 64
_LN_2: Final = log(2.0)
# Sums of exponents of an isometry are 0 to within rounding.
_ROUNDING: Final = 1e-12
_RESAMPLES: Final = 200
_FEWEST_BLOCKS: Final = 4


@final
@dataclass(frozen=True, eq=False)
class LyapunovSpectrum:
    """The k leading Lyapunov exponents of a run of state size M, natural logarithms per step."""

    exponents: Tensor  # (k,) float64, descending; -inf where directions are lost altogether
    standard_errors: Tensor  # (k,) float64; inf where the run is too short to tell, 0 where exact
    state_size: int

    @cached_property
    def kaplan_yorke_dimension(self) -> float | None:
        """j + (Λ_1 + … + Λ_j) / |Λ_{j+1}|, j the most whose sum is not negative.

        M where all M exponents add up to no less than 0; None where fewer are known and do.

        Reference: Kaplan and Yorke (1979); Frederickson et al. (1983).
        """
        sums = np.cumsum(self.exponents.numpy())
        negative = np.flatnonzero(sums < -_ROUNDING * len(sums))
        j = int(negative[0]) if len(negative) else len(sums)
        if j == len(sums):
            return float(j) if j == self.state_size else None
        above = max(0.0, float(sums[j - 1])) if j else 0.0
        return j + above / abs(float(self.exponents[j]))

    @cached_property
    def entropy_rate(self) -> float | None:
        """The sum of the positive exponents in nats per step; None where more may be positive.

        Reference: Pesin (1977), an upper bound (Ruelle 1978) where its conditions don't hold.
        """
        if len(self.exponents) < self.state_size and float(self.exponents[-1]) > 0:
            return None
        return float(self.exponents.clamp(min=0.0).sum())


def lyapunov_spectrum(
    rollout: AnyRollout,
    count: int | None = None,
    *,
    transient: int | None = None,
    sequence: int = 0,
    seed: int = 0,
    should_stop: ShouldStop | None = None,
) -> LyapunovSpectrum:
    """The leading Lyapunov exponents along the trajectory of a run, with error bars.

        V = J_t Q,  Q R = V,  Λ_i = mean of ln |R_ii|

    Without input they are those of the attractor, as far as the run is on it after the transient;
    along a driven run they are the conditional exponents: Λ_1 < 0 says that the input alone
    decides the state in the end, the echo state property for this input. Q starts at random, and
    R is taken every 1 to 16 steps, as often as rounding and error bars ask. A linear network's J_t
    are all W_hh, so its exponents are ln |λ| themselves, without a sweep.

    Of a stack the J_t are block triangular, so its exponents are those of its layers, each along
    its own input: all of them in one list. Of a run that is fed its own output they are those of
    the steps it generates, and T counts those alone.

    An exponent more than a float64's digits below the leading one in a single step reads -inf.
    Where J_t is constant with a leading pair, Λ_1 and Λ_2 hold an oscillation that falls as 1/T;
    it is not in their sum.

    Args:
        rollout: complete; of a batch, one sequence is looked at.
        count: k, at most M = H, of an LSTM 2H, of L layers L times that; None for M.
        transient: steps left out at the start, in which Q turns too; None for a fifth of T.
        sequence: which one of a batch, counted through its flattened axes.
        seed: of the first Q, and of the resampling.
        should_stop: asked every 1 to 16 steps; once it is true, `Cancelled` is raised.

    Returns:
        Exponents, and as error bars the standard deviation of 200 means of resampled blocks of √n
        consecutive R. They know nothing of a transient that lasts longer, and are too small for
        runs shorter than a few times the memory of the trajectory.

    Raises:
        ValueError: the rollout is not complete, or k, transient or sequence out of range.
        Cancelled: `should_stop` was true.

    Cost: a step 2kMH flops, and every 1 to 16 steps 4k²M for a QR. H = 64, T = 200, one thread:
    6 ms for ten exponents of Elman's cell, 24 ms for all; 130 ms for all 128 of an LSTM.

    References: Benettin et al. (1980); Engelken, Wolf, Abbott (2023), "Lyapunov spectra of
    chaotic recurrent neural networks"; Künsch (1989) for the resampling of blocks.

    >>> from rnncore import ElmanCell, Readout
    >>> cell = ElmanCell(torch.zeros(1, 1), torch.tensor([[2.0]]), torch.zeros(1), "tanh")
    >>> run = Rollout(cell, torch.zeros(99, 1), torch.ones(1), Readout(*torch.zeros(2, 1, 1)))
    >>> for chunk in run.states():
    ...     pass
    >>> round(lyapunov_spectrum(run).exponents.exp().item(), 4)
    0.1664
    """
    if isinstance(rollout, StackedRollout):
        options = {"transient": transient, "sequence": sequence, "seed": seed}
        return _of_stack(rollout, count, should_stop, options)
    linear = Linearisation(rollout, sequence)
    k = linear.state_size if count is None else checked_count("count", count)
    if k > linear.state_size:
        expected = f"at most {linear.state_size}, the size of the state"
        raise ArgumentError("count", "is out of range", got=k, expected=expected)
    fed = rollout.trajectory.fed
    first = fed if fed < linear.steps else 0  # where outputs are fed back, those steps alone
    steps = linear.steps - first
    if transient is None:
        transient = steps // 5
    if checked_count("transient", transient, least=0) >= steps:
        expected = f"less than T = {steps}"
        raise ArgumentError("transient", "is out of range", got=transient, expected=expected)
    checked_count("seed", seed, least=0)
    if isinstance(rollout, Rollout) and rollout.cell.activation == "linear":
        return _of_linear(rollout, k, sequence)

    generator = np.random.default_rng(seed)
    with single_threaded(), np.errstate(divide="ignore", under="ignore"):
        Q = _orthonormal(generator.standard_normal((k, linear.state_size)))[0]
        logs, strides = _sweep(linear, Q, (first, first + transient), should_stop)
        exponents = logs.sum(axis=0) / strides.sum()
        errors = _standard_errors(logs, strides, generator)
    order = np.argsort(-exponents, kind="stable")
    return LyapunovSpectrum(
        torch.from_numpy(exponents[order]), torch.from_numpy(errors[order]), linear.state_size
    )


def _of_stack(
    rollout: StackedRollout,
    count: int | None,
    should_stop: ShouldStop | None,
    options: dict[str, Any],
) -> LyapunovSpectrum:
    """The leading ones among those of all layers."""
    size = Linearisation(rollout.layers[0]).state_size
    most = size if count is None else min(count, size)
    found = [
        lyapunov_spectrum(layer, most, should_stop=should_stop, **options)
        for layer in rollout.layers
    ]
    k = size * len(found) if count is None else count
    if k > size * len(found):
        expected = f"at most {size * len(found)}, the size of the state"
        raise ArgumentError("count", "is out of range", got=k, expected=expected)
    exponents, order = torch.cat([each.exponents for each in found]).sort(descending=True)
    errors = torch.cat([each.standard_errors for each in found])[order]
    return LyapunovSpectrum(exponents[:k], errors[:k], size * len(found))


def _of_linear(rollout: Rollout, k: int, sequence: int) -> LyapunovSpectrum:
    factors, feedback = rollout.trajectory.factors, rollout.trajectory.feedback
    is_closed = feedback is not None and feedback.after < rollout.steps
    found = spectrum(feedback.W_hh if feedback and is_closed else rollout.cell.W_hh)
    if factors is not None:
        found = found.scaled(float(factors[sequence]))
    exponents = found.eigenvalues.abs().log()[:k]
    return LyapunovSpectrum(exponents, torch.zeros_like(exponents), rollout.cell.hidden_size)


def _sweep(
    linear: Linearisation, Q: Matrix, starts: tuple[int, int], should_stop: ShouldStop | None
) -> tuple[Matrix, NDArray[np.int64]]:
    """ln |R_ii| of every stride, (n, k), and the strides' lengths, (n,); of the strides before the
    second of the starts there are none."""
    t, measured = starts
    smallest = log(linear.state_size * float(np.finfo(np.float64).eps))
    logs, strides, stride = [], [], 1
    longest = min(_LONGEST_STRIDE, max(1, (linear.steps - measured) // _FEWEST_STRIDES))
    while t < linear.steps:
        stop_if_asked(should_stop)
        end = min(t + stride, measured if t < measured else linear.steps)
        V, ln_scale = _pushed(linear, Q, t, end)
        turned, ln_R = _orthonormal(V)
        drift = max(float(ln_R.max()), 0.0) - min(float(ln_R.min()), 0.0)
        if drift > _LARGEST_LN_DRIFT and end - t > 1:
            stride = 1
            continue
        # Beside the largest, rounding leaves nothing of these.
        ln_R[ln_R < ln_R.max() + smallest] = -inf
        if t >= measured:
            logs.append(ln_R + ln_scale)
            strides.append(end - t)
        Q, rate = turned, drift / (end - t)
        stride = longest
        if rate * stride > _LN_DRIFT:
            stride = 1 if isinf(rate) else max(1, int(_LN_DRIFT / rate))
        t = end
    return np.array(logs), np.array(strides)


def _pushed(linear: Linearisation, Q: Matrix, t0: int, t1: int) -> tuple[Matrix, float]:
    """The rows of Q after the steps [t0, t1), as V and the logarithm of a factor."""
    exponent = 0.0
    for t in range(t0, t1):
        step = linear.step(t)
        Q = step.pushed(Q)
        settle(Q, linear.hidden_size, step.h_exponent)
        exponent += step.exponent
    return Q, exponent * _LN_2


def _orthonormal(V: Matrix) -> tuple[Matrix, Matrix]:
    """The rows of V made orthonormal, one after another, and ln |R_ii|, (k,)."""
    Q, R = np.linalg.qr(V.T)
    return np.ascontiguousarray(Q.T), np.log(np.abs(np.diagonal(R)))


def _standard_errors(
    logs: Matrix, steps: NDArray[np.int64], generator: np.random.Generator
) -> Matrix:
    """The standard deviation of the mean per step over resampled blocks, (k,)."""
    n, k = logs.shape
    length = int(np.ceil(sqrt(n)))
    errors = np.full(k, inf)
    if n < _FEWEST_BLOCKS * length:
        return errors
    starts = generator.integers(0, n - length + 1, size=(_RESAMPLES, n // length))
    finite = np.isfinite(logs).all(axis=0)
    totals = _block_sums(logs[:, finite], starts, length)
    times = _block_sums(steps[:, None].astype(np.float64), starts, length)
    errors[finite] = (totals / times).std(axis=0, ddof=1)
    return errors


def _block_sums(values: Matrix, starts: NDArray[np.int64], length: int) -> Matrix:
    """The sums over the blocks that begin at `starts` (S, b), over all of a row: (S, k)."""
    sums = np.concatenate((np.zeros_like(values[:1]), values.cumsum(axis=0)))
    blocks: Matrix = (sums[length:] - sums[:-length])[starts].sum(axis=1)
    return blocks
