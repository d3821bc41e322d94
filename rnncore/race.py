"""How long a network remembers where it started: runs from several starts, under one input."""

from dataclasses import dataclass
from math import log
from typing import Final, Protocol, final

import numpy as np
import torch
from torch import Tensor

from rnncore.cells import ElmanCell, GRUCell, LSTMState
from rnncore.checks import ArgumentError, cast, checked_count, checked_shape
from rnncore.chunks import ShouldStop, stop_if_asked
from rnncore.extended_range import Exponents, normalised, norms, summed
from rnncore.feedback import closed_loop
from rnncore.maps import Cell, double_cell, flat_states
from rnncore.readout import Readout
from rnncore.secants import (
    Scaled,
    gru_difference,
    lstm_difference,
    relu_difference,
    tanh_difference,
)

_LN_2: Final = log(2.0)
_LOOK: Final = 64  # steps between two looks at should_stop


class Step(Protocol):
    """What a step makes of the differences, beside a run of its own."""

    def __call__(self, x_t: Tensor, difference: Scaled) -> Scaled: ...
    def go_on_with(self, cell: Cell) -> None: ...


@final
@dataclass(frozen=True, eq=False)
class Race:
    """Distances from the run that starts at h_0, for each of K other starts.

    Index t is the chapter's t: 0 the start itself. -inf where two states are exactly equal.

    Args:
        ln_distance: ln ‖h_t - h'_t‖₂, (K, T + 1) float64; of an LSTM that of h alone.
        ln_distance_c: ln ‖c_t - c'_t‖₂ likewise; None but for an LSTM.
    """

    ln_distance: Tensor
    ln_distance_c: Tensor | None


def race(
    cell: Cell,
    x: Tensor,
    h_0: Tensor | LSTMState,
    starts: Tensor | LSTMState,
    *,
    readout: Readout | None = None,
    feeds_back_after: int | None = None,
    should_stop: ShouldStop | None = None,
) -> Race:
    """ln ‖h_t - h'_t‖ against t, for runs from h_0 and from each of the starts, on the same input.

    Differences far below the resolution of h itself, down to 10⁻³⁰⁰ and past every dtype's end,
    come out right because no two states are subtracted: the difference is carried, u · 2ᵏ, by the
    secant of the step, F(h + Δ) - F(h) in closed form (`secants`). Of a linear net that is W_hh Δ
    exactly. Where Δ is below the resolution of h the secant is the tangent of the step along the
    run from h_0, and nothing needs to be switched.

    The other runs are h_t plus the difference, each true, at every step, to the rounding of the
    larger of the two states it starts from: where one is more than 10¹⁶ times the other and falls
    to its size in a step, what is left of the distance is rounding. Where runs are chaotic,
    another program's rounding leads elsewhere after some steps, as always. A single step of a GRU
    or LSTM that makes a difference 10³⁰⁰ times smaller counts as making it 0.

    Args:
        cell: its weights are taken to float64 as they are.
        x: inputs, (T, D).
        h_0: (H,), or of an LSTM (2H,) or (h, c).
        starts: (K, H), or of an LSTM (K, 2H) or (h, c).
        readout: W_hy and b_y, where outputs are fed back.
        feeds_back_after: how many steps have the input given; from that step on each run, counted
            from 0, is fed its own output, as in `Rollout`. None for all of them.
        should_stop: asked every few steps; once it is true, `Cancelled` is raised.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, or a loop that cannot be
            closed (`closed_loop`): a GRU's, or one without a readout of its size.
        Cancelled: `should_stop` was true.

    Cost: 2 (K + 1) T H² flops of an Elman cell, three or four times that of the others; 0.1 to
    0.4 ms a step while H and K are small.

    Reference: Jaeger (2001), on echo states: the start is forgotten where distances vanish.

    >>> from rnncore import ElmanCell
    >>> one = torch.ones(1, 1, dtype=torch.float64)
    >>> cell = ElmanCell(one, 0.1 * one, torch.zeros(1, dtype=torch.float64), "tanh")
    >>> found = race(cell, torch.ones(400, 1), torch.zeros(1), torch.tensor([[1.0]]))
    >>> round(float(found.ln_distance[0, 400]) / log(10.0))
    -572
    """
    checked_shape("x", x, ("T", cell.input_size))
    if x.ndim != 2:
        raise ArgumentError("x", "has the wrong shape", got=tuple(x.shape), expected="(T, D)")
    checked_count("T", x.shape[0])
    x = cast("x", x.detach().cpu(), torch.float64)
    origin, others = flat_states("h_0", cell, h_0), flat_states("starts", cell, starts)
    for name, states, axes in (("h_0", origin, 1), ("starts", others, 2)):
        if states.ndim != axes or 0 in states.shape:
            raise ArgumentError(
                name,
                "has the wrong shape",
                got=tuple(states.shape),
                expected="(S,)" if axes == 1 else "(K, S), K 1 or more",
            )
    closed = _closed(cell, readout, feeds_back_after)
    cell = double_cell(cell)
    step = _step_of(cell, origin)
    H = cell.hidden_size
    # Halves, because the difference of two numbers may overflow.
    difference: Scaled = normalised(others / 2 - origin / 2, np.ones(len(others)))
    distance = np.empty((x.shape[0] + 1, *difference[1].shape))
    distance_c = np.empty_like(distance)
    with np.errstate(all="ignore"):
        for t in range(len(distance)):
            if t:
                if t % _LOOK == 0:
                    stop_if_asked(should_stop)
                if closed is not None and t - 1 == feeds_back_after:
                    step.go_on_with(closed)
                difference = step(x[t - 1], difference)
            u, k = difference
            distance[t] = _ln_norms(u[:, :H], k)
            distance_c[t] = _ln_norms(u[:, H:], k) if u.shape[-1] > H else -np.inf
    if np.isnan(distance).any():
        raise ArgumentError(
            "x, h_0 or a start",
            "is too large",
            got="a preactivation beyond float64",
            expected="numbers whose products with the weights stay within it",
        )
    return Race(
        torch.from_numpy(distance.T.copy()),
        torch.from_numpy(distance_c.T.copy()) if len(origin) > H else None,
    )


