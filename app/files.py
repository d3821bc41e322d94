"""Uploaded files as runs use them: read once, kept by their hash."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from app.cache import LARGEST_SHARE, Cache
from app.errors import Refusal, refusal
from app.experiment import Experiment, InputFile
from app.file_formats import MOST_NUMBERS, UNNAMED, Contents, invalid_file, read_contents
from app.uploads import Uploads
from rnncore import RecurrentLayer, recurrent_layers
from rnncore.checks import ArgumentError, checked_finite

MOST_TENSORS_A_LAYER = 16
MOST_LAYERS = 64
# Room for one file of the largest size; the cache takes no entry over a part of itself.
CACHE_BYTES = LARGEST_SHARE * 8 * MOST_NUMBERS


@dataclass(frozen=True, eq=False)
class Opened:
    """A file's contents, and what they can be used for."""

    contents: Contents
    layers: tuple[RecurrentLayer, ...]
    input: Tensor | None  # (B, T, D) float64

    @property
    def nbytes(self) -> int:
        """Memory; the input is the file's own array where that is float64."""
        own = [tensor for tensor in self.contents.tensors.values() if tensor.dtype != torch.float64]
        return self.contents.nbytes + (self.input.nbytes if own and self.input is not None else 0)


def opened(content: bytes) -> Opened:
    """Reads a file.

    Raises:
        Refusal: it is broken, too large, or holds neither a recurrent layer nor an input.
    """
    contents = read_contents(content)
    tensors = dict(contents.tensors)
    if UNNAMED in tensors and tensors[UNNAMED].ndim == 2 and len(set(tensors[UNNAMED].shape)) == 1:
        tensors["W_hh"] = tensors[UNNAMED]  # a square array without a name may be either
    try:
        layers = recurrent_layers(tensors)
        found = Opened(contents, layers, _input(contents))
    except ArgumentError as error:
        raise _refused(error) from None
    most = MOST_TENSORS_A_LAYER * min(max(1, len(layers)), MOST_LAYERS)
    if len(contents.tensors) > most:
        raise refusal(
            "over_limit",
            "the file",
            "has too many tensors",
            got=len(contents.tensors),
            expected=f"at most {MOST_TENSORS_A_LAYER} for each recurrent layer, here {most}",
            advice="Save the recurrent module alone.",
            status=413,
        )
    if not layers and found.input is None:
        names = ", ".join(name for name in list(contents.tensors)[:6])
        raise invalid_file(
            "holds no recurrent layer and no input",
            got=names or "nothing",
            expected="weight_ih_l0 and weight_hh_l0 of nn.RNN, W_hh, or one array [T, D]",
        )
    return found


