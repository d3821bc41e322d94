"""Where a gated sweep writes down what it finds."""

from typing import final

import numpy as np

from rnncore.extended_range import Exponents
from rnncore.gated.careful_adjoint import CarefulStep, Scaled


@final
class GatedLogs:
    """log10 and float64 of T steps of N rows; -inf where nothing comes through."""

    def __init__(self, T: int, N: int) -> None:
        self.delta, self.gamma, self.direct = np.full((3, T, N), -np.inf)
        # Of what stands beside h_{t-1} and beside x_t in the gradients of the matrices.
        self.p, self.p_x = np.full((2, T, N), -np.inf)
        self.share_hh, self.share_xh = np.full((2, T), -np.inf)
        # Of p and p_x, (T, N), where a sweep keeps more of them than their norms.
        self.exponents: Exponents | None = None

    def take(self, t: int, row: int, step: CarefulStep, *, is_lstm: bool) -> None:
        """Keeps what a careful step has found."""
        self.delta[t, row] = step.delta.log10_norm
        self.gamma[t, row] = step.gamma.log10_norm
        if self.exponents is not None:
            self.exponents[t, row] = step.p.k
        (u, k), counts = step.p, slice(0, 4) if is_lstm else slice(0, 3)
        self.p[t, row] = Scaled(u[counts], k).log10_norm
        self.p_x[t, row] = self.p[t, row] if is_lstm else Scaled(u[[0, 1, 3]], k).log10_norm
