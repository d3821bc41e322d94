"""Backward in time: how much of the loss's gradient reaches every step, as logarithms.

δ_t = ∂L/∂h_t obeys δ_t = g_t + W_hhᵀ(d_{t+1} ⊙ δ_{t+1}), with g_t = ∂ℓ_t/∂h_t and
d_t = φ'(a_t). Only norms are reported, so δ is carried as δ · 2ᵏ (`extended_range`) and swept in
blocks that check themselves, as in `stepping`; nothing under- or overflows on the way.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from rnncore.backward import RecurrentSweep
from rnncore.chunks import (
    Bounds,
    ShouldStop,
)
from rnncore.losses import Loss
from rnncore.rollout import Rollout
from rnncore.sweeping import Sweeper


@dataclass(frozen=True, eq=False)
class GradientChunk:
    """Gradient norms of steps [t0, t1), in forward order inside the chunk; all float64.

    Index k belongs to the step from h_k to h_{k+1} in the chapter's counting. Logarithms are
    -inf where a gradient is exactly zero, never NaN. Shapes are (t1 - t0,), with leading batch
    axes except for the shared matrices' shares, which are summed over the batch; in a fan no
    matrix is shared, and they have the batch axes too (for scale · W_hh).
    """

    t0: int
    t1: int
    log10_grad_h: Tensor  # (…, t1 - t0), log10 ‖∂L/∂h_{k+1}‖
    log10_grad_W_hh: Tensor  # (t1 - t0,), log10 ‖step k's share of ∂L/∂W_hh‖_F
    log10_grad_W_xh: Tensor  # (t1 - t0,), log10 ‖step k's share of ∂L/∂W_xh‖_F
    log10_saturation: Tensor  # (…, t1 - t0), log10 (‖d ⊙ δ‖ / ‖δ‖) on the way back to h_k
    log10_linear_gain: Tensor  # (…, t1 - t0), log10 (‖W_hhᵀ(d ⊙ δ)‖ / ‖d ⊙ δ‖) likewise


@final
class GradientSweep(RecurrentSweep[GradientChunk]):
    """The gradient norms of a complete rollout, computed from the last step down as asked for.

    Args:
        rollout: complete, that is with `states` exhausted.
        loss: which gradient.
        keeps_inputs: whether ∂L/∂x_t is kept for `input_gradients`, at TND numbers and 2TD rows of
            W_xh flops.

    Raises:
        ValueError: the rollout is not complete, or the loss does not fit its sizes.

    Cost: 2TH² flops a sequence and T · (5N + 2) float64.
    """

    def __init__(self, rollout: Rollout, loss: Loss, *, keeps_inputs: bool = False) -> None:
        rollout.require_complete()
        self._rollout = rollout
        self._sweeper = Sweeper(rollout, loss, keeps_inputs=keeps_inputs)
        super().__init__(rollout.trajectory, self._sweeper)

    def _norms(self, t0: int, t1: int) -> GradientChunk:
        logs, sequences = self._sweeper.logs, self._sequences
        shares = sequences if self._rollout.trajectory.is_fan else torch.from_numpy
        return GradientChunk(
            t0,
            t1,
            log10_grad_h=sequences(logs.delta[t0:t1]),
            log10_grad_W_hh=shares(logs.share_hh[t0:t1]),
            log10_grad_W_xh=shares(logs.share_xh[t0:t1]),
            log10_saturation=sequences(logs.saturation[t0:t1]),
            log10_linear_gain=sequences(logs.linear_gain[t0:t1]),
        )


def gradient_norms(
    rollout: Rollout,
    loss: Loss,
    *,
    bounds: Iterable[Bounds] | None = None,
    should_stop: ShouldStop | None = None,
) -> Iterator[GradientChunk]:
    """The gradient norms of a rollout in backward order, a chunk at a time.

    log10 ‖∂L/∂h_t‖, every step's share of ∂L/∂W_hh and ∂L/∂W_xh, and why the gradient shrank:
    ln‖W_hhᵀ(d ⊙ δ)‖ - ln‖δ‖ = saturation (of φ') + linear gain (of W_hh). For one sequence the
    shares are rank one, ‖d_t ⊙ δ_t‖ ‖h_{t-1}‖ and ‖d_t ⊙ δ_t‖ ‖x_t‖.

    Where a run is fed its own output, a step goes back through W_hh + W_xh W_hy: that is what its
    linear gain is of, and the gradients go through the feedback too.

    Args and Raises as for `GradientSweep` and its `chunks`.

    Reference: Pascanu, Mikolov, Bengio (2013), equations 3 to 7.

    >>> from rnncore import ElmanCell, LinearLoss, Readout, Rollout
    >>> cell = ElmanCell(torch.ones(1, 1), torch.tensor([[0.1]]), torch.zeros(1), "linear")
    >>> readout = Readout(torch.ones(1, 1), torch.zeros(1))
    >>> run = Rollout(cell, torch.ones(3, 1), torch.zeros(1), readout)
    >>> for states in run.states():
    ...     pass
    >>> (chunk,) = gradient_norms(run, LinearLoss(torch.ones(1)))
    >>> [round(x, 6) for x in chunk.log10_grad_h.tolist()]
    [-2.0, -1.0, 0.0]
    """
    return GradientSweep(rollout, loss).chunks(bounds=bounds, should_stop=should_stop)
