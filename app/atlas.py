"""The atlas: what becomes of states and gradients at every spectral radius."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from app.clock import Clock
from app.experiment import Experiment
from app.frames import Frame
from app.plan import AnalysisPlan, group_size
from app.rollouts import rollout_of, sweep_of
from app.stages import Setting, array
from rnncore import AttentionCell, ElmanCell, Fan, Loss, fan, min_max
from rnncore.bins import Edges

LARGEST_RADIUS = 2.0
COARSEST = 16  # of the radii every sixteenth comes first


def coarse_to_fine(count: int) -> list[int]:
    """0 … count - 1, every sixteenth first, then those between them, and the last one early.

    >>> coarse_to_fine(9)
    [0, 8, 4, 2, 6, 1, 3, 5, 7]
    """
    order = dict.fromkeys([0, count - 1])
    stride = COARSEST
    while stride:
        order |= dict.fromkeys(range(0, count, stride))
        stride //= 2
    return list(order)


@dataclass(frozen=True)
class Rays:
    """A network at every radius; the cell of `start` has radius 1."""

    experiment: Experiment
    start: Setting
    loss: Loss
    plan: AnalysisPlan
    should_stop: Callable[[], bool]

    def frames(self, clock: Clock) -> Iterator[Frame]:
        """The rays of some radii after another, coarse to fine."""
        radii = np.linspace(0.0, LARGEST_RADIUS, self.plan.radii)
        order = coarse_to_fine(len(radii))
        size = group_size(self.experiment)
        for first in range(0, len(order), size):
            with clock.counting("forward"):
                frame = self._frame(radii[order[first : first + size]])
            yield frame

    def _frame(self, radii: np.ndarray) -> Frame:
        factors = torch.from_numpy(radii)
        rays = self._fan(factors)
        edges: Edges = np.array(self.plan.edges)
        tensors = {"radii": radii}
        for name in ("log10_norm_h", "log10_grad_h"):
            shown = getattr(rays, name)[:, edges[0] : edges[-1]]
            tensors[name] = array(min_max(shown, edges)[..., 1].float())
        return Frame("atlas", int(edges[0]), int(edges[-1]), tensors)

    def _fan(self, factors: Tensor) -> Fan:
        start = self.start
        if isinstance(start.cell, ElmanCell):
            return fan(
                *(start.cell, factors, start.x, start.h_0, self.loss),
                readout=start.readout,
                should_stop=self.should_stop,
            )
        # One run after the other: gates have no common scale that one product could carry.
        assert not isinstance(start.cell, AttentionCell)
        norms, gradients = [], []
        for factor in factors.tolist():
            scaled = replace(start.cell, W_hh=factor * start.cell.W_hh)
            rollout = rollout_of(replace(start, cell=scaled), has_outputs=False)
            for _ in rollout.states(self.should_stop, bounds=()):
                pass
            sweep = sweep_of(rollout, self.loss)
            for _ in sweep.chunks(bounds=(), should_stop=self.should_stop):
                pass
            norms.append(rollout.log10_norm_h)
            gradients.append(sweep.chunk(0, rollout.steps).log10_grad_h)
        return Fan(factors, torch.stack(norms), torch.stack(gradients))


def no_atlas_of(experiment: Experiment) -> str:
    """Why there is no atlas of a network of this form; nothing where there is one."""
    if experiment.cell.kind == "attention":
        return "Attention has no W_hh whose spectral radius an atlas could show."
    if experiment.cell.layers > 1:
        return "An atlas is of one layer: set layers to 1 to see it."
    if experiment.generates:
        return "An atlas is of a network whose input is given: choose another form to see it."
    return ""


NO_ATLAS = (
    "All eigenvalues of this W_hh are 0 to rounding, so no factor gives it another spectral "
    "radius: there is no atlas of it."
)
