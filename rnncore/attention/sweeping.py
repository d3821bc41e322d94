"""The backward pass of causal self-attention, a block of queries at a time from the last down.

With g_t = ∂ℓ_t/∂o_t, and weights as log₂ a_ts throughout:

    m_t = Σ_s a_ts g_t · v_s                  ∂L/∂score_ts = a_ts (g_t · v_s - m_t)
    ∂L/∂v_s = Σ_{t≥s} a_ts g_t                ∂L/∂k_s = Σ_{t≥s} ∂L/∂score_ts q_t / √H
    ∂L/∂q_t = Σ_{s≤t} ∂L/∂score_ts k_s / √H
    ∂L/∂e_t = W_qᵀ ∂L/∂q_t + W_kᵀ ∂L/∂k_t + W_vᵀ ∂L/∂v_t

Once a block has been taken, all of what reaches its positions as keys and values is there.
"""

from math import sqrt
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.attention.rollout import AttentionRollout
from rnncore.attention.scaled import Scaled, Sums, largest, scaled
from rnncore.chunks import block_steps
from rnncore.extended_range import (
    Exponents,
    log10_of,
    normalised,
    safe_norms,
    summed,
    times_power_of_two,
)
from rnncore.losses import Loss
from rnncore.shares import weight_share

# A difference of two products below this part of their sizes is rounding alone.
_ROUNDING = 4 * torch.finfo(torch.float64).eps


