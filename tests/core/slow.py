"""Slow references: autograd with every gradient kept, logarithms, integer arithmetic."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, fsum, inf, log, log1p, log10

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


@dataclass
class LogNorms:
    """log10 of ‖δ‖, ‖d ⊙ δ‖ / ‖δ‖ and ‖W_hhᵀ(d ⊙ δ)‖ / ‖d ⊙ δ‖ of every step."""

    grad_h: list[float]
    saturation: list[float]
    linear_gain: list[float]


def log_domain_norms(cell: ElmanCell, a: Tensor, loss: LinearLoss) -> LogNorms:
    """The backward sweep of a tanh network, each number kept as its sign and its logarithm.

    Args:
        a: the preactivations of the run, (T, H); the forward pass is not at stake here.
    """
    W_hhT = [[_signed_log(w) for w in column] for column in cell.W_hh.T.tolist()]
    c = [_signed_log(value) for value in loss.c.to(cell.dtype).tolist()]
    w, size, norms = [(0, -inf)] * len(c), 0.0, LogNorms([], [], [])
    for t, a_t in reversed(list(enumerate(a.tolist()))):
        # Vectors are kept less their own size, which at 10³⁰ would swallow their directions.
        delta = w
        if loss.at == "every" or t == len(a) - 1:
            delta = [_log_sum([(s, ln + size), g]) for (s, ln), g in zip(w, c, strict=True)]
            size = 0.0
        slopes = [log(4) - 2 * abs(x) - 2 * log1p(exp(-2 * abs(x))) for x in a_t]
        v = [(sign, ln + slope) for (sign, ln), slope in zip(delta, slopes, strict=True)]
        damping = max(ln for _, ln in v)
        v_less = [(sign, ln - damping) for sign, ln in v]
        w = [
            _log_sum([(s * z, m + n) for (s, m), (z, n) in zip(row, v_less, strict=True)])
            for row in W_hhT
        ]
        norms.grad_h.append((_log_norm(delta) + size) / log(10))
        norms.saturation.append((_log_norm(v) - _log_norm(delta)) / log(10))
        norms.linear_gain.append((_log_norm(w) - _log_norm(v_less)) / log(10))
        size += damping
    return LogNorms(*(values[::-1] for values in vars(norms).values()))


def _signed_log(value: float) -> tuple[int, float]:
    return (0, -inf) if value == 0 else (1 if value > 0 else -1, log(abs(value)))


def _log_sum(terms: Iterable[tuple[int, float]]) -> tuple[int, float]:
    terms = list(terms)
    top = max(ln for _, ln in terms)
    if top == -inf:
        return 0, -inf
    sign, ln = _signed_log(fsum(sign * exp(ln - top) for sign, ln in terms))
    return sign, ln + top


def _log_norm(vector: list[tuple[int, float]]) -> float:
    return _log_sum((1, 2 * ln) for _, ln in vector)[1] / 2


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
