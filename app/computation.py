"""One run, from its Experiment to its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace

import numpy as np
import torch
from torch import Tensor

from app.clock import Clock
from app.experiment import Cell, Experiment
from app.frames import Array, Frame
from app.matrix import MOST_UNITS, Matrix, Shelf, matrix, measured_spectrum
from app.plan import Plan
from app.protocol import GATE_TENSORS, Done, Note
from app.rollouts import (
    AnyGradients,
    AnyRollout,
    AnySweep,
    gradients_of,
    norms_of,
    rollout_of,
    states_below,
    sweep_of,
    top_of,
)
from app.stages import DTYPES, Setting, array, setting
from app.token_frame import token_frame
from app.verdict import Diagnosis
from rnncore import (
    Activation,
    AttentionCell,
    CrossEntropyLoss,
    ElmanCell,
    GatedRollout,
    GradientChunk,
    LinearLoss,
    Loss,
    MeanSquaredLoss,
    Rollout,
    Spectrum,
    StateChunk,
    closed_loop,
    diagnose,
    largest_magnitude,
    loss_direction,
    min_max,
    output_probabilities,
    quantity_fate,
    sampled_inputs,
    spectrum,
    step_shares,
)
from rnncore.bins import Edges

ShouldStop = Callable[[], bool]


class Computation:
    """Builds, runs forward, sweeps backward, judges; frames leave as soon as they exist."""

    def __init__(
        self,
        experiment: Experiment,
        plan: Plan,
        should_stop: ShouldStop,
        device: str,
        shelf: Shelf,
    ) -> None:
        self._experiment = experiment
        self._plan = plan
        self._should_stop = should_stop
        self._device = device
        self._shelf = shelf
        self._clock = Clock()

    def results(self) -> Iterator[Frame | Done]:
        """The frames of a run without what is to be omitted, then its `Done`."""
        for item in self._all_results():
            if isinstance(item, Done):
                yield item
                continue
            left = {name: t for name, t in item.tensors.items() if name not in self._plan.omits}
            if left:
                yield replace(item, tensors=left)

    def _all_results(self) -> Iterator[Frame | Done]:
        with self._clock.counting("build"):
            found = matrix(self._experiment, self._shelf, self._should_stop)
            start = setting(self._experiment, found, self._shelf, self._device)
            start = in_form(self._experiment, start, self._should_stop)
        yield from self._weights(found, start)
        if start.feeds_back_after is None:
            yield self._inputs(start.x, start)
        if self._experiment.input.kind == "text":
            yield token_frame(self._experiment, start.x)
        # A drawn matrix has its spectrum already; that of an edited one can wait for the picture.
        if found.drawn is not None:
            yield self._spectrum(found)
        with self._clock.counting("forward"):
            rollout = rollout_of(start, has_outputs=not self._plan.omits.issuperset({"y", "p"}))
        yield from self._states(rollout)
        if isinstance(rollout, Rollout | GatedRollout) and start.feeds_back_after is not None:
            yield self._inputs(rollout.inputs(0, rollout.steps), start)
        with self._clock.counting("backward"):
            sweep = sweep_of(rollout, loss_of(self._experiment, start, self._device))
        yield from self._gradients(sweep)
        if found.drawn is None:
            yield self._spectrum(found)
        closed = self._closed_loop(start)
        if closed is not None:
            tensors = {"closed_loop_eigenvalues": array(torch.view_as_real(closed.eigenvalues))}
            yield Frame("closed_loop", 0, self._experiment.steps, tensors)
        yield self._done(found, rollout, sweep, closed)

    def _weights(self, found: Matrix, start: Setting) -> Iterator[Frame]:
        steps, others = self._experiment.steps, start.other_weights()
        if not self._plan.splits_weights:
            whole = {**others, **start.recurrent_weights(), **start.upper_weights()}
            yield Frame("weights", 0, steps, whole)
            return
        yield Frame("weights", 0, steps, others, start.drawn.source)
        if found.drawn is None:
            yield Frame("matrix", 0, steps, start.recurrent_weights())
        else:
            drawn = {"W_hh_drawn": array(found.drawn.base)}
            yield Frame("matrix", 0, steps, drawn, found.source)

    def _inputs(self, x: Tensor, start: Setting) -> Frame:
        edges = self._plan.edges
        if edges is not None:
            x = largest_magnitude(x[..., edges[0] : edges[-1], :], np.array(edges))
        tensors = {"x": array(x), "h_0": array(start.h_0)}
        if not self._plan.splits_weights:
            above = enumerate(start.starts[1:], 1)
            tensors |= {f"h_0_l{number}": array(h_0) for number, h_0 in above}
        return Frame("inputs", 0, self._experiment.steps, tensors)

    def _spectrum(self, found: Matrix) -> Frame:
        measured = self._measured(found)
        tensors = {
            "eigenvalues": array(torch.view_as_real(measured.eigenvalues)),
            "singular_values": array(measured.singular_values),
        }
        if self._plan.splits_weights and found.drawn is not None:
            # Draw and spectrum share the factor: one frame carries all that ρ changes.
            tensors["W_hh_scale"] = np.array([found.drawn.scale])
        return Frame("spectrum", 0, self._experiment.steps, tensors)

    def _measured(self, found: Matrix) -> Spectrum:
        with self._clock.counting("spectrum"):
            return measured_spectrum(self._experiment, found, self._shelf)

    def _states(self, rollout: AnyRollout) -> Iterator[Frame]:
        chunks = rollout.states(self._should_stop, bounds=self._plan.forward)
        for chunk in self._clock.each("forward", chunks):
            edges = self._plan.edges_within(chunk.t0, chunk.t1)
            tensors = {
                "h": _values(chunk.h, edges),
                **({"y": _values(chunk.y, edges)} if rollout.has_outputs else {}),
                "log10_norm_h": _logs(chunk.log10_norm_h, edges),
            }
            if self._experiment.output.kind == "classes" and rollout.has_outputs:
                temperature = self._experiment.output.temperature
                p = output_probabilities(top_of(rollout), chunk.t0, chunk.t1, temperature)
                tensors["p"] = _values(p.to(chunk.y.dtype), edges)
            for name, h in states_below(rollout, chunk.t0, chunk.t1).items():
                tensors[name] = _values(h, edges)
            for name, logs in norms_of(rollout, chunk.t0, chunk.t1).items():
                tensors[name] = _logs(logs, edges)
            tensors |= {name: _values(gate, edges) for name, gate in self._gates(rollout, chunk)}
            yield Frame("states", chunk.t0, chunk.t1, tensors)

    def _gates(self, rollout: AnyRollout, chunk: StateChunk) -> Iterator[tuple[str, Tensor]]:
        """The gates that are wanted."""
        top = top_of(rollout)
        if not isinstance(top, GatedRollout) or self._plan.omits.issuperset(GATE_TENSORS):
            return
        for name, gate in top.gates(chunk.t0, chunk.t1).items():
            if name not in self._plan.omits:
                yield name, gate

    def _gradients(self, sweep: AnySweep) -> Iterator[Frame]:
        chunks: Iterator[AnyGradients] = sweep.chunks(
            bounds=self._plan.backward, should_stop=self._should_stop
        )
        cotangent = self._cotangent()
        for chunk in self._clock.each("backward", chunks):
            edges = self._plan.edges_within(chunk.t0, chunk.t1)
            tensors = {name: _logs(logs, edges) for name, logs in gradients_of(chunk).items()}
            yield Frame("gradients", chunk.t0, chunk.t1, tensors | cotangent)
            cotangent = {}

    def _cotangent(self) -> dict[str, Array]:
        """∂L/∂h_T of the linear loss, for the first chunk of gradients."""
        if self._experiment.loss.kind != "linear":
            return {}
        c = loss_direction(self._experiment.cell.hidden_size)
        return {"cotangent": array(c.to(DTYPES[self._experiment.dtype]))}

    def _closed_loop(self, start: Setting) -> Spectrum | None:
        """The spectrum of what multiplies the state where outputs are fed back."""
        if start.feeds_back_after is None or not isinstance(start.cell, ElmanCell):
            return None
        if start.cell.hidden_size > MOST_UNITS:
            return None
        with self._clock.counting("spectrum"):
            return spectrum(closed_loop(start.cell, start.readout).W_hh.double().cpu())

    def _done(
        self, found: Matrix, rollout: AnyRollout, sweep: AnySweep, closed: Spectrum | None
    ) -> Done:
        measured = self._measured(found)
        return Done(
            id=None,
            status="complete",
            timings=self._clock.timings(),
            first_nonfinite_step=rollout.first_nonfinite_step,
            notes=[Note(code=note.code, message=note.message) for note in found.notes],
            diagnosis=self._verdict(measured, rollout, sweep, closed),
            spectral_radius=_finite(measured.spectral_radius),
            largest_singular_value=_finite(measured.largest_singular_value),
            henrici_departure=_finite(measured.henrici_departure),
            closed_loop_radius=_finite(closed.spectral_radius) if closed else None,
            experiment=in_force(self._experiment),
        )

    def _verdict(
        self, measured: Spectrum, rollout: AnyRollout, sweep: AnySweep, closed: Spectrum | None
    ) -> Diagnosis:
        gradients = sweep.chunk(0, rollout.steps)
        # With gates, several layers or none there is no one W_hh and no one φ' whose parts or
        # bounds could be told.
        parts = gradients if isinstance(gradients, GradientChunk) else None
        # A certificate must hold whichever of two matrices a step has: both must be measured.
        is_known = parts is not None and (closed is not None or not self._experiment.closes_loop)
        stretches = [each.largest_singular_value for each in (measured, closed) if each is not None]
        verdict = diagnose(
            log10_norm_h=rollout.log10_norm_h,
            log10_grad_h=gradients.log10_grad_h,
            log10_saturation=parts.log10_saturation if parts else None,
            log10_linear_gain=parts.log10_linear_gain if parts else None,
            loss_at=self._experiment.loss.at,
            activation=_bound_of(self._experiment.cell),
            largest_singular_value=max(stretches) if is_known else None,
            dtype=DTYPES[self._experiment.dtype],
        )
        shares = step_shares(gradients.log10_grad_W_hh)
        told = {
            **asdict(shares),
            "log10_sum": _finite(shares.log10_sum),
            "log10_largest": _finite(shares.log10_largest),
        }
        parts_of_time = self._parts_of_time(rollout)
        return Diagnosis.model_validate({**verdict.to_dict(), **parts_of_time, "shares": told})

    def _parts_of_time(self, rollout: AnyRollout) -> dict[str, object]:
        """What became of the states while they were fed, and while the network generated."""
        after = self._experiment.generation.after
        if after is None or not self._experiment.generates:
            return {"fed": None, "generating": None}
        logs = rollout.log10_norm_h
        fates = {"fed": logs[..., :after], "generating": logs[..., after - 1 :]}
        return {name: quantity_fate(part, toward="end").to_dict() for name, part in fates.items()}


def _bound_of(cell: Cell) -> Activation:
    """The activation that bounds the states, if one does: gated cells end in tanh, attention in a
    mean of values of any size."""
    if cell.kind == "elman":
        return cell.activation
    return "linear" if cell.kind == "attention" else "tanh"


def in_form(experiment: Experiment, start: Setting, should_stop: ShouldStop) -> Setting:
    """The setting of a run in which outputs are fed back, if they are.

    Classes are drawn first: what was drawn is an input like any other.
    """
    after = experiment.generation.after
    if after is None or not experiment.generates:
        return start
    if experiment.closes_loop:
        return replace(start, feeds_back_after=after)
    assert not isinstance(start.cell, AttentionCell)
    x = sampled_inputs(
        *(start.cell, start.x, start.h_0, start.readout),
        after=after,
        temperature=experiment.output.temperature,
        seed=experiment.generation.seed,
        should_stop=should_stop,
    )
    return replace(start, x=x)


def loss_of(experiment: Experiment, start: Setting, device: str) -> Loss:
    """The loss of a run."""
    wish, cell = experiment.loss, experiment.cell
    if wish.kind == "linear":
        return LinearLoss(loss_direction(cell.hidden_size), wish.at)
    if wish.kind == "cross_entropy":
        classes = 0 if wish.target is None else wish.target
        return CrossEntropyLoss(torch.tensor(classes).to(device), start.readout, wish.at)
    target = torch.zeros(cell.output_size, dtype=torch.float64)
    if wish.target is not None:
        target = torch.tensor(wish.target, dtype=torch.float64)
    return MeanSquaredLoss(target.to(device), start.readout, wish.at)


def in_force(experiment: Experiment) -> Experiment:
    """The Experiment with the spectral radius that is meant where none is given."""
    recurrent = experiment.recurrent
    is_loaded = experiment.weights.file is not None
    if is_loaded or recurrent.spectral_radius is not None or recurrent.gain is not None:
        return experiment
    meant = recurrent.model_copy(update={"spectral_radius": 1.0})
    return experiment.model_copy(update={"recurrent": meant})


def _values(values: Tensor, edges: Edges | None) -> Array:
    """(…, T, K): each column's value of largest magnitude in each bin, or all of them."""
    return array(values if edges is None else largest_magnitude(values, edges))


def _logs(logs: Tensor, edges: Edges | None) -> Array:
    """(…, T), or (…, bins, 2) with the least and the largest of each bin."""
    return array(logs if edges is None else min_max(logs, edges))


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
