"""What a run starts from beside W_hh: the other weights, the input, the initial state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from app.consistency import edit_lists
from app.edits import Edit
from app.experiment import Experiment
from app.files import Files
from app.frames import Array
from app.gates import BIAS_BLOCKS, GATES, INPUT_BLOCKS, KEEPING, block
from app.layers import seed_of_layer, upper_layers
from app.matrix import Matrix, Shelf, origin_of
from app.tokens import tokens_of
from rnncore import (
    AttentionCell,
    ElmanCell,
    GRUCell,
    LSTMCell,
    Readout,
    apply_edits,
    cast,
    embedded_sequence,
    gaussian_bias,
    gaussian_weights,
    initial_state,
    input_sequence,
)

# Where each matrix beside W_hh has its edits.
EDITED = {
    "W_xh": "input_weights.edits",
    "b_h": "bias.edits",
    "W_hy": "readout.edits",
    "b_y": "output_bias.edits",
}
RecurrentCell = ElmanCell | GRUCell | LSTMCell
Cell = RecurrentCell | AttentionCell
DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True, eq=False)
class Weights:
    """W_xh, b_h and the readout, as the run uses them."""

    W_xh: Tensor  # (H, D), or the blocks of all gates
    b_h: Tensor  # (H,), likewise; GRU's b_hn comes last
    readout: Readout
    source: str

    @property
    def nbytes(self) -> int:
        readout = self.readout.W_hy.nbytes + self.readout.b_y.nbytes
        return self.W_xh.nbytes + self.b_h.nbytes + readout


def weights(experiment: Experiment, shelf: Shelf, device: str) -> Weights:
    """All weights but W_hh: those that were brought along, the others drawn; then edited."""
    cell, dtype = experiment.cell, DTYPES[experiment.dtype]
    D, H, O = cell.input_size, cell.hidden_size, cell.output_size  # noqa: E741
    drive, bias, out = experiment.input_weights, experiment.bias, experiment.readout

    wishes = (part.model_dump_json() for part in (drive, bias, out, experiment.output_bias))
    key = ("weights", origin_of(experiment), *wishes, dtype)

    def make() -> Weights:
        layer = shelf.files.layer(experiment)
        brought = {} if layer is None else dict(layer.weights)
        if layer is not None and cell.layers > 1:
            # The readout reads the top layer.
            top = shelf.files.layer(experiment, cell.layers - 1)
            assert top is not None
            brought |= {name: top.weights[name] for name in ("W_hy", "b_y") if name in top.weights}
        b_h = gaussian_bias(BIAS_BLOCKS[cell.kind] * H, scale=bias.scale, seed=bias.seed)
        if cell.kind in ("gru", "lstm"):
            b_h[block(KEEPING, H)] += bias.forget
        rows = INPUT_BLOCKS[cell.kind] * H
        drawn = {
            "W_xh": gaussian_weights(rows, D, scale=drive.scale, seed=drive.seed),
            "b_h": b_h,
            "W_hy": gaussian_weights(O, H, scale=out.scale, seed=out.seed),
            "b_y": torch.zeros(O, dtype=torch.float64),
        }
        lists = edit_lists(experiment)
        used = {}
        for name, draw in drawn.items():
            weight = brought[name].double() if name in brought else draw
            edited = _with_edits(weight, EDITED[name], lists)
            used[name] = cast(name, edited, dtype).to(device)
        readout = Readout(used["W_hy"], used["b_y"])
        return Weights(used["W_xh"], used["b_h"], readout, source=repr(key))

    return shelf.cache.get(key, make, lambda made: made.nbytes)


def _with_edits(weight: Tensor, path: str, lists: Mapping[str, Sequence[Edit]]) -> Tensor:
    return apply_edits(weight, lists[path], argument=path) if lists[path] else weight


@dataclass(frozen=True, eq=False)
class Setting:
    """Everything that a run starts from, in its dtype and on its device."""

    cell: Cell
    above: tuple[RecurrentCell, ...]  # the layers above, from the second on
    readout: Readout
    x: Tensor  # (…, T, D)
    starts: tuple[Tensor, ...]  # h_0 (…, H) of each layer, the bottom first
    drawn: Weights
    feeds_back_after: int | None = None  # outputs as they are, not classes drawn from them

    @property
    def h_0(self) -> Tensor:
        """That of the first layer."""
        return self.starts[0]

    def recurrent_weights(self) -> Mapping[str, Array]:
        """W_hh by its name; of attention, which has none, what stands in its place."""
        if isinstance(self.cell, AttentionCell):
            return {"W_qkv": array(self.cell.W_qkv)}
        return {"W_hh": array(self.cell.W_hh)}

    def upper_weights(self) -> Mapping[str, Array]:
        """The weights of the layers above the first, by PyTorch's number."""
        found = {}
        for number, cell in enumerate(self.above, 1):
            b_h = cell.b_h if not isinstance(cell, GRUCell) else torch.cat((cell.b_h, cell.b_hn))
            for name, weight in (("W_xh", cell.W_xh), ("W_hh", cell.W_hh), ("b_h", b_h)):
                found[f"{name}_l{number}"] = array(weight)
        return found

    def other_weights(self) -> Mapping[str, Array]:
        """All weights but W_hh, by name."""
        return {
            "W_xh": array(self.drawn.W_xh),
            "b_h": array(self.drawn.b_h),
            "W_hy": array(self.readout.W_hy),
            "b_y": array(self.readout.b_y),
        }


