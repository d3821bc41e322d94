"""The operations that an Experiment applies to its weights, in order."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Tag

from app.document import Document, Index, tagged

Interval = tuple[Index, Index]
Complex = tuple[float, float]


class SetWeight(Document):
    """Sets one weight to a number; it stays until a later operation."""

    op: Literal["set"] = "set"
    i: Index
    """Row, from 0: the unit that receives."""
    j: Index
    """Column, from 0: the unit that sends."""
    value: float
    """The new weight."""


class ZeroBlock(Document):
    """Sets a block of weights to 0: rows, columns, or where they cross."""

    op: Literal["zero"]
    rows: Interval | None = None
    """First row and the row after the last, from 0; null means every row."""
    columns: Interval | None = None
    """First column and the column after the last, from 0; null means every column."""


class MoveEigenvalue(Document):
    """Moves one real eigenvalue, or a conjugate pair, of W_hh; the other eigenvalues stay.

    A pair moved onto the real axis becomes the two reals to ± half_gap; a real eigenvalue moved
    off it becomes a pair together with the nearest other real one.
    """

    op: Literal["eigenvalue"]
    at: Complex
    """Re and Im of the eigenvalue that is moved; the nearest one is taken."""
    to: Complex
    """Re and Im of where it goes; its conjugate goes to the conjugate."""
    half_gap: float = Field(0.0, ge=0)
    """Where a pair becomes two reals, half of their distance; 0 is the least that can be told."""
    keep: Literal["eigenvectors", "schur_vectors"] = "eigenvectors"
    """What stays: the eigenvectors, or the orthonormal vectors of the Schur form, with which the
    weights change about as much as the eigenvalue does."""


class ChangeNormality(Document):
    """Scales what is not normal in W_hh: the same eigenvalues, another fate."""

    op: Literal["normality"]
    alpha: float = Field(ge=0, le=2)
    """0 makes W_hh normal, 1 leaves it alone, 2 doubles its departure from normality."""


class RescaleToRadius(Document):
    """Multiplies W_hh by the factor that gives it a spectral radius."""

    op: Literal["radius"]
    spectral_radius: float = Field(ge=0)
    """ρ of the result, 0 or more."""


class SetEntry(Document):
    """Sets one entry of a vector to a number."""

    op: Literal["set"] = "set"
    i: Index
    """Entry, from 0."""
    value: float
    """The new value."""


class ZeroEntries(Document):
    """Sets entries of a vector to 0."""

    op: Literal["zero"]
    rows: Interval | None = None
    """First entry and the entry after the last, from 0; null means every one."""


SquareEdit = Annotated[
    Annotated[SetWeight, Tag("set")]
    | Annotated[ZeroBlock, Tag("zero")]
    | Annotated[MoveEigenvalue, Tag("eigenvalue")]
    | Annotated[ChangeNormality, Tag("normality")]
    | Annotated[RescaleToRadius, Tag("radius")],
    tagged("op", "set"),
]
MatrixEdit = Annotated[
    Annotated[SetWeight, Tag("set")] | Annotated[ZeroBlock, Tag("zero")], tagged("op", "set")
]
VectorEdit = Annotated[
    Annotated[SetEntry, Tag("set")] | Annotated[ZeroEntries, Tag("zero")], tagged("op", "set")
]
Edit = (
    SetWeight
    | ZeroBlock
    | MoveEigenvalue
    | ChangeNormality
    | RescaleToRadius
    | SetEntry
    | ZeroEntries
)

SquareEdits = Annotated[list[SquareEdit], Field(fail_fast=True)]
MatrixEdits = Annotated[list[MatrixEdit], Field(fail_fast=True)]
VectorEdits = Annotated[list[VectorEdit], Field(fail_fast=True)]
