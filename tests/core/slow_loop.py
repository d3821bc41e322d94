"""The slow reference of generation: a literal loop with the output as the input, by autograd."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from rnncore import LinearLoss, LSTMCell, LSTMState, Readout


@dataclass
class LoopNorms:
    """What a loop finds; norms are log10, (…, T), or of the shares (T,)."""

    h: Tensor
    x: Tensor
    grad_h: Tensor
    grad_W_hh: Tensor
    grad_W_xh: Tensor


def autograd_loop(
    cell: Any, x: Tensor, h_0: Tensor, readout: Readout, loss: Any, *, after: int
) -> LoopNorms:
    """x_{t+1} = y_t from step `after` on; every step has its own copy of the shared matrices."""
    h, c, hs, xs, copies = h_0, torch.zeros_like(h_0), [], [], []
    for t in range(x.shape[-2]):
        W_hh, W_xh = (W.clone().requires_grad_() for W in (cell.W_hh, cell.W_xh))
        own = replace(cell, W_hh=W_hh, W_xh=W_xh)
        x_t = x[..., t, :] if t < after else readout.output(h)
        if isinstance(own, LSTMCell):
            h, c = own.step(x_t, LSTMState(h, c))
        else:
            h = own.step(x_t, h)
        h.retain_grad()
        hs.append(h)
        xs.append(x_t)
        copies.append((W_hh, W_xh))
    for h_t in hs[-1:] if loss.at == "last" else hs:
        if isinstance(loss, LinearLoss):
            term = h_t @ loss.c
        else:
            term = ((readout.output(h_t) - loss.target) ** 2).sum(-1) / 2
        term.sum().backward(retain_graph=True)
    return LoopNorms(
        h=torch.stack(hs, dim=-2).detach(),
        x=torch.stack(xs, dim=-2).detach(),
        grad_h=torch.stack([each.grad.norm(dim=-1) for each in hs], dim=-1).log10(),
        grad_W_hh=torch.stack([W.grad.norm() for W, _ in copies]).log10(),
        grad_W_xh=torch.stack([W.grad.norm() for _, W in copies]).log10(),
    )
