"""The invariant line or plane of an eigenvalue, and the blocks that may stand in it."""

from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import final

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Plane:
    """Where W acts on one real eigenvalue, on a pair, or on two reals, apart from all the others.

    With Q₁ the basis and U its dual, WQ₁ = Q₁B, UᵀW = BUᵀ, Q₁ᵀQ₁ = UᵀQ₁ = I. So W + Q₁ΔUᵀ and
    W + Q₁ΔQ₁ᵀ both have the eigenvalues of B + Δ and the others of W; the first keeps the others'
    eigenvectors, the second the Schur vectors.

    Args:
        basis: Q₁, (H, 1) or (H, 2).
        dual: U, (H, 1) or (H, 2); infinite where an eigenvalue inside is one outside as well.
        block: B, (1, 1) or (2, 2).

    Reference: Stewart and Sun (1990), section V.1.
    """

    basis: Matrix
    dual: Matrix
    block: Matrix

    @property
    def is_pair(self) -> bool:
        """Whether the block is [[a, b], [c, a]] with a pair in it, not two reals or one."""
        return len(self.block) == 2 and self.block[1, 0] != 0.0

    @cached_property
    def condition(self) -> float:
        """κ of the eigenvalue; of two reals ‖U‖₂, that of the two together."""
        if not np.isfinite(self.dual).all():
            return inf
        if not self.is_pair:
            return float(np.linalg.norm(self.dual, 2))
        # v = Q₁(√|b|, ±i√|c|) and w = U(√|c|, ±i√|b|) in ‖v‖‖w‖ / |wᴴv|, with r = √|b/c|.
        r = float(np.sqrt(abs(self.block[0, 1])) / np.sqrt(abs(self.block[1, 0])))
        first, second = np.square(self.dual).sum(axis=0)
        return float(np.sqrt((r + 1.0 / r) * (first / r + second * r)) / 2.0)

    def step(self, goals: tuple[complex, ...], across: Matrix) -> Matrix:
        """Δ, of the block's shape, so that the eigenvalues of B + Δ are `goals`.

        A pair that stays one keeps its eigenvectors in the plane; two reals that become a pair, or
        the reverse, get a normal block.

        Args:
            goals: as many as the plane has dimensions.
            across: V in the change of W, Q₁ΔVᵀ: the dual or the basis.
        """
        if len(goals) == 1:
            new = np.array([[goals[0].real]])
        elif self.is_pair and goals[0].imag != 0.0:
            turning = self.block - self.block[0, 0] * np.eye(2)
            stretch = abs(goals[0].imag) / pair_frequency(self.block)
            new = goals[0].real * np.eye(2) + turning * stretch
        else:
            new = nearest_normal_block(self.block, goals, across)
        step: Matrix = new - self.block
        return step


def nearest_normal_block(block: Matrix, goals: tuple[complex, ...], across: Matrix) -> Matrix:
    """The normal 2×2 block with the eigenvalues `goals` whose way from `block` changes W least.

    For a pair a ± ib that is aI ± bJ with J a quarter turn; for two reals a ± d it is aI + dR with
    R a reflection, [[cos, sin], [sin, -cos]]. Of ‖(N - B)Vᵀ‖_F, V = `across`, only a term linear
    in the sign or in (cos, sin) depends on the choice, so its best is known.
    """
    mean = (goals[0].real / 2 + goals[1].real / 2) * np.eye(2)
    pull = (mean - block) @ (across.T @ across)
    if goals[0].imag != 0.0:
        turn = abs(goals[0].imag) * np.array([[0.0, 1.0], [-1.0, 0.0]])
        pair: Matrix = mean - turn if pull[0, 1] > pull[1, 0] else mean + turn
        return pair
    cos, sin = pull[1, 1] - pull[0, 0], -(pull[0, 1] + pull[1, 0])
    length = np.hypot(cos, sin)
    if length == 0.0:
        cos, sin, length = 1.0, 0.0, 1.0
    d = abs(goals[0].real - goals[1].real) / 2
    reals: Matrix = mean + d * np.array([[cos, sin], [sin, -cos]]) / length
    return reals


def pair_frequency(block: Matrix) -> float:
    """ω = √(-bc) of a block [[a, b], [c, a]], (2, 2 or more), without overflow of the product."""
    return float(np.sqrt(abs(block[0, 1])) * np.sqrt(abs(block[1, 0])))
