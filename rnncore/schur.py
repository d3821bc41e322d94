"""The real Schur form W = Q T Qᵀ, its blocks, and their order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.linalg.lapack import dtrexc, dtrsyl

from rnncore.threads import single_threaded

Matrix = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class RealSchur:
    """W = Q T Qᵀ with Q orthogonal and T upper triangular but for 2×2 blocks on its diagonal.

    Such a block, [[a, b], [c, a]] with bc < 0, holds the pair a ± i√(-bc); a 1×1 block holds a
    real eigenvalue.

    Reference: Golub and Van Loan (2013), section 7.4.
    """

    T: Matrix
    Q: Matrix

    @classmethod
    def of(cls, W: Matrix) -> "RealSchur":
        """Decomposes W (H, H). Cost: about 25 H³ flops."""
        with single_threaded():
            T, Q = scipy.linalg.schur(W, output="real")
        return cls(T, Q)

    def blocks(self) -> Iterator[tuple[int, int]]:
        """(first row, rows) of each block on the diagonal, from the top."""
        H, row = len(self.T), 0
        while row < H:
            rows = 2 if row + 1 < H and self.T[row + 1, row] != 0.0 else 1
            yield row, rows
            row += rows

    def led_by(self, values: Sequence[complex]) -> "RealSchur":
        """The same matrix's form whose first blocks are those nearest to `values`.

        `values` are one real eigenvalue, two real ones, or one pair (either of the two counts).
        """
        T, Q = self.T, self.Q
        wanted = [values[0]] if values[0].imag != 0.0 else list(values)
        front = 0
        for value in wanted:
            form = RealSchur(T, Q)
            left = [(row, rows) for row, rows in form.blocks() if row >= front]
            row, rows = min(left, key=lambda block: abs(form._value(*block) - _upper(value)))
            with single_threaded():
                # LAPACK counts from 1.
                T, Q, failed = dtrexc(T, Q, row + 1, front + 1)
            if failed:
                raise np.linalg.LinAlgError("two blocks of the Schur form are too close to swap")
            front += rows
        return RealSchur(T, Q)

    def plane(self, rows: int) -> tuple[Matrix, Matrix]:
        """Bases of the invariant subspace of the first `rows` rows: Q₁ (H, rows) and its dual U.

        Q₁ᵀQ₁ = I and UᵀQ₁ = I; U vanishes on the invariant subspace of all other eigenvalues, so
        W + Q₁ΔUᵀ has the eigenvalues of T₁₁ + Δ and those others.
        """
        T11, T12, T22 = self.T[:rows, :rows], self.T[:rows, rows:], self.T[rows:, rows:]
        across = np.zeros((rows, 0))
        if T22.size:
            # T₁₁Y - YT₂₂ = T₁₂; a common eigenvalue makes the scale 0 or Y huge.
            across, scale, _ = dtrsyl(T11, T22, T12, isgn=-1)
            across = across / scale if scale > 0.0 else np.full_like(across, np.inf)
        dual: Matrix = self.Q[:, :rows] + self.Q[:, rows:] @ across.T
        return self.Q[:, :rows], dual

    def _value(self, row: int, rows: int) -> complex:
        """A block's eigenvalue, of a pair the one with the positive imaginary part."""
        if rows == 1:
            return complex(self.T[row, row])
        return complex(self.T[row, row], pair_frequency(self.T, row))


def pair_frequency(T: Matrix, row: int) -> float:
    """ω = √(-bc) of the block [[a, b], [c, a]] at `row`, without overflow of the product."""
    b, c = abs(T[row, row + 1]), abs(T[row + 1, row])
    return float(np.sqrt(b) * np.sqrt(c))


def _upper(value: complex) -> complex:
    return complex(value.real, abs(value.imag))
