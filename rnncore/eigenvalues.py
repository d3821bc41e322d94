"""Moving the eigenvalues of a real matrix while the others stay where they are."""

from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Final, Literal, final, get_args

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.checks import ArgumentError, checked_choice, checked_finite, checked_number
from rnncore.schur import RealSchur
from rnncore.threads import single_threaded

Keep = Literal["eigenvectors", "schur_vectors"]
KEEPS: Final[tuple[Keep, ...]] = get_args(Keep)
Point = tuple[float, float]
Matrix = NDArray[np.float64]

LARGEST_CONDITION: Final = 1e4
LARGEST_CHANGE: Final = 10.0  # in norms of W
# How far from an eigenvalue the hand may have been, and how near to another one it may put it,
# in units of the matrix's norm. A double eigenvalue is known to about √eps alone.
REACH: Final = 1e-3
NEAREST: Final = 1e-6


@final
@dataclass(frozen=True, eq=False)
class Eigensystem:
    """Eigenvalues and both kinds of eigenvectors of a real matrix, in float64 on the CPU.

    Args:
        W: (H, H).
        eigenvalues: (H,) complex, as LAPACK orders them.
        right: (H, H), unit columns v with Wv = λv.
        left: (H, H), unit columns w with wᴴW = λwᴴ.
        norm: ‖W‖_F.
    """

    W: Matrix
    eigenvalues: NDArray[np.complex128]
    right: NDArray[np.complex128]
    left: NDArray[np.complex128]
    norm: float

    @classmethod
    def of(cls, W: Tensor) -> "Eigensystem":
        """Decomposes W (H, H).

        Raises:
            ValueError: `W` holds NaN or an infinity.

        Cost: about 60 H³ flops; 8 ms at H = 64.
        """
        checked_finite("W", W)
        matrix = W.detach().to(device="cpu", dtype=torch.float64).numpy()
        with single_threaded():
            eigenvalues, left, right = scipy.linalg.eig(matrix, left=True, right=True)
        return cls(matrix, eigenvalues, right, left, float(np.linalg.norm(matrix)))

    @cached_property
    def schur(self) -> RealSchur:
        """The real Schur form of the same matrix."""
        return RealSchur.of(self.W)

    @property
    def nbytes(self) -> int:
        """Memory, with room for a Schur form."""
        return self.W.nbytes * 3 + self.right.nbytes + self.left.nbytes

    def condition(self, k: int) -> float:
        """κ = ‖v‖‖w‖ / |wᴴv| of eigenvalue k: how far it moves for a change of W; 1 at best.

        Reference: Wilkinson (1965), chapter 2; Trefethen and Embree (2005), chapter 52.
        """
        overlap = float(abs(np.vdot(self.left[:, k], self.right[:, k])))
        return 1.0 / overlap if overlap > 0.0 else inf

    def nearest(self, point: complex) -> int:
        """Index of the eigenvalue nearest to `point`."""
        return int(np.argmin(np.abs(self.eigenvalues - point)))


