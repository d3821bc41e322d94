"""What no single field of an Experiment can say: shapes that fit, numbers that fit the dtype."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from pydantic_core import PydanticCustomError

from app.gates import BIAS_BLOCKS, GATES, INPUT_BLOCKS

if TYPE_CHECKING:
    from app.edits import Edit
    from app.experiment import Experiment

EDIT_PATHS = (
    *("recurrent.edits", "input_weights.edits", "bias.edits"),
    *("readout.edits", "output_bias.edits"),
)
EDIT_NUMBERS = ("value", "to", "half_gap", "spectral_radius")
Numbers = float | Sequence[float] | Sequence[Sequence[float]]


def check(experiment: Experiment) -> None:
    """Raises a `PydanticCustomError` that names the field which does not fit the others."""
    recurrent = experiment.recurrent
    if recurrent.spectral_radius is not None and recurrent.gain is not None:
        _refuse(
            "recurrent.gain",
            "cannot be given together with recurrent.spectral_radius",
            recurrent.gain,
            "one of the two",
            "Leave one of them out, or set it to null.",
        )
    for name in ("spectral_radius", "gain"):
        scale = getattr(recurrent, name)
        if experiment.weights.file is not None and scale is not None:
            _refuse(
                f"recurrent.{name}",
                "cannot be given together with weights.file",
                scale,
                "null: loaded weights stay as they are",
                'Rescale them by an edit, {"op": "radius", "spectral_radius": …}.',
            )
    _check_edits(experiment)
    _check_shapes(experiment)
    _check_form(experiment)
    for field, numbers in _all_numbers(experiment):
        _check_fits_dtype(field, numbers, experiment.dtype)


def edit_lists(experiment: Experiment) -> dict[str, Sequence[Edit]]:
    """Every list of operations by its path in the document."""
    return {path: getattr(experiment, path.split(".")[0]).edits for path in EDIT_PATHS}


def _check_edits(experiment: Experiment) -> None:
    cell = experiment.cell
    hidden = "hidden_size", cell.hidden_size
    inputs = "input_size", cell.input_size
    outputs = "output_size", cell.output_size
    gates, biases = len(GATES[cell.kind]), BIAS_BLOCKS[cell.kind]
    sizes = {
        "recurrent.edits": (_times(gates, hidden), hidden),
        "input_weights.edits": (_times(INPUT_BLOCKS[cell.kind], hidden), inputs),
        "bias.edits": (_times(biases, hidden), hidden),
        "readout.edits": (outputs, hidden),
        "output_bias.edits": (outputs, outputs),
    }
    for path, edits in edit_lists(experiment).items():
        for k, edit in enumerate(edits):
            for (size_name, size), names in zip(
                sizes[path], (("i", "rows"), ("j", "columns")), strict=True
            ):
                _check_index(f"{path}.{k}", edit, names, size_name, size)


def _times(count: int, size: tuple[str, int]) -> tuple[str, int]:
    name, number = size
    return (name if count == 1 else f"{count} · {name}"), count * number


def _check_index(path: str, edit: Edit, names: tuple[str, str], size_name: str, size: int) -> None:
    """One index of a set, or one interval of a zero, against the size of its axis."""
    index = getattr(edit, names[0], None)
    if index is not None and index >= size:
        expected = f"0 to {size - 1}, for {size_name} is {size}"
        _refuse(f"{path}.{names[0]}", "is out of range", index, expected, "Indices count from 0.")
    interval = getattr(edit, names[1], None)
    if interval is not None and not interval[0] < interval[1] <= size:
        expected = f"two numbers from 0 to {size}, for {size_name} is {size}, the second larger"
        got = f"{interval[0]} to {interval[1]}"
        _refuse(f"{path}.{names[1]}", "is no interval of the matrix", got, expected)


def _check_shapes(experiment: Experiment) -> None:
    cell, steps = experiment.cell, experiment.steps
    if experiment.input.kind == "text":
        _check_text(experiment.input.text)
    if experiment.input.kind == "values":
        _check_rows("input.values", experiment.input.values, steps, cell.input_size, "input_size")
    if experiment.initial_state.kind == "values":
        count = len(experiment.initial_state.values)
        if count != cell.hidden_size:
            expected = f"{cell.hidden_size} numbers, one per hidden unit"
            _refuse("initial_state.values", "has the wrong length", count, expected)
    if experiment.loss.kind == "mse" and experiment.loss.target:
        target = experiment.loss.target
        if isinstance(target[0], list):
            _check_rows("loss.target", target, steps, cell.output_size, "output_size")
        elif len(target) != cell.output_size:
            expected = f"{cell.output_size} numbers, one per output, or {steps} rows of them"
            _refuse("loss.target", "has the wrong length", len(target), expected)
    elif experiment.loss.kind == "mse" and experiment.loss.target == []:
        _refuse("loss.target", "is empty", 0, f"{cell.output_size} numbers, or null for zero")
    if experiment.loss.kind == "cross_entropy" and experiment.loss.target is not None:
        _check_classes(experiment.loss.target, steps, cell.output_size)


def _check_text(text: str) -> None:
    """JSON can't hold half of a sign that takes two; Python's own texts can."""
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        got = f"half of a sign at {problem.start}"
        _refuse("input.text", "is no text", got, "whole signs", "Leave it out.")


def _check_form(experiment: Experiment) -> None:
    """What is fed back must fit, and not every cell can do everything."""
    cell, after = experiment.cell, experiment.generation.after
    if after is not None and experiment.generates:
        if cell.kind == "attention":
            _refuse(
                "generation.after",
                "is for recurrent cells",
                after,
                "null with attention",
                "Choose a recurrent cell, or set it to null.",
            )
        if cell.layers > 1:
            _refuse(
                "generation.after",
                "is for one layer",
                after,
                f"null with {cell.layers} layers",
                "Set cell.layers to 1, or generation.after to null.",
            )
        if cell.input_size != cell.output_size:
            _refuse(
                "cell.output_size",
                "does not fit generation, where y_t is fed back as x_{t+1}",
                cell.output_size,
                f"{cell.input_size}, as input_size",
                "Give both sizes the same value, or set generation.after to null.",
            )
    if cell.kind == "attention" and cell.layers > 1:
        _refuse("cell.layers", "is for recurrent cells", cell.layers, "1 with attention")


def _check_classes(target: int | Sequence[int], steps: int, outputs: int) -> None:
    field, wrong = "loss.target", target
    if not isinstance(target, int):
        if len(target) != steps:
            expected = f"{steps} classes, one per step, or one class"
            _refuse(field, "has the wrong length", len(target), expected)
        t = next((t for t, each in enumerate(target) if each >= outputs), None)
        if t is None:
            return
        field, wrong = f"{field}.{t}", target[t]
    elif target < outputs:
        return
    expected = f"0 to {outputs - 1}, for output_size is {outputs}"
    _refuse(field, "is no class", wrong, expected, "Classes count from 0.")


def _check_rows(field: str, rows: Sequence[object], steps: int, size: int, size_name: str) -> None:
    if len(rows) != steps:
        advice = f"Give {steps} rows, or set steps to {len(rows)}."
        _refuse(field, "has the wrong length", len(rows), f"{steps} rows, one per step", advice)
    for t, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != size:
            got = len(row) if isinstance(row, list) else None
            expected = f"{size} numbers, as {size_name} says"
            _refuse(f"{field}.{t}", "has the wrong length", got, expected)


def _all_numbers(experiment: Experiment) -> Iterator[tuple[str, Numbers | None]]:
    recurrent = experiment.recurrent
    yield "recurrent.spectral_radius", recurrent.spectral_radius
    yield "recurrent.gain", recurrent.gain
    for path, edits in edit_lists(experiment).items():
        for k, edit in enumerate(edits):
            for name in EDIT_NUMBERS:
                yield f"{path}.{k}.{name}", getattr(edit, name, None)
    yield "input_weights.scale", experiment.input_weights.scale
    yield "bias.scale", experiment.bias.scale
    yield "bias.forget", experiment.bias.forget
    yield "readout.scale", experiment.readout.scale
    yield "input.amplitude", experiment.input.amplitude
    if experiment.input.kind == "values":
        yield "input.values", experiment.input.values
    if experiment.initial_state.kind == "values":
        yield "initial_state.values", experiment.initial_state.values
    if experiment.initial_state.kind == "random":
        yield "initial_state.scale", experiment.initial_state.scale
    if experiment.loss.kind == "mse":
        yield "loss.target", experiment.loss.target


def _check_fits_dtype(field: str, numbers: Numbers | None, dtype: str) -> None:
    if numbers is None:
        return
    largest = float(np.finfo(dtype).max)
    if isinstance(numbers, int | float):
        if not -largest <= numbers <= largest:
            _refuse_overflow(field, numbers, dtype, largest)
        return
    values = np.asarray(numbers, dtype=np.float64)
    outside = np.abs(values) > largest
    if outside.any():
        index = tuple(int(k) for k in np.argwhere(outside)[0])
        path = ".".join([field, *map(str, index)])
        _refuse_overflow(path, float(values[index]), dtype, largest)


def _refuse_overflow(field: str, value: float, dtype: str, largest: float) -> NoReturn:
    advice = "Set dtype to float64, or use a smaller number." if dtype == "float32" else ""
    expected = f"at most {largest:.6g} in magnitude"
    _refuse(field, f"is too large for {dtype}", value, expected, advice)


def _refuse(field: str, problem: str, got: object, expected: str, advice: str = "") -> NoReturn:
    context = {
        "field": field,
        "problem": problem,
        "got": got,
        "expected": expected,
        "advice": advice,
    }
    raise PydanticCustomError("does_not_fit", "{field} {problem}", context)
