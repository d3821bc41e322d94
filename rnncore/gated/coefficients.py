"""What a backward step of a gated cell multiplies by, from what the run has stored.

No difference that could cancel is taken: 1 - σ(a) is σ(-a), 1 - tanh²(a) is sech²(a), and where
numbers end, there are logarithms. All is float64, and so is the sweep: the coefficients of
saturated gates go down to e^-700, where float32 holds nothing below e^-103.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.activations import ln_slope, slope
from rnncore.extended_range import LN_2, Exponents, exponentials, times_power_of_two
from rnncore.gated.trajectory import GatedTrajectory
from rnncore.native import gated as native_gated

# A step all of whose coefficients are below this gets an exponent of its own.
_SATURATED = 2.0**-10
# Preactivations are cut here: the sum of their logarithms over a million steps must be a number.
_LARGEST_PREACTIVATION = 1e300


def ln_sigmoid(a: Tensor) -> Tensor:
    """ln σ(a) = min(a, 0) - ln(1 + e^-|a|), elementwise, float64: finite for every finite a.

    >>> ln_sigmoid(torch.tensor([-1000.0, 0.0])).tolist()
    [-1000.0, -0.6931471805599453]
    """
    a = cut(a)
    return a.clamp(max=0.0) - torch.log1p(torch.exp(-a.abs()))


def fill_coefficients(K: Tensor, trajectory: GatedTrajectory, t0: int, t1: int) -> None:
    """The coefficients of steps [t0, t1), into K (t1 - t0, N, slots, H); slots as in `adjoints`."""
    compiled = native_gated.steps(None, trajectory)
    if compiled is not None:
        compiled.fill_coefficients(K, t0, t1)
        return
    fill = _fill_gru if trajectory.c is None else _fill_lstm
    fill(K, trajectory, t0, t1)


def _fill_gru(K: Tensor, trajectory: GatedTrajectory, t0: int, t1: int) -> None:
    assert trajectory.n is not None
    steps, k = slice(t0, t1), trajectory.candidate_exponents[t0:t1]
    a_r, a_z, m = trajectory.a[steps].double().chunk(3, dim=-1)
    h = times_power_of_two(trajectory.u[steps].double(), trajectory.exponents[steps])
    m, a_n = times_power_of_two(m, k), times_power_of_two(trajectory.n[steps].double(), k)
    r, z, kept = torch.sigmoid(a_r), torch.sigmoid(a_z), torch.sigmoid(-a_z)
    to_r, to_z, to_n, through, keep = K.unbind(dim=-2)
    torch.mul(slope("tanh", a_n), kept, out=through)
    torch.mul(through, r, out=to_n)
    torch.mul(to_n, torch.sigmoid(-a_r).mul_(m), out=to_r)
    torch.mul(h.sub(torch.tanh(a_n)), kept.mul_(z), out=to_z)
    keep.copy_(z)


def _fill_lstm(K: Tensor, trajectory: GatedTrajectory, t0: int, t1: int) -> None:
    assert trajectory.c is not None
    a = trajectory.a[t0:t1].double()
    a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)
    a_g = times_power_of_two(a_g, trajectory.candidate_exponents[t0:t1])
    cells = times_power_of_two(
        trajectory.c[t0 : t1 + 1].double(), trajectory.exponents[t0 : t1 + 1]
    )
    before, after = cells[:-1], cells[1:]
    i, f, o = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.sigmoid(a_o)
    keep, to_i, to_f, to_g, to_o, to_c = K.unbind(dim=-2)
    keep.copy_(f)
    torch.mul(torch.sigmoid(-a_i).mul_(i), torch.tanh(a_g), out=to_i)
    torch.mul(torch.sigmoid(-a_f).mul_(f), before, out=to_f)
    torch.mul(slope("tanh", a_g), i, out=to_g)
    torch.mul(torch.sigmoid(-a_o).mul_(o), torch.tanh(after), out=to_o)
    torch.mul(slope("tanh", after), o, out=to_c)


def spread_saturated(K: Tensor, trajectory: GatedTrajectory, t0: int) -> Exponents:
    """Gives steps all of whose coefficients in K are tiny or 0 an exponent of their own.

    What remains in K is the coefficients / 2^shift; shift is (n, N). The last slot of an LSTM,
    what h_t adds to ∂L/∂c_t, belongs to another product and stays.
    """
    carried = K[:, :, :5]
    largest = carried.abs().amax(dim=(-1, -2))
    shift = np.zeros(largest.shape)
    saturated = largest < _SATURATED
    if bool(saturated.any()):
        steps, rows = saturated.nonzero(as_tuple=True)
        ln, sign = ln_coefficients(trajectory, steps + t0, rows)
        magnitudes, exponents = exponentials(ln[:, :5].flatten(-2))
        carried[saturated] = magnitudes.view_as(ln[:, :5]) * sign[:, :5]
        shift[saturated.cpu().numpy()] = exponents
    return shift


def ln_coefficients(trajectory: GatedTrajectory, t: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """The coefficients as logarithms of their magnitudes and as signs, each (M, slots, H).

    Args:
        t, rows: which steps of which rows, M whole numbers each.
    """
    slots = (_lstm_logs if trajectory.c is not None else _gru_logs)(trajectory, t, rows)
    lns, signs = zip(*slots, strict=True)
    return torch.stack(lns, dim=-2), torch.stack(signs, dim=-2)


_Logs = list[tuple[Tensor, Tensor]]


def _gru_logs(trajectory: GatedTrajectory, t: Tensor, rows: Tensor) -> _Logs:
    assert trajectory.n is not None
    a_r, a_z, m = trajectory.a[t, rows].double().chunk(3, dim=-1)
    a_n, k = trajectory.n[t, rows].double(), _candidate(trajectory, t, rows)
    # At the candidate's own scale, where tanh(a) = a unless that is 1.
    h = times_power_of_two(trajectory.u[t, rows].double(), trajectory.exponents[_at(t, rows)] - k)
    difference = h - torch.where(_column(k, a_n) == 0, torch.tanh(a_n), a_n)
    through = ln_slope("tanh", cut(times_power_of_two(a_n, k))) + ln_sigmoid(-a_z)
    to_n = through + ln_sigmoid(a_r)
    one = torch.ones_like(a_n)
    return [
        (to_n + ln_sigmoid(-a_r) + _ln(m, k), m.sign()),
        (ln_sigmoid(a_z) + ln_sigmoid(-a_z) + _ln(difference, k), difference.sign()),
        (to_n, one),
        (through, one),
        (ln_sigmoid(a_z), one),
    ]


def _lstm_logs(trajectory: GatedTrajectory, t: Tensor, rows: Tensor) -> _Logs:
    assert trajectory.c is not None
    a_i, a_f, a_g, a_o = trajectory.a[t, rows].double().chunk(4, dim=-1)
    k, exponents = _candidate(trajectory, t, rows), trajectory.exponents
    before, k_before = trajectory.c[t, rows].double(), exponents[_at(t, rows)]
    after, k_after = trajectory.c[t + 1, rows].double(), exponents[_at(t + 1, rows)]
    g = torch.where(_column(k, a_g) == 0, torch.tanh(a_g), a_g)
    tanh_c = torch.where(_column(k_after, after) == 0, torch.tanh(after), after)
    one = torch.ones_like(a_g)
    return [
        (ln_sigmoid(a_f), one),
        (ln_sigmoid(a_i) + ln_sigmoid(-a_i) + _ln(g, k), g.sign()),
        (ln_sigmoid(a_f) + ln_sigmoid(-a_f) + _ln(before, k_before), before.sign()),
        (ln_sigmoid(a_i) + ln_slope("tanh", cut(times_power_of_two(a_g, k))), one),
        (ln_sigmoid(a_o) + ln_sigmoid(-a_o) + _ln(tanh_c, k_after), tanh_c.sign()),
        (ln_sigmoid(a_o) + ln_slope("tanh", cut(times_power_of_two(after, k_after))), one),
    ]


def _candidate(trajectory: GatedTrajectory, t: Tensor, rows: Tensor) -> Exponents:
    k: Exponents = trajectory.candidate_exponents[_at(t, rows)]
    return k


def _at(t: Tensor, rows: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    # NumPy takes a tensor of one number for that number.
    return t.cpu().numpy(), rows.cpu().numpy()


def _ln(v: Tensor, k: Exponents) -> Tensor:
    """ln |v · 2ᵏ|, one k for each vector."""
    return v.abs().log() + _column(k, v) * LN_2


def _column(k: Exponents, like: Tensor) -> Tensor:
    return torch.from_numpy(k).unsqueeze(-1).to(like.device)


def cut(a: Tensor) -> Tensor:
    return a.double().clamp(-_LARGEST_PREACTIVATION, _LARGEST_PREACTIVATION)
