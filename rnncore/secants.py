"""One step of a difference: what φ and the gates make of two states that may be 10⁻³⁰⁰ apart.

With two states s and s' = s + Δ, F(s') - F(s) is F's secant times Δ, unit by unit in closed form:

    tanh(a + δ) - tanh(a) = δ · (sinh δ / δ) / (cosh a cosh(a + δ))

Nothing is subtracted that could cancel, so Δ may be of any size, and where δ is below the
resolution of a the secant is the tangent. The difference is carried as u · 2ᵏ.
"""

from math import log
from typing import Final

import torch
from torch import Tensor

from rnncore.cells import GRUCell, LSTMCell, LSTMState
from rnncore.extended_range import Exponents, normalised, times_power_of_two

Scaled = tuple[Tensor, Exponents]

_LN_2: Final = log(2.0)
_LARGEST: Final = 1e300  # three of them can be added


def ln_tanh_secant(a: Tensor, delta: Tensor) -> Tensor:
    """ln of (tanh(a + δ) - tanh(a)) / δ, elementwise, and of tanh'(a) at δ = 0; finite."""
    a, delta = a.clamp(-_LARGEST, _LARGEST), delta.clamp(-_LARGEST, _LARGEST)
    size, b = delta.abs(), (a + delta).abs()
    # sinh δ / δ and both cosh without their large exponentials, whose exponents add to the first.
    stretch = torch.where(size == 0.0, 1.0, -torch.expm1(-2.0 * size) / (2.0 * size))
    ends = torch.log1p(torch.exp(-2.0 * a.abs())) + torch.log1p(torch.exp(-2.0 * b))
    return 2.0 * _LN_2 + (size - a.abs() - b) + torch.log(stretch) - ends


def tanh_difference(a: Tensor, delta: Scaled) -> Scaled:
    """tanh(a + δ) - tanh(a) of rows δ = u · 2ᵏ, normalised: (K, H) or (H,), (K, H) → (K, H)."""
    u, k = delta
    ln_secant = ln_tanh_secant(a, times_power_of_two(u, k))
    # Where all units are saturated the secants may lie below float64's end together.
    largest = torch.where(u == 0.0, -torch.inf, ln_secant).amax(dim=-1, keepdim=True)
    largest = largest.nan_to_num(neginf=0.0)
    shift = torch.floor(largest / _LN_2)
    # In two parts, because a logarithm of -1e20 has no digits left of a factor of 2.
    rest = torch.exp((largest - shift * _LN_2).clamp(0.0, _LN_2))
    secant = torch.exp((ln_secant - largest).clamp(max=0.0)) * rest
    return normalised(u * secant, k + shift.squeeze(-1).numpy())


def relu_difference(a: Scaled, delta: Scaled) -> Scaled:
    """max(a + δ, 0) - max(a, 0) of one a = v · 2ᵐ, (H,), and rows δ = u · 2ᵏ, normalised."""
    (v, m), (u, k) = a, delta
    # a in the unit of each row: ±inf where it is far larger than the difference, which is right.
    a_in_unit = times_power_of_two(v.expand_as(u), m - k)
    down = torch.maximum(u, -a_in_unit)
    up = torch.clamp(u + a_in_unit, min=0.0)
    return normalised(torch.where(a_in_unit >= 0.0, down, up), k)


def gru_difference(cell: GRUCell, x_t: Tensor, h: Tensor, difference: Scaled) -> Scaled:
    """The difference after a GRU's step from h (H,) and from h + u · 2ᵏ (K, H), normalised.

    Δ(r m) = Δr m' + r Δm and Δh_t = (1 - z) Δn + z Δh_{t-1} + Δz (h' - n'), ' after the change.
    """
    u, k = difference
    drive_r, drive_z, drive_n = (x_t @ cell.W_xh.mT + cell.b_h).chunk(3, dim=-1)
    product_r, product_z, m = (h @ cell.W_hh.mT).chunk(3, dim=-1)
    u_r, u_z, u_m = (u @ cell.W_hh.mT).chunk(3, dim=-1)
    m = m + cell.b_hn
    a_r, a_z = drive_r + product_r, drive_z + product_z
    r = torch.sigmoid(a_r)
    a_n = drive_n + r * m

    moved_r = u_r * _sigmoid_secant(a_r, times_power_of_two(u_r, k))
    moved_a_n = moved_r * (m + times_power_of_two(u_m, k)) + r * u_m
    moved_n = moved_a_n * _tanh_secant(a_n, times_power_of_two(moved_a_n, k))
    moved_z = u_z * _sigmoid_secant(a_z, times_power_of_two(u_z, k))
    apart = h + times_power_of_two(u, k) - torch.tanh(a_n) - times_power_of_two(moved_n, k)
    moved = torch.sigmoid(-a_z) * moved_n + torch.sigmoid(a_z) * u + moved_z * apart
    return normalised(moved, k)


def lstm_difference(cell: LSTMCell, x_t: Tensor, state: LSTMState, difference: Scaled) -> Scaled:
    """The difference after an LSTM's step from (h, c) and from [h, c] + u · 2ᵏ (K, 2H), normalised.

    Δc_t = Δf c' + f Δc + Δi g' + i Δg and Δh_t = Δo tanh(c_t') + o Δtanh(c_t), ' after the change.
    """
    u, k = difference
    u_h, u_c = u.chunk(2, dim=-1)
    a_i, a_f, a_g, a_o = cell.preactivation(x_t, state.h).chunk(4, dim=-1)
    u_i, u_f, u_g, u_o = (u_h @ cell.W_hh.mT).chunk(4, dim=-1)
    i, f, g, o = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.tanh(a_g), torch.sigmoid(a_o)

    moved_i, moved_f, moved_o = (
        v * _sigmoid_secant(a, times_power_of_two(v, k))
        for v, a in ((u_i, a_i), (u_f, a_f), (u_o, a_o))
    )
    moved_g = u_g * _tanh_secant(a_g, times_power_of_two(u_g, k))
    c, c_moved = state.c, state.c + times_power_of_two(u_c, k)
    moved_c = moved_f * c_moved + f * u_c + moved_i * (g + times_power_of_two(moved_g, k))
    moved_c = moved_c + i * moved_g
    c_t, change = f * c + i * g, times_power_of_two(moved_c, k)
    moved_h = moved_o * torch.tanh(c_t + change) + o * moved_c * _tanh_secant(c_t, change)
    return normalised(torch.cat((moved_h, moved_c), dim=-1), k)


def _tanh_secant(a: Tensor, delta: Tensor) -> Tensor:
    return torch.exp(ln_tanh_secant(a, delta))


def _sigmoid_secant(a: Tensor, delta: Tensor) -> Tensor:
    """(σ(a + δ) - σ(a)) / δ, from σ(a) = (1 + tanh(a/2)) / 2."""
    return 0.25 * torch.exp(ln_tanh_secant(a / 2, delta / 2))
