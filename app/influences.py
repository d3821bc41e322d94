"""Of which networks there is an influence map, and how large it may be."""

from __future__ import annotations

from collections.abc import Sequence

from app.experiment import Experiment
from app.gates import GATES

MOST_BINS = 256
# Seconds of one thread: every input is pushed on through every later step.
MOST_PRODUCTS = 2**35


def no_influence_of(experiment: Experiment, edges: Sequence[int]) -> str:
    """Why there is no influence map of a window; nothing where there is one."""
    cell, generation = experiment.cell, experiment.generation
    if cell.kind == "attention":
        return "Attention carries no state on: every input acts on every output at once."
    if cell.layers > 1:
        return "An influence map is of one layer: set layers to 1 to see it."
    if (
        generation.after is not None
        and generation.after < experiment.steps
        and experiment.output.kind == "values"
    ):
        return "An influence map is of inputs that are given: choose another form to see it."
    steps = edges[-1] - edges[0]
    ways = steps**2 * min(cell.input_size, cell.hidden_size)
    if ways * len(GATES[cell.kind]) * cell.hidden_size**2 > MOST_PRODUCTS:
        return f"{steps} steps are too many for an influence map of this size: zoom in."
    return ""
