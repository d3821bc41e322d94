"""Whether all eigenvalues of a matrix are 0 for all that rounding says."""

from typing import Final

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from rnncore.schur import EPS, unit_exponent

# In units of √H eps ‖W‖_F: rotated nilpotent matrices stay below 4, and of 22 other kinds the
# smallest is 10¹¹.
ROUNDING: Final = 16.0


def is_nilpotent(W: NDArray[np.float64], eigenvalues: NDArray[np.complex128]) -> bool:
    """Whether a matrix within rounding of W has no eigenvalue but 0.

    The eigenvalues of such a matrix cannot say so: those of a single Jordan block come out on a
    circle of radius eps^(1/H) ‖W‖, 0.57 ‖W‖ for H = 64. Their power sums can, since

        Σλᵏ = tr Wᵏ,   |tr (W + E)ᵏ - tr Wᵏ| ≤ k √H ‖E‖_F ‖W‖₂ᵏ⁻¹ to first order,

    and a matrix is nilpotent if and only if they all are 0, k = 1 … H. All is measured in the
    balanced matrix, as LAPACK's eigenvalues are, and with √(‖W‖₁ ‖W‖_∞) for ‖W‖₂.

    Args:
        W: (H, H), finite.
        eigenvalues: those of W, (H,).

    Cost: about 10 H² flops.

    Reference: Horn and Johnson (2013), section 2.4, on traces; Parlett and Reinsch (1969) on
    balancing.

    >>> shift = np.eye(3, k=-1)
    >>> is_nilpotent(shift, np.linalg.eigvals(shift).astype(complex))
    True
    """
    if not eigenvalues.any():
        return True
    H, exponent = len(W), unit_exponent(W)
    balanced, _ = scipy.linalg.matrix_balance(np.ldexp(W, -exponent), permute=False)
    rows, columns = (np.abs(balanced).sum(axis=axis).max() for axis in (0, 1))
    stretch = float(np.sqrt(rows) * np.sqrt(columns))
    parts = np.stack([eigenvalues.real, eigenvalues.imag], axis=-1)
    scaled = np.ldexp(parts, -exponent).view(np.complex128)[:, 0] / stretch
    rounding = ROUNDING * EPS * np.sqrt(H) * float(np.linalg.norm(balanced)) / stretch
    powers = np.ones_like(scaled)
    for k in range(1, H + 1):
        powers *= scaled
        if abs(powers.sum()) > k * rounding:
            return False
    return True
