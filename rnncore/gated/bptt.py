"""Backward in time for GRU and LSTM: how much of the loss's gradient reaches every step.

    LSTM: γ_t = f_{t+1} ⊙ γ_{t+1} + o_t ⊙ (1 - tanh² c_t) ⊙ δ_t        δ_t = g_t + W_hhᵀ ∂L/∂a_{t+1}
    GRU:  δ_t = g_t + z_{t+1} ⊙ δ_{t+1} + W_hhᵀ p_{t+1}

with δ_t = ∂L/∂h_t, γ_t = ∂L/∂c_t, g_t = ∂ℓ_t/∂h_t; ∂L/∂a and p as in `LSTMCell.vjp`, `GRUCell.vjp`.
Only norms are reported, and nothing under- or overflows on the way (`sweeping`).
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from rnncore.backward import RecurrentSweep
from rnncore.cells.lstm import LSTMCell
from rnncore.gated.rollout import GatedRollout
from rnncore.gated.sweeping import GatedSweeper
from rnncore.losses import Loss


@dataclass(frozen=True, eq=False)
class GatedGradientChunk:
    """Gradient norms of steps [t0, t1), in forward order inside the chunk; all float64.

    Index k belongs to the step from h_k to h_{k+1} in the chapter's counting. Logarithms are
    -inf where a gradient is exactly zero, never NaN. Shapes are (t1 - t0,), with leading batch
    axes except for the shared matrices' shares, which are summed over the batch.

    The direct path is what the last step's own gradient leaves by the gate that keeps, alone:
    (Π_{s>k+1} f_s) ⊙ ∂ℓ_T/∂c_T of an LSTM, (Π_{s>k+1} z_s) ⊙ ∂ℓ_T/∂h_T of a GRU. With a loss at
    the last step it stands beside log10_grad_c (of a GRU: log10_grad_h), and equals it at T.
    """

    t0: int
    t1: int
    log10_grad_h: Tensor  # (…, t1 - t0), log10 ‖∂L/∂h_{k+1}‖
    log10_grad_c: Tensor | None  # (…, t1 - t0), log10 ‖∂L/∂c_{k+1}‖ in all; None for a GRU
    log10_grad_W_hh: Tensor  # (t1 - t0,), log10 ‖step k's share of ∂L/∂W_hh‖_F
    log10_grad_W_xh: Tensor  # (t1 - t0,), log10 ‖step k's share of ∂L/∂W_xh‖_F
    log10_direct_path: Tensor  # (…, t1 - t0)


@final
class GatedSweep(RecurrentSweep[GatedGradientChunk]):
    """The gradient norms of a complete gated run, from the last step down as asked for.

    log10 ‖∂L/∂h_t‖ and ‖∂L/∂c_t‖, every step's share of ∂L/∂W_hh and ∂L/∂W_xh, and the direct
    path. For one sequence the shares are rank one: ‖∂L/∂a_t‖ ‖h_{t-1}‖ and ‖∂L/∂a_t‖ ‖x_t‖, for
    a GRU's W_hh with r ⊙ ∂L/∂a_n in place of ∂L/∂a_n. Where a run is fed its own output, the
    gradients go through the feedback too.

    Args:
        rollout: complete, that is with `states` exhausted.
        loss: which gradient.
        keeps_inputs: whether ∂L/∂x_t is kept for `input_gradients`, at TND numbers and 2TD rows of
            W_xh flops.

    Raises:
        ValueError: the rollout is not complete, or the loss does not fit its sizes.

    Cost: 2TGH² flops a sequence in float64 (G = 3 for a GRU, 4 for an LSTM) and 12 TH numbers of
    storage for the at most 512 steps of a block.

    Reference: Gers, Schmidhuber, Cummins (2000) for what f lets through.

    >>> from rnncore import GRUCell, LinearLoss, Readout
    >>> cell = GRUCell(torch.zeros(3, 1), torch.zeros(3, 1), torch.zeros(3), torch.zeros(1))
    >>> run = GatedRollout(cell, torch.zeros(3, 1), torch.ones(1), Readout(*torch.zeros(2, 1, 1)))
    >>> for states in run.states():
    ...     pass
    >>> (chunk,) = GatedSweep(run, LinearLoss(torch.ones(1))).chunks()
    >>> 10**chunk.log10_grad_h  # z = 1/2
    tensor([0.2500, 0.5000, 1.0000], dtype=torch.float64)
    """

    def __init__(self, rollout: GatedRollout, loss: Loss, *, keeps_inputs: bool = False) -> None:
        rollout.require_complete()
        self._rollout = rollout
        with np.errstate(all="ignore"):
            self._sweeper = GatedSweeper(rollout, loss, keeps_inputs=keeps_inputs)
        super().__init__(rollout.trajectory, self._sweeper)

    def _norms(self, t0: int, t1: int) -> GatedGradientChunk:
        logs, steps = self._sweeper.logs, slice(t0, t1)
        has_c = isinstance(self._rollout.cell, LSTMCell)
        return GatedGradientChunk(
            t0,
            t1,
            log10_grad_h=self._sequences(logs.delta[steps]),
            log10_grad_c=self._sequences(logs.gamma[steps]) if has_c else None,
            log10_grad_W_hh=torch.from_numpy(logs.share_hh[steps]),
            log10_grad_W_xh=torch.from_numpy(logs.share_xh[steps]),
            log10_direct_path=self._sequences(logs.direct[steps]),
        )
