"""The innermost loops of gated cells backward: the only code that runs once per step.

What a step multiplies by is known beforehand (`coefficients`), so a step of a GRU is three
operations and one of an LSTM four, with a local gradient one more.
"""

from collections.abc import Callable
from itertools import repeat
from typing import Any, Final, final

import numpy as np
from scipy.linalg.blas import dgemv
from torch import Tensor

from rnncore.kernels import LARGEST_FUSED, NUMPY, Array, Operations, operations, without_single_row
from rnncore.native import gated as native_gated

# The slots of K and of p = K ⊙ (∂L/∂h or ∂L/∂c).
GRU_SLOTS: Final = 5  # ∂L/∂a_r, ∂L/∂a_z, r ∂L/∂a_n, ∂L/∂a_n, and what z keeps
LSTM_SLOTS: Final = 6  # what f keeps, ∂L/∂a of i, f, g and o, and what h_t adds to ∂L/∂c_t


@final
class Adjoint:
    """The storage of a block of n steps, all float64, and the loop over them.

    Args:
        W_hh: (3H, H) of a GRU or (4H, H) of an LSTM, float64; of a GRU that is fed its own output
            the (4H, H) of `Feedback`, whose last block goes with ∂L/∂a_n.
        steps: n.
        rows: N.
        is_lstm: which of the two.
    """

    def __init__(self, W_hh: Tensor, steps: int, rows: int, *, is_lstm: bool) -> None:
        new, H = W_hh.new_empty, W_hh.shape[1]
        self.is_lstm = is_lstm
        slots = LSTM_SLOTS if is_lstm else GRU_SLOTS
        self.K = new(steps, rows, slots, H)
        """What a step multiplies by."""
        self.p = new(steps, rows, slots, H)
        """K times the gradient; in an LSTM's last slot ∂L/∂c_t in all."""
        self.path = new(steps, rows, H)
        """∂L/∂h as step j hands it down to the one before."""
        self.delta = new(steps, rows, H)
        """∂L/∂h in all; left alone where there are no local gradients."""
        self._gates = W_hh.shape[0] // H
        self._compiled = native_gated.adjoint(W_hh, self)
        if self._compiled is None:
            self._ops = operations(W_hh.device)
            self._transposed_product = _transposed_product(W_hh, rows, self._ops)

    @property
    def shared(self) -> Tensor:
        """What stands beside h_{t-1} in ∂L/∂W_hh, (n, N, 3H or 4H), a view of p."""
        return (self.p[:, :, 1:5] if self.is_lstm else self.p[:, :, :3]).flatten(-2)

    @property
    def _multiplied(self) -> Tensor:
        """What W_hhᵀ is multiplied with, (n, N, rows of W_hh), a view of p."""
        return self.p[:, :, self.is_lstm :][:, :, : self._gates].flatten(-2)

    @property
    def path_c(self) -> Tensor:
        """∂L/∂c as step j of an LSTM hands it down, (n, N, H), a view of p."""
        return self.p[:, :, 0]

    @property
    def gamma(self) -> Tensor:
        """∂L/∂c_t of an LSTM in all, (n, N, H), a view of p."""
        return self.p[:, :, 5]

    def run(self, start: int, end: int, w: Tensor, c: Tensor, g: Tensor | None) -> None:
        """The steps end - 1 … start.

        Args:
            w, c: ∂L/∂h and ∂L/∂c that come in from above, (N, H); `c` counts in an LSTM alone.
            g: the local gradients of the steps, (end - start, N, H); None where all are 0.
        """
        if self._compiled is not None:
            self._compiled.run(start, end, w, c, g)
            return
        sweep = self._run_lstm if self.is_lstm else self._run_gru
        sweep(slice(start, end), w, c, g)

    def _run_gru(self, steps: slice, w: Tensor, c: Tensor, g: Tensor | None) -> None:
        add, multiply, product = self._ops.add, self._ops.multiply, self._transposed_product
        came = self._row(w)
        storage = (self.K, self.p, self._multiplied, self.p[:, :, 4], self.path)
        for delta, g_t, K, p, multiplied, kept, w_t in zip(
            *self._totals(steps, g),
            *(self._rows(each[steps]) for each in storage),
            strict=False,
        ):
            delta_t = came if g_t is None else add(came, g_t, delta)
            multiply(K, self._by_slot(delta_t), p)
            product(multiplied, w_t)
            add(w_t, kept, w_t)
            came = w_t

    def _run_lstm(self, steps: slice, w: Tensor, c: Tensor, g: Tensor | None) -> None:
        add, multiply, product = self._ops.add, self._ops.multiply, self._transposed_product
        came, came_c, by_slot = self._row(w), self._row(c), self._by_slot
        K, p = self.K[steps], self.p[steps]
        views = (K[:, :, 4:], p[:, :, 4:], K[:, :, :4], p[:, :, :4])
        for delta, g_t, K_h, p_h, K_c, p_c, gamma, shared, kept, w_t in zip(
            *self._totals(steps, g),
            *(self._rows(each) for each in views),
            *(self._rows(each[steps]) for each in (self.gamma, self.shared, self.path_c)),
            self._rows(self.path[steps]),
            strict=False,
        ):
            delta_t = came if g_t is None else add(came, g_t, delta)
            multiply(K_h, by_slot(delta_t), p_h)
            add(gamma, came_c, gamma)
            multiply(K_c, by_slot(gamma), p_c)
            product(shared, w_t)
            came, came_c = w_t, kept

    def _totals(self, steps: slice, g: Tensor | None) -> tuple[Any, Any]:
        if g is None:
            return repeat(None), repeat(None)
        return self._rows(self.delta[steps]), self._rows(g)

    def _rows(self, vectors: Tensor) -> Any:
        """The steps of (n, N, …) from the last to the first."""
        return reversed(list(self._ops.native(without_single_row(vectors))))

    def _row(self, vectors: Tensor) -> Array:
        return self._ops.native(vectors[0] if len(vectors) == 1 else vectors)

    def _by_slot(self, vectors: Array) -> Array:
        """(N, H) → (N, 1, H), to be multiplied with all slots; (H,) fits as it is."""
        return vectors if vectors.ndim == 1 else vectors[:, None]


def _transposed_product(
    W_hh: Tensor, rows: int, ops: Operations
) -> Callable[[Array, Array], object]:
    """The function that puts W_hhᵀ p in its place."""
    W, H = ops.native(W_hh.contiguous()), W_hh.shape[1]
    if ops is NUMPY and rows == 1 and H <= LARGEST_FUSED:
        columns = np.asfortranarray(W)
        # y ← 1 · Wᵀ p + 0 · y: offsets 0, increments 1, transposed, y overwritten.
        return lambda p, w: dgemv(1.0, columns, p, 0.0, w, 0, 1, 0, 1, 1, 1)
    dot = ops.dot
    return lambda p, w: dot(p, W, w)
