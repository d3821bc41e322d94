"""The storage of a run: inputs, states, preactivations, exponents and log-norms of all steps."""

from typing import final

import numpy as np
import torch
from torch import Tensor

from rnncore.cells.elman import ElmanCell
from rnncore.checks import ArgumentError, cast, checked_count, checked_shape, too_large
from rnncore.extended_range import (
    Exponents,
    log10_of,
    normalised,
    safe_norms,
    times_power_of_two,
)
from rnncore.readout import Readout


@final
class Trajectory:
    """Time-major storage of T steps of N sequences: index t of `u` is the chapter's h_t.

    The state is h_t = u[t] · 2^exponents[t]. A step overwrites its drive W_xh x + b_h by the
    preactivation, in place. For tanh that is kept as `a`; a linear or rectified state tells its
    own slope, so there `a` is the memory of u itself.
    """

    def __init__(self, cell: ElmanCell, x: Tensor, h_0: Tensor) -> None:
        checked_shape("x", x, ("T", cell.input_size))
        checked_shape("h_0", h_0, (cell.hidden_size,))
        self.batch_shape = _batch_shape(x, h_0)
        self.steps = T = checked_count("T", x.shape[-2])
        self.rows = N = self.batch_shape.numel()
        H, D = cell.hidden_size, cell.input_size
        x = cast("x", x.detach(), cell.dtype).to(cell.device).expand(*self.batch_shape, T, D)
        h_0 = cast("h_0", h_0.detach(), cell.dtype).to(cell.device).expand(*self.batch_shape, H)

        self.x = x.reshape(N, T, D).transpose(0, 1).contiguous()  # (T, N, D)
        self.u = x.new_empty(T + 1, N, H)
        self.u[0] = h_0.reshape(N, H)
        self.a = x.new_empty(T, N, H) if cell.activation == "tanh" else self.u[1:]
        _project(cell, self.x, out=self.a)

        # Bookkeeping lives on the CPU, where the norms of every block are looked at anyway.
        self.exponents = np.zeros((T + 1, N))
        self.log10_norm = np.full((T + 1, N), -np.inf)
        self.log10_norm[0] = log10_of(*safe_norms(self.u[0]))
        self.log10_norm_x = log10_of(*safe_norms(self.x))

    @property
    def row_axes(self) -> tuple[int, ...]:
        """The axes of one step beside H: none for a single sequence, which runs faster so."""
        return () if self.rows == 1 else (self.rows,)

    def h(self, t0: int, t1: int) -> Tensor:
        """h_{t0} … h_{t1-1} in the run's dtype, (t1 - t0, N, H): ±inf or 0 past its ends."""
        return times_power_of_two(self.u[t0:t1], self.exponents[t0:t1])

    def directed_output(self, readout: Readout, t0: int, t1: int) -> tuple[Tensor, Exponents]:
        """W_hy h of steps [t0, t1) as z · 2ᵏ: (t1 - t0, N, O) and k (t1 - t0, N)."""
        # The direction has norm 1 at most, so no product in it overflows.
        u, k = normalised(self.u[t0 + 1 : t1 + 1], self.exponents[t0 + 1 : t1 + 1])
        return u @ readout.W_hy.detach().mT, k

    def sequences(self, time_major: Tensor) -> Tensor:
        """(t, N, …) → (*batch, t, …), contiguous; without a batch axis the same memory."""
        by_sequence = time_major.transpose(0, 1)
        return by_sequence.reshape(*self.batch_shape, *by_sequence.shape[1:]).contiguous()


def _batch_shape(x: Tensor, h_0: Tensor) -> torch.Size:
    try:
        shape = torch.broadcast_shapes(x.shape[:-2], h_0.shape[:-1])
    except RuntimeError as error:
        raise ArgumentError(
            "h_0",
            "has other batch axes than x",
            got=tuple(h_0.shape[:-1]),
            expected=f"{tuple(x.shape[:-2])}, or axes that broadcast to them",
        ) from error
    if shape.numel() == 0:
        raise ArgumentError("x", "is an empty batch", got=tuple(x.shape), expected="1 or more")
    return shape


def _project(cell: ElmanCell, x: Tensor, *, out: Tensor) -> None:
    """The drive W_xh x + b_h of all steps by one product: (T, N, D) → (T, N, H)."""
    W_xh, b_h = cell.W_xh.detach(), cell.b_h.detach()
    torch.addmm(b_h, x.flatten(0, 1), W_xh.mT, out=out.view(-1, cell.hidden_size))
    lowest, highest = torch.aminmax(out)
    if not bool(torch.isfinite(lowest) & torch.isfinite(highest)):
        largest = x.to(torch.float64).abs().amax() * W_xh.to(torch.float64).abs().sum(-1).amax()
        raise too_large("W_xh x + b_h", float(largest), cell.dtype)
