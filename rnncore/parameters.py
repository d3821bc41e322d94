"""Draws of the remaining weights: input, bias and readout."""

from math import sqrt

import torch
from torch import Tensor

from rnncore.checks import checked_count, checked_number
from rnncore.ensembles import checked_seed, seeded_generator


def gaussian_weights(rows: int, columns: int, *, scale: float, seed: int) -> Tensor:
    """scale · N(0, 1/columns), (rows, columns) float64: W_xh with D columns, W_hy with H.

    Raises:
        ValueError: a size below 1, a scale below 0 or not finite, a seed out of range.

    >>> gaussian_weights(64, 1, scale=1.0, seed=1).shape
    torch.Size([64, 1])
    """
    checked_count("rows", rows)
    checked_count("columns", columns)
    checked_number("scale", scale, least=0.0)
    generator = seeded_generator(checked_seed("seed", seed))
    draw = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    return (scale / sqrt(columns)) * draw


def gaussian_bias(size: int, *, scale: float, seed: int) -> Tensor:
    """scale · N(0, 1), (size,) float64.

    Raises:
        ValueError: a size below 1, a scale below 0 or not finite, a seed out of range.
    """
    checked_count("size", size)
    checked_number("scale", scale, least=0.0)
    generator = seeded_generator(checked_seed("seed", seed))
    return scale * torch.randn(size, generator=generator, dtype=torch.float64)
