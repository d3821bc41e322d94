"""Of which networks there is an influence map or a Jacobian, and how large a map may be."""

from __future__ import annotations

from collections.abc import Sequence

from app.experiment import Experiment
from app.gates import GATES
from app.matrix import MOST_UNITS

MOST_BINS = 256
# Seconds of one thread: every input is pushed on through every later step.
MOST_PRODUCTS = 2**35


def no_jacobian_of(experiment: Experiment) -> str:
    """Why a network has no one Jacobian of a step; nothing where it has."""
    cell = experiment.cell
    if cell.kind == "attention":
        return "Attention carries no state on, so it has no Jacobian of a step."
    if cell.hidden_size > MOST_UNITS:
        return f"J_t is shown of up to {MOST_UNITS} units; here are {cell.hidden_size}."
    return ""


def no_influence_of(experiment: Experiment, edges: Sequence[int]) -> str:
    """Why there is no influence map of a window; nothing where there is one."""
    cell = experiment.cell
    if cell.kind == "attention":
        return "Attention carries no state on: every input acts on every output at once."
    steps, H = edges[-1] - edges[0], cell.hidden_size
    ways = steps**2 * min(cell.input_size, H)
    products = ways * len(GATES[cell.kind]) * H**2
    if cell.layers > 1:
        state = cell.layers * H * (2 if cell.kind == "lstm" else 1)
        products = (ways + steps * H) * state**2
    if products > MOST_PRODUCTS:
        return f"{steps} steps are too many for an influence map of this size: zoom in."
    return ""
