"""The storage of an attention run: inputs, queries, keys, values and outputs of all positions."""

from math import log2, sqrt
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from rnncore.attention.cell import AttentionCell
from rnncore.attention.scaled import Scaled, largest, scaled
from rnncore.checks import ArgumentError, cast, checked_count, checked_shape, is_finite, too_large
from rnncore.extended_range import (
    LOG10_2,
    Norms,
    band,
    log10_of,
    normalised,
    norms,
    safe_norms,
    times_power_of_two,
)
from rnncore.trajectory import batch_shape, project

# Entries of the (N, n, T) matrices of n queries that are held at a time: a megabyte each.
_LARGEST_MATRIX: Final = 2**17
# Binary exponents of scores that float64 holds, whatever their sums.
_LARGEST_SCORE: Final = 1000


@final
class AttentionTrajectory:
    """Time-major storage of T positions of N sequences: index t of `u` is o_t, the first is 0.

    o_t = u[t] · 2^exponents[t], where exponents are 0 unless o_t is so small or large that its
    norm is none of the dtype's own. Queries, keys and values are sequence-major and float64.
    """

    def __init__(self, cell: AttentionCell, x: Tensor) -> None:
        checked_shape("x", x, ("T", cell.input_size))
        self.batch_shape = batch_shape(x, {})
        self.steps = T = checked_count("T", x.shape[-2])
        self.rows = N = self.batch_shape.numel()
        H, D = cell.hidden_size, cell.input_size
        self.block = min(T, max(1, _LARGEST_MATRIX // (N * T)))  # queries that go together
        x = cast("x", x.detach(), cell.dtype).to(cell.device)
        self.x = x.reshape(N, T, D).transpose(0, 1).contiguous()  # (T, N, D)
        self.e = x.new_empty(T, N, H)
        project(cell.W_xh, cell.b_h, self.x, out=self.e)
        self.q, self.k, self.v = _projections(cell, self.e)  # (N, T, H)
        self._bits = log2(np.e) / sqrt(H)  # a score in powers of two

        self.u = x.new_zeros(T + 1, N, H)
        # Bookkeeping lives on the CPU, where the norms of every block are looked at anyway.
        self.norm, self.exponents = np.zeros((2, T + 1, N))

    def log2_weights(self, t0: int, t1: int) -> Tensor:
        """log₂ a_ts of the queries t in [t0, t1) and all keys s < t1, (N, t1 - t0, t1) float64.

        -inf for keys after their query.
        """
        q, k = self.q.part(t0, t1), self.k.part(0, t1)
        # The keys' own size goes to the queries: it may be past float64 where the scores are not.
        size = largest(self.k.k, -1)
        logs = (q.times(size) * self._bits) @ k.times(-size).mT
        is_later = torch.ones(t1 - t0, t1 - t0, dtype=torch.bool, device=q.u.device).triu_(1)
        logs[..., t0:].masked_fill_(is_later, -torch.inf)
        logs -= logs.amax(dim=-1, keepdim=True)
        logs -= torch.exp2(logs).sum(dim=-1, keepdim=True).log2_()
        return logs

    def fill(self, t0: int, t1: int) -> None:
        """Computes o_t of the queries [t0, t1)."""
        logs = self.log2_weights(t0, t1) + self.v.k[:, None, :t1]
        scale = largest(logs, -1)
        o = logs.sub_(scale).exp2_() @ self.v.u[:, :t1]
        o = o.transpose(0, 1).contiguous()
        o, k = normalised(o, scale.squeeze(-1).mT.cpu().numpy())
        # An ordinary number wherever its norm is one.
        is_plain = np.abs(k) < band(self.u.dtype).middle
        times = slice(t0 + 1, t1 + 1)
        self.u[times] = times_power_of_two(o, np.where(is_plain, k, 0.0)).to(self.u.dtype)
        self.exponents[times] = np.where(is_plain, 0.0, k)
        self.norm[times] = norms(self.u[times])

    def log10_norm(self, t0: int, t1: int) -> Norms:
        """log10 ‖o_t‖ of the times [t0, t1) from 0 to T, (t1 - t0, N)."""
        return log10_of(self.norm[t0:t1], self.exponents[t0:t1])

    def log10_norm_e(self, t0: int, t1: int) -> Norms:
        """log10 ‖e_t‖ of the positions [t0, t1) from 0, (t1 - t0, N)."""
        return log10_of(*safe_norms(self.e[t0:t1]))

    def log10_norm_x(self, t0: int, t1: int) -> Norms:
        """log10 ‖x_t‖ likewise."""
        return log10_of(*safe_norms(self.x[t0:t1]))

    def h(self, t0: int, t1: int) -> Tensor:
        """o_t of the times [t0, t1) in the run's dtype, (t1 - t0, N, H): 0 below it."""
        return times_power_of_two(self.u[t0:t1], self.exponents[t0:t1])

    def sequences(self, time_major: Tensor) -> Tensor:
        """(t, N, …) → (*batch, t, …), contiguous; without a batch axis the same memory."""
        if not self.batch_shape:
            return time_major[:, 0]
        by_sequence = time_major.transpose(0, 1).contiguous()
        return by_sequence.view(*self.batch_shape, *by_sequence.shape[1:])


def _projections(cell: AttentionCell, e: Tensor) -> tuple[Scaled, Scaled, Scaled]:
    """q, k and v."""
    qkv = e @ cell.W_qkv.detach().mT
    # A quarter is left for the rounding of sums.
    if not is_finite(4 * qkv):
        bound = e.double().abs().amax() * cell.W_qkv.double().abs().sum(-1).amax()
        raise too_large("W_qkv e", float(bound), e.dtype)
    by_sequence = qkv.double().transpose(0, 1).contiguous()
    q, k, v = (scaled(each.contiguous(), np.zeros(())) for each in by_sequence.chunk(3, dim=-1))
    size = float(q.k.max() + k.k.max())
    if size > _LARGEST_SCORE:
        raise ArgumentError(
            "the scores q · k / √H",
            "are too large for float64",
            got=f"‖q‖ ‖k‖ up to 10^{size * LOG10_2:.0f}",
            expected=f"up to 10^{_LARGEST_SCORE * LOG10_2:.0f}",
            advice="Make W_qkv or the inputs smaller.",
        )
    return q, k, v
