"""What a network is held against, as an Experiment: the page's `state/compare.js`, in Python."""

from __future__ import annotations

from typing import get_args

from app.experiment import Cell, Experiment, WeightsFile

KINDS = (*get_args(Cell.model_fields["kind"].annotation)[:3], "feedforward", "attention")
EDITED = ("recurrent", "input_weights", "bias", "readout", "output_bias")


def compared_kinds(text: str, cell: Cell) -> tuple[str, ...]:
    """The kinds that a link compares with, each once; the cell is never held against itself."""
    asked = dict.fromkeys(text.split("+"))
    return tuple(kind for kind in asked if kind in KINDS and kind != cell.kind)


def compared_experiment(experiment: Experiment, kind: str) -> Experiment:
    """The same document with another cell.

    What was done to the one matrix by hand, or came with a file, has no place in another; the
    radius that it was given last has.
    """
    is_feedforward, is_attention = kind == "feedforward", kind == "attention"
    edits = experiment.recurrent.edits
    groups = {name: getattr(experiment, name).model_copy(update={"edits": []}) for name in EDITED}
    recurrent = groups["recurrent"]
    if edits and edits[-1].op == "radius":
        given = {"spectral_radius": edits[-1].spectral_radius, "gain": None}
        recurrent = recurrent.model_copy(update=given)
    if is_feedforward:  # no state is carried on
        recurrent = recurrent.model_copy(update={"spectral_radius": None, "gain": 0.0})
    cell = experiment.cell.model_copy(update={"kind": "elman" if is_feedforward else kind})
    if is_attention:
        cell = cell.model_copy(update={"layers": 1})
    groups |= {"recurrent": recurrent, "cell": cell, "weights": WeightsFile()}
    if is_attention or is_feedforward:
        groups["generation"] = experiment.generation.model_copy(update={"after": None})
    return experiment.model_copy(update=groups)
