"""Stacks and their runs for the tests, PyTorch's own beside them, and autograd through both."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from rnncore import (
    ElmanCell,
    GRUCell,
    LinearLoss,
    LSTMCell,
    LSTMState,
    MeanSquaredLoss,
    Readout,
    StackedGradientChunk,
    StackedRollout,
    StackedSweep,
    loss_direction,
)

StackKind = Literal["elman", "gru", "lstm"]
STACK_KINDS: tuple[StackKind, ...] = ("elman", "gru", "lstm")
Cell = ElmanCell | GRUCell | LSTMCell
_MODULES = {"elman": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


def stacked_module(kind: StackKind, L: int, H: int, D: int, dtype: torch.dtype) -> Any:
    """nn.RNN, nn.GRU or nn.LSTM, batch first, with its own initial weights."""
    torch.manual_seed(0)
    return _MODULES[kind](D, H, num_layers=L, batch_first=True, dtype=dtype)


def cells_of(layer: Any) -> list[Cell]:
    """The cells with a module's weights, the bottom first."""
    return [_cell(layer, i) for i in range(layer.num_layers)]


def _cell(layer: Any, i: int) -> Cell:
    W_xh, W_hh, b_ih, b_hh = (
        getattr(layer, f"{name}_l{i}").detach().clone()
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    if isinstance(layer, torch.nn.RNN):
        return ElmanCell(W_xh, W_hh, b_ih + b_hh)
    if isinstance(layer, torch.nn.LSTM):
        return LSTMCell(W_xh, W_hh, b_ih + b_hh)
    H = layer.hidden_size
    b_h = torch.cat((b_ih[: 2 * H] + b_hh[: 2 * H], b_ih[2 * H :]))
    return GRUCell(W_xh, W_hh, b_h, b_hh[2 * H :])


def stacked_cells(
    kind: StackKind, L: int = 2, H: int = 12, D: int = 2, *, dtype: torch.dtype = torch.float64
) -> list[Cell]:
    return cells_of(stacked_module(kind, L, H, D, dtype))


def linear_cells(
    *gains: tuple[float, float], dtype: torch.dtype = torch.float64
) -> list[ElmanCell]:
    """One linear unit a layer, with these W_xh and W_hh."""
    return [
        ElmanCell(
            torch.full((1, 1), W_xh, dtype=torch.float64).to(dtype),
            torch.full((1, 1), W_hh, dtype=torch.float64).to(dtype),
            torch.zeros(1, dtype=dtype),
            "linear",
        )
        for W_xh, W_hh in gains
    ]


def stacked(cells: list, x: Tensor, h_0: Any = None, **options: Any) -> StackedRollout:
    """A stack that has been run to its end."""
    L, H, dtype = len(cells), cells[0].hidden_size, cells[0].dtype
    generator = torch.Generator().manual_seed(5)
    W_hy = torch.randn(3, H, generator=generator, dtype=torch.float64).to(dtype)
    b_y = torch.randn(3, generator=generator, dtype=torch.float64).to(dtype)
    h_0 = torch.zeros(L, H, dtype=dtype) if h_0 is None else h_0
    run = StackedRollout(cells, x, h_0, Readout(W_hy, b_y), **options)
    for _ in run.states():
        pass
    return run


def stacked_norms(
    run: StackedRollout, loss: LinearLoss | MeanSquaredLoss | None = None
) -> StackedGradientChunk:
    """All gradient norms of a stack; of the linear loss at the last step unless told."""
    sweep = StackedSweep(run, loss or LinearLoss(loss_direction(run.cell.hidden_size)))
    for _ in sweep.chunks():
        pass
    return sweep.chunk(0, run.steps)


@dataclass
class LayerAutograd:
    """Norms: (…, T), and of the shares (T,)."""

    grad_h: Tensor
    grad_W_hh: Tensor
    grad_W_xh: Tensor


def stacked_autograd(
    cells: list, x: Tensor, h_0: Tensor, c_0: Tensor, loss: LinearLoss | MeanSquaredLoss
) -> list[LayerAutograd]:
    """Through `cell.step`, with every step's own copy of the shared matrices, bottom first."""
    kept, inputs = [], [x[..., t, :] for t in range(x.shape[-2])]
    for i, cell in enumerate(cells):
        h, c, hs, copies = h_0[..., i, :], c_0[..., i, :], [], []
        for x_t in inputs:
            W_hh, W_xh = (W.clone().requires_grad_() for W in (cell.W_hh, cell.W_xh))
            own = replace(cell, W_hh=W_hh, W_xh=W_xh)
            if isinstance(own, LSTMCell):
                h, c = own.step(x_t, LSTMState(h, c))
            else:
                h = own.step(x_t, h)
            h.retain_grad()
            hs.append(h)
            copies.append((W_hh, W_xh))
        kept.append((hs, copies))
        inputs = hs
    times = [len(hs) - 1] if loss.at == "last" else range(len(hs))
    if isinstance(loss, LinearLoss):
        total = sum((hs[t] @ loss.c).sum() for t in times)
    else:
        total = sum(((loss.readout.output(hs[t]) - loss.target) ** 2).sum() / 2 for t in times)
    total.backward()
    return [
        LayerAutograd(
            grad_h=torch.stack([h.grad.norm(dim=-1) for h in hs], dim=-1),
            grad_W_hh=torch.stack([W.grad.norm() for W, _ in copies]),
            grad_W_xh=torch.stack([W.grad.norm() for _, W in copies]),
        )
        for hs, copies in kept
    ]


def rescaled_log10_norms(
    cells: list, states: list[Tensor], cs: list[Tensor], x: Tensor, c: Tensor
) -> list[list[float]]:
    """log10 ‖∂L/∂h_t‖ of every layer for L = cᵀh_T, by autograd a step at a time in float64.

    What goes from step to step is brought to size 1 and its size kept apart: all layers at one
    scale, so they may lie some hundred decades apart.

    Args:
        states, cs: of each layer from time 0 on, (T + 1, H); cs of LSTMs alone.
    """
    L, T = len(cells), len(x)
    came = [torch.zeros_like(c) for _ in (*states, *cs)]
    came[L - 1], log10_size = c, 0.0
    norms: list[list[float]] = [[] for _ in cells]
    for t in reversed(range(T)):
        before = [h[t].clone().requires_grad_() for h in states]
        before_c = [each[t].clone().requires_grad_() for each in cs]
        after, after_c, x_t = [], [], x[t]
        for i, cell in enumerate(cells):
            if isinstance(cell, LSTMCell):
                x_t, c_t = cell.step(x_t, LSTMState(before[i], before_c[i]))
                after_c.append(c_t)
            else:
                x_t = cell.step(x_t, before[i])
            after.append(x_t)
        total = sum((each * g).sum() for each, g in zip(after + after_c, came, strict=True))
        found = torch.autograd.grad(total, after + before + before_c)
        for kept, g in zip(norms, found[:L], strict=True):
            kept.append(float(g.norm().log10()) + log10_size)
        came = list(found[L:])
        largest = max(float(g.abs().max()) for g in came)
        log10_size += torch.tensor(largest, dtype=torch.float64).log10().item()
        came = [g / largest for g in came]
    return [kept[::-1] for kept in norms]
