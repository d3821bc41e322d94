"""The real Schur form W = 2ᵏ Q T Qᵀ, its blocks, and their order."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple, final

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.linalg.lapack import dtrexc, dtrsyl

from rnncore.planes import Plane, pair_frequency
from rnncore.threads import single_threaded

Matrix = NDArray[np.float64]

EPS: Final = 2.0**-52
# In units of eps ‖W‖_F: of 22 kinds of matrices, entries that ought to be 0 stayed below 4.
ROUNDING: Final = 8.0


class Block(NamedTuple):
    """One block on the diagonal of T, in its unit."""

    row: int  # the first
    rows: int  # 1 for a real eigenvalue, 2 for a pair
    value: complex  # of a pair the one above the axis


@final
@dataclass(frozen=True, eq=False)
class RealSchur:
    """W = 2ᵏ Q T Qᵀ with Q orthogonal and T upper triangular but for 2×2 blocks on its diagonal.

    Such a block, [[a, b], [c, a]] with bc < 0, holds the pair a ± i√(-bc); a 1×1 block holds a
    real eigenvalue. A pair that nothing but rounding keeps off the axis counts as two reals.

    The unit 2ᵏ is that of W's largest entry, so that no norm in it over- or underflows.

    Args:
        T: (H, H).
        Q: (H, H).
        exponent: k.

    Reference: Golub and Van Loan (2013), section 7.4.
    """

    T: Matrix
    Q: Matrix
    exponent: int

    @classmethod
    def of(cls, W: Matrix) -> "RealSchur":
        """Decomposes W (H, H), finite. Cost: about 25 H³ flops."""
        exponent = unit_exponent(W)
        with single_threaded():
            T, Q = scipy.linalg.schur(np.ldexp(W, -exponent), output="real")
        _split_rounding_pairs(T, Q)
        return cls(T, Q, exponent)

    @cached_property
    def norm(self) -> float:
        """‖W‖_F in the unit of T."""
        return float(np.linalg.norm(self.T))

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks on the diagonal, from the top."""
        return tuple(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        H, row = len(self.T), 0
        while row < H:
            real = float(self.T[row, row])
            if row + 1 < H and self.T[row + 1, row] != 0.0:
                yield Block(row, 2, complex(real, pair_frequency(self.T[row : row + 2, row:])))
                row += 2
            else:
                yield Block(row, 1, complex(real, 0.0))
                row += 1

    def led_by(self, *blocks: Block) -> "RealSchur":
        """The same matrix's form whose first rows are those of one of its blocks, or of two reals.

        Raises:
            LinAlgError: a block cannot be told from one that it would have to pass.
        """
        T, Q, front = self.T, self.Q, 0
        # The upper one first: what passes it comes from above, so the lower one keeps its row.
        for block in sorted(blocks):
            with single_threaded():
                # LAPACK counts from 1.
                T, Q, failed = dtrexc(T, Q, block.row + 1, front + 1)
            if failed:
                raise np.linalg.LinAlgError("two blocks of the Schur form are too close to swap")
            front += block.rows
        return RealSchur(T, Q, self.exponent)

    def plane(self, rows: int) -> Plane:
        """The invariant line or plane of the first `rows` rows."""
        T11, T12, T22 = self.T[:rows, :rows], self.T[:rows, rows:], self.T[rows:, rows:]
        across = np.zeros((rows, 0))
        if T22.size:
            # T₁₁Y - YT₂₂ = T₁₂; a common eigenvalue makes the scale 0 or Y huge.
            across, scale, _ = dtrsyl(T11, T22, T12, isgn=-1)
            across = across / scale if scale > 0.0 else np.full_like(across, np.inf)
        basis = self.Q[:, :rows]
        if not np.isfinite(across).all():
            return Plane(basis, np.full_like(basis, np.inf), T11)
        return Plane(basis, basis + self.Q[:, rows:] @ across.T, T11)

    def in_unit(self, value: complex) -> complex:
        """A number of W's in the unit of T; infinite where it is far beyond W."""
        return _times_power_of_two(value, -self.exponent)

    def from_unit(self, value: complex) -> complex:
        """The reverse; infinite past the end of float64."""
        return _times_power_of_two(value, self.exponent)


def unit_exponent(W: Matrix) -> int:
    """k with the largest magnitude of W in [2ᵏ⁻¹, 2ᵏ), but never so low that 2⁻ᵏ overflows."""
    return max(int(np.frexp(np.abs(W).max())[1]), -960)


def frobenius_norm(matrix: Matrix) -> float:
    """‖·‖_F of any numbers, without overflow of their squares."""
    largest = float(np.abs(matrix).max())
    if not 0.0 < largest < np.inf:
        return largest
    return largest * float(np.linalg.norm(matrix / largest))


def _split_rounding_pairs(T: Matrix, Q: Matrix) -> None:
    """Makes two equal reals, in place, of each pair that may be one for all that W says.

    The smaller entry off a block's diagonal is then rounding of W. Kept, it would be the ruler of
    all that is done to the block, as in sgn(b) ω rᵅ with r = √|b/c| up to 10⁸.
    """
    negligible = ROUNDING * EPS * float(np.linalg.norm(T))
    for row in np.flatnonzero(np.diagonal(T, -1)):
        pair, turned = [row, row + 1], [row + 1, row]
        upper, lower = abs(T[row, row + 1]), abs(T[row + 1, row])
        if min(upper, lower) > negligible:
            continue
        if upper < lower:
            # A quarter turn of the two Schur vectors brings the smaller one below.
            T[:, pair] = T[:, turned] * (1.0, -1.0)
            T[pair] = T[turned] * ((1.0,), (-1.0,))
            Q[:, pair] = Q[:, turned] * (1.0, -1.0)
        T[row + 1, row] = 0.0


def _times_power_of_two(value: complex, exponent: int) -> complex:
    with np.errstate(over="ignore"):
        return complex(np.ldexp(value.real, exponent), np.ldexp(value.imag, exponent))
