"""What an uploaded file holds, and which change of the Experiment uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

import torch
from pydantic import Field

from app.consistency import EDIT_PATHS
from app.errors import Error, Refusal, refusal
from app.experiment import Cell, Experiment
from app.file_formats import UNNAMED, Format
from app.files import Opened, sizes
from app.protocol import ServerMessage, read_experiment
from app.settings import Settings, flag
from rnncore import RecurrentLayer, module_name

Changes = dict[str, str | int | float | list[Any] | None]


class FoundTensor(ServerMessage):
    """One tensor of the file."""

    name: str
    shape: list[int]
    dtype: str
    symbol: str | None = None
    """What it is taken for, W_xh, W_hh, b_h, W_hy or b_y; null: it is left out."""


class FoundLayer(ServerMessage):
    """One recurrent layer of the file."""

    layer: int
    """Its number, as weights.layer counts."""
    name: str
    """What the file calls it."""
    module: str
    """PyTorch's module of that kind."""
    input_size: int | None
    """D; null where the file has no W_xh: then it is drawn."""
    hidden_size: int
    """H."""
    output_size: int | None
    """O; null where the file has no readout: then it is drawn."""
    tensors: list[FoundTensor]
    problem: str | None
    """Why it can't be opened here; null where it can."""
    changes: Changes
    """Dotted path → value: the change of an Experiment that opens it."""


class FoundInput(ServerMessage):
    """The file as an input."""

    steps: int
    """T."""
    input_size: int
    """D."""
    batch_size: int
    """B."""
    changes: Changes
    """Dotted path → value: the change of an Experiment that uses it."""


class FoundFile(ServerMessage):
    """The answer to an upload: what was found."""

    type: Literal["file"] = "file"
    file: str
    """SHA-256 of the file, by which Experiments name it."""
    format: Format
    layers: list[FoundLayer]
    stacks: list[FoundLayer]
    """Modules of several layers, all of which can be run on top of one another."""
    input: FoundInput | None
    left_out: list[FoundTensor] = Field(default_factory=list)
    """Tensors that nothing is made of."""


def found_file(digest: str, opened: Opened, settings: Settings) -> FoundFile:
    """What is told of an opened file."""
    layers = [_layer(digest, k, layer, opened, settings) for k, layer in enumerate(opened.layers)]
    used = {tensor.name for layer in layers for tensor in layer.tensors}
    taken_whole = opened.input is not None
    return FoundFile(
        file=digest,
        format=opened.contents.format,
        layers=layers,
        stacks=list(_stacks(layers, opened, settings)),
        input=_input(digest, opened, settings),
        left_out=[
            _tensor(name, tensor)
            for name, tensor in opened.contents.tensors.items()
            if name not in used and not taken_whole
        ],
    )


def experiment_of(found: FoundFile, layer: int | None = None) -> Experiment:
    """The Experiment that opens a file, everything else at its default.

    Args:
        found: the file.
        layer: one layer alone; None for all layers of the first module.

    Raises:
        Refusal: there is no such layer, or it can't be opened.
    """
    if not found.layers and found.input is not None:
        return experiment_with(found.input.changes)
    return experiment_with(chosen_layer(found, layer).changes)


def chosen_layer(found: FoundFile, layer: int | None) -> FoundLayer:
    """One layer of a file; None for all layers of its first module. Raises as `experiment_of`."""
    if layer is None and found.stacks and found.stacks[0].problem is None:
        return found.stacks[0]
    layer = layer or 0
    if not 0 <= layer < len(found.layers):
        raise refusal(
            "invalid_field",
            "layer",
            "does not fit the file",
            got=layer,
            expected=f"0 to {len(found.layers) - 1}",
        )
    chosen = found.layers[layer]
    if chosen.problem is not None:
        raise Refusal(Error(code="invalid_file", message=chosen.problem))
    return chosen


def experiment_with(changes: Changes, document: Mapping[str, Any] | None = None) -> Experiment:
    """A document, `{}` unless given, with some of its fields changed, by dotted path.

    Raises:
        Refusal: the changed document is wrong.
    """
    changed: dict[str, Any] = json.loads(json.dumps(document or {}))
    for path, value in changes.items():
        *groups, name = path.split(".")
        node = changed
        for group in groups:
            node = node.setdefault(group, {})
        node[name] = value
    return read_experiment(json.dumps(changed).encode())


