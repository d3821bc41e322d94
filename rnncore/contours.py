"""Where a function of the plane is 0: polylines by marching squares."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float64]
Function = Callable[[Grid], Grid]  # points (P, 2) → values (P,)

_HALVINGS: Final = 50


def zero_lines(function: Function, across: Grid, upwards: Grid, values: Grid) -> list[Grid]:
    """The polylines on which a continuous function is 0, as far as a grid shows them.

    Each edge of the grid whose ends differ in sign is halved until the zero on it is found to
    rounding, so vertices lie on the true line; between them it is straight. Where all four edges
    of a square are crossed, the value in its centre says which go together. What enters and
    leaves an edge between its ends is not seen.

    Args:
        function: of points, first coordinate first.
        across: first coordinates, (n,), ascending.
        upwards: second coordinates, (m,), ascending.
        values: of the function on the grid, (m, n), finite; 0 counts as positive.

    Returns:
        Lines (P, 2) with P of 2 or more; closed ones end where they begin.

    Reference: Lorensen and Cline (1987), in the plane.
    """
    is_positive = values >= 0.0
    level, upright, ends = _crossed_edges(is_positive, across, upwards)
    if not len(ends[0]):
        return []
    vertices = _zeros(function, *ends)
    segments = _segments(function, is_positive, level, upright, across, upwards)
    lines = [_distinct(vertices[chain]) for chain in _chains(segments)]
    return [line for line in lines if len(line) > 1]


def _crossed_edges(
    is_positive: NDArray[np.bool_], across: Grid, upwards: Grid
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[Grid, Grid]]:
    """Numbers of the crossed edges, -1 for others, and their negative and positive ends.

    Level edges (m, n - 1) lie right of their grid point, upright ones (m - 1, n) above it.
    """
    first, second = np.meshgrid(across, upwards)
    points = np.stack((first, second), axis=-1)
    numbers, negative, positive, count = [], [], [], 0
    for ahead, behind in (
        (np.s_[:, 1:], np.s_[:, :-1]),
        (np.s_[1:, :], np.s_[:-1, :]),
    ):
        is_crossed = is_positive[ahead] != is_positive[behind]
        number = np.full(is_crossed.shape, -1, dtype=np.int64)
        number[is_crossed] = count + np.arange(is_crossed.sum())
        count += int(is_crossed.sum())
        ahead_is_positive = is_positive[ahead][is_crossed][:, None]
        here, there = points[behind][is_crossed], points[ahead][is_crossed]
        negative.append(np.where(ahead_is_positive, here, there))
        positive.append(np.where(ahead_is_positive, there, here))
        numbers.append(number)
    return numbers[0], numbers[1], (np.concatenate(negative), np.concatenate(positive))


def _zeros(function: Function, negative: Grid, positive: Grid) -> Grid:
    for _ in range(_HALVINGS):
        middle = negative / 2 + positive / 2
        is_positive = (function(middle) >= 0.0)[:, None]
        negative = np.where(is_positive, negative, middle)
        positive = np.where(is_positive, middle, positive)
    return positive


def _segments(
    function: Function,
    is_positive: NDArray[np.bool_],
    level: NDArray[np.int64],
    upright: NDArray[np.int64],
    across: Grid,
    upwards: Grid,
) -> list[tuple[int, int]]:
    """Pairs of crossed edges between which a line runs through a square."""
    # Of each square (m - 1, n - 1): the edges below, right, above, left.
    edges = np.stack((level[:-1], upright[:, 1:], level[1:], upright[:, :-1]), axis=-1)
    crossings = (edges >= 0).sum(axis=-1)
    simple = edges[crossings == 2]
    segments = [(a, b) for a, b in np.sort(simple, axis=1)[:, 2:].tolist()]
    rows, columns = np.nonzero(crossings == 4)
    if len(rows):
        centres = np.stack(
            (
                across[columns] / 2 + across[columns + 1] / 2,
                upwards[rows] / 2 + upwards[rows + 1] / 2,
            ),
            axis=-1,
        )
        joins_lower_left = (function(centres) >= 0.0) == is_positive[rows, columns]
        for square, joins in zip(edges[rows, columns].tolist(), joins_lower_left, strict=True):
            below, right, above, left = square
            if joins:
                segments += [(below, right), (above, left)]
            else:
                segments += [(below, left), (right, above)]
    return segments


def _chains(segments: list[tuple[int, int]]) -> list[list[int]]:
    """The segments joined end to end: open chains first."""
    neighbours: dict[int, list[int]] = {}
    for a, b in segments:
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    open_ends = [edge for edge, others in neighbours.items() if len(others) == 1]
    chains = []
    for start in [*open_ends, *neighbours]:
        if not neighbours[start]:
            continue
        chain = [start]
        while neighbours[chain[-1]]:
            here = chain[-1]
            following = neighbours[here].pop()
            neighbours[following].remove(here)
            chain.append(following)
        chains.append(chain)
    return chains


def _distinct(line: Grid) -> Grid:
    is_new = np.append(True, (line[1:] != line[:-1]).any(axis=1))
    result: Grid = line[is_new]
    return result
