"""W_hh of a run: drawn and scaled, or loaded, then edited; what most changes leave is kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from app.cache import Cache
from app.experiment import Experiment
from app.files import Files
from rnncore import (
    Analysis,
    Cancelled,
    Note,
    RecurrentLayer,
    RecurrentMatrix,
    Spectrum,
    apply_edits,
    recurrent_matrix,
    spectrum,
)
from rnncore.nilpotency import is_nilpotent

ShouldStop = Callable[[], bool]

# Its own, one more for the Schur form, and complex ones for the eigenvectors of both sides.
EIGENSYSTEM_MATRICES = 7

EDITS = "recurrent.edits"
ENTRYWISE = ("set", "zero")  # operations that look at no spectrum


@dataclass(frozen=True, eq=False)
class Shelf:
    """What is kept from run to run: results of earlier stages, and files that were brought."""

    cache: Cache
    files: Files


@dataclass(frozen=True, eq=False)
class Matrix:
    """W_hh of a run, in float64, before it is cast to the run's dtype."""

    W_hh: Tensor  # (H, H) float64
    notes: tuple[Note, ...]
    drawn: RecurrentMatrix | None  # None where edits have changed it
    source: str  # of the draw alone, without its factor


def matrix(experiment: Experiment, shelf: Shelf, should_stop: ShouldStop) -> Matrix:
    """The recurrent matrix: drawn and scaled, or loaded; then edited.

    The draw is kept by rnncore itself. Raises `Cancelled` once `should_stop` is true.
    """
    wish = experiment.recurrent
    layer = shelf.files.layer(experiment)
    if layer is None:
        drawn = recurrent_matrix(
            wish.ensemble,
            experiment.cell.hidden_size,
            seed=wish.seed,
            spectral_radius=wish.spectral_radius,
            gain=wish.gain,
        )
        source = f"{wish.ensemble} {experiment.cell.hidden_size} {wish.seed}"
    else:
        source = f"loaded {experiment.weights.model_dump_json()}"
        drawn = _loaded(layer, source, shelf.cache)
    if not wish.edits:
        return Matrix(drawn.W, drawn.notes, drawn, source)
    return _edited(experiment, drawn, shelf.cache, should_stop)


def _loaded(layer: RecurrentLayer, source: str, cache: Cache) -> RecurrentMatrix:
    """A matrix from a file, with its own spectrum and no factor."""

    def make() -> RecurrentMatrix:
        W_hh = layer.weights["W_hh"].double()
        return RecurrentMatrix(W_hh, 1.0, spectrum(W_hh))

    return cache.get(source, make, lambda made: made.base.nbytes)


def _edited(
    experiment: Experiment, drawn: RecurrentMatrix, cache: Cache, should_stop: ShouldStop
) -> Matrix:
    """The matrix after all edits. What the last one starts from is kept, with its decomposition:
    a drag changes the last one alone."""
    *before, last = experiment.recurrent.edits
    source = _source_of(experiment, len(before))
    start: Analysis = cache.get(
        source,
        lambda: Analysis(_replayed(experiment, drawn, cache, should_stop)),
        lambda made: EIGENSYSTEM_MATRICES * made.W.nbytes,
    )
    W = apply_edits(start, [last], argument=EDITS, first=len(before))
    if last.op == "radius" and start.spectrum.spectral_radius > 0.0:
        # A factor on one and the same matrix, like that on a draw: nothing is decomposed again.
        factor = last.spectral_radius / start.spectrum.spectral_radius
        if math.isfinite(factor):
            rescaled = RecurrentMatrix(start.W, factor, start.spectrum)
            return Matrix(rescaled.W, (), rescaled, source)
    # An edit may have closed what was drawn open.
    is_open = drawn.notes and is_nilpotent(W.numpy(), spectrum(W).eigenvalues.numpy())
    return Matrix(W, drawn.notes if is_open else (), None, "")


def _replayed(
    experiment: Experiment, drawn: RecurrentMatrix, cache: Cache, should_stop: ShouldStop
) -> Tensor:
    """The matrix before the last edit: one edit on what is kept, or all of them on the draw."""
    before = experiment.recurrent.edits[:-1]
    first = max(0, len(before) - 1)
    kept: Analysis | None = cache.find(_source_of(experiment, first)) if first else None
    if kept is None:
        first = 0
    W: Tensor | Analysis = drawn.W if kept is None else kept
    while first < len(before):
        # What decomposes is taken alone: between two of them the run can be stopped.
        end = first + 1
        while end < len(before) and before[end].op in ENTRYWISE:
            end += 1
        if should_stop():
            raise Cancelled
        W = apply_edits(W, before[first:end], argument=EDITS, first=first)
        first = end
    return W if isinstance(W, Tensor) else W.W


def _source_of(experiment: Experiment, count: int) -> str:
    """What W_hh after the first `count` edits is a pure function of."""
    edits = experiment.recurrent.edits[:count]
    wish = experiment.recurrent.model_copy(update={"edits": edits})
    return f"edited {origin_of(experiment)} {wish.model_dump_json()}"


def origin_of(experiment: Experiment) -> str:
    """What, beside its own wishes, decides a weight: its sizes, or the file it comes from."""
    cell = experiment.cell
    sizes = f"{cell.input_size} {cell.hidden_size} {cell.output_size}"
    return f"{sizes} {experiment.weights.model_dump_json()}"


def measured_spectrum(experiment: Experiment, found: Matrix, shelf: Shelf) -> Spectrum:
    """The spectrum of W_hh; decomposed only if an edit changed more than its scale."""
    if found.drawn is not None:
        return found.drawn.spectrum
    key = ("spectrum", origin_of(experiment), experiment.recurrent.model_dump_json())
    return shelf.cache.get(key, lambda: spectrum(found.W_hh), lambda s: 24 * len(s.eigenvalues))
