"""Backward in time through a stack: what reaches every step of every layer.

    δ_t^(l) = W_xhᵀ ∂L/∂a_t^(l+1) + what comes from step t + 1 of layer l

What a layer hands down into the states of the one below is that layer's local gradient, a vector
with an exponent of its own at every step, so nothing under- or overflows between layers either.
"""

from dataclasses import dataclass
from typing import Final, final

from torch import Tensor

from rnncore.backward import BackwardSweep
from rnncore.bptt import GradientChunk, GradientSweep
from rnncore.chunks import ShouldStop
from rnncore.extended_range import Exponents
from rnncore.gated.bptt import GatedGradientChunk, GatedSweep
from rnncore.losses import At, Loss
from rnncore.rollout import Rollout
from rnncore.run import Run
from rnncore.stack.rollout import Layer, StackedRollout

LayerChunk = GradientChunk | GatedGradientChunk
LayerSweep = GradientSweep | GatedSweep


@dataclass(frozen=True, eq=False)
class StackedGradientChunk:
    """Gradient norms of steps [t0, t1) of all layers, the bottom first.

    Each is as for a run of its own; x_t of a layer above the first is h_t of the one below. The
    direct path of a gated layer is that of what reaches its last step.
    """

    t0: int
    t1: int
    layers: tuple[LayerChunk, ...]

    @property
    def top(self) -> LayerChunk:
        """Those of the top layer."""
        return self.layers[-1]

    @property
    def log10_grad_h(self) -> Tensor:
        """log10 ‖∂L/∂h_{k+1}‖ of the top layer, (…, t1 - t0)."""
        return self.top.log10_grad_h

    @property
    def log10_grad_W_hh(self) -> Tensor:
        """log10 ‖step k's share of ∂L/∂W_hh‖_F of the top layer, (t1 - t0,)."""
        return self.top.log10_grad_W_hh

    @property
    def log10_grad_W_xh(self) -> Tensor:
        """log10 ‖step k's share of ∂L/∂W_xh‖_F of the top layer, (t1 - t0,)."""
        return self.top.log10_grad_W_xh


@final
class _FromAbove:
    """The loss that a layer sees: what the layer above hands down to it, as that is swept."""

    at: Final[At] = "every"

    def __init__(self, above: LayerSweep) -> None:
        self._above = above

    def local_gradient(self, rollout: Run, t0: int, t1: int) -> tuple[Tensor, Exponents]:
        """∂L/∂x_t of the layer above."""
        return self._above.input_gradients(t0, t1)


@final
class StackedSweep(BackwardSweep[StackedGradientChunk]):
    """The gradient norms of a complete stack, computed from the last step down as asked for.

    Args:
        stack: complete, that is with `states` exhausted.
        loss: which gradient, of the states of the top layer.

    Raises:
        ValueError: the stack is not complete, or the loss does not fit its sizes.

    Cost: that of L sweeps, and 2TG·H² flops and TH numbers for each layer but the first.

    >>> import torch
    >>> from rnncore import ElmanCell, LinearLoss, Readout
    >>> cell = ElmanCell(torch.full((1, 1), 0.5), torch.ones(1, 1), torch.zeros(1), "linear")
    >>> readout = Readout(torch.ones(1, 1), torch.zeros(1))
    >>> run = StackedRollout([cell, cell], torch.ones(3, 1), torch.zeros(2, 1), readout)
    >>> for states in run.states():
    ...     pass
    >>> (chunk,) = StackedSweep(run, LinearLoss(torch.ones(1))).chunks()
    >>> [[round(10**x, 9) for x in layer.log10_grad_h.tolist()] for layer in chunk.layers]
    [[1.5, 1.0, 0.5], [1.0, 1.0, 1.0]]
    """

    def __init__(self, stack: StackedRollout, loss: Loss) -> None:
        stack.require_complete()
        sweeps: list[LayerSweep] = []
        for i, layer in reversed(list(enumerate(stack.layers))):
            charged = _FromAbove(sweeps[-1]) if sweeps else loss
            sweeps.append(_sweep(layer, charged, keeps_inputs=i > 0))
        self._sweeps = sweeps[::-1]
        super().__init__(stack.steps)

    def _norms(self, t0: int, t1: int) -> StackedGradientChunk:
        layers = tuple(sweep.chunk(t0, t1) for sweep in self._sweeps)
        return StackedGradientChunk(t0, t1, layers)

    def _sweep_until(self, t0: int, should_stop: ShouldStop | None) -> None:
        if self._reached <= t0:
            return
        for sweep in reversed(self._sweeps):
            next(sweep.chunks(bounds=[(t0, self._steps)], should_stop=should_stop))
        self._reached = t0


def _sweep(layer: Layer, loss: Loss, *, keeps_inputs: bool) -> LayerSweep:
    if isinstance(layer, Rollout):
        return GradientSweep(layer, loss, keeps_inputs=keeps_inputs)
    return GatedSweep(layer, loss, keeps_inputs=keeps_inputs)
