"""Backward in time for GRU and LSTM: how much of the loss's gradient reaches every step.

    LSTM: γ_t = f_{t+1} ⊙ γ_{t+1} + o_t ⊙ (1 - tanh² c_t) ⊙ δ_t        δ_t = g_t + W_hhᵀ ∂L/∂a_{t+1}
    GRU:  δ_t = g_t + z_{t+1} ⊙ δ_{t+1} + W_hhᵀ p_{t+1}

with δ_t = ∂L/∂h_t, γ_t = ∂L/∂c_t, g_t = ∂ℓ_t/∂h_t; ∂L/∂a and p as in `LSTMCell.vjp`, `GRUCell.vjp`.
Only norms are reported, and nothing under- or overflows on the way (`sweeping`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from rnncore.cells.lstm import LSTMCell
from rnncore.checks import ArgumentError
from rnncore.chunks import (
    Bounds,
    ShouldStop,
    backward_bounds,
    block_start,
    checked_bounds,
    stop_if_asked,
)
from rnncore.extended_range import Exponents, Norms
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
class GatedSweep:
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
        self._reached = rollout.steps

    def chunks(
        self, *, bounds: Iterable[Bounds] | None = None, should_stop: ShouldStop | None = None
    ) -> Iterator[GatedGradientChunk]:
        """The chunks in backward order, each as soon as its first step is reached.

        When the iterator ends, the sweep has reached h_1, also below the chunks asked for.
        Asked again, it gives the same numbers without computing them again.

        Args:
            bounds: chunks [t0, t1) in decreasing order; None for `backward_bounds`. Results
                don't depend on them by a single bit.
            should_stop: asked every 16 to 512 steps; once it is true, `Cancelled` is raised.

        Raises:
            ValueError: a chunk is empty, outside [0, T] or out of order.
            Cancelled: `should_stop` was true.
        """
        steps = self._rollout.steps
        if bounds is None:
            bounds = backward_bounds(steps)
        for t0, t1 in checked_bounds(bounds, steps, backward=True):
            self._sweep_until(t0, should_stop)
            yield self.chunk(t0, t1)
        self._sweep_until(0, should_stop)

    def chunk(self, t0: int, t1: int) -> GatedGradientChunk:
        """The norms of steps [t0, t1).

        Raises:
            ValueError: the sweep has not reached them, or they are outside [0, T].
        """
        if not self._reached <= t0:
            raise ArgumentError(
                "t0", "is out of reach", got=t0, expected=f"{self._reached} or more"
            )
        for _ in checked_bounds([(t0, t1)], self._rollout.steps, backward=True):
            pass
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

    def input_gradients(
        self, t0: int, t1: int, *, should_stop: ShouldStop | None = None
    ) -> tuple[Tensor, Exponents]:
        """∂L/∂x_t of steps [t0, t1) as g · 2ᵏ, for which the sweep goes down to t0.

        Args:
            should_stop: as for `chunks`.

        Returns:
            g (t1 - t0, N, D) in the run's dtype, with norms in [1/2, 1) or 0, a view of the
            sweep's storage, and the whole numbers k (t1 - t0, N); N is the batch, flattened.

        Raises:
            ValueError: the sweep does not keep them, or the steps are outside [0, T].
            Cancelled: `should_stop` was true.
        """
        kept = self._sweeper.inputs
        if kept is None:
            raise ArgumentError(
                "input_gradients", "are not kept", got="keeps_inputs=False", expected="True"
            )
        for _ in checked_bounds([(t0, t1)], self._rollout.steps, backward=True):
            pass
        self._sweep_until(t0, should_stop)
        return kept.g[t0:t1], kept.exponents[t0:t1]

    def _sweep_until(self, t0: int, should_stop: ShouldStop | None) -> None:
        if self._reached <= t0:
            return
        # Overflow is no accident: every window looks for it by its norms.
        with np.errstate(all="ignore"):
            while self._reached > t0:
                stop_if_asked(should_stop)
                start = block_start(self._reached, self._rollout.trajectory)
                self._sweeper.sweep(start, self._reached)
                self._reached = start

    def _sequences(self, logs: Norms) -> Tensor:
        return self._rollout.trajectory.sequences(torch.from_numpy(logs))
