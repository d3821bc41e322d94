"""In which pieces a run is computed and sent."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.experiment import Experiment
from app.gates import GATES
from app.protocol import LEFT_OUT_WITH, Analyse, Analysis, Run, StartDistance
from rnncore import (
    backward_bounds,
    bin_edges,
    chunk_bounds,
)
from rnncore.bins import Edges
from rnncore.chunks import FIRST_CHUNK, LARGEST_CHUNK

Bounds = tuple[int, int]

# A run of so few steps and multiplications takes a few milliseconds: one chunk is there before
# anybody could look at a part of it.
SHORT_STEPS = 2000
SHORT_PRODUCTS = 2**26
AT_ONCE_PRODUCTS = 2**22
# Of one group of the atlas's rays: the panels' own runs take their turn after each, some 20 ms.
GROUP_PRODUCTS = 2**28


@dataclass(frozen=True)
class Plan:
    """The chunks of a run: of its states from 0 up, of its gradients from T down.

    What lies in no chunk is computed, since the verdict is about all T steps, and not sent.
    """

    forward: tuple[Bounds, ...]
    backward: tuple[Bounds, ...]
    edges: tuple[int, ...] | None = None  # of the view's bins; None without a view
    splits_weights: bool = False  # W_hh in a frame of its own, as its draw and a factor
    omits: frozenset[str] = frozenset()  # tensors that are not sent
    is_at_once: bool = False  # over before anybody could look at a part of it

    @classmethod
    def of(cls, run: Run) -> Plan:
        """Chunks that start small and grow; with a view each holds whole bins."""
        steps, view, splits = run.experiment.steps, run.view, run.split_weights
        with_them = (part for name in run.omit for part in LEFT_OUT_WITH.get(name, ()))
        omits = frozenset[str]([*run.omit, *with_them])
        products = _products(run.experiment)
        if view is None:
            if steps < SHORT_STEPS and products <= SHORT_PRODUCTS:
                at_once = products <= AT_ONCE_PRODUCTS
                whole = ((0, steps),)
                return cls(whole, whole, None, splits, omits, at_once)
            forward, backward = tuple(chunk_bounds(steps)), tuple(backward_bounds(steps))
            return cls(forward, backward, None, splits, omits)
        edges = tuple(bin_edges(view.t0, view.t1, view.columns).tolist())
        # The same rule, looked at from the other end of time.
        mirrored = [-edge for edge in reversed(edges)]
        backward = tuple((-t1, -t0) for t0, t1 in _growing(mirrored))
        at_once = products <= AT_ONCE_PRODUCTS
        return cls(tuple(_growing(edges)), backward, edges, splits, omits, at_once)

    @classmethod
    def whole(cls, steps: int) -> Plan:
        """Everything at once."""
        return cls(((0, steps),), ((0, steps),))

    def edges_within(self, t0: int, t1: int) -> Edges | None:
        """Edges of the bins that a chunk holds; None where steps are not binned."""
        if self.edges is None:
            return None
        first, last = bisect_left(self.edges, t0), bisect_right(self.edges, t1)
        return np.array(self.edges[first:last], dtype=np.int64)


@dataclass(frozen=True)
class AnalysisPlan:
    """What of an Experiment is analysed, and how fine the atlas is."""

    wants: tuple[Analysis, ...]
    radii: int
    edges: tuple[int, ...]
    t: int = 1  # of the Jacobian
    starts: int = 1
    start_distance: StartDistance = "far"
    plane: tuple[int, int] | None = None
    is_at_once: bool = False

    @classmethod
    def of(cls, message: Analyse) -> AnalysisPlan:
        """The plan of a message."""
        view, steps = message.view, message.experiment.steps
        t0, t1, columns = (view.t0, view.t1, view.columns) if view else (0, steps, steps)
        wants = tuple(dict.fromkeys(message.wants))
        return cls(
            wants,
            message.radii,
            tuple(bin_edges(t0, t1, columns).tolist()),
            message.t,
            message.starts,
            message.start_distance,
            message.plane,
        )


@dataclass(frozen=True)
class MeasurePlan:
    """Which sizes are timed, and how often each is visited."""

    hidden_sizes: tuple[int, ...]
    lengths: tuple[int, ...]
    attention_lengths: tuple[int, ...]
    rounds: int
    is_at_once: bool = False


def group_size(experiment: Experiment) -> int:
    """Rays of the atlas that are computed side by side."""
    products = _products(experiment)
    return max(1, GROUP_PRODUCTS // products)


AnyPlan = Plan | AnalysisPlan | MeasurePlan


def plan_of(message: Run | Analyse) -> AnyPlan:
    """The plan of a message that asks for computation."""
    return Plan.of(message) if isinstance(message, Run) else AnalysisPlan.of(message)


def _products(experiment: Experiment) -> int:
    """Multiplications of a forward run."""
    cell, T = experiment.cell, experiment.steps
    weights = len(GATES[cell.kind]) * cell.hidden_size**2 * (2 * cell.layers - 1)
    looked_at = T * cell.hidden_size if cell.kind == "attention" else 0
    return experiment.batch_size * T * (weights + looked_at)


def _growing(edges: Sequence[int]) -> Iterator[Bounds]:
    """Whole bins, about 32 steps first, then four times more each."""
    position, size = 0, FIRST_CHUNK
    while position < len(edges) - 1:
        furthest = bisect_right(edges, edges[position] + size) - 1
        last = max(position + 1, furthest)
        yield edges[position], edges[last]
        position, size = last, min(4 * size, LARGEST_CHUNK)
