"""What is computed behind the panels: each kind of answer, or the sentence why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch

from app.atlas import NO_ATLAS, Rays, no_atlas_of
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
from app.matrix import MOST_UNITS, Matrix, Shelf, matrix, measured_spectrum
from app.plan import AnalysisPlan
from app.portrait import no_state_space_of, portrait
from app.protocol import Analysis, Done, Note
from app.rollouts import rollout_of
from app.stages import Setting, array, setting
from app.starts import Starts, followed_notes, followed_steps, no_race_of, raced, shortened
from rnncore import (
    AttentionRollout,
    Eigensystem,
    GatedRollout,
    Rollout,
    StackedRollout,
    influence_map,
    jacobian_eigenvalues,
    kreiss_constant,
    largest_power,
    matrix_powers,
    unit_slopes,
)
from rnncore.nilpotency import is_nilpotent

ShouldStop = Callable[[], bool]
Answer = Callable[[Matrix, list[Note]], Iterator[Frame]]

MOST_UNITS_OF_RESOLVENT = 128
POWER_PRODUCTS = 2**30
MOST_POWERS = 1000


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
        """The frames, cheapest first, then `Done`, which says why there are none of a kind."""
        with self._clock.counting("build"):
            found = matrix(self._experiment, self._shelf, self._should_stop)
        notes: list[Note] = []
        whole = self._whole
        of_matrix = no_powers_of(whole)
        answers: list[tuple[Analysis, str, Answer]] = [
            ("conditions", of_matrix, self._conditions),
            ("powers", of_matrix, self._powers),
            ("matrix_powers", of_matrix, self._matrix_powers),
            ("jacobian", no_jacobian_of(whole), self._jacobian),
            ("state_space", no_state_space_of(whole), self._state_space),
            ("race", no_race_of(whole), self._race),
            ("lyapunov", no_exponents_of(whole), self._lyapunov),
            ("influence", no_influence_of(whole, self._plan.edges), self._influence),
            ("atlas", no_atlas_of(whole), self._atlas),
        ]
        for want, problem, frames in answers:
            if want not in self._plan.wants:
                continue
            if problem:
                notes.append(Note(code=f"no_{want}", message=problem))
            else:
                yield from frames(found, notes)
        yield Done(
            id=None,
            status="complete",
            timings=self._clock.timings(),
            notes=notes,
            experiment=in_force(self._whole),
        )

    def _conditions(self, found: Matrix, notes: list[Note]) -> Iterator[Frame]:
        with self._clock.counting("spectrum"):
            system = Eigensystem.of(found.square)
        eigenvalues = system.eigenvalues
        kappa = [system.condition(k) for k in range(len(eigenvalues))]
        tensors = {
            "eigenvalues": np.stack([eigenvalues.real, eigenvalues.imag], axis=1),
            "condition_numbers": np.array(kappa),
        }
        yield Frame("conditions", 0, self._experiment.steps, tensors)

    def _powers(self, found: Matrix, notes: list[Note]) -> Iterator[Frame]:
        H = found.square.shape[0]
        steps = min(self._experiment.steps, MOST_POWERS, POWER_PRODUCTS // H**3)
        with self._clock.counting("spectrum"):
            largest = largest_power(found.square, steps, should_stop=self._should_stop)
        tensors = {
            "log10_largest_power": np.array([largest.log10_norm]),
            "largest_power_step": np.array([float(largest.step)]),
        }
        yield Frame("powers", 0, steps, tensors)

    def _matrix_powers(self, found: Matrix, notes: list[Note]) -> Iterator[Frame]:
        H, T = found.square.shape[0], self._experiment.steps
        steps = max(1, min(T, POWER_PRODUCTS // H**3))
        with self._clock.counting("spectrum"):
            powers = matrix_powers(found.square, steps, should_stop=self._should_stop)
        yield Frame("matrix_powers", 0, T, {"log10_norm_powers": array(powers.log10_norm)})
        if steps < T:
            words = f"{steps} powers of the {T} are shown: H = {H} takes too long for all."
            notes.append(Note(code="some_powers", message=words))
        if H <= MOST_UNITS_OF_RESOLVENT:
            with self._clock.counting("spectrum"):
                constant = kreiss_constant(found.square, should_stop=self._should_stop)
            yield Frame("kreiss", 0, T, {"kreiss_constant": np.array([constant])})

    def _state_space(self, found: Matrix, notes: list[Note]) -> Iterator[Frame]:
        start = self._setting(found)
        rollout = self._rolled_out(start)
        with self._clock.counting("spectrum"):
            tensors, said = portrait(
                rollout, start, self._experiment, self._plan, self._should_stop
            )
        notes += said
        yield Frame("state_space", 0, self._experiment.steps, tensors)

    def _race(self, found: Matrix, notes: list[Note]) -> Iterator[Frame]:
        count = max(2, self._plan.starts)
        steps = followed_steps(self._experiment, count)
        notes += followed_notes(self._experiment, steps)
        start = shortened(self._setting(found), steps)
        with self._clock.counting("forward"):
            starts = Starts.of(start, count - 1, self._plan.start_distance)
            yield Frame("race", 0, steps, raced(start, starts, self._should_stop))

    def _lyapunov(self, found: Matrix, notes: list[Note]) -> Iterator[Frame]:
        start = self._setting(found)
        with self._clock.counting("spectrum"):
            tensors, said = exponents(start, self._experiment, self._should_stop)
        notes += said
        yield Frame("lyapunov", 0, self._experiment.steps, tensors)

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

    def _jacobian(self, found: Matrix, notes: list[Note]) -> Iterator[Frame]:
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
        yield Frame("jacobian", t, t + 1, tensors)

    def _influence(self, found: Matrix, notes: list[Note]) -> Iterator[Frame]:
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
        yield Frame("influence", edges[0], edges[-1], tensors)

    def _atlas(self, found: Matrix, notes: list[Note]) -> Iterator[Frame]:
        with self._clock.counting("spectrum"):
            measured = measured_spectrum(self._experiment, found, self._shelf)
            radius = measured.spectral_radius
            has_radius = math.isfinite(radius) and not is_nilpotent(
                found.square.numpy(), measured.eigenvalues.numpy()
            )
        if not has_radius:
            notes.append(Note(code="no_atlas", message=NO_ATLAS))
            return
        # Divided in float64: a tiny W_hh would be lost in the run's dtype, and a factor that makes
        # up for it may not exist there.
        unit = replace(found, W_hh=found.W_hh / radius)
        with self._clock.counting("build"):
            start = setting(self._experiment, unit, self._shelf, self._device)
            loss = loss_of(self._experiment, start, self._device)
        rays = Rays(self._experiment, start, loss, self._plan, self._should_stop)
        yield from rays.frames(self._clock)


def no_powers_of(experiment: Experiment) -> str:
    """Why nothing is said of W_hh itself, as its powers would; nothing where something is."""
    H = experiment.cell.hidden_size
    if experiment.cell.kind == "attention":
        return "Attention has no W_hh: nothing is multiplied again and again."
    if H > MOST_UNITS:
        return f"Powers and condition numbers are of up to {MOST_UNITS} units; here are {H}."
    return ""
