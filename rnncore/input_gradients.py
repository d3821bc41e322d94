"""∂L/∂x_t = W_xhᵀ ∂L/∂a_t of every step, kept by a backward sweep that is asked to."""

from math import frexp
from typing import final

import numpy as np
from torch import Tensor

from rnncore.extended_range import Exponents, normalised, times_power_of_two


@final
class InputGradients:
    """Storage of ∂L/∂x_t = g[t] · 2^exponents[t] for T steps of N sequences.

    Args:
        W_xh: (rows, D), whose dtype is that of g.
        steps: T.
        rows: N.
    """

    def __init__(self, W_xh: Tensor, steps: int, rows: int) -> None:
        W = W_xh.detach().double()
        # Scaled to a largest entry below 1, no product with a direction overflows.
        _, self._exponent = frexp(float(W.abs().max())) if W.numel() else (0.0, 0)
        self._W_xh = times_power_of_two(W, -self._exponent)
        self.g = W_xh.new_zeros(steps, rows, W_xh.shape[1])  # (T, N, D)
        self.exponents = np.zeros((steps, rows))

    def fill(self, t0: int, grad_a: Tensor, k: Exponents) -> None:
        """Keeps the steps from t0 on.

        Args:
            grad_a: ∂L/∂a_t / 2ᵏ, (n, N, rows of W_xh), finite.
            k: (n, N).
        """
        steps = slice(t0, t0 + len(grad_a))
        u, k = normalised(grad_a, k)
        # float64, as float32 would lose the units that a tiny weight leads to.
        g, k = normalised(u.double() @ self._W_xh, k + self._exponent)
        self.g[steps], self.exponents[steps] = g.to(self.g.dtype), k
