"""Lyapunov exponents of the run that is shown, beside the eigenvalues of its matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from app.experiment import Experiment
from app.frames import Array
from app.gates import GATES
from app.matrix import MOST_UNITS
from app.protocol import Note
from app.rollouts import rollout_of
from app.stages import Setting, array
from app.starts import shortened
from rnncore import (
    AttentionRollout,
    ElmanCell,
    closed_loop,
    lyapunov_spectrum,
    spectrum,
)

ShouldStop = Callable[[], bool]

MOST_EXPONENTS = 16
# A few seconds of one thread.
MOST_PRODUCTS = 2**35
MOST_STEPS = 100_000


def no_exponents_of(experiment: Experiment) -> str:
    """Why a run has no Lyapunov exponents; nothing where it has."""
    if experiment.cell.kind == "attention":
        return "Attention carries no state on: no change of one grows or dies from step to step."
    if experiment.closes_loop and measured_steps(experiment) <= (experiment.generation.after or 0):
        return "The steps that can be measured end before this network generates."
    return ""


def measured_steps(experiment: Experiment) -> int:
    """How many steps are looked at."""
    cell = experiment.cell
    of_state = 2 if cell.kind == "lstm" else 1
    size = of_state * cell.hidden_size
    products = min(size, MOST_EXPONENTS) * size * cell.hidden_size * len(GATES[cell.kind])
    return max(1, min(experiment.steps, MOST_STEPS, MOST_PRODUCTS // (products * cell.layers)))


def exponents(
    start: Setting, experiment: Experiment, should_stop: ShouldStop
) -> tuple[dict[str, Array], list[Note]]:
    """Tensors by their names on the wire, and what is to be said of them.

    exponents [k], natural logarithms per step, and standard_errors [k], inf where the run is too
    short to tell; steps [2], how many were left out and how many were measured; ln_moduli [k'],
    ln |λ| of the eigenvalues of W_hh, or of W_hh + W_xh W_hy where the loop is closed, largest
    first; none of a gated cell, in which no one matrix acts; dimension [1] and entropy_rate [1],
    NaN where more exponents would be needed.
    """
    steps = measured_steps(experiment)
    brief = shortened(start, steps)
    rollout = rollout_of(brief, has_outputs=False)
    assert not isinstance(rollout, AttentionRollout)  # `no_exponents_of`
    for _ in rollout.states(should_stop, bounds=()):
        pass
    size = experiment.cell.layers * experiment.cell.hidden_size
    size *= 2 if experiment.cell.kind == "lstm" else 1
    after = brief.feeds_back_after or 0
    transient = (steps - after) // 5
    found = lyapunov_spectrum(
        rollout, min(size, MOST_EXPONENTS), transient=transient, should_stop=should_stop
    )
    notes = []
    if steps < experiment.steps:
        message = f"Exponents are measured over the first {steps} steps."
        notes.append(Note(code="exponents_of_first_steps", message=message))
    dimension, entropy = found.kaplan_yorke_dimension, found.entropy_rate
    return {
        "exponents": array(found.exponents),
        "standard_errors": array(found.standard_errors),
        "steps": np.array([float(after + transient), float(steps - after - transient)]),
        "ln_moduli": _ln_moduli(start)[:MOST_EXPONENTS],
        "dimension": np.array([np.nan if dimension is None else dimension]),
        "entropy_rate": np.array([np.nan if entropy is None else entropy]),
    }, notes


def _ln_moduli(start: Setting) -> Array:
    """ln |λ| of the matrices that act, of all layers, largest first."""
    cells = (start.cell, *start.above)
    if start.feeds_back_after is not None and isinstance(start.cell, ElmanCell):
        cells = (closed_loop(start.cell, start.readout),)
    logs = [
        spectrum(cell.W_hh.double().cpu()).eigenvalues.abs().log()
        for cell in cells
        if isinstance(cell, ElmanCell) and cell.hidden_size <= MOST_UNITS
    ]
    return array(torch.cat(logs).sort(descending=True).values) if logs else np.zeros(0)