@final
class AttentionSweeper:
    """Fills its logarithms from the last position down; -inf where nothing comes through."""

    def __init__(self, rollout: AttentionRollout, loss: Loss) -> None:
        trajectory = self._trajectory = rollout.trajectory
        self._rollout, self._loss = rollout, loss
        T, N = trajectory.steps, trajectory.rows
        self.grad_e = np.full((T, N), -np.inf)
        self.share_qkv, self.share_xh = np.full((2, T), -np.inf)
        self._W_qkv = rollout.cell.W_qkv.detach().double()
        # The queries that go together; a loss at the last step has one, and needs no matrix.
        self.block = trajectory.block
        if loss.at == "last":
            self.block = min(T, block_steps(rollout.cell.hidden_size, N))
        self._root = sqrt(rollout.cell.hidden_size)
        self._grad_k, self._grad_v = (Sums(N, T, trajectory.v.u) for _ in range(2))

    def sweep(self, t0: int, t1: int) -> None:
        """Sweeps the positions t1 - 1 … t0, at most a block of them, right after those above."""
        trajectory = self._trajectory
        q = trajectory.q.part(t0, t1)
        grad_q = Scaled(torch.zeros_like(q.u), torch.full_like(q.k, -torch.inf))
        first = t0 if self._loss.at == "every" else max(t0, trajectory.steps - 1)
        if first < t1:
            grad_q.u[:, first - t0 :], grad_q.k[:, first - t0 :] = self._take(first, t1)
        block = slice(t0, t1)
        grads = (
            _time_major(grad_q.u / self._root, grad_q.k),
            _time_major(self._grad_k.u[:, block] / self._root, self._grad_k.k[:, block]),
            _time_major(self._grad_v.u[:, block], self._grad_v.k[:, block]),
        )
        self._record(t0, t1, grads)

    def _take(self, t0: int, t1: int) -> Scaled:
        """Adds what the queries [t0, t1) hand to keys and values; √H ∂L/∂q_t of each."""
        trajectory = self._trajectory
        g, m = self._loss.local_gradient(self._rollout, t0, t1)
        g, k = scaled(g.transpose(0, 1).contiguous(), m.T)
        weights, q = trajectory.log2_weights(t0, t1), trajectory.q.part(t0, t1)
        logs, signs = _score_gradients(weights, *self._contributions(g, weights))
        self._grad_v.add(weights.add_(k.unsqueeze(-1)), None, g)
        logs += k.unsqueeze(-1)
        self._grad_k.add(logs + q.k.unsqueeze(-1), signs, q.u)
        logs += trajectory.k.k[:, None, :t1]
        scale = largest(logs, -1)
        grad_q = logs.sub_(scale).exp2_().mul_(signs) @ trajectory.k.u[:, :t1]
        return Scaled(grad_q, scale.squeeze(-1))

    def _contributions(self, g: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """g_t · (v_s - v_r) / 2ᵏ and k (N, 1, 1), with r the key to which t attends most.

        The softmax knows differences alone, and where all attention is on r, what the others
        have to say would drown in g_t · v_r.
        """
        v = self._trajectory.v.part(0, weights.shape[-1])
        scale = largest(v.k, -1)
        products = g @ v.times(-scale).mT
        most = weights.argmax(dim=-1, keepdim=True)
        products -= products.gather(-1, most)
        sizes = torch.exp2(v.k - scale).mul_(_ROUNDING).unsqueeze(1).expand_as(products)
        is_rounding = products.abs() <= sizes + sizes.gather(-1, most)
        return products.masked_fill_(is_rounding, 0.0), scale.unsqueeze(-1)

    def _record(self, t0: int, t1: int, grads: tuple[tuple[Tensor, Exponents], ...]) -> None:
        """Keeps the norms of the positions [t0, t1), from the gradients of q, k and v."""
        trajectory, steps = self._trajectory, slice(t0, t1)
        scale = np.max([np.where(_is_zero(u), -np.inf, k) for u, k in grads], axis=0)
        scale = np.where(np.isneginf(scale), 0.0, scale)
        p = torch.cat([times_power_of_two(u, k - scale) for u, k in grads], dim=-1)
        mantissa, k = safe_norms(p)
        self.share_qkv[steps] = weight_share(
            *(p, log10_of(mantissa, k + scale)),
            *(trajectory.e[steps], trajectory.log10_norm_e(t0, t1)),
        )
        through_q, through_k, through_v = (
            normalised(u @ W, k) for (u, k), W in zip(grads, self._W_qkv.chunk(3), strict=True)
        )
        grad_e, k = summed([summed([through_q, through_k]), through_v])
        mantissa, shift = safe_norms(grad_e)
        self.grad_e[steps] = log10_of(mantissa, shift + k)
        self.share_xh[steps] = weight_share(
            *(grad_e, self.grad_e[steps]),
            *(trajectory.x[steps], trajectory.log10_norm_x(t0, t1)),
        )


def _score_gradients(
    weights: Tensor, contributions: Tensor, scale: Tensor
) -> tuple[Tensor, Tensor]:
    """log₂ |∂L/∂score_ts| and its sign, from log₂ a_ts and contributions · 2^scale."""
    terms = weights + contributions.abs().log2_()
    size = largest(terms, -1)
    mean = terms.sub_(size).exp2_().mul_(contributions.sign()).sum(dim=-1, keepdim=True)
    # The mean may be far below float64, and where nothing else is, it is what counts.
    log2_mean = mean.abs().log2_() + size
    is_mean = contributions == 0
    difference = contributions - mean * torch.exp2(size)
    signs = torch.where(is_mean, -mean.sign(), difference.sign())
    logs = torch.where(is_mean, log2_mean, difference.abs_().log2_())
    return logs.add_(weights).add_(scale), signs


def _time_major(u: Tensor, k: Tensor) -> tuple[Tensor, Exponents]:
    """(N, n, H) · 2ᵏ → (n, N, H), normalised, 0 with exponent 0."""
    exponents = torch.where(torch.isneginf(k), 0.0, k).mT.cpu().numpy()
    return normalised(u.transpose(0, 1).contiguous(), exponents)


def _is_zero(u: Tensor) -> NDArray[np.bool_]:
    is_zero: NDArray[np.bool_] = ~u.any(dim=-1).cpu().numpy()
    return is_zero
