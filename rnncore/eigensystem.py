"""A matrix with its Schur form and its eigenvectors, decomposed once."""

from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import final

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.checks import checked_finite, checked_square
from rnncore.schur import Matrix, RealSchur, unit_exponent
from rnncore.threads import single_threaded


@final
@dataclass(frozen=True, eq=False)
class Eigensystem:
    """A real matrix with its Schur form and its eigenvectors, in float64 on the CPU.

    Each is decomposed where it is first asked for. A move needs the Schur form alone: the
    eigenvectors come from another algorithm, which may take two nearly equal real eigenvalues for
    a pair where the Schur form has reals, or the reverse. They are there to be shown.

    Args:
        W: (H, H), finite.
    """

    W: Matrix

    @classmethod
    def of(cls, W: Tensor) -> "Eigensystem":
        """That of W (H, H).

        Raises:
            ValueError: `W` is not square, or holds NaN or an infinity.
        """
        checked_square("W", W)
        checked_finite("W", W)
        return cls(W.detach().to(device="cpu", dtype=torch.float64).numpy())

    @cached_property
    def schur(self) -> RealSchur:
        """The real Schur form. Cost: about 25 H³ flops."""
        return RealSchur.of(self.W)

    @cached_property
    def _vectors(self) -> tuple[NDArray[np.complex128], ...]:
        # Some builds of LAPACK scale a matrix beyond 1e±138 and forget it in the eigenvalues.
        exponent = unit_exponent(self.W)
        with single_threaded(), np.errstate(over="ignore"):
            values, left, right = scipy.linalg.eig(np.ldexp(self.W, -exponent), left=True)
            parts = np.ldexp(np.stack([values.real, values.imag], axis=-1), exponent)
        return parts.view(np.complex128)[:, 0], left, right

    @property
    def eigenvalues(self) -> NDArray[np.complex128]:
        """(H,), as LAPACK orders them. Cost: with both kinds of eigenvectors about 60 H³ flops."""
        return self._vectors[0]

    @property
    def left(self) -> NDArray[np.complex128]:
        """(H, H), unit columns w with wᴴW = λwᴴ."""
        return self._vectors[1]

    @property
    def right(self) -> NDArray[np.complex128]:
        """(H, H), unit columns v with Wv = λv."""
        return self._vectors[2]

    def condition(self, k: int) -> float:
        """κ = ‖v‖‖w‖ / |wᴴv| of eigenvalue k: how far it moves for a change of W; 1 at best.

        Reference: Wilkinson (1965), chapter 2; Trefethen and Embree (2005), chapter 52.
        """
        overlap = float(abs(np.vdot(self.left[:, k], self.right[:, k])))
        return 1.0 / overlap if overlap > 0.0 else inf

    def nearest(self, point: complex) -> int:
        """Index of the eigenvalue nearest to `point`."""
        return int(np.argmin(np.abs(self.eigenvalues - point)))