class Files:
    """The uploaded files of one server, opened at most once while they are in use.

    Without a folder of uploads there are none.
    """

    def __init__(self, uploads: Uploads | None = None) -> None:
        self._uploads = uploads
        self._opened = Cache(CACHE_BYTES)

    def keep(self, content: bytes) -> tuple[str, Opened]:
        """Reads and keeps a file; its hash. Raises a `Refusal` where it is of no use here."""
        if self._uploads is None:
            raise RuntimeError("there is no folder of uploads")
        found = opened(content)
        digest = self._uploads.keep(content)
        self._opened.keep(digest, found, found.nbytes)
        return digest, found

    def find(self, digest: str, field: str | None = None) -> Opened:
        """The file with this hash. Raises a `Refusal` (unknown_file) that names `field`."""
        found: Opened | None = self._opened.find(digest)
        if found is not None:
            if self._uploads is not None:
                self._uploads.touch(digest)
            return found
        content = self._uploads.find(digest) if self._uploads else None
        if content is None:
            raise refusal(
                "unknown_file",
                field or "the file",
                "is not on this server",
                got=digest,
                expected="the hash of an uploaded file",
                advice="Drop the file on the page, or open it, and go on.",
                field=field,
            )
        found = opened(content)
        self._opened.keep(digest, found, found.nbytes)
        return found

    def layer(self, experiment: Experiment, above: int = 0) -> RecurrentLayer | None:
        """The recurrent layer that the Experiment brings along; None where all is drawn.

        Args:
            experiment: the document.
            above: how many layers further up, in the order of the file.

        Raises:
            Refusal: the file is not here, has no such layer, or one that doesn't fit the cell.
        """
        wish = experiment.weights
        if wish.file is None:
            return None
        layers = self.find(wish.file, "weights.file").layers
        number = wish.layer + above
        if wish.layer >= len(layers):
            raise _misfit(
                "weights.layer", wish.layer, f"0 to {len(layers) - 1}" if layers else "no layer"
            )
        if number >= len(layers):
            expected = f"at most {len(layers) - wish.layer}, as the file has them"
            raise _misfit("cell.layers", experiment.cell.layers, expected)
        layer = layers[number]
        if layer.problem:
            raise _misfit("weights.layer", f"layer {number}, {layer.cell}", "a layer to run")
        if layer.cell != experiment.cell.kind:
            expected = f"{layer.cell}, as the file has it"
            raise _misfit("cell.kind", experiment.cell.kind, expected)
        if above:
            return _upper(layer, experiment)
        for name, size in sizes(layer).items():
            given = getattr(experiment.cell, name)
            if size is not None and given != size:
                raise _misfit(f"cell.{name}", given, f"{size}, as the file has it")
        return layer

    def input(self, experiment: Experiment, wish: InputFile) -> Tensor:
        """x (T, D), or (B, T, D) for a batch: the first steps and sequences of the file's input.

        Raises:
            Refusal: the file is not here, holds no input, or too little of it.
        """
        x = self.find(wish.file, "input.file").input
        if x is None:
            raise _misfit("input.file", wish.file, "a file of one array [T, D] or [B, T, D]")
        B, T, D = x.shape
        for field, given, size in (
            ("steps", experiment.steps, T),
            ("batch_size", experiment.batch_size, B),
        ):
            if given > size:
                raise _misfit(field, given, f"at most {size}, as the input's file has it")
        if experiment.cell.input_size != D:
            expected = f"{D}, as the input's file has it"
            raise _misfit("cell.input_size", experiment.cell.input_size, expected)
        part = x[: experiment.batch_size, : experiment.steps]
        return part if experiment.batch_size > 1 else part[0]


def sizes(layer: RecurrentLayer) -> dict[str, int | None]:
    """The fields of the cell that a layer decides."""
    return {
        "hidden_size": layer.hidden_size,
        "input_size": layer.input_size,
        "output_size": layer.output_size,
    }


def _upper(layer: RecurrentLayer, experiment: Experiment) -> RecurrentLayer:
    """A layer that is fed by the one below, which it must fit."""
    H, got = experiment.cell.hidden_size, f"{layer.input_size} inputs, {layer.hidden_size} units"
    if (layer.input_size, layer.hidden_size) != (H, H):
        raise _misfit("cell.layers", got, f"layers that are fed by {H} units, and have as many")
    if layer.output_size not in (None, experiment.cell.output_size):
        expected = f"{layer.output_size}, as the file has it"
        raise _misfit("cell.output_size", experiment.cell.output_size, expected)
    return layer


def _input(contents: Contents) -> Tensor | None:
    """The input (B, T, D) float64, where the file holds one array that can be one."""
    if len(contents.tensors) != 1:
        return None
    ((name, array),) = contents.tensors.items()
    if name in ("W_hh", "W_xh") or not 1 <= array.ndim <= 3 or array.numel() == 0:
        return None
    if array.is_complex() or array.dtype == torch.bool:
        return None
    x = array.double()
    checked_finite(name or "input", x)
    return x.reshape(-1, 1)[None] if x.ndim == 1 else x[None] if x.ndim == 2 else x


def _misfit(field: str, got: object, expected: str) -> Refusal:
    return refusal(
        "invalid_field", field, "does not fit the file", got=got, expected=expected, field=field
    )


def _refused(error: ArgumentError) -> Refusal:
    return refusal(
        "invalid_file",
        f"the file's {error.argument}",
        error.problem,
        got=error.got,
        expected=error.expected,
        advice=error.advice,
    )
