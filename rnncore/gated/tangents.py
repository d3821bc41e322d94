"""What a linearised step of a gated cell multiplies by: the factors of the backward sweep."""

from typing import Final, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray

from rnncore.extended_range import LN_2, exponentials
from rnncore.gated.adjoints import GRU_SLOTS, LSTM_SLOTS
from rnncore.gated.coefficients import fill_coefficients, ln_coefficients
from rnncore.gated.trajectory import GatedTrajectory

# A step whose largest factor lies outside gets an exponent of its own; so does h behind a shut o.
_LOW, _HIGH = 2.0**-10, 2.0**32
# The slots of `adjoints`: what keeps, what stands before W_hh (and before W_xn W_hy, where a loop
# is closed) and before W_xh, and o and q.
_GRU_KEEP: Final = 4
_GRU_RECURRENT, _GRU_INPUT = (0, 1, 2, 3), (0, 1, 3)
_LSTM_KEEP: Final = 0
_LSTM_GATES: Final = (1, 2, 3, 4)
_OUT: Final = (4, 5)


class Factors(NamedTuple):
    """The factors of n steps: of the weights' gates, and what z or f keeps, over 2^shift.

    Of an LSTM, o's and `q`, what of δc_t reaches δh_t, are divided by 2^h_exponent once more.
    """

    gates: NDArray[np.float64]  # (n, G, H)
    keep: NDArray[np.float64]  # (n, H); counts for the state alone
    q: NDArray[np.float64] | None  # (n, H)
    shift: NDArray[np.float64]  # (n,)
    h_exponent: NDArray[np.float64]  # (n,)


@final
class GatedSteps:
    """The factors of one sequence, a block of steps at a time.

    Args:
        trajectory: of a complete run.
        sequence: which of its rows.
        exponents: k of W_hh and W_xh, which are given as W · 2^-k; None where W is 0.
        blocks: of W_hh, one more for a GRU whose loop is closed.
    """

    def __init__(
        self,
        trajectory: GatedTrajectory,
        sequence: int,
        exponents: tuple[int | None, int | None],
        blocks: int,
    ) -> None:
        self._trajectory, self._row, self._exponents = trajectory, sequence, exponents
        self._blocks = blocks
        self._is_lstm = trajectory.c is not None

    def load(self, t0: int, t1: int) -> tuple[Factors, Factors]:
        """Those of the steps [t0, t1): of the state, and of the input."""
        trajectory = self._trajectory
        slots, H = (LSTM_SLOTS if self._is_lstm else GRU_SLOTS), trajectory.u.shape[-1]
        shape = t1 - t0, trajectory.rows, slots, H
        K = trajectory.u.new_empty(shape, dtype=torch.float64)
        fill_coefficients(K, trajectory, t0, t1)
        k = K[:, self._row].cpu().numpy()
        recurrent, of_input, keep = (
            (_LSTM_GATES, _LSTM_GATES, _LSTM_KEEP)
            if self._is_lstm
            else (_GRU_RECURRENT[: self._blocks], _GRU_INPUT, _GRU_KEEP)
        )
        of_state, of_x = self._exponents
        return (
            self._spread(k, t0, recurrent, of_state, keep),
            self._spread(k, t0, of_input, of_x, None),
        )

    def _spread(
        self,
        k: NDArray[np.float64],
        t0: int,
        gates: tuple[int, ...],
        exponent: int | None,
        keep: int | None,
    ) -> Factors:
        """`k` with the weights' exponent in the slots of their gates, every step at its scale."""
        k, factor = k.copy(), LN_2 * exponent if exponent is not None else -np.inf
        with np.errstate(over="ignore", under="ignore"):
            k[:, gates] = 0.0 if exponent is None else np.ldexp(k[:, gates], exponent)
        carried = list(gates) if keep is None else [*gates, keep]
        shift, h_exponent = np.zeros((2, len(k)))
        largest = np.abs(k[:, carried]).max(axis=(1, 2))
        odd = np.flatnonzero(~((largest >= _LOW) & (largest <= _HIGH)))
        if len(odd):
            ln, sign = self._logs(odd + t0)
            ln[:, gates] += factor
            k[odd[:, None], carried], shift[odd] = _exponentials(ln[:, carried], sign[:, carried])
        if self._is_lstm:
            open_ = np.abs(k[:, _OUT]).max(axis=(1, 2))
            shut = np.flatnonzero(~((open_ >= _LOW) & (open_ <= _HIGH)))
            if len(shut):
                ln, sign = self._logs(shut + t0)
                ln[:, _OUT[0]] += torch.from_numpy(factor - shift[shut] * LN_2).unsqueeze(-1)
                k[shut[:, None], _OUT], h_exponent[shut] = _exponentials(ln[:, _OUT], sign[:, _OUT])
        q = k[:, _OUT[1]] if self._is_lstm else None
        return Factors(k[:, gates], k[:, keep or 0], q, shift, h_exponent)

    def _logs(self, t: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        steps = torch.from_numpy(t).to(self._trajectory.u.device)
        logs = ln_coefficients(self._trajectory, steps, torch.full_like(steps, self._row))
        return logs[0].cpu(), logs[1].cpu()


def _exponentials(
    ln: torch.Tensor, sign: torch.Tensor
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """sign · e^ln / 2^k of the slots of M steps, (M, slots, H), and k, (M,)."""
    magnitudes, k = exponentials(ln.flatten(-2))
    values: NDArray[np.float64] = (magnitudes.view_as(ln) * sign).numpy()
    return values, k
