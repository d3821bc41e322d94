"""The storage of a gated run: inputs, states, preactivations, exponents and norms of all steps."""

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from rnncore.cells.gru import GRUCell
from rnncore.cells.lstm import LSTMCell
from rnncore.checks import cast, checked_count, checked_shape
from rnncore.chunks import block_steps
from rnncore.extended_range import (
    Exponents,
    Norms,
    log10_of,
    norms,
    safe_norms,
    times_power_of_two,
)
from rnncore.feedback import Feedback, given_inputs
from rnncore.trajectory import batch_shape, project

# What a step costs beside a product with an (H, H) matrix, about four times as much.
_PRODUCTS_A_STEP = 4
# Blocks are whole windows (`stepping`), so that windows are counted from step 0.
WINDOW = 8

# The norms that `norms` can be trusted with.
_LOWEST, _HIGHEST = 2.0**-480, 2.0**480
# Entries of a smaller float32 vector may be rounded by more than others.
_LOWEST_SINGLE = 2.0**-100


@final
class GatedTrajectory:
    """Time-major storage of T steps of N sequences: index t of `u` is the chapter's h_t.

    The state is h_t = u[t] · 2^exponents[t], for an LSTM c_t = c[t] · 2^exponents[t] with it.
    Steps overwrite their drive by the preactivations, in place: `a` is [i, f, g, o] for an LSTM;
    for a GRU it is [r, z, W_hn h + b_hn], and `n` holds the candidate's a_n. The candidate's own
    (a_g, or a_n and W_hn h + b_hn) are those of the run times 2^-candidate_exponents.
    """

    def __init__(
        self,
        cell: GRUCell | LSTMCell,
        x: Tensor,
        h_0: Tensor,
        c_0: Tensor | None,
        feedback: Feedback | None = None,
    ) -> None:
        H, D = cell.hidden_size, cell.input_size
        given = {"h_0": h_0} if c_0 is None else {"h_0": h_0, "c_0": c_0}
        checked_shape("x", x, ("T", D))
        for name, state in given.items():
            checked_shape(name, state, (H,))
        self.batch_shape = batch_shape(x, {name: each.shape[:-1] for name, each in given.items()})
        self.steps = T = checked_count("T", x.shape[-2])
        self.rows = N = self.batch_shape.numel()
        block = block_steps(H, _PRODUCTS_A_STEP * N) // WINDOW * WINDOW
        self.block = min(T, block)  # steps that are computed before they are checked
        self.feedback = feedback
        self.fed = T if feedback is None else feedback.after  # steps whose input is given
        x = x.detach() if feedback is None else given_inputs(x, self.fed)
        x = cast("x", x, cell.dtype).to(cell.device).expand(*self.batch_shape, T, D)

        self.x = x.reshape(N, T, D).transpose(0, 1).contiguous()  # (T, N, D)
        self.u = x.new_empty(T + 1, N, H)
        self.u[0] = self._rows("h_0", h_0, cell)
        self.a = x.new_empty(T, N, cell.W_hh.shape[0])
        self.c: Tensor | None = None  # (T + 1, N, H)
        self.n: Tensor | None = None  # (T, N, H)
        if isinstance(cell, LSTMCell):
            self.c = x.new_empty(T + 1, N, H)
            self.c[0] = 0.0 if c_0 is None else self._rows("c_0", c_0, cell)
        else:
            self.n = x.new_empty(T, N, H)
        # Whether nothing but the state drives the candidate.
        self.is_silent = np.empty((T, N), dtype=np.bool_)
        self._cell = cell
        self._fill_drive(slice(0, T))
        if feedback is not None:
            self._close_loop(feedback)

        # Bookkeeping lives on the CPU, where the norms of every block are looked at anyway.
        self.norm, self.exponents = np.zeros((2, T + 1, N))
        self.candidate_exponents = np.zeros((T, N))
        # Of x; none but of what is fed back (`inputs`).
        self.input_exponents = np.zeros((T, N))
        self.norm_c = np.zeros((T + 1, N))
        self._log10_norm_h, self._log10_norm_c = np.full((2, T + 1, N), -np.inf)
        self.measure(0, 1)

    def _fill_drive(self, steps: slice) -> None:
        cell, a, H = self._cell, self.a[steps], self._cell.hidden_size
        project(cell.W_xh, cell.b_h, self.x[steps], out=a)
        if isinstance(cell, LSTMCell):
            is_driven = (a[..., 2 * H : 3 * H] != 0).any(dim=-1)
        else:
            assert self.n is not None
            self.n[steps] = a[..., 2 * H :]
            a[..., 2 * H :] = cell.b_hn.detach()
            is_driven = (self.n[steps] != 0).any(dim=-1) | bool(cell.b_hn.any())
        self.is_silent[steps] = ~is_driven.cpu().numpy()

    def _close_loop(self, feedback: Feedback) -> None:
        """The drive of the steps that are fed back their outputs."""
        H, rows, steps = self._cell.hidden_size, self.a.shape[-1], slice(self.fed, self.steps)
        self.a[steps] = feedback.drive[:rows]
        is_driven = (self.a[steps, :, 2 * H : 3 * H] != 0).any(dim=-1)
        if self.n is not None:
            self.n[steps] = feedback.drive[3 * H :]
            is_driven |= (self.n[steps] != 0).any(dim=-1)
        self.is_silent[steps] = ~is_driven.cpu().numpy()

    def take_inputs(self, t0: int, x: Tensor) -> None:
        """Puts x, (n, N, D), in the place of the inputs from t0 on, before their states exist."""
        steps = slice(t0, t0 + len(x))
        self.x[steps] = x
        self._fill_drive(steps)

    def _rows(self, name: str, state: Tensor, cell: GRUCell | LSTMCell) -> Tensor:
        state = cast(name, state.detach(), cell.dtype).to(cell.device)
        return state.expand(*self.batch_shape, -1).reshape(self.rows, -1)

    def measure(self, t0: int, t1: int) -> None:
        """Takes the norms of the times [t0, t1), whose states and exponents stand."""
        times = slice(t0, t1)
        k = self.exponents[times]
        self.norm[times], self._log10_norm_h[times] = _norms(self.u[times], k)
        if self.c is not None:
            self.norm_c[times], self._log10_norm_c[times] = _norms(self.c[times], k)
            if t0 > 0 and self.u.dtype == torch.float32:
                self._look_behind_shut_gates(t0, t1)

    def _look_behind_shut_gates(self, t0: int, t1: int) -> None:
        """log10 ‖h‖ where o lets so little of c through that float32 does not hold it."""
        assert self.c is not None
        shut = (self.norm[t0:t1] < _LOWEST_SINGLE) & (self.norm_c[t0:t1] > 0)
        if not shut.any():
            return
        t, row = np.nonzero(shut)
        k, c = self.exponents[t + t0, row], self.c[t + t0, row].double()
        is_plain = torch.from_numpy(k == 0).unsqueeze(-1).to(c.device)
        a_o = self.a[t + t0 - 1, row].double().chunk(4, dim=-1)[3]
        h = torch.sigmoid(a_o) * torch.where(is_plain, torch.tanh(c), c)
        mantissa, exponent = safe_norms(h)
        self._log10_norm_h[t + t0, row] = log10_of(mantissa, exponent + k)

    def state_norm(self, times: slice | NDArray[np.int64]) -> Norms:
        """Of these times, ‖u‖ or, if that is larger, ‖c‖ at the same scale."""
        result: Norms = np.maximum(self.norm[times], self.norm_c[times])
        return result

    def log10_norm(self, t0: int, t1: int) -> Norms:
        """log10 ‖h_t‖ of the times [t0, t1) from 0 to T, (t1 - t0, N)."""
        return self._log10_norm_h[t0:t1]

    @property
    def log10_norm_x(self) -> Norms:
        """log10 ‖x_t‖ of all steps, (T, N), as far as they are known."""
        mantissa, exponent = safe_norms(self.x)
        return log10_of(mantissa, exponent + self.input_exponents)

    def log10_norm_c(self, t0: int, t1: int) -> Norms:
        """log10 ‖c_t‖ likewise."""
        return self._log10_norm_c[t0:t1]

    def h(self, t0: int, t1: int) -> Tensor:
        """h_t of the times [t0, t1) in the run's dtype, (t1 - t0, N, H): 0 below it."""
        return times_power_of_two(self.u[t0:t1], self.exponents[t0:t1])

    def gates(self, t0: int, t1: int) -> dict[str, Tensor]:
        """What the gates let through in the steps [t0, t1), by name, (t1 - t0, N, H)."""
        a, k = self.a[t0:t1], self.candidate_exponents[t0:t1]
        if self.c is None:
            assert self.n is not None
            a_r, a_z, _ = a.chunk(3, dim=-1)
            n = times_power_of_two(torch.tanh(self.n[t0:t1].contiguous()), k)
            return {"r": _sigmoid(a_r), "z": _sigmoid(a_z), "n": n}
        a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)
        return {
            "i": _sigmoid(a_i),
            "f": _sigmoid(a_f),
            "g": times_power_of_two(torch.tanh(a_g.contiguous()), k),
            "o": _sigmoid(a_o),
            "c": times_power_of_two(self.c[t0 + 1 : t1 + 1], self.exponents[t0 + 1 : t1 + 1]),
        }

    def sequences(self, time_major: Tensor) -> Tensor:
        """(t, N, …) → (*batch, t, …), contiguous; without a batch axis the same memory."""
        if not self.batch_shape:
            return time_major[:, 0]
        by_sequence = time_major.transpose(0, 1).contiguous()
        return by_sequence.view(*self.batch_shape, *by_sequence.shape[1:])


def _norms(vectors: Tensor, k: Exponents) -> tuple[Norms, Norms]:
    """‖v‖ and log10(‖v‖ · 2ᵏ) of any finite vectors; the first may be infinite."""
    plain = norms(vectors)
    logs = log10_of(plain, k)
    odd = ~((plain >= _LOWEST) & (plain <= _HIGHEST))
    if vectors.dtype == torch.float64 and odd.any():
        where = torch.from_numpy(odd).to(vectors.device)
        mantissa, exponent = safe_norms(vectors[where])
        with np.errstate(over="ignore"):
            plain[odd] = np.ldexp(mantissa, exponent.astype(np.int32))
        logs[odd] = log10_of(mantissa, exponent + k[odd])
    return plain, logs


def _sigmoid(a: Tensor) -> Tensor:
    """σ(a). SciPy's looks at one number at a time, so that no chunk changes a bit."""
    if a.device.type != "cpu":
        return torch.sigmoid(a)
    return torch.from_numpy(expit(a.numpy()))
