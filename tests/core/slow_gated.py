"""Slow references of gated cells: autograd with every gradient kept, and pure logarithms."""

from dataclasses import dataclass, replace
from math import exp, inf, log, log1p, tanh

import torch
from torch import Tensor

from rnncore import GRUCell, LinearLoss, LSTMCell, LSTMState, MeanSquaredLoss
from tests.core.slow import _log_norm, _log_sum, _signed_log

Signed = tuple[int, float]


@dataclass
class GatedAutograd:
    """log10 of norms, (…, T) or of the shares (T,)."""

    grad_h: Tensor
    grad_c: Tensor | None
    grad_W_hh: Tensor
    grad_W_xh: Tensor


def gated_autograd(
    cell: GRUCell | LSTMCell,
    x: Tensor,
    h_0: Tensor,
    c_0: Tensor | None,
    loss: LinearLoss | MeanSquaredLoss,
) -> GatedAutograd:
    """By autograd through `cell.step`, with every step's own copy of the shared matrices."""
    h, c, hs, cs, copies = h_0, c_0, [], [], []
    for t in range(x.shape[-2]):
        W_hh, W_xh = (W.clone().requires_grad_() for W in (cell.W_hh, cell.W_xh))
        own = replace(cell, W_hh=W_hh, W_xh=W_xh)
        if isinstance(own, LSTMCell):
            h, c = own.step(x[..., t, :], LSTMState(h, c))
            c.retain_grad()
            cs.append(c)
        else:
            h = own.step(x[..., t, :], h)
        h.retain_grad()
        hs.append(h)
        copies.append((W_hh, W_xh))
    times = [len(hs) - 1] if loss.at == "last" else range(len(hs))
    if isinstance(loss, LinearLoss):
        total = sum((hs[t] @ loss.c.to(h.dtype)).sum() for t in times)
    else:
        total = sum(((loss.readout.output(hs[t]) - loss.target) ** 2).sum() / 2 for t in times)
    total.backward()
    return GatedAutograd(
        grad_h=torch.stack([each.grad.norm(dim=-1) for each in hs], dim=-1).log10(),
        grad_c=torch.stack([each.grad.norm(dim=-1) for each in cs], dim=-1).log10() if cs else None,
        grad_W_hh=torch.stack([W.grad.norm() for W, _ in copies]).log10(),
        grad_W_xh=torch.stack([W.grad.norm() for _, W in copies]).log10(),
    )


@dataclass
class GatedLogs:
    """log10 of one sequence's norms, by steps; grad_c and direct as in `GatedGradientChunk`."""

    grad_h: list[float]
    grad_c: list[float]
    shares: list[float]  # of W_hh without ‖h_{t-1}‖


def lstm_in_logarithms(cell: LSTMCell, x: Tensor, h: Tensor, c: Tensor, g: Tensor) -> GatedLogs:
    """The backward sweep of a loss g · h_T, each number kept as its sign and its logarithm.

    Args:
        h, c: the states from time 0 on, (T + 1, H): the forward pass is not at stake here.
    """
    columns = [[_signed_log(w) for w in column] for column in cell.W_hh.T.tolist()]
    H, T = cell.hidden_size, len(x)
    delta, gamma = [_signed_log(each) for each in g.tolist()], [(0, -inf)] * H
    found = GatedLogs([], [], [])
    for t in reversed(range(T)):
        a = cell.preactivation(x[t], h[t]).view(4, H).tolist()
        before, after = c[t].tolist(), c[t + 1].tolist()
        units = range(H)
        gamma = [
            _log_sum([gamma[k], _times(delta[k], ln_sigma(a[3][k]) + ln_sech2(after[k]))])
            for k in units
        ]
        found.grad_h.append(_log_norm(delta) / log(10))
        found.grad_c.append(_log_norm(gamma) / log(10))
        p = (
            [_times(gamma[k], ln_both(a[0][k]), tanh(a[2][k])) for k in units]
            + [_times(gamma[k], ln_both(a[1][k]), before[k]) for k in units]
            + [_times(gamma[k], ln_sigma(a[0][k]) + ln_sech2(a[2][k])) for k in units]
            + [_times(delta[k], ln_both(a[3][k]), tanh(after[k])) for k in units]
        )
        found.shares.append(_log_norm(p) / log(10))
        delta = [_product(column, p) for column in columns]
        gamma = [_times(gamma[k], ln_sigma(a[1][k])) for k in units]
    return GatedLogs(*(values[::-1] for values in vars(found).values()))


def gru_in_logarithms(cell: GRUCell, x: Tensor, h: Tensor, g: Tensor) -> GatedLogs:
    """The same for a GRU; grad_c stays empty."""
    columns = [[_signed_log(w) for w in column] for column in cell.W_hh.T.tolist()]
    H, T = cell.hidden_size, len(x)
    delta, found = [_signed_log(each) for each in g.tolist()], GatedLogs([], [], [])
    for t in reversed(range(T)):
        drive = (x[t] @ cell.W_xh.T + cell.b_h).view(3, H)
        product = (h[t] @ cell.W_hh.T).view(3, H)
        a_r, a_z = (drive[:2] + product[:2]).tolist()
        m = product[2] + cell.b_hn
        a_n = (drive[2] + torch.sigmoid((drive + product)[0]) * m).tolist()
        m, before, units = m.tolist(), h[t].tolist(), range(H)
        found.grad_h.append(_log_norm(delta) / log(10))
        through = [
            _times(delta[k], ln_sigma(-a_z[k]) + ln_sech2(a_n[k]) + ln_sigma(a_r[k])) for k in units
        ]
        p = (
            [_times(through[k], ln_sigma(-a_r[k]), m[k]) for k in units]
            + [_times(delta[k], ln_both(a_z[k]), before[k] - tanh(a_n[k])) for k in units]
            + through
        )
        found.shares.append(_log_norm(p) / log(10))
        delta = [
            _log_sum([_product(columns[k], p), _times(delta[k], ln_sigma(a_z[k]))]) for k in units
        ]
    return GatedLogs(*(values[::-1] for values in vars(found).values()))


def ln_sigma(a: float) -> float:
    return min(a, 0.0) - log1p(exp(-abs(a)))


def ln_both(a: float) -> float:
    """ln of σ(a) (1 - σ(a))."""
    return ln_sigma(a) + ln_sigma(-a)


def ln_sech2(a: float) -> float:
    return log(4) - 2 * abs(a) - 2 * log1p(exp(-2 * abs(a)))


def _times(value: Signed, ln: float, factor: float = 1.0) -> Signed:
    sign, size = _signed_log(factor)
    return value[0] * sign, value[1] + ln + size


def _product(column: list[Signed], p: list[Signed]) -> Signed:
    return _log_sum([(s * z, m + n) for (s, m), (z, n) in zip(column, p, strict=True)])