def move_eigenvalue(
    W: Tensor | Eigensystem,
    at: Point,
    to: Point,
    *,
    half_gap: float = 0.0,
    keep: Keep = "eigenvectors",
    argument: str = "",
) -> Tensor:
    """W with one real eigenvalue, or one conjugate pair, moved; the others stay.

    With the eigenvectors kept, λ → λ + Δλ is W + 2 Re(Δλ v wᴴ) for a pair and W + Δλ v wᵀ for a
    real one, wᴴv = 1, which changes W by at most 2|Δλ|κ. With the Schur vectors kept only the
    block of λ in T of W = QTQᵀ changes, by |Δλ| alone, and the eigenvectors turn.

    A pair moved onto the real axis becomes the two reals to ± half_gap; a real eigenvalue moved
    off it becomes a pair together with the nearest other real one. Both happen inside the
    invariant plane of the two, from a normal block or to one.

    Args:
        W: (H, H), or its `Eigensystem` where many moves start from one matrix.
        at: (Re λ, Im λ); the nearest eigenvalue is taken.
        to: (Re, Im) of where it goes, its conjugate to the conjugate.
        half_gap: half the distance of the two reals that a pair becomes.
        keep: which vectors stay.
        argument: what precedes the arguments' names in a refusal.

    Returns:
        (H, H) float64, a new tensor.

    Raises:
        ValueError: no eigenvalue near `at`; `to` is where another one is; its condition number
            exceeds 10⁴, or W would change by more than ten times its norm (or 1, if that is more).

    Reference: Brauer (1952); Golub and Van Loan (2013), sections 7.2 and 7.6.

    >>> W = torch.tensor([[0.5, 1.0], [0.0, 0.25]])
    >>> move_eigenvalue(W, (0.25, 0.0), (-0.5, 0.0))
    tensor([[ 0.5000,  4.0000],
            [ 0.0000, -0.5000]], dtype=torch.float64)
    """
    system = W if isinstance(W, Eigensystem) else Eigensystem.of(W)
    checked_choice(f"{argument}keep", keep, KEEPS)
    checked_number(f"{argument}half_gap", half_gap, least=0.0)
    target = complex(*(checked_number(f"{argument}to", part) for part in to))
    k, partner = _taken(system, complex(*at), target, argument)
    taken = {k} if partner is None else {k, partner}
    goals = _goals(target, half_gap, is_pair=partner is not None)
    _check_free(system, taken, goals, argument)
    moved = _moved(system, k, partner, goals, keep, argument)
    _check_change(system, moved, argument)
    return torch.from_numpy(moved)


def _taken(
    system: Eigensystem, at: complex, target: complex, argument: str
) -> tuple[int, int | None]:
    """The eigenvalue at `at`, and the one that goes with it: its conjugate, or off the axis another
    real one."""
    values = system.eigenvalues
    k = system.nearest(at)
    scale = max(system.norm, abs(at), 1e-300)
    if abs(values[k] - at) > REACH * scale:
        raise ArgumentError(
            f"{argument}at",
            "is where no eigenvalue is",
            got=worded(at),
            expected=f"an eigenvalue of the matrix; the nearest is {worded(values[k])}",
        )
    if values[k].imag != 0.0:
        return k, system.nearest(values[k].conjugate())
    if target.imag == 0.0:
        return k, None
    others = [n for n in range(len(values)) if n != k and values[n].imag == 0.0]
    if not others:
        raise ArgumentError(
            f"{argument}to",
            "needs a second real eigenvalue, since a real matrix has its complex ones in pairs",
            got=worded(target),
            expected="a real number",
        )
    return k, min(others, key=lambda n: abs(values[n] - values[k]))


def _goals(target: complex, half_gap: float, *, is_pair: bool) -> tuple[complex, ...]:
    if not is_pair:
        return (target,)
    if target.imag != 0.0:
        return target, target.conjugate()
    return target + half_gap, target - half_gap


def _check_free(
    system: Eigensystem, taken: set[int], goals: tuple[complex, ...], argument: str
) -> None:
    """No two eigenvalues in one place: no later move could tell them apart, and W may then have
    too few eigenvectors."""
    others = [value for n, value in enumerate(system.eigenvalues) if n not in taken]
    nearest = NEAREST * max(system.norm, *(abs(goal) for goal in goals))
    for k, goal in enumerate(goals):
        for other in [*others, *goals[k + 1 :]]:
            if abs(other - goal) <= nearest < inf:
                raise ArgumentError(
                    f"{argument}to",
                    "is where another eigenvalue is, and the matrix would be defective there",
                    got=worded(goal),
                    expected=f"a place at least {nearest:.1g} away from {worded(other)}",
                )


