"""Summaries of many steps by few columns: what a screen of limited width can show."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.checks import ArgumentError, checked_count

Edges = NDArray[np.int64]


def bin_edges(t0: int, t1: int, columns: int) -> Edges:
    """The n + 1 edges of n = min(columns, t1 - t0) bins: bin k is [edges[k], edges[k + 1]).

    Bin k starts at t0 + ⌊k (t1 - t0) / n⌋.

    Raises:
        ValueError: t0 is negative or not below t1, or columns below 1.

    >>> bin_edges(0, 10, 4).tolist()
    [0, 2, 5, 7, 10]
    """
    checked_count("t0", t0, least=0)
    checked_count("columns", columns)
    if checked_count("t1", t1) <= t0:
        raise ArgumentError("t1", "is out of range", got=t1, expected=f"more than t0 = {t0}")
    n = min(columns, t1 - t0)
    return t0 + np.arange(n + 1, dtype=np.int64) * (t1 - t0) // n


def largest_magnitude(values: Tensor, edges: Edges) -> Tensor:
    """The value of largest magnitude in every bin, the positive one on a tie.

    Args:
        values: (…, t, K), whose first time belongs to edges[0].
        edges: n + 1 times, from `bin_edges`.

    Returns:
        (…, n, K), same dtype.

    >>> values = torch.tensor([[1.0], [-3.0], [2.0], [-2.0]])
    >>> largest_magnitude(values, bin_edges(0, 4, 2)).flatten().tolist()
    [-3.0, 2.0]
    """
    array, starts = _checked(values, edges, axis=-2)
    highest = np.maximum.reduceat(array, starts, axis=-2)
    lowest = np.minimum.reduceat(array, starts, axis=-2)
    return torch.from_numpy(np.where(highest >= -lowest, highest, lowest)).to(values.device)


def min_max(values: Tensor, edges: Edges) -> Tensor:
    """The smallest and the largest value in every bin, (…, t) → (…, n, 2); -inf is a value.

    >>> min_max(torch.tensor([0.0, -torch.inf, 3.0, 1.0]), bin_edges(0, 4, 2)).tolist()
    [[-inf, 0.0], [1.0, 3.0]]
    """
    array, starts = _checked(values, edges, axis=-1)
    lowest = np.minimum.reduceat(array, starts, axis=-1)
    highest = np.maximum.reduceat(array, starts, axis=-1)
    return torch.from_numpy(np.stack((lowest, highest), axis=-1)).to(values.device)


def _checked(values: Tensor, edges: Edges, *, axis: int) -> tuple[NDArray[np.floating], Edges]:
    array = values.detach().cpu().numpy()
    covered = int(edges[-1] - edges[0])
    if array.shape[axis] != covered:
        raise ArgumentError(
            "values",
            "does not fit the edges",
            got=f"{array.shape[axis]} steps",
            expected=f"{covered}",
        )
    return array, edges[:-1] - edges[0]
