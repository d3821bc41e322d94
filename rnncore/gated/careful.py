"""Single steps of single rows in float64, where plain steps at one scale would not do."""

from typing import NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from rnncore.extended_range import Exponents, times_power_of_two
from rnncore.gated.trajectory import GatedTrajectory


class _Stepped(NamedTuple):
    """A step of one row, at the scale of its state."""

    h: Tensor
    c: Tensor | None
    a: Tensor
    n: Tensor | None


@final
class CarefulSteps:
    """Steps that may start and end anywhere; see `stepping`.

    Args:
        W_hh: of the run.
        trajectory: where the steps are written.
        tiny: the binary exponent below which a state is stepped linearly.
    """

    def __init__(self, W_hh: Tensor, trajectory: GatedTrajectory, *, tiny: int) -> None:
        self._W_hh, self._trajectory, self._tiny = W_hh, trajectory, tiny
        # Beyond this a gate is shut or open anyway, and 0 times it is no NaN.
        self._largest = torch.finfo(W_hh.dtype).max / 4

    def step(self, t: int, row: int, drives: list[Tensor]) -> None:
        """h_{t+1} of one row, and for an LSTM c_{t+1}.

        Args:
            drives: what the step adds to W_hh h: that of `a`, and for a GRU that of `n`.
        """
        trajectory = self._trajectory
        k = trajectory.exponents[t, row]
        h = trajectory.u[t, row].double()
        c = None if trajectory.c is None else trajectory.c[t, row].double()
        exponent = _exponent(h, c)
        h, c = _scaled(h, c, -exponent)
        level = k + exponent
        drives = [drive.double() for drive in drives]
        is_linear = level < self._tiny and bool(trajectory.is_silent[t, row])
        scale = level if is_linear else np.zeros(())
        product = self._W_hh.double() @ h
        if not is_linear:
            h, c = _scaled(h, c, level)
            product = times_power_of_two(product, level).clamp(-self._largest, self._largest)
        if c is None:
            stepped = _gru(h, c, product, drives, is_linear=is_linear)
        else:
            stepped = _lstm(h, c, product, drives, is_linear=is_linear)
        trajectory.a[t, row] = stepped.a.to(trajectory.a.dtype)
        if trajectory.n is not None and stepped.n is not None:
            trajectory.n[t, row] = stepped.n.to(trajectory.n.dtype)
        trajectory.candidate_exponents[t, row] = scale
        self._store(t + 1, row, stepped, scale)

    def _store(self, t: int, row: int, stepped: _Stepped, scale: Exponents) -> None:
        trajectory = self._trajectory
        h, c = stepped.h, stepped.c
        level = scale + _exponent(h, c)
        k = level if level < self._tiny else np.zeros(())
        h, c = _scaled(h, c, scale - k)
        trajectory.u[t, row] = h.to(trajectory.u.dtype)
        if trajectory.c is not None and c is not None:
            trajectory.c[t, row] = c.to(trajectory.c.dtype)
        trajectory.exponents[t, row] = k
        trajectory.measure(t, t + 1)


def _gru(h: Tensor, c: None, product: Tensor, drives: list[Tensor], *, is_linear: bool) -> _Stepped:
    drive, n = drives
    # What is fed back reaches the candidate outside r ⊙ (…).
    product, fed_back = product[: len(drive)], product[len(drive) :]
    a_r, a_z, m = (drive + product).chunk(3)
    if is_linear:
        a_r, a_z, _ = drive.chunk(3)
    n = n + torch.sigmoid(a_r) * m
    if len(fed_back):
        n = n + fed_back
    new = torch.sigmoid(-a_z) * (n if is_linear else torch.tanh(n))
    return _Stepped(new + torch.sigmoid(a_z) * h, c, torch.cat((a_r, a_z, m)), n)


def _lstm(
    h: Tensor, c: Tensor, product: Tensor, drives: list[Tensor], *, is_linear: bool
) -> _Stepped:
    (drive,) = drives
    a_i, a_f, a_g, a_o = (drive + product).chunk(4)
    if is_linear:
        a_i, a_f, _, a_o = drive.chunk(4)
    g = a_g if is_linear else torch.tanh(a_g)
    c = torch.sigmoid(a_f) * c + torch.sigmoid(a_i) * g
    h = torch.sigmoid(a_o) * (c if is_linear else torch.tanh(c))
    return _Stepped(h, c, torch.cat((a_i, a_f, a_g, a_o)), None)


def _exponent(h: Tensor, c: Tensor | None) -> Exponents:
    """Of the largest number in a state, as `frexp` gives it; 0 of a zero."""
    largest = float(h.abs().max() if c is None else torch.maximum(h.abs(), c.abs()).max())
    return np.asarray(np.frexp(largest)[1], dtype=np.float64)


def _scaled(h: Tensor, c: Tensor | None, k: Exponents) -> tuple[Tensor, Tensor | None]:
    return times_power_of_two(h, k), None if c is None else times_power_of_two(c, k)
