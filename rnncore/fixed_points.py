"""Fixed points of a cell under a constant input, orbits of period p, and where it is only slow."""

from dataclasses import dataclass
from math import sqrt
from typing import Final, final

import torch
from torch import Tensor

from rnncore.cells import LSTMState
from rnncore.checks import ArgumentError, checked_count, checked_number
from rnncore.chunks import ShouldStop, stop_if_asked
from rnncore.ensembles import checked_seed, seeded_generator
from rnncore.maps import Cell, ConstantMap, flat_states
from rnncore.newton import Ends, descent, is_accepted
from rnncore.stability import Stability, stability

# Distances relative to the state's norm where that exceeds 1. A minimum of q that is not 0 is flat,
# and known less sharply.
SAME_POINT: Final = 1e-6
SAME_SLOW_POINT: Final = 1e-3


@final
@dataclass(frozen=True, eq=False)
class FixedPoint:
    """A fixed point, an orbit of some period, or a slow point, linearised.

    Args:
        orbit: its points in order, (period, S) float64; S is H, or 2H of an LSTM with [h, c].
        q: ½‖Fᵖ(s) - s‖² at the first of them, p the period that was asked for.
        is_slow: the map moves it, by √(2q), only little: no fixed point was found there.
        stability: what J, the derivative of F along the whole orbit, makes of perturbations.
        starts: how many starts led there.
    """

    orbit: Tensor
    q: float
    is_slow: bool
    stability: Stability
    starts: int

    @property
    def point(self) -> Tensor:
        """The state s, (S,); of an orbit its first."""
        return self.orbit[0]

    @property
    def period(self) -> int:
        """The least number of steps after which it comes back, a divisor of the one asked for."""
        return len(self.orbit)

    @property
    def sentence(self) -> str:
        """What it is, in words."""
        if self.is_slow:
            return (
                f"A slow point, no fixed one: it moves by {sqrt(2 * self.q):.3g} (q = {self.q:.3g})"
                f"; linearised there, {self.stability.sentence}"
            )
        name = "A fixed point" if self.period == 1 else f"An orbit of period {self.period}"
        return f"{name}, {self.stability.sentence}"


@final
@dataclass(frozen=True, eq=False)
class FixedPoints:
    """What a search has found.

    Args:
        found: fixed points and orbits, those with fewer growing directions first.
        slow: points with a small q that is not small enough, the smallest first.
        starts: how many starts there were.
        lost: how many of them led to neither.
        lost_q: the smallest q among those, or None where there are none.
        unfinished: how many starts were still on their way when the iterations ran out.
    """

    found: tuple[FixedPoint, ...]
    slow: tuple[FixedPoint, ...]
    starts: int
    lost: int
    lost_q: float | None
    unfinished: int

    @property
    def points(self) -> Tensor:
        """The states of `found`, (K, S) float64; of each orbit its first."""
        return torch.stack([point.point for point in self.found]) if self.found else torch.empty(0)

    @property
    def sentence(self) -> str:
        """What became of the starts, in words."""
        parts = [_counted(len(self.found), "fixed point or orbit", "fixed points or orbits")]
        if self.slow:
            parts.append(_counted(len(self.slow), "slow point", "slow points"))
        text = f"{_counted(self.starts, 'start', 'starts')} led to {' and '.join(parts)}."
        if self.lost:
            text += f" {self.lost} led to neither; the best of them has q = {self.lost_q:.3g}."
        if self.unfinished:
            text += f" {self.unfinished} were still on their way when the iterations ran out."
        return text


def search_starts(
    states: Tensor | LSTMState, count: int, *, noise: float = 1.0, seed: int = 0
) -> Tensor:
    """States to start a search from: points of a trajectory, and noise around them.

    The first half are evenly spaced in time, the last state among them; the others are such
    points too, plus `noise` · N(0, 1) in every component, which finds what the trajectory only
    passes: saddles, and other basins.

    Args:
        states: (T, H), or of an LSTM (T, 2H) or (h, c). States that are not finite are left out.
        count: N.
        noise: standard deviation, 0 or more; 0 makes all of them points of the trajectory.
        seed: of the noise.

    Returns:
        (N, S) float64 on the CPU.

    Raises:
        ValueError: `states` is not (T, S) or holds no finite state, or a number is out of range.
    """
    if isinstance(states, LSTMState):
        states = torch.cat(states, dim=-1)
    if states.ndim != 2:
        raise ArgumentError(
            "states", "has the wrong shape", got=tuple(states.shape), expected="(T, S)"
        )
    checked_count("count", count)
    checked_number("noise", noise, least=0.0)
    generator = seeded_generator(checked_seed("seed", seed))
    states = states.detach().to(device="cpu", dtype=torch.float64)
    states = states[states.isfinite().all(dim=-1)]
    if not len(states):
        raise ArgumentError("states", "holds no finite state", got="none", expected="1 or more")
    plain = count if noise == 0.0 else (count + 1) // 2
    groups = [_evenly(states, plain)]
    if count > plain:
        around = _evenly(states, count - plain)
        draw = torch.randn(around.shape, generator=generator, dtype=torch.float64)
        groups.append(around + noise * draw)
    return torch.cat(groups)


