"""A trajectory seen in a plane: its two widest directions, or two of its units."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.checks import ArgumentError, checked_count, checked_shape
from rnncore.ensembles import Note
from rnncore.threads import single_threaded

# Singular values are known to rounding; what is further below the largest is none.
_ROUNDING: Final = 1e-13
_AS_WIDE: Final = 1e-9

Matrix = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class StatePlane:
    """A plane in the space of states, with a sign and a name for each direction.

    Args:
        mean: where its origin lies, (S,) float64.
        axes: orthonormal rows, (2, S) float64; of each the entry of largest magnitude is
            positive, the first of equals. A second direction that S = 1 does not have is 0.
        shares: of the variance of the states that each axis shows, (2,) float64, 0 to 1.
        left_out: how many states were not finite, and have no say.
        notes: what should be said beside it: where the states leave a direction open.
    """

    mean: Tensor
    axes: Tensor
    shares: Tensor
    left_out: int
    notes: tuple[Note, ...]

    def coordinates(self, states: Tensor) -> Tensor:
        """axes · (s - mean): (…, S) → (…, 2) float64; NaN for a state that is not finite.

        Raises:
            ValueError: `states` is not (…, S).

        >>> plane = state_plane(torch.tensor([[0.0, 1.0], [0.0, 3.0], [0.0, 5.0]]))
        >>> [round(value, 12) for value in plane.coordinates(torch.tensor([0.0, 4.0])).tolist()]
        [1.0, 0.0]
        """
        checked_shape("states", states, (len(self.mean),))
        states = states.detach().to(device="cpu", dtype=torch.float64)
        is_finite = states.isfinite().all(dim=-1, keepdim=True)
        # Halves, because the difference of two numbers may overflow.
        found = 2.0 * ((states.nan_to_num() / 2 - self.mean / 2) @ self.axes.mT)
        return torch.where(is_finite, found, torch.nan)

    def states(self, coordinates: Tensor) -> Tensor:
        """The states in the plane, mean + coordinates · axes: (…, 2) → (…, S) float64."""
        checked_shape("coordinates", coordinates, (2,))
        return self.mean + coordinates.detach().to(self.axes) @ self.axes

    def units(self, units: Sequence[int]) -> Tensor:
        """Where the directions of single units appear in the plane, (len(units), 2) float64.

        Raises:
            ValueError: a unit is not from 0 to S - 1.
        """
        for unit in units:
            _checked_unit("units", unit, len(self.mean))
        return self.axes[:, list(units)].mT.clone()


def state_plane(states: Tensor) -> StatePlane:
    """The plane of the two widest directions of a trajectory, its first principal components.

    Args:
        states: (…, T, S), any floating dtype; leading axes are further trajectories in the same
            plane. States with an entry that is not finite are left out, and a note says so.

    Raises:
        ValueError: `states` is not (…, T, S) with T and S 1 or more.

    Cost: 2 T S² flops, and 20 S³.

    Reference: Pearson (1901); Hotelling (1933).

    >>> plane = state_plane(torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]))
    >>> [round(value, 12) for value in plane.axes[0].tolist()]
    [0.6, 0.8]
    >>> plane.shares.tolist(), plane.notes[0].code
    ([1.0, 0.0], 'straight')
    """
    rows, left_out, notes = _finite_rows(states)
    S = rows.shape[1]
    if not len(rows):
        return _flat(np.zeros(S), left_out, notes)
    # In a unit of their size, so that no square leaves float64.
    exponent = int(np.frexp(np.abs(rows).max())[1])
    scaled = np.ldexp(rows, -exponent)
    mean = scaled.mean(axis=0)
    centred = scaled - mean
    with single_threaded():
        if len(centred) > S:
            centred = np.linalg.qr(centred, mode="r")
        _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    mean = np.ldexp(mean, exponent)
    if sizes[0] <= _ROUNDING * np.sqrt(len(rows)):
        notes.append(_still(len(rows)))
        return _flat(mean, left_out, notes)
    # What rounding has made is nothing; and there may be fewer directions than three.
    sizes = np.append(np.where(sizes <= _ROUNDING * sizes[0], 0.0, sizes), [0.0, 0.0])
    shares = np.square(sizes) / np.square(sizes).sum()
    axes = np.zeros((2, S))
    axes[0] = directions[0]
    if S > 1:
        axes[1] = directions[1] if sizes[1] else _across(directions[0])
    notes += _open_directions(sizes[:3], S)
    return StatePlane(
        torch.from_numpy(mean),
        torch.from_numpy(np.stack([_signed(axis) for axis in axes])),
        torch.from_numpy(shares[:2].copy()),
        left_out,
        tuple(notes),
    )


def unit_plane(states: Tensor, first: int, second: int) -> StatePlane:
    """The plane of two units: coordinates are their own values, and the origin is 0.

    Args:
        states: (…, T, S), as for `state_plane`; they give the shares alone.
        first: the unit across, from 0.
        second: the unit upwards, from 0, another one.

    Raises:
        ValueError: `states` is not (…, T, S), a unit is not from 0 to S - 1, or both are one.
    """
    rows, left_out, notes = _finite_rows(states)
    S = rows.shape[1]
    for name, unit in (("first", first), ("second", second)):
        _checked_unit(name, unit, S)
    if first == second:
        raise ArgumentError("second", "is the first unit too", got=second, expected="another one")
    shares = np.zeros(2)
    if len(rows):
        scaled = np.ldexp(rows, -int(np.frexp(np.abs(rows).max())[1]))
        variances = scaled.var(axis=0)
        if variances.sum() > _ROUNDING**2:
            shares = variances[[first, second]] / variances.sum()
        else:
            notes.append(_still(len(rows)))
    axes = torch.zeros(2, S, dtype=torch.float64)
    axes[0, first] = axes[1, second] = 1.0
    mean = torch.zeros(S, dtype=torch.float64)
    return StatePlane(mean, axes, torch.from_numpy(shares), left_out, tuple(notes))


def _finite_rows(states: Tensor) -> tuple[Matrix, int, list[Note]]:
    """The finite states as rows, how many others there are, and the note that says so."""
    checked_shape("states", states, ("T", "S"))
    if 0 in states.shape:
        raise ArgumentError(
            "states", "is empty", got=tuple(states.shape), expected="T and S 1 or more"
        )
    rows = states.detach().to(device="cpu", dtype=torch.float64).flatten(0, -2).numpy()
    is_finite = np.isfinite(rows).all(axis=1)
    left_out = int((~is_finite).sum())
    if not left_out:
        return rows, 0, []
    if left_out == len(rows):
        message = "No state is finite, so there is nothing to see: the axes are the first units."
    else:
        message = f"{left_out} of {len(rows)} states have left the dtype and are left out."
    return rows[is_finite], left_out, [Note("left_out", message)]


def _flat(mean: Matrix, left_out: int, notes: list[Note]) -> StatePlane:
    """The plane of the first two units around the mean, where nothing says which."""
    return StatePlane(
        torch.from_numpy(mean),
        torch.eye(2, len(mean), dtype=torch.float64),
        torch.zeros(2, dtype=torch.float64),
        left_out,
        tuple(notes),
    )


def _still(count: int) -> Note:
    if count == 1:
        message = "A single state has no direction: the axes are the first units."
    else:
        message = "The states do not move, to rounding: no axis shows any variance."
    return Note("still", message)


def _open_directions(sizes: Matrix, S: int) -> list[Note]:
    if S == 1:
        return [Note("one_unit", "There is one unit, so there is one axis; the other is 0.")]
    if sizes[1] == 0.0:
        message = "The states lie on a straight line: the second axis is any direction across it."
        return [Note("straight", message)]
    if sizes[1] - sizes[2] <= _AS_WIDE * sizes[0] and S > 2:
        message = "The second and third direction are equally wide: the plane could as well turn."
        return [Note("as_wide", message)]
    if sizes[0] - sizes[1] <= _AS_WIDE * sizes[0]:
        message = "Both axes are equally wide: they could as well turn in their plane."
        return [Note("as_wide", message)]
    return []


def _across(axis: Matrix) -> Matrix:
    """The direction of the unit that has least to do with `axis`, made orthogonal to it."""
    across = np.zeros_like(axis)
    across[int(np.argmin(np.abs(axis)))] = 1.0
    across -= axis * (axis @ across)
    result: Matrix = across / np.linalg.norm(across)
    return result


def _signed(axis: Matrix) -> Matrix:
    """±axis, so that the first of its entries of largest magnitude, to rounding, is positive."""
    magnitude = np.abs(axis)
    largest = axis[int(np.argmax(magnitude >= (1.0 - _AS_WIDE) * magnitude.max()))]
    return -axis if largest < 0.0 else axis


def _checked_unit(argument: str, unit: object, S: int) -> None:
    if checked_count(argument, unit, least=0) >= S:
        raise ArgumentError(argument, "is no unit", got=unit, expected=f"0 to {S - 1}")
