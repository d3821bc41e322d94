"""W_hh of a run: drawn and scaled, or loaded, then edited; what most changes leave is kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from app.cache import Cache
from app.edits import SquareEdit
from app.experiment import Experiment
from app.files import Files
from app.gates import CANDIDATE, GATES, block
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
from rnncore.checks import checked_finite
from rnncore.nilpotency import is_nilpotent

ShouldStop = Callable[[], bool]

# Its own, one more for the Schur form, and complex ones for the eigenvectors of both sides.
EIGENSYSTEM_MATRICES = 7

# A larger matrix would be decomposed for seconds that nobody can interrupt.
MOST_UNITS = 512
EDITS = "recurrent.edits"
ENTRYWISE = ("set", "zero")  # operations that look at no spectrum


@dataclass(frozen=True, eq=False)
class Shelf:
    """What is kept from run to run: results of earlier stages, and files that were brought."""

    cache: Cache
    files: Files


@dataclass(frozen=True, eq=False)
class Matrix:
    """W_hh of a run, in float64, before it is cast to the run's dtype: (H, H), or its gates'
    blocks one below the other, (G·H, H)."""

    W_hh: Tensor
    square: Tensor  # (H, H) the block whose spectrum is shown: all of it, or the candidate's
    notes: tuple[Note, ...]
    drawn: RecurrentMatrix | None  # None where edits have changed it
    source: str  # of the draw alone, without its factor


@dataclass(frozen=True, eq=False)
class _Edited:
    """W_hh between two edits, and the block whose spectrum they may look at."""

    W_hh: Tensor
    square: Analysis

    @property
    def nbytes(self) -> int:
        """With room for what the analysis will hold."""
        return self.W_hh.nbytes + EIGENSYSTEM_MATRICES * self.square.W.nbytes


def matrix(experiment: Experiment, shelf: Shelf, should_stop: ShouldStop) -> Matrix:
    """The recurrent matrix: drawn and scaled, or loaded; then edited.

    The draw is kept by rnncore itself. Raises `Cancelled` once `should_stop` is true.
    """
    wish, cell = experiment.recurrent, experiment.cell
    layer = shelf.files.layer(experiment)
    if layer is None:
        source = f"{cell.kind} {wish.ensemble} {cell.hidden_size} {wish.seed}"
        source += "" if wish.gain is None else " gain"
        drawn = _drawn(experiment, shelf.cache)
    else:
        source = f"loaded {experiment.weights.model_dump_json()}"
        drawn = _loaded(layer, source, shelf.cache)
    if wish.edits:
        return _edited(experiment, drawn, shelf.cache, should_stop)
    W = drawn.W
    return Matrix(W, _square(experiment, W), drawn.notes, drawn, source)


def measured_spectrum(experiment: Experiment, found: Matrix, shelf: Shelf) -> Spectrum:
    """The spectrum of W_hh, of its candidate's block where it has gates; decomposed only if an edit
    changed more than its scale."""
    if found.drawn is not None:
        return found.drawn.spectrum
    key = ("spectrum", origin_of(experiment), experiment.recurrent.model_dump_json())
    return shelf.cache.get(key, lambda: spectrum(found.square), lambda s: 24 * len(s.eigenvalues))


def origin_of(experiment: Experiment) -> str:
    """What, beside its own wishes, decides a weight: its cell and sizes, or its file."""
    cell = experiment.cell
    sizes = f"{cell.kind} {cell.input_size} {cell.hidden_size} {cell.output_size}"
    return f"{sizes} {experiment.weights.model_dump_json()}"


def _drawn(experiment: Experiment, cache: Cache) -> RecurrentMatrix:
    """The draw of one matrix, or of one for each gate, each with the radius or gain that is asked.

    A gate's own draw has a seed of its own. Drawn gates are brought to ρ = 1 first, so that one
    factor gives all of them another radius.
    """
    wish, cell = experiment.recurrent, experiment.cell
    gates = len(GATES[cell.kind])
    if gates == 1:
        return recurrent_matrix(
            wish.ensemble,
            cell.hidden_size,
            seed=wish.seed,
            spectral_radius=wish.spectral_radius,
            gain=wish.gain,
        )

    def make() -> RecurrentMatrix:
        made = [
            recurrent_matrix(
                wish.ensemble,
                cell.hidden_size,
                seed=wish.seed * gates + number,
                gain=None if wish.gain is None else 1.0,
            )
            for number in range(gates)
        ]
        candidate = made[CANDIDATE[cell.kind]]
        base = torch.cat([each.W for each in made])
        return RecurrentMatrix(base, 1.0, candidate.spectrum, candidate.notes)

    key = ("gates", cell.kind, wish.ensemble, cell.hidden_size, wish.seed, wish.gain is None)
    unit = cache.get(key, make, lambda made: made.base.nbytes)
    wanted = wish.spectral_radius if wish.gain is None else wish.gain
    return unit if wanted is None or unit.notes else replace(unit, scale=wanted)


def _loaded(layer: RecurrentLayer, source: str, cache: Cache) -> RecurrentMatrix:
    """A matrix from a file, with its own spectrum and no factor."""

    def make() -> RecurrentMatrix:
        W_hh = layer.weights["W_hh"].double()
        square = W_hh[block(CANDIDATE[layer.cell], layer.hidden_size)]
        return RecurrentMatrix(W_hh, 1.0, spectrum(square))

    return cache.get(source, make, lambda made: made.base.nbytes)


def _edited(
    experiment: Experiment, drawn: RecurrentMatrix, cache: Cache, should_stop: ShouldStop
) -> Matrix:
    """The matrix after all edits. What the last one starts from is kept, with its decomposition:
    a drag changes the last one alone."""
    *before, last = experiment.recurrent.edits
    source = _source_of(experiment, len(before))
    start: _Edited = cache.get(
        source,
        lambda: _replayed(experiment, drawn, cache, should_stop),
        lambda made: made.nbytes,
    )
    W = _applied(experiment, start, [last], len(before))
    square = _square(experiment, W)
    if last.op == "radius" and start.square.spectrum.spectral_radius > 0.0:
        # A factor on one and the same matrix, like that on a draw: nothing is decomposed again.
        factor = last.spectral_radius / start.square.spectrum.spectral_radius
        if math.isfinite(factor):
            rescaled = RecurrentMatrix(start.W_hh, factor, start.square.spectrum)
            W = rescaled.W
            return Matrix(W, _square(experiment, W), (), rescaled, source)
    # An edit may have closed what was drawn open.
    is_open = drawn.notes and is_nilpotent(square.numpy(), spectrum(square).eigenvalues.numpy())
    return Matrix(W, square, drawn.notes if is_open else (), None, "")


def _replayed(
    experiment: Experiment, drawn: RecurrentMatrix, cache: Cache, should_stop: ShouldStop
) -> _Edited:
    """The matrix before the last edit: one edit on what is kept, or all of them on the draw."""
    before = experiment.recurrent.edits[:-1]
    first = max(0, len(before) - 1)
    kept: _Edited | None = cache.find(_source_of(experiment, first)) if first else None
    if kept is None:
        first = 0
    start = kept if kept is not None else _between(experiment, drawn.W)
    while first < len(before):
        # What decomposes is taken alone: between two of them the run can be stopped.
        end = first + 1
        while end < len(before) and before[end].op in ENTRYWISE:
            end += 1
        if should_stop():
            raise Cancelled
        start = _between(experiment, _applied(experiment, start, before[first:end], first))
        first = end
    return start


def _applied(
    experiment: Experiment, start: _Edited, edits: Sequence[SquareEdit], first: int
) -> Tensor:
    """W_hh with edits applied of which at most the first looks at a spectrum."""
    if experiment.cell.kind == "elman":
        return apply_edits(start.square, edits, argument=EDITS, first=first)
    spectral = [edit for edit in edits[:1] if edit.op not in ENTRYWISE]
    W = start.W_hh
    if spectral:
        square = apply_edits(start.square, spectral, argument=EDITS, first=first)
        if spectral[0].op == "radius":
            # All gates by the factor that gives the candidate its radius.
            W = W * _factor(start.square, spectral[0].spectral_radius)
            checked_finite(f"{EDITS}[{first}].spectral_radius", W)
        else:
            W = W.clone()
            W[_candidate(experiment)] = square
    return apply_edits(W, edits[len(spectral) :], argument=EDITS, first=first + len(spectral))


def _factor(square: Analysis, radius: float) -> float:
    present = square.spectrum.spectral_radius
    return radius / present if present > 0.0 else 1.0


def _between(experiment: Experiment, W: Tensor) -> _Edited:
    return _Edited(W, Analysis(_square(experiment, W)))


def _square(experiment: Experiment, W: Tensor) -> Tensor:
    return W if experiment.cell.kind == "elman" else W[_candidate(experiment)]


def _candidate(experiment: Experiment) -> slice:
    cell = experiment.cell
    return block(CANDIDATE[cell.kind], cell.hidden_size)


def _source_of(experiment: Experiment, count: int) -> str:
    """What W_hh after the first `count` edits is a pure function of."""
    edits = experiment.recurrent.edits[:count]
    wish = experiment.recurrent.model_copy(update={"edits": edits})
    return f"edited {origin_of(experiment)} {wish.model_dump_json()}"
