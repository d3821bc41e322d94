"""The state space of a run: its trajectory in a plane, beside those of further starts, and the
points where it could stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.experiment import Experiment
from app.frames import Array
from app.plan import AnalysisPlan
from app.protocol import Note
from app.resting_points import noted, resting_points
from app.rollouts import OneLayer
from app.stages import Setting
from app.starts import Starts, followed_notes, followed_steps, further_states, shortened
from rnncore import (
    FixedPoint,
    GatedRollout,
    StackedRollout,
    StatePlane,
    state_plane,
    unit_plane,
)

ShouldStop = Callable[[], bool]
Times = NDArray[np.int64]

MOST_POINTS = 2000  # of a trajectory, evenly spaced in time
KINDS = ("stable", "saddle", "repeller", "marginal", "kink", "slow")


def no_state_space_of(experiment: Experiment) -> str:
    """Why there is no picture of a state space; nothing where there is one."""
    if experiment.cell.kind == "attention":
        return "Attention carries no state on: there is no state space to move in."
    return ""


def portrait(
    rollout: OneLayer | StackedRollout,
    start: Setting,
    experiment: Experiment,
    plan: AnalysisPlan,
    should_stop: ShouldStop,
) -> tuple[dict[str, Array], list[Note]]:
    """Tensors by their names on the wire, and what is to be said of them.

    trajectory [n, 2] at the times [n] from 0 (h_0) to T: of two units h_1 and h_2 themselves, of
    one unit h_{t-1} and h_t, of an LSTM's one unit h and c, else the plane of two principal
    components or of the units that were chosen; shares [2] of the variance; others [K, n, 2],
    those of further starts at the same times, NaN where they are not followed; fixed_points [K, 4],
    a place, the number of its kind, and q; and those of `resting_points`.
    """
    h, c = _states(rollout)
    T, H = rollout.steps, h.shape[-1]
    notes: list[Note] = []
    others = h[:0].unsqueeze(1)
    other_c = None
    if plan.starts > 1:
        steps = followed_steps(experiment, plan.starts)
        brief = shortened(start, steps)
        starts = Starts.of(brief, plan.starts - 1, plan.start_distance)
        others, other_c = further_states(brief, starts, should_stop)
        notes += followed_notes(experiment, steps)
    times = np.unique(np.linspace(0, T, MOST_POINTS + 1).round().astype(np.int64))
    # What two starts do is seen where they begin.
    if plan.starts > 1 and T > MOST_POINTS:
        times = np.union1d(times, np.arange(min(T, MOST_POINTS) + 1))
    all_states = torch.cat((h, others.flatten(0, 1))) if len(others) else h
    plane = _plane(all_states, plan.plane)
    place = _Places(plane, H, has_c=c is not None, is_own=plan.plane in (None, (0, 1)))
    found = resting_points(start, experiment, h, c, should_stop)
    tensors = {
        "trajectory": place.along(h, c, times).numpy(),
        "times": times.astype(np.float64),
        "shares": plane.shares.numpy(),
        "fixed_points": _rows(found.points, place),
        **found.tensors,
    }
    if len(others):
        tensors["others"] = torch.stack(
            [
                place.along(each, None if other_c is None else other_c[k], times)
                for k, each in enumerate(others)
            ]
        ).numpy()
    return tensors, [*found.notes, *notes, *noted(plane.notes)]


def _states(rollout: OneLayer | StackedRollout) -> tuple[Tensor, Tensor | None]:
    """h of all steps from h_0 on, (T + 1, H), and of an LSTM of one layer c."""
    trajectory = rollout.trajectory
    h = trajectory.sequences(trajectory.h(0, rollout.steps + 1))
    if not isinstance(rollout, GatedRollout) or rollout.trajectory.c is None:
        return h, None
    c = rollout.gates(0, rollout.steps)["c"]
    return h, torch.cat((torch.zeros_like(c[:1]), c))


def _plane(states: Tensor, chosen: tuple[int, int] | None) -> StatePlane:
    return state_plane(states) if chosen is None else unit_plane(states, *chosen)


class _Places:
    """Where states lie in the picture."""

    def __init__(self, plane: StatePlane, H: int, *, has_c: bool, is_own: bool) -> None:
        self._plane, self._H = plane, H
        self._is_pair = H == 1 and has_c  # an LSTM's one unit: h and c
        self._is_cobweb = H == 1 and not has_c
        self._is_own = H == 2 and is_own  # two units are a plane already

    def along(self, h: Tensor, c: Tensor | None, times: Times) -> Tensor:
        """Of a trajectory (n, H) at these times, (len(times), 2); NaN after its end."""
        known = torch.from_numpy(times[times < len(h)])
        if self._is_pair and c is not None:
            found = torch.cat((h, c), dim=-1)[known].double()
        elif self._is_cobweb:
            found = torch.cat((h[(known - 1).clamp(min=0)], h[known]), dim=-1).double()
        else:
            found = self._of(h[known])
        missing = torch.full((len(times) - len(known), 2), torch.nan, dtype=torch.float64)
        return torch.cat((found, missing))

    def of_point(self, state: Tensor) -> Tensor:
        """Of a fixed point (S,), (2,)."""
        if self._is_pair:
            return state.double()
        return state.double().repeat(2) if self._is_cobweb else self._of(state[: self._H])

    def _of(self, h: Tensor) -> Tensor:
        return h.double() if self._is_own else self._plane.coordinates(h)


def _rows(points: Sequence[FixedPoint], place: _Places) -> Array:
    rows = []
    for point in points:
        kind = "slow" if point.is_slow else point.stability.kind
        rows.append([*place.of_point(point.point).tolist(), float(KINDS.index(kind)), point.q])
    return np.array(rows).reshape(-1, 4)