def _ln_norms(u: Tensor, k: Exponents) -> Exponents:
    # One part of a state may be far below the other, whose norm is near 1.
    u, k = normalised(u, k)
    result: Exponents = np.log(norms(u)) + k * _LN_2
    return result


def _closed(cell: Cell, readout: Readout | None, after: int | None) -> Cell | None:
    """The cell of the steps that are fed back, as the run has it; None where none are."""
    if after is None:
        return None
    checked_count("feeds_back_after", after)
    if readout is None:
        raise ArgumentError(
            "readout", "is missing", got="none", expected="the readout that is fed back"
        )
    # A GRU is refused there.
    closed: Cell = closed_loop(cell, readout)  # type: ignore[type-var]
    return double_cell(closed)


def _step_of(cell: Cell, origin: Tensor) -> Step:
    """The steps beside a run from `origin`."""
    match cell:
        case ElmanCell():
            if cell.activation == "tanh":
                return _TanhRun(cell, origin)
            return _HomogeneousRun(cell, origin)
        case _:
            return _GatedRun(cell, origin)


@final
class _TanhRun:
    def __init__(self, cell: ElmanCell, h_0: Tensor) -> None:
        self._cell, self._h = cell, h_0

    def go_on_with(self, cell: Cell) -> None:
        assert isinstance(cell, ElmanCell)
        self._cell = cell

    def __call__(self, x_t: Tensor, difference: Scaled) -> Scaled:
        a = self._cell.preactivation(x_t, self._h)
        self._h = torch.tanh(a)
        u, k = difference
        return tanh_difference(a, normalised(u @ self._cell.W_hh.mT, k))


@final
class _HomogeneousRun:
    """Linear and rectified: the run itself may leave float64, so it is carried as v · 2ᵐ too."""

    def __init__(self, cell: ElmanCell, h_0: Tensor) -> None:
        self._cell = cell
        self._h = normalised(h_0, np.zeros(()))

    def go_on_with(self, cell: Cell) -> None:
        assert isinstance(cell, ElmanCell)
        self._cell = cell

    def __call__(self, x_t: Tensor, difference: Scaled) -> Scaled:
        u, k = difference
        delta = normalised(u @ self._cell.W_hh.mT, k)
        if self._cell.activation == "linear":
            return delta
        v, m = self._h
        drive = self._cell.W_xh @ x_t + self._cell.b_h
        a, scale = summed([normalised(self._cell.W_hh @ v, m), normalised(drive, np.zeros_like(m))])
        self._h = normalised(torch.relu(a), scale)
        return relu_difference((a, scale), delta)


@final
class _GatedRun:
    def __init__(self, cell: Cell, origin: Tensor) -> None:
        self._cell, self._state = cell, origin

    def go_on_with(self, cell: Cell) -> None:
        self._cell = cell

    def __call__(self, x_t: Tensor, difference: Scaled) -> Scaled:
        if isinstance(self._cell, GRUCell):
            h = self._state
            self._state = self._cell.step(x_t, h)
            return gru_difference(self._cell, x_t, h, difference)
        assert not isinstance(self._cell, ElmanCell)
        state = LSTMState(*self._state.chunk(2))
        self._state = torch.cat(self._cell.step(x_t, state))
        return lstm_difference(self._cell, x_t, state, difference)