def _layer(
    digest: str, k: int, layer: RecurrentLayer, opened: Opened, settings: Settings
) -> FoundLayer:
    symbols = {name: symbol for symbol, names in layer.sources.items() for name in names}
    if UNNAMED in opened.contents.tensors:
        symbols[UNNAMED] = "W_hh"
    tensors = [
        _tensor(name, opened.contents.tensors[name], symbol)
        for name, symbol in symbols.items()
        if name in opened.contents.tensors
    ]
    return FoundLayer(
        layer=k,
        name=_name(layer),
        module=module_name(layer.cell),
        **sizes(layer),
        tensors=tensors,
        problem=_problem(layer, settings),
        changes=_layer_changes(digest, k, layer, opened),
    )


def _stacks(layers: list[FoundLayer], opened: Opened, settings: Settings) -> Iterator[FoundLayer]:
    """The modules of which every layer is fed by the one below."""
    for first, layer in enumerate(opened.layers):
        prefix, count = layer.names.prefix, 1
        if layer.names.suffix != "_l0" or layer.problem:
            continue
        for above in opened.layers[first + 1 :]:
            names = above.names
            if (names.prefix, names.suffix) != (prefix, f"_l{count}") or above.problem:
                break
            count += 1
        if count > 1:
            yield _stack(layers[first : first + count], prefix.rstrip("."), settings)


def _stack(layers: list[FoundLayer], module: str, settings: Settings) -> FoundLayer:
    bottom, top, count = layers[0], layers[-1], len(layers)
    problem = next((layer.problem for layer in layers if layer.problem is not None), None)
    if count > settings.max_layers:
        problem = (
            f"cell.layers is out of range: got {count}; expected 1 to {settings.max_layers}. Start "
            f"the server with {flag('max_layers')} to raise the limit."
        )
    changes = bottom.changes | {"cell.layers": count}
    if top.output_size is not None:
        changes["cell.output_size"] = top.output_size
    return bottom.model_copy(
        update={
            "name": f"all {count} layers of {module}" if module else f"all {count} layers",
            "output_size": top.output_size,
            "tensors": [tensor for layer in layers for tensor in layer.tensors],
            "problem": problem,
            "changes": changes,
        }
    )


def _name(layer: RecurrentLayer) -> str:
    if not any(name.endswith(layer.names.suffix) for name in layer.sources["W_hh"]):
        return "W_hh"
    module = layer.names.prefix.rstrip(".")
    number = layer.names.suffix.removeprefix("_l")
    if not number:
        return module or "a cell"
    return f"layer {number} of {module}" if module else f"layer {number}"


def _tensor(name: str, tensor: torch.Tensor, symbol: str | None = None) -> FoundTensor:
    dtype = str(tensor.dtype).removeprefix("torch.")
    return FoundTensor(name=name, shape=list(tensor.shape), dtype=dtype, symbol=symbol)


def _problem(layer: RecurrentLayer, settings: Settings) -> str | None:
    """One sentence in the form of a refusal."""
    name = _name(layer)
    what = name[0].upper() + name[1:]
    if layer.problem:
        return f"{what} {layer.problem}. Build the module without bidirectional and proj_size."
    for name, size in sizes(layer).items():
        limit = {"hidden_size": "max_hidden", "input_size": "max_input"}.get(name, "max_output")
        largest: int = getattr(settings, limit)
        if size is not None and size > largest:
            return (
                f"{name} is out of range: got {size}; expected 1 to {largest}. Start the server "
                f"with {flag(limit)} to raise the limit."
            )
    return None


def _layer_changes(digest: str, k: int, layer: RecurrentLayer, opened: Opened) -> Changes:
    """The file's weights untouched: no factor, no operation of what was there before."""
    changes: Changes = {
        "weights.file": digest,
        "weights.layer": k,
        "cell.kind": layer.cell,
        "cell.layers": 1,
        "generation.after": None,
        "recurrent.spectral_radius": None,
        "recurrent.gain": None,
    }
    changes |= {f"cell.{name}": size for name, size in sizes(layer).items() if size is not None}
    changes |= {path: [] for path in EDIT_PATHS}
    activation = opened.contents.metadata.get("nonlinearity")
    if activation in get_args(Cell.model_fields["activation"].annotation):
        changes["cell.activation"] = activation
    elif layer.cell == "elman" and "W_hh" not in opened.contents.tensors:
        changes["cell.activation"] = "tanh"  # nn.RNN's own, unless it was told otherwise
    if layer.dtype == torch.float64:
        changes["dtype"] = "float64"
    return changes


def _input(digest: str, opened: Opened, settings: Settings) -> FoundInput | None:
    if opened.input is None:
        return None
    B, T, D = opened.input.shape
    steps, batch_size = min(T, settings.max_steps), min(B, settings.max_batch)
    changes: Changes = {
        "input.kind": "file",
        "input.file": digest,
        "cell.input_size": D,
        "steps": steps,
        "batch_size": batch_size,
    }
    return FoundInput(steps=T, input_size=D, batch_size=B, changes=changes)