def _moved(
    system: Eigensystem,
    k: int,
    partner: int | None,
    goals: tuple[complex, ...],
    keep: Keep,
    argument: str,
) -> Matrix:
    value = system.eigenvalues[k]
    is_pair = partner is not None and value.imag != 0.0
    stays_pair = is_pair and goals[0].imag != 0.0
    if keep == "eigenvectors" and (partner is None or stays_pair):
        return _along_eigenvectors(system, k, goals[0], argument, is_pair=is_pair)
    others = [] if partner is None else [complex(system.eigenvalues[partner])]
    form = system.schur.led_by([complex(value), *others])
    basis, dual = form.plane(len(goals))
    block = form.T[: len(goals), : len(goals)]
    if keep == "schur_vectors":
        dual = basis
    else:
        _check_condition(float(np.linalg.norm(dual, 2)), value, argument)
    if partner is None:
        new = np.array([[goals[0].real]])
    elif stays_pair:
        turning = (block - value.real * np.eye(2)) * (abs(goals[0].imag) / abs(value.imag))
        new = goals[0].real * np.eye(2) + turning
    else:
        new = nearest_normal_block(block, goals, dual)
    moved: Matrix = system.W + basis @ (new - block) @ dual.T
    return moved


def _along_eigenvectors(
    system: Eigensystem, k: int, goal: complex, argument: str, *, is_pair: bool
) -> Matrix:
    value = system.eigenvalues[k]
    _check_condition(system.condition(k), value, argument)
    v, w = system.right[:, k], system.left[:, k]
    if is_pair and value.imag * goal.imag < 0.0:
        goal = goal.conjugate()  # the hand may hold either of the two
    change = (goal - value) * np.outer(v, w.conj()) / np.vdot(w, v)
    moved: Matrix = system.W + (2.0 if is_pair else 1.0) * change.real
    return moved


def nearest_normal_block(block: Matrix, goals: tuple[complex, ...], dual: Matrix) -> Matrix:
    """The normal 2×2 block with the eigenvalues `goals` whose way from `block` changes W least.

    For a pair a ± ib that is aI ± bJ with J a quarter turn; for two reals a ± d it is aI + dR with
    R a reflection, whose axis is chosen.
    """
    mean = goals[0].real / 2 + goals[1].real / 2
    if goals[0].imag != 0.0:
        turn = abs(goals[0].imag) * np.array([[0.0, 1.0], [-1.0, 0.0]])
        candidates = np.stack([turn, -turn])
    else:
        angles = np.linspace(0.0, 2 * np.pi, 720, endpoint=False)
        d = abs(goals[0].real - goals[1].real) / 2
        cos, sin = d * np.cos(angles), d * np.sin(angles)
        candidates = np.stack([np.stack([cos, sin], -1), np.stack([sin, -cos], -1)], -2)
    candidates = mean * np.eye(2) + candidates
    metric = dual.T @ dual
    way = candidates - block
    lengths = np.einsum("nij,jk,nik->n", way, metric, way)
    best: Matrix = candidates[int(np.argmin(lengths))]
    return best


def _check_condition(kappa: float, value: complex, argument: str) -> None:
    if not kappa <= LARGEST_CONDITION:
        raise ArgumentError(
            f"{argument}at",
            "is too sensitive to be moved with the eigenvectors kept: its condition number κ",
            got=f"{kappa:.3g} at {worded(value)}",
            expected=f"at most {LARGEST_CONDITION:g}",
            advice="Keep the Schur vectors instead.",
        )


def _check_change(system: Eigensystem, moved: Matrix, argument: str) -> None:
    change = float(np.linalg.norm(moved - system.W))
    limit = LARGEST_CHANGE * max(system.norm, 1.0)
    if not change <= limit:
        raise ArgumentError(
            f"{argument}to",
            "would blow the weights up: the norm of their change",
            got=f"{change:.3g}",
            expected=f"at most {limit:.3g}, ten times the matrix's own",
            advice="Move it less far, or keep the Schur vectors.",
        )


def worded(value: complex) -> str:
    """A complex number as a sentence has it: 0.5 + 0.25i."""
    value = complex(value)
    if value.imag == 0.0:
        return f"{value.real:.4g}"
    return f"{value.real:.4g} {'+' if value.imag > 0 else '-'} {abs(value.imag):.4g}i"