def fixed_points(
    cell: Cell,
    starts: Tensor | LSTMState,
    *,
    x: Tensor | None = None,
    period: int = 1,
    iterations: int = 200,
    slow_q: float = 1e-4,
    should_stop: ShouldStop | None = None,
) -> FixedPoints:
    """The fixed points of s ↦ Fᵖ(s), F(s) = step(x, s), to which the starts lead.

    Each start minimises q(s) = ½‖Fᵖ(s) - s‖² by Newton's method, damped where it must be. Where
    q < 10⁻²⁴ (times the mean square of the units where that exceeds 1) it has found a fixed
    point; points closer than 10⁻⁶ count as one, slow points closer than 10⁻³. A search finds what
    its starts lead to: that something was not found does not show that it does not exist.

    Args:
        cell: an Elman cell, a GRU or an LSTM.
        starts: (N, H), or of an LSTM (N, 2H) or (h, c); see `search_starts`.
        x: the constant input, (D,), or None for none.
        period: p; orbits whose period divides p are found, fixed points too.
        iterations: at most so many for each start.
        slow_q: what is no fixed point and has a q below this is kept as a slow point.
        should_stop: asked at every iteration; once it is true, `Cancelled` is raised.

    Returns:
        Everything in float64 on the CPU, the same bits for the same arguments.

    Raises:
        ValueError: shapes that do not fit the cell, numbers that are not finite or out of range.
        Cancelled: `should_stop` was true.

    Cost: for each start and iteration p Jacobians and a linear solve or two, about (2p + 2) S³
    flops; 64 starts took 0.2 s at H = 64 and 10 s at H = 256, on a chaotic net, where most of them
    end in minima of q. One thread of PyTorch's is fastest.

    Reference: Sussillo and Barak (2013), "Opening the black box"; Golub and Sussillo (2018),
    "FixedPointFinder".

    >>> from rnncore import ElmanCell
    >>> W = torch.tensor([[1.5]], dtype=torch.float64)
    >>> cell = ElmanCell(torch.ones_like(W), W, torch.zeros(1, dtype=torch.float64))
    >>> search = fixed_points(cell, torch.tensor([[1.0], [0.5], [0.1]]))
    >>> [round(float(point.point), 6) for point in search.found]
    [0.85856, 0.0]
    """
    step = ConstantMap.of(cell, x, period)
    states = flat_states("starts", cell, starts)
    if states.ndim != 2 or not len(states):
        raise ArgumentError(
            "starts", "has the wrong shape", got=tuple(states.shape), expected="(N, S), N 1 or more"
        )
    checked_count("iterations", iterations)
    checked_number("slow_q", slow_q, least=0.0)
    ends = descent(step, states, iterations, should_stop)
    is_found = is_accepted(ends.points, ends.q)
    is_slow = (ends.q < slow_q) & ~is_found
    is_lost = ~(is_found | is_slow)
    found = _distinct(step, ends, is_found, should_stop, is_slow=False)
    slow = _distinct(step, ends, is_slow, should_stop, is_slow=True)
    return FixedPoints(
        found=tuple(sorted(found, key=lambda point: (point.stability.index, -point.starts))),
        slow=tuple(sorted(slow, key=lambda point: point.q)),
        starts=len(states),
        lost=int(is_lost.sum()),
        lost_q=float(ends.q[is_lost].nan_to_num(nan=torch.inf).min()) if is_lost.any() else None,
        unfinished=int((~ends.is_at_rest & ~is_found).sum()),
    )


def _evenly(states: Tensor, count: int) -> Tensor:
    """`count` states evenly spaced in time, the last among them."""
    return states[torch.arange(1, count + 1) * len(states) // count - 1]


def _distinct(
    step: ConstantMap, ends: Ends, which: Tensor, should_stop: ShouldStop | None, *, is_slow: bool
) -> list[FixedPoint]:
    points, q = ends.points[which], ends.q[which]
    groups = _groups(step, points, is_slow=is_slow)
    result = []
    for group in groups:
        stop_if_asked(should_stop)
        best = group[int(q[group].argmin())]
        orbit = points[best : best + 1] if is_slow else _orbit(step, points[best])
        own = step if is_slow else step.of_period(len(orbit))
        described = stability(own, orbit[0])
        result.append(FixedPoint(orbit, float(q[best]), is_slow, described, len(group)))
    return result


def _groups(step: ConstantMap, points: Tensor, *, is_slow: bool) -> list[list[int]]:
    """Which points are one, or on one orbit: indices in the order of the starts."""
    groups: list[list[int]] = []
    left = torch.arange(len(points))
    while len(left):
        orbit = points[left[:1]] if is_slow else step.orbit(points[left[0]])
        within = SAME_SLOW_POINT if is_slow else SAME_POINT
        is_same = _are_same(points[left].unsqueeze(1), orbit, within).any(dim=-1)
        is_same[0] = True
        groups.append(left[is_same].tolist())
        left = left[~is_same]
    return groups


def _orbit(step: ConstantMap, point: Tensor) -> Tensor:
    """The points of the orbit without repetition, (least period, S)."""
    orbit = step.orbit(point)
    for period in range(1, len(orbit)):
        if len(orbit) % period == 0 and bool(_are_same(orbit[period], point)):
            return orbit[:period]
    return orbit


def _are_same(points: Tensor, reference: Tensor, within: float = SAME_POINT) -> Tensor:
    distance = torch.linalg.vector_norm(points - reference, dim=-1)
    size = torch.linalg.vector_norm(reference, dim=-1)
    is_same: Tensor = distance <= within * size.clamp(min=1.0)
    return is_same


def _counted(count: int, one: str, many: str) -> str:
    return f"{count or 'no'} {one if count == 1 else many}"