def setting(experiment: Experiment, found: Matrix, shelf: Shelf, device: str) -> Setting:
    """Cell, readout, input and initial state.

    Raises:
        ValueError: a number overflows the run's dtype.
    """
    dtype = DTYPES[experiment.dtype]
    drawn = weights(experiment, shelf, device)
    W_hh = cast("W_hh", found.W_hh, dtype).to(device)
    x, starts = stimuli(experiment, shelf.files)
    above = [
        recurrent_cell_of(experiment, layer.W_xh, layer.W_hh, layer.b_h)
        for layer in upper_layers(experiment, shelf, dtype, device)
    ]
    return Setting(
        cell_of(experiment, drawn.W_xh, W_hh, drawn.b_h),
        tuple(above),
        drawn.readout,
        cast("x", x, dtype).to(device),
        tuple(cast("h_0", h_0, dtype).to(device) for h_0 in starts),
        drawn,
    )


def cell_of(experiment: Experiment, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Cell:
    """The cell that has these weights."""
    if experiment.cell.kind == "attention":
        return AttentionCell(W_xh, W_hh, b_h)
    return recurrent_cell_of(experiment, W_xh, W_hh, b_h)


def recurrent_cell_of(
    experiment: Experiment, W_xh: Tensor, W_hh: Tensor, b_h: Tensor
) -> RecurrentCell:
    """The same of a recurrent one, which a layer above the first always is."""
    if experiment.cell.kind == "gru":
        inside = len(GATES["gru"]) * experiment.cell.hidden_size
        return GRUCell(W_xh, W_hh, b_h[:inside], b_h[inside:])
    if experiment.cell.kind == "lstm":
        return LSTMCell(W_xh, W_hh, b_h)
    return ElmanCell(W_xh, W_hh, b_h, experiment.cell.activation)


def stimuli(experiment: Experiment, files: Files) -> tuple[Tensor, list[Tensor]]:
    """x (…, T, D) and h_0 (…, H) of each layer in float64; a batch axis leads for more than one
    sequence."""
    cell, start = experiment.cell, experiment.initial_state
    B = experiment.batch_size if experiment.batch_size > 1 else None
    starts = [
        initial_state(
            start.kind,
            cell.hidden_size,
            seed=seed_of_layer(start.seed, layer) if start.kind == "random" else 0,
            scale=start.scale if start.kind == "random" else 1.0,
            values=_repeated(start.values, B) if start.kind == "values" else None,
            batch_size=B,
        )
        for layer in range(cell.layers)
    ]
    return _input(experiment, files, B), starts


def _input(experiment: Experiment, files: Files, B: int | None) -> Tensor:
    """x (…, T, D)."""
    steps, D, drive = experiment.steps, experiment.cell.input_size, experiment.input
    if drive.kind == "text":
        return embedded_sequence(
            tokens_of(experiment).indices,
            steps,
            D,
            embedding=drive.embedding,
            amplitude=drive.amplitude,
            seed=drive.seed,
            batch_size=B,
        )
    values: Tensor | None = None
    if drive.kind == "values":
        values = _repeated(drive.values, B)
    elif drive.kind == "file":
        values = files.input(experiment, drive)
    return input_sequence(
        "values" if drive.kind == "file" else drive.kind,
        steps,
        D,
        amplitude=drive.amplitude,
        seed=drive.seed,
        period=drive.period if drive.kind == "sine" else 20.0,
        values=values,
        batch_size=B,
    )


def _repeated(values: Sequence[object], batch_size: int | None) -> Tensor:
    """Given numbers drive every sequence of a batch alike."""
    given = torch.tensor(values, dtype=torch.float64)
    return given if batch_size is None else given.expand(batch_size, *given.shape)


def array(tensor: Tensor) -> Array:
    """The tensor's own memory as NumPy sees it; from a GPU, a copy."""
    numbers: Array = tensor.detach().cpu().numpy()
    return numbers
