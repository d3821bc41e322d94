"""Networks and runs for the tests, in one call each."""

from typing import Any

import torch
from torch import Tensor

from rnncore import (
    Activation,
    ElmanCell,
    Ensemble,
    GradientChunk,
    GradientSweep,
    LinearLoss,
    MeanSquaredLoss,
    Readout,
    Rollout,
    gaussian_bias,
    gaussian_weights,
    loss_direction,
    recurrent_matrix,
)


def make_cell(
    H: int = 16,
    D: int = 2,
    *,
    activation: Activation = "tanh",
    ensemble: Ensemble = "gaussian",
    rho: float = 1.0,
    seed: int = 0,
    bias: float = 0.1,
    dtype: torch.dtype = torch.float64,
) -> ElmanCell:
    W_hh = recurrent_matrix(ensemble, H, seed=seed, spectral_radius=rho).W
    return ElmanCell(
        gaussian_weights(H, D, scale=1.0, seed=1).to(dtype),
        W_hh.to(dtype),
        gaussian_bias(H, scale=bias, seed=3).to(dtype),
        activation,
    )


def cell_from(
    W_hh: Any, *, D: int = 1, activation: Activation = "linear", dtype: torch.dtype = torch.float64
) -> ElmanCell:
    """A cell around a given matrix, with input weights of 1 and no bias."""
    W = torch.as_tensor(W_hh, dtype=torch.float64).to(dtype)
    H = W.shape[0]
    return ElmanCell(torch.ones(H, D, dtype=dtype), W, torch.zeros(H, dtype=dtype), activation)


def make_readout(cell: ElmanCell, O: int = 3, *, scale: float = 1.0) -> Readout:  # noqa: E741
    W_hy = gaussian_weights(O, cell.hidden_size, scale=scale, seed=4).to(cell.dtype)
    return Readout(W_hy, gaussian_bias(O, scale=0.3, seed=8).to(cell.dtype))


def finished(
    cell: ElmanCell, x: Tensor, h_0: Tensor, readout: Readout | None = None, **options: Any
) -> Rollout:
    """A rollout that has been run to its end."""
    run = Rollout(cell, x, h_0, readout or make_readout(cell), **options)
    for _ in run.states():
        pass
    return run


def silent(cell: ElmanCell, h_0: Tensor, steps: int) -> Rollout:
    """The autonomous run from h_0."""
    x = torch.zeros(steps, cell.input_size, dtype=cell.dtype)
    return finished(cell, x, h_0)


def swept(run: Rollout, loss: LinearLoss | MeanSquaredLoss | None = None) -> GradientChunk:
    """All gradient norms of a run; of the linear loss at the last step unless another is given."""
    sweep = GradientSweep(run, loss or LinearLoss(loss_direction(run.cell.hidden_size)))
    for _ in sweep.chunks():
        pass
    return sweep.chunk(0, run.steps)
