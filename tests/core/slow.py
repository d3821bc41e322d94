"""Slow references: autograd with every gradient kept, and integer arithmetic."""

from dataclasses import dataclass
from math import log10

import torch
from torch import Tensor

from rnncore import ElmanCell, LinearLoss, MeanSquaredLoss, phi


@dataclass
class AutogradNorms:
    h: Tensor
    grad_h: Tensor
    grad_W_hh: Tensor
    grad_W_xh: Tensor


def autograd_norms(
    cell: ElmanCell, x: Tensor, h_0: Tensor, loss: LinearLoss | MeanSquaredLoss
) -> AutogradNorms:
    """Norms of ∂L/∂h_t and of each step's share of the weight gradients, by autograd.

    Every step gets its own copy of the shared matrices, so the copies' gradients are the shares.
    """
    h, states, copies_hh, copies_xh = h_0, [], [], []
    for t in range(x.shape[-2]):
        W_hh, W_xh = (W.clone().requires_grad_() for W in (cell.W_hh, cell.W_xh))
        h = phi(cell.activation, x[..., t, :] @ W_xh.mT + h @ W_hh.mT + cell.b_h)
        h.retain_grad()
        states.append(h)
        copies_hh.append(W_hh)
        copies_xh.append(W_xh)
    times = [len(states) - 1] if loss.at == "last" else range(len(states))
    if isinstance(loss, LinearLoss):
        total = sum((states[t] @ loss.c).sum() for t in times)
    else:
        targets = loss.target.expand(*states[0].shape[:-1], len(states), -1)
        total = sum(
            ((loss.readout.output(states[t]) - targets[..., t, :]) ** 2).sum() / 2 for t in times
        )
    total.backward()
    return AutogradNorms(
        h=torch.stack(states, dim=-2).detach(),
        grad_h=torch.stack([_norm(h.grad) for h in states], dim=-1),
        grad_W_hh=torch.stack([W.grad.norm() for W in copies_hh]),
        grad_W_xh=torch.stack([W.grad.norm() for W in copies_xh]),
    )


def _norm(vectors: Tensor) -> Tensor:
    """‖·‖ along the last axis without squares that underflow."""
    largest = vectors.abs().amax(dim=-1, keepdim=True).clamp(min=5e-324)
    return (vectors / largest).norm(dim=-1) * largest.squeeze(-1)


def exact_log10_norms(cell: ElmanCell, x: Tensor, h_0: Tensor) -> list[float]:
    """log10 ‖h_t‖ of a linear or ReLU network in Python's integers: no rounding and no range.

    Every float is an integer over a power of two, and so is every state: h = n / 2^bits.
    """
    W_hh, weight_bits = _integers(cell.W_hh)
    h, bits = _integers(h_0)
    drives, drive_bits = _integers(x.to(cell.dtype) @ cell.W_xh.mT + cell.b_h)
    norms = []
    for drive in drives:
        bits += weight_bits
        shift = bits - drive_bits
        if shift < 0:
            W_shift, bits, shift = -shift, drive_bits, 0
        else:
            W_shift = 0
        h = [
            (sum(w * n for w, n in zip(row, h, strict=True)) << W_shift) + (d << shift)
            for row, d in zip(W_hh, drive, strict=True)
        ]
        if cell.activation == "relu":
            h = [max(n, 0) for n in h]
        norms.append(_log10_norm(h, bits))
    return norms


def _integers(values: Tensor) -> tuple[list, int]:
    """The integers n and the least bits with values = n / 2^bits, exactly."""
    flat = values.double().flatten().tolist()
    bits = max(value.as_integer_ratio()[1].bit_length() - 1 for value in flat)
    integers = [n * (2**bits // d) for n, d in (value.as_integer_ratio() for value in flat)]
    if values.ndim == 1:
        return integers, bits
    width = values.shape[1]
    return [integers[i : i + width] for i in range(0, len(integers), width)], bits


def _log10_norm(h: list[int], bits: int) -> float:
    """log10 ‖h / 2^bits‖ of integers too long for a float."""
    longest = max(n.bit_length() for n in h)
    if longest == 0:
        return float("-inf")
    # 200 bits of the largest are more than a float holds, and quickly squared.
    shift = max(0, longest - 200)
    squared = sum((n >> shift) ** 2 for n in h)
    return log10(squared) / 2 + (shift - bits) * log10(2.0)
