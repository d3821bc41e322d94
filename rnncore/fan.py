"""One network at many spectral radii at once."""

from dataclasses import dataclass

from torch import Tensor

from rnncore.bptt import GradientSweep
from rnncore.cells.elman import ElmanCell
from rnncore.checks import cast, checked_shape
from rnncore.chunks import ShouldStop
from rnncore.losses import Loss
from rnncore.readout import Readout
from rnncore.rollout import Rollout


@dataclass(frozen=True, eq=False)
class Fan:
    """The norms of a fan; ray k is the run with scales[k] · W_hh."""

    scales: Tensor  # (K,) float64
    log10_norm_h: Tensor  # (K, T) float64, log10 ‖h_t‖, index t - 1
    log10_grad_h: Tensor  # (K, T) float64, log10 ‖∂L/∂h_t‖, likewise


def fan(
    cell: ElmanCell,
    scales: Tensor,
    x: Tensor,
    h_0: Tensor,
    loss: Loss,
    *,
    readout: Readout | None = None,
    should_stop: ShouldStop | None = None,
) -> Fan:
    """Norms of states and gradients for many factors on W_hh, all rays in one product a step.

    The eigenvalues need no computation: λ(sW) = sλ(W). Each ray equals the single run of its
    factor to rounding.

    Args:
        cell: with the W_hh that is scaled.
        scales: factors, (K,).
        x: inputs, (T, D), the same for every ray.
        h_0: initial state, (H,), likewise.
        loss: which gradient.
        readout: that of the loss; None where the loss reads the state alone.
        should_stop: asked every few steps; once it is true, `Cancelled` is raised.

    Raises:
        ValueError: as `Rollout` and `GradientSweep`.
        Cancelled: `should_stop` was true.

    Cost: 4KTH² flops, and 2KTH numbers of storage.

    >>> import torch
    >>> from rnncore import LinearLoss
    >>> cell = ElmanCell(torch.zeros(1, 1), torch.ones(1, 1), torch.zeros(1), "linear")
    >>> rays = fan(cell, torch.tensor([0.1, 10]), torch.zeros(3, 1), torch.ones(1),
    ...     LinearLoss(torch.ones(1)))
    >>> [[round(x) for x in ray] for ray in rays.log10_norm_h.tolist()]
    [[-1, -2, -3], [1, 2, 3]]
    """
    checked_shape("scales", scales, ("K",))
    cast("scales", scales.detach(), cell.dtype)  # or a ray would be NaN without a word
    checked_shape("x", x, ("T", cell.input_size))
    checked_shape("h_0", h_0, (cell.hidden_size,))
    if readout is None:
        readout = Readout(cell.W_hh.new_zeros(1, cell.hidden_size), cell.b_h.new_zeros(1))
    run = Rollout(cell, x, h_0, readout, scales=scales, has_outputs=False)
    # No chunk is asked for: the states themselves are not wanted, only computed.
    for _ in run.states(should_stop, bounds=()):
        pass
    sweep = GradientSweep(run, loss)
    for _ in sweep.chunks(should_stop=should_stop, bounds=()):
        pass
    return Fan(scales.double(), run.log10_norm_h, sweep.chunk(0, run.steps).log10_grad_h)
