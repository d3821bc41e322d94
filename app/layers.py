"""The layers above the first: each is fed by the states of the one below."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from app.experiment import LARGEST_SEED, Experiment
from app.gates import BIAS_BLOCKS, GATES, INPUT_BLOCKS, KEEPING, block
from app.matrix import Shelf, origin_of
from rnncore import RecurrentLayer, cast, gaussian_bias, gaussian_weights, recurrent_matrix

# Layers are drawn from seeds that lie far apart: neighbouring seeds of a document don't meet.
STRIDE = 1_000_003


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """The weights of one layer, in the run's dtype."""

    W_xh: Tensor  # (rows, H)
    W_hh: Tensor
    b_h: Tensor

    @property
    def nbytes(self) -> int:
        return self.W_xh.nbytes + self.W_hh.nbytes + self.b_h.nbytes


def seed_of_layer(first: int, number: int) -> int:
    """The seed of a layer, counted from 0, that goes on from the first layer's."""
    return (first + number * STRIDE) % (LARGEST_SEED + 1)


def upper_layers(
    experiment: Experiment, shelf: Shelf, dtype: torch.dtype, device: str
) -> list[LayerWeights]:
    """The weights of the layers from the second on: from the file, or drawn as the first is.

    What was drawn has its own seed for each layer, and the same scales and spectral radius or
    gain. Edits are the first layer's alone.
    """
    return [
        _upper_layer(experiment, number, shelf, dtype, device)
        for number in range(1, experiment.cell.layers)
    ]


def _upper_layer(
    experiment: Experiment, number: int, shelf: Shelf, dtype: torch.dtype, device: str
) -> LayerWeights:
    recurrent, bias = experiment.recurrent, experiment.bias
    wishes = (
        recurrent.model_copy(update={"edits": []}).model_dump_json(),
        experiment.input_weights.model_copy(update={"edits": []}).model_dump_json(),
        bias.model_copy(update={"edits": []}).model_dump_json(),
    )
    key = ("layer", number, origin_of(experiment), *wishes, dtype)

    def make() -> LayerWeights:
        layer = shelf.files.layer(experiment, number)
        weights = _drawn(experiment, number) if layer is None else _loaded(layer)
        made = {name: cast(name, each, dtype).to(device) for name, each in weights.items()}
        return LayerWeights(**made)

    return shelf.cache.get(key, make, lambda made: made.nbytes)


def _loaded(layer: RecurrentLayer) -> dict[str, Tensor]:
    return {name: layer.weights[name].double() for name in ("W_xh", "W_hh", "b_h")}


def _drawn(experiment: Experiment, number: int) -> dict[str, Tensor]:
    cell, wish = experiment.cell, experiment.recurrent
    H, gates = cell.hidden_size, len(GATES[cell.kind])
    drive, bias = experiment.input_weights, experiment.bias

    def seed(first: int) -> int:
        return seed_of_layer(first, number)

    b_h = gaussian_bias(BIAS_BLOCKS[cell.kind] * H, scale=bias.scale, seed=seed(bias.seed))
    if gates > 1:
        b_h[block(KEEPING, H)] += bias.forget
    blocks = [
        recurrent_matrix(
            wish.ensemble,
            H,
            seed=seed(wish.seed) * gates + gate,
            spectral_radius=wish.spectral_radius,
            gain=wish.gain,
        ).W
        for gate in range(gates)
    ]
    return {
        "W_xh": gaussian_weights(
            INPUT_BLOCKS[cell.kind] * H, H, scale=drive.scale, seed=seed(drive.seed)
        ),
        "W_hh": torch.cat(blocks),
        "b_h": b_h,
    }
