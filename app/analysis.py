"""What is computed behind the panels: the atlas, condition numbers, the growth of powers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from app.clock import Clock
from app.computation import in_force, in_form, loss_of
from app.experiment import Experiment
from app.exponents import exponents, no_exponents_of
from app.frames import Frame
from app.influences import (
    MOST_BINS,
    no_influence_of,
    no_jacobian_of,
)
from app.matrix import Matrix, Shelf, matrix, measured_spectrum
from app.plan import AnalysisPlan, group_size
from app.portrait import no_state_space_of, portrait
from app.protocol import Done, Note
from app.rollouts import rollout_of, sweep_of
from app.stages import Setting, array, setting
from app.starts import Starts, followed_notes, followed_steps, no_race_of, raced, shortened
from rnncore import (
    AttentionCell,
    AttentionRollout,
    Eigensystem,
    ElmanCell,
    Fan,
    GatedRollout,
    Loss,
    Rollout,
    StackedRollout,
    fan,
    influence_map,
    jacobian_eigenvalues,
    kreiss_constant,
    largest_power,
    matrix_powers,
    min_max,
    unit_slopes,
)
from rnncore.bins import Edges
from rnncore.nilpotency import is_nilpotent

ShouldStop = Callable[[], bool]

LARGEST_RADIUS = 2.0
COARSEST = 16  # of the radii every sixteenth comes first
# Beyond these sizes a decomposition would take seconds that nobody can interrupt.
MOST_UNITS = 512
MOST_UNITS_OF_RESOLVENT = 128
POWER_PRODUCTS = 2**30
MOST_POWERS = 1000


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


class AnalysisRun:
    """One analysis, from its Experiment to its end."""

    def __init__(
        self,
        experiment: Experiment,
        plan: AnalysisPlan,
        should_stop: ShouldStop,
        device: str,
        shelf: Shelf,
    ) -> None:
        # One sequence stands for a batch: all of them are driven by the same matrix.
        self._experiment = experiment.model_copy(update={"batch_size": 1})
        self._whole = experiment
        self._plan = plan
        self._should_stop = should_stop
        self._device = device
        self._shelf = shelf
        self._clock = Clock()

    def results(self) -> Iterator[Frame | Done]:
        """The frames, cheapest first, then `Done`."""
        with self._clock.counting("build"):
            found = matrix(self._experiment, self._shelf, self._should_stop)
        notes: list[Note] = []
        small = found.square.shape[0] <= MOST_UNITS
        if "conditions" in self._plan.wants and small:
            yield self._conditions(found)
        if "powers" in self._plan.wants and small:
            yield self._powers(found)
        if "matrix_powers" in self._plan.wants and small:
            yield self._matrix_powers(found)
            if found.square.shape[0] <= MOST_UNITS_OF_RESOLVENT:
                yield self._kreiss(found)
        if "jacobian" in self._plan.wants and small:
            problem = no_jacobian_of(self._whole)
            if problem:
                notes.append(Note(code="no_jacobian", message=problem))
            else:
                yield self._jacobian(found)
        if "state_space" in self._plan.wants:
            problem = no_state_space_of(self._whole)
            if problem:
                notes.append(Note(code="no_state_space", message=problem))
            else:
                yield self._state_space(found, notes)
        if "race" in self._plan.wants:
            problem = no_race_of(self._whole)
            if problem:
                notes.append(Note(code="no_race", message=problem))
            else:
                yield self._race(found, notes)
        if "lyapunov" in self._plan.wants:
            problem = no_exponents_of(self._whole)
            if problem:
                notes.append(Note(code="no_exponents", message=problem))
            else:
                yield self._lyapunov(found, notes)
        if "influence" in self._plan.wants:
            problem = no_influence_of(self._whole, self._plan.edges)
            if problem:
                notes.append(Note(code="no_influence", message=problem))
            else:
                yield self._influence(found)
        problem = no_atlas_of(self._whole) if "atlas" in self._plan.wants else ""
        if problem:
            notes.append(Note(code="no_atlas", message=problem))
        elif "atlas" in self._plan.wants:
            with self._clock.counting("spectrum"):
                measured = measured_spectrum(self._experiment, found, self._shelf)
                radius = measured.spectral_radius
                has_radius = math.isfinite(radius) and not is_nilpotent(
                    found.square.numpy(), measured.eigenvalues.numpy()
                )
            if has_radius:
                yield from self._atlas(found, radius)
            else:
                notes.append(Note(code="no_atlas", message=NO_ATLAS))
        yield Done(
            id=None,
            status="complete",
            timings=self._clock.timings(),
            notes=notes,
            experiment=in_force(self._whole),
        )

    def _conditions(self, found: Matrix) -> Frame:
        with self._clock.counting("spectrum"):
            system = Eigensystem.of(found.square)
        eigenvalues = system.eigenvalues
        kappa = [system.condition(k) for k in range(len(eigenvalues))]
        tensors = {
            "eigenvalues": np.stack([eigenvalues.real, eigenvalues.imag], axis=1),
            "condition_numbers": np.array(kappa),
        }
        return Frame("conditions", 0, self._experiment.steps, tensors)

    def _powers(self, found: Matrix) -> Frame:
        H = found.square.shape[0]
        steps = min(self._experiment.steps, MOST_POWERS, POWER_PRODUCTS // H**3)
        with self._clock.counting("spectrum"):
            largest = largest_power(found.square, steps, should_stop=self._should_stop)
        tensors = {
            "log10_largest_power": np.array([largest.log10_norm]),
            "largest_power_step": np.array([float(largest.step)]),
        }
        return Frame("powers", 0, steps, tensors)

    def _matrix_powers(self, found: Matrix) -> Frame:
        H, T = found.square.shape[0], self._experiment.steps
        steps = max(1, min(T, POWER_PRODUCTS // H**3))
        with self._clock.counting("spectrum"):
            powers = matrix_powers(found.square, steps, should_stop=self._should_stop)
        return Frame("matrix_powers", 0, T, {"log10_norm_powers": array(powers.log10_norm)})

    def _kreiss(self, found: Matrix) -> Frame:
        with self._clock.counting("spectrum"):
            constant = kreiss_constant(found.square, should_stop=self._should_stop)
        tensors = {"kreiss_constant": np.array([constant])}
        return Frame("kreiss", 0, self._experiment.steps, tensors)

    def _state_space(self, found: Matrix, notes: list[Note]) -> Frame:
        start = self._setting(found)
        rollout = self._rolled_out(start)
        with self._clock.counting("spectrum"):
            tensors, said = portrait(
                rollout, start, self._experiment, self._plan, self._should_stop
            )
        notes += said
        return Frame("state_space", 0, self._experiment.steps, tensors)

    def _race(self, found: Matrix, notes: list[Note]) -> Frame:
        count = max(2, self._plan.starts)
        steps = followed_steps(self._experiment, count)
        notes += followed_notes(self._experiment, steps)
        start = shortened(self._setting(found), steps)
        with self._clock.counting("forward"):
            starts = Starts.of(start, count - 1, self._plan.start_distance)
            return Frame("race", 0, steps, raced(start, starts, self._should_stop))

    def _lyapunov(self, found: Matrix, notes: list[Note]) -> Frame:
        start = self._setting(found)
        with self._clock.counting("spectrum"):
            tensors, said = exponents(start, self._experiment, self._should_stop)
        notes += said
        return Frame("lyapunov", 0, self._experiment.steps, tensors)

    def _setting(self, found: Matrix) -> Setting:
        """What the run itself starts from: of a batch, its first sequence."""
        with self._clock.counting("build"):
            start = setting(self._experiment, found, self._shelf, self._device)
            return in_form(self._experiment, start, self._should_stop)

    def _rollout(self, found: Matrix) -> Rollout | GatedRollout | StackedRollout:
        """The run itself, complete: of a batch, its first sequence."""
        return self._rolled_out(self._setting(found))

    def _rolled_out(self, start: Setting) -> Rollout | GatedRollout | StackedRollout:
        with self._clock.counting("forward"):
            rollout = rollout_of(start, has_outputs=False)
            assert not isinstance(rollout, AttentionRollout)
            for _ in rollout.states(self._should_stop, bounds=()):
                pass
        return rollout

    def _jacobian(self, found: Matrix) -> Frame:
        rollout, t = self._rollout(found), self._plan.t - 1
        with self._clock.counting("spectrum"):
            layers = rollout.layers if isinstance(rollout, StackedRollout) else [rollout]
            found_slopes = [next(iter(unit_slopes(each, t, t + 1).values())) for each in layers]
            slopes = torch.cat([each[..., 0, :] for each in found_slopes], dim=-1)
            eigenvalues = jacobian_eigenvalues(rollout, t)
        tensors = {
            "jacobian_eigenvalues": array(torch.view_as_real(eigenvalues)),
            "slopes": array(slopes),
        }
        return Frame("jacobian", t, t + 1, tensors)

    def _influence(self, found: Matrix) -> Frame:
        rollout, edges = self._rollout(found), self._plan.edges
        with self._clock.counting("forward"):
            columns = min(len(edges) - 1, MOST_BINS)
            found_map = influence_map(
                rollout, edges[0], edges[-1], columns=columns, should_stop=self._should_stop
            )
        tensors = {
            "edges": found_map.edges.astype(np.float64),
            "log10_influence": array(found_map.log10_norm),
        }
        return Frame("influence", edges[0], edges[-1], tensors)

    def _atlas(self, found: Matrix, radius: float) -> Iterator[Frame]:
        # Divided in float64: a tiny W_hh would be lost in the run's dtype, and a factor that makes
        # up for it may not exist there.
        unit = replace(found, W_hh=found.W_hh / radius)
        with self._clock.counting("build"):
            start = setting(self._experiment, unit, self._shelf, self._device)
        radii = np.linspace(0.0, LARGEST_RADIUS, self._plan.radii)
        order = coarse_to_fine(len(radii))
        size = group_size(self._experiment)
        for first in range(0, len(order), size):
            chosen = order[first : first + size]
            with self._clock.counting("forward"):
                frame = self._rays(start, radii[chosen])
            yield frame

    def _rays(self, start: Setting, radii: np.ndarray) -> Frame:
        """The rays of some radii; the cell has radius 1."""
        loss = loss_of(self._experiment, start, self._device)
        factors = torch.from_numpy(radii)
        if isinstance(start.cell, ElmanCell):
            rays = fan(
                *(start.cell, factors, start.x, start.h_0, loss),
                readout=start.readout,
                should_stop=self._should_stop,
            )
        else:
            rays = self._gated_rays(start, factors, loss)
        edges: Edges = np.array(self._plan.edges)
        tensors = {"radii": radii}
        for name in ("log10_norm_h", "log10_grad_h"):
            shown = getattr(rays, name)[:, edges[0] : edges[-1]]
            tensors[name] = array(min_max(shown, edges)[..., 1].float())
        return Frame("atlas", int(edges[0]), int(edges[-1]), tensors)

    def _gated_rays(self, start: Setting, factors: Tensor, loss: Loss) -> Fan:
        """One run after the other: gates have no common scale that one product could carry."""
        assert not isinstance(start.cell, AttentionCell)
        norms, gradients = [], []
        for factor in factors.tolist():
            scaled = replace(start.cell, W_hh=factor * start.cell.W_hh)
            rollout = rollout_of(replace(start, cell=scaled), has_outputs=False)
            for _ in rollout.states(self._should_stop, bounds=()):
                pass
            sweep = sweep_of(rollout, loss)
            for _ in sweep.chunks(bounds=(), should_stop=self._should_stop):
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
