"""Backward through causal self-attention: how much of the loss's gradient reaches each position.

Every position is one step away from the loss, by the weight that the query gives it; only norms
are reported, and weights are logarithms, so nothing under- or overflows (`sweeping`).
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from rnncore.attention.rollout import AttentionRollout
from rnncore.attention.sweeping import AttentionSweeper
from rnncore.backward import BackwardSweep
from rnncore.chunks import ShouldStop, stop_if_asked
from rnncore.losses import Loss


@dataclass(frozen=True, eq=False)
class AttentionGradientChunk:
    """Gradient norms of positions [t0, t1), in forward order inside the chunk; all float64.

    Index k is the chapter's position k + 1. Logarithms are -inf where a gradient is exactly zero,
    never NaN. Shapes are (t1 - t0,), with leading batch axes except for the shared matrices'
    shares, which are summed over the batch. The names are those of `GradientChunk`, so that the
    two can be laid side by side; e_t is what stands at a position here, W_qkv what all share.
    """

    t0: int
    t1: int
    log10_grad_h: Tensor  # (…, t1 - t0), log10 ‖∂L/∂e_{k+1}‖, as key, as value and as query
    log10_grad_W_hh: Tensor  # (t1 - t0,), log10 ‖position k's share of ∂L/∂W_qkv‖_F
    log10_grad_W_xh: Tensor  # (t1 - t0,), log10 ‖position k's share of ∂L/∂W_xh‖_F


@final
class AttentionSweep(BackwardSweep[AttentionGradientChunk]):
    """The gradient norms of a complete attention run, from the last position down as asked for.

    log10 ‖∂L/∂e_t‖, by all ways from position t to the loss, and every position's share of the
    gradients of W_qkv and W_xh. For one sequence the shares are rank one:
    √(‖∂L/∂q_t‖² + ‖∂L/∂k_t‖² + ‖∂L/∂v_t‖²) ‖e_t‖ and ‖∂L/∂e_t‖ ‖x_t‖.

    Args:
        rollout: complete, that is with `states` exhausted.
        loss: which gradient; its h is o.

    Raises:
        ValueError: the rollout is not complete, or the loss does not fit its sizes.

    Cost: for a loss at every step 5T²H flops and some 2T² exponentials and logarithms a sequence,
    for one at the last step T times less; 2TH float64, and a few megabytes for a block's queries.

    >>> from rnncore import AttentionCell, LinearLoss, Readout
    >>> W_qkv = torch.tensor([[0.0], [0.0], [1.0]])  # no key matters, so all weights are equal
    >>> cell = AttentionCell(torch.ones(1, 1), W_qkv, torch.zeros(1))
    >>> run = AttentionRollout(cell, torch.zeros(4, 1), Readout(*torch.zeros(2, 1, 1)))
    >>> for states in run.states():
    ...     pass
    >>> (chunk,) = AttentionSweep(run, LinearLoss(torch.ones(1))).chunks()
    >>> [round(grad, 9) for grad in (10**chunk.log10_grad_h).tolist()]
    [0.25, 0.25, 0.25, 0.25]
    """

    def __init__(self, rollout: AttentionRollout, loss: Loss) -> None:
        rollout.require_complete()
        self._rollout = rollout
        self._sweeper = AttentionSweeper(rollout, loss)
        super().__init__(rollout.steps)

    def _norms(self, t0: int, t1: int) -> AttentionGradientChunk:
        found, steps, trajectory = self._sweeper, slice(t0, t1), self._rollout.trajectory
        return AttentionGradientChunk(
            t0,
            t1,
            log10_grad_h=trajectory.sequences(torch.from_numpy(found.grad_e[steps])),
            log10_grad_W_hh=torch.from_numpy(found.share_qkv[steps]),
            log10_grad_W_xh=torch.from_numpy(found.share_xh[steps]),
        )

    def _sweep_until(self, t0: int, should_stop: ShouldStop | None) -> None:
        while self._reached > t0:
            stop_if_asked(should_stop)
            start = max(0, self._reached - self._sweeper.block)
            self._sweeper.sweep(start, self._reached)
            self._reached = start
