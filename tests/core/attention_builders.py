"""Attention cells, their runs, and what is told of them."""

import torch
from torch.nn.functional import scaled_dot_product_attention

from rnncore import (
    AttentionCell,
    AttentionRollout,
    AttentionSweep,
    LinearLoss,
    gaussian_bias,
    gaussian_weights,
    loss_direction,
)
from tests.core.builders import make_readout

NAMES = ("log10_grad_h", "log10_grad_W_hh", "log10_grad_W_xh")


def draw(*shape, seed=9):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def attention_cell(H=12, D=2, *, scale=1.0, bias=0.1, dtype=torch.float64):
    return AttentionCell(
        gaussian_weights(H, D, scale=1.0, seed=1).to(dtype),
        scale * gaussian_weights(3 * H, H, scale=1.0, seed=2).to(dtype),
        gaussian_bias(H, scale=bias, seed=3).to(dtype),
    )


def attended(cell, x, **options):
    run = AttentionRollout(cell, x, make_readout(cell), **options)
    for _ in run.states():
        pass
    return run


def norms_of(run, loss=None):
    sweep = AttentionSweep(run, loss or LinearLoss(loss_direction(run.cell.hidden_size)))
    for _ in sweep.chunks():
        pass
    return sweep.chunk(0, run.steps)


def whole(run):
    (chunk,) = run.states(bounds=[(0, run.steps)])
    return chunk


def reference(cell, x, loss):
    """o by PyTorch's own attention; norms of ∂L/∂e_t and of each position's shares by autograd."""
    x_t = [x[..., t, :] for t in range(x.shape[-2])]
    copies = [tuple(W.clone().requires_grad_() for W in (cell.W_xh, cell.W_qkv)) for _ in x_t]
    e = [each @ W_xh.mT + cell.b_h for each, (W_xh, _) in zip(x_t, copies, strict=True)]
    for each in e:
        each.retain_grad()
    qkv = torch.stack([each @ W_qkv.mT for each, (_, W_qkv) in zip(e, copies, strict=True)], -2)
    o = scaled_dot_product_attention(*qkv.chunk(3, dim=-1), is_causal=True)
    charged = o if loss.at == "every" else o[..., -1:, :]
    if isinstance(loss, LinearLoss):
        total = (charged @ loss.c).sum()
    else:
        total = ((loss.readout.output(charged) - loss.target) ** 2).sum() / 2
    total.backward()
    return (
        o.detach(),
        torch.stack([each.grad.norm(dim=-1) for each in e], dim=-1),
        torch.stack([W.grad.norm() for _, W in copies]),
        torch.stack([W.grad.norm() for W, _ in copies]),
    )


# Parity
