"""Gated cells and their runs for the tests, and PyTorch's own beside them."""

from typing import Any, Literal

import torch
from torch import Tensor

from rnncore import (
    GatedGradientChunk,
    GatedRollout,
    GatedSweep,
    GRUCell,
    LinearLoss,
    LSTMCell,
    MeanSquaredLoss,
    Readout,
    loss_direction,
)

Kind = Literal["gru", "lstm"]
KINDS: tuple[Kind, ...] = ("gru", "lstm")
Cell = GRUCell | LSTMCell


def module(kind: Kind, H: int, D: int, dtype: torch.dtype, *, scale: float = 1.0, seed: int = 0):
    """nn.GRU or nn.LSTM, batch first, with its own initial weights times `scale`."""
    torch.manual_seed(seed)
    layer = (torch.nn.GRU if kind == "gru" else torch.nn.LSTM)(D, H, batch_first=True, dtype=dtype)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter *= scale
    return layer


def cell_of(layer: torch.nn.GRU | torch.nn.LSTM) -> Cell:
    """The cell with a module's weights."""
    W_xh, W_hh, b_ih, b_hh = (
        getattr(layer, f"{name}_l0").detach().clone()
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    if isinstance(layer, torch.nn.LSTM):
        return LSTMCell(W_xh, W_hh, b_ih + b_hh)
    H = layer.hidden_size
    b_h = torch.cat((b_ih[: 2 * H] + b_hh[: 2 * H], b_ih[2 * H :]))
    return GRUCell(W_xh, W_hh, b_h, b_hh[2 * H :])


def gated_cell(
    kind: Kind,
    H: int = 12,
    D: int = 2,
    *,
    dtype: torch.dtype = torch.float64,
    scale: float = 1.0,
    bias: float = 1.0,
    seed: int = 0,
) -> Cell:
    cell = cell_of(module(kind, H, D, dtype, scale=scale, seed=seed))
    if isinstance(cell, LSTMCell):
        return LSTMCell(cell.W_xh, cell.W_hh, bias * cell.b_h)
    return GRUCell(cell.W_xh, cell.W_hh, bias * cell.b_h, bias * cell.b_hn)


def with_bias(cell: Cell, gate: int, value: float) -> Cell:
    """The cell with one gate's bias set everywhere; gates count in PyTorch's order."""
    H = cell.hidden_size
    b_h = cell.b_h.clone()
    b_h[gate * H : (gate + 1) * H] = value
    if isinstance(cell, LSTMCell):
        return LSTMCell(cell.W_xh, cell.W_hh, b_h)
    return GRUCell(cell.W_xh, cell.W_hh, b_h, cell.b_hn)


def gated_run(
    cell: Cell,
    x: Tensor,
    h_0: Tensor | None = None,
    c_0: Tensor | None = None,
    *,
    readout: Readout | None = None,
    **options: Any,
) -> GatedRollout:
    """A rollout that has been run to its end."""
    H, dtype = cell.hidden_size, cell.dtype
    generator = torch.Generator().manual_seed(5)
    readout = readout or Readout(
        torch.randn(3, H, generator=generator, dtype=torch.float64).to(dtype),
        torch.randn(3, generator=generator, dtype=torch.float64).to(dtype),
    )
    h_0 = torch.zeros(H, dtype=dtype) if h_0 is None else h_0
    run = GatedRollout(cell, x, h_0, readout, c_0=c_0, **options)
    for _ in run.states():
        pass
    return run


def gated_norms(
    run: GatedRollout, loss: LinearLoss | MeanSquaredLoss | None = None
) -> GatedGradientChunk:
    """All gradient norms of a run; of the linear loss at the last step unless another is given."""
    sweep = GatedSweep(run, loss or LinearLoss(loss_direction(run.cell.hidden_size)))
    for _ in sweep.chunks():
        pass
    return sweep.chunk(0, run.steps)


def whole(run: GatedRollout):
    (chunk,) = run.states(bounds=[(0, run.steps)])
    return chunk
