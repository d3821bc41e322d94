"""The innermost loops of gated cells forward: the only code that runs once per step.

As in `rnncore.kernels`, every result has its place beforehand, and the same loop runs on NumPy's
functions on the CPU and on PyTorch's elsewhere. On a CPU where the loops of `native` were built,
those run instead, and these are what they are tested against.
"""

from collections.abc import Callable
from typing import Protocol, final

from scipy.linalg.blas import dgemv, sgemv
from torch import Tensor

from rnncore.gated.trajectory import GatedTrajectory
from rnncore.kernels import LARGEST_FUSED, NUMPY, Array, Operations, operations, without_single_row
from rnncore.native import gated as native_gated


class ForwardKernel(Protocol):
    """Steps of all rows, many at a call."""

    def run(self, t0: int, t1: int, h: Tensor, c: Tensor | None) -> None:
        """The states of times t0 + 1 … t1 from those of t0 and the drives of [t0, t1).

        Args:
            h, c: the state of time t0 at the scale at which the steps are to be taken, (N, H).
        """


def forward_kernel(W_hh: Tensor, trajectory: GatedTrajectory) -> ForwardKernel:
    """The loop over the steps of a run, for its cell and device."""
    is_compiled = W_hh.shape[0] == trajectory.a.shape[-1]  # not where a GRU is fed its own output
    compiled = native_gated.steps(W_hh, trajectory) if is_compiled else None
    if compiled is not None:
        return compiled
    kernel = _GRUSteps if trajectory.c is None else _LSTMSteps
    return kernel(W_hh, trajectory)


@final
class _GRUSteps:
    def __init__(self, W_hh: Tensor, trajectory: GatedTrajectory) -> None:
        self._ops = ops = operations(W_hh.device)
        assert trajectory.n is not None
        self._u, self._a, self._n = (
            _native(each, ops) for each in (trajectory.u, trajectory.a, trajectory.n)
        )
        size = trajectory.a.shape[-1]
        self._add_product = _product_adder(W_hh[:size], self._a[0], ops)
        self._feed_back = None
        if len(W_hh) > size:
            self._feed_back = _product_adder(W_hh[size:], self._n[0], ops)
        self._gates, self._scratch = _copy(self._a[0], ops), _copy(self._u[0], ops)

    def run(self, t0: int, t1: int, h: Tensor, c: Tensor | None) -> None:
        """As `ForwardKernel.run`."""
        add, multiply, tanh = self._ops.add, self._ops.multiply, self._ops.tanh
        negative, sigmoid, add_product = self._ops.negative, self._ops.sigmoid, self._add_product
        feed_back, a, scratch = self._feed_back, self._a[t0:t1], self._scratch
        state = _row(h, self._ops)
        H = scratch.shape[-1]
        rz, kept = self._gates[..., : 2 * H], self._gates[..., 2 * H :]
        r, z = rz[..., :H], rz[..., H:]
        steps = zip(
            *(a, a[..., : 2 * H], a[..., H : 2 * H], a[..., 2 * H :]),
            *(self._n[t0:t1], self._u[t0 + 1 : t1 + 1]),
            strict=True,
        )
        for a_t, a_rz, a_z, m, a_n, h_t in steps:
            add_product(state, a_t)
            if feed_back is not None:
                feed_back(state, a_n)
            sigmoid(a_rz, rz)
            # σ(-a) is 1 - z without what would cancel there.
            negative(a_z, kept)
            sigmoid(kept, kept)
            multiply(r, m, scratch)
            add(a_n, scratch, a_n)
            tanh(a_n, scratch)
            multiply(scratch, kept, scratch)
            multiply(z, state, h_t)
            add(h_t, scratch, h_t)
            state = h_t


@final
class _LSTMSteps:
    def __init__(self, W_hh: Tensor, trajectory: GatedTrajectory) -> None:
        self._ops = ops = operations(W_hh.device)
        assert trajectory.c is not None
        self._u, self._a, self._c = (
            _native(each, ops) for each in (trajectory.u, trajectory.a, trajectory.c)
        )
        self._add_product = _product_adder(W_hh, self._a[0], ops)
        self._gates, self._scratch = _copy(self._a[0], ops), _copy(self._u[0], ops)

    def run(self, t0: int, t1: int, h: Tensor, c: Tensor | None) -> None:
        """As `ForwardKernel.run`."""
        assert c is not None
        add, multiply, tanh = self._ops.add, self._ops.multiply, self._ops.tanh
        sigmoid, add_product = self._ops.sigmoid, self._add_product
        a, gates, scratch = self._a[t0:t1], self._gates, self._scratch
        H = scratch.shape[-1]
        i, f, g, o = (gates[..., k * H : (k + 1) * H] for k in range(4))
        state, cell, times = _row(h, self._ops), _row(c, self._ops), slice(t0 + 1, t1 + 1)
        steps = zip(a, a[..., 2 * H : 3 * H], self._u[times], self._c[times], strict=True)
        for a_t, a_g, h_t, c_t in steps:
            add_product(state, a_t)
            sigmoid(a_t, gates)  # for g in vain: one call is cheaper than two
            tanh(a_g, g)
            multiply(f, cell, c_t)
            multiply(i, g, scratch)
            add(c_t, scratch, c_t)
            tanh(c_t, scratch)
            multiply(o, scratch, h_t)
            state, cell = h_t, c_t


def _product_adder(W_hh: Tensor, a: Array, ops: Operations) -> Callable[[Array, Array], object]:
    """The function that adds W_hh h to a drive in place; `a` is one drive to go by."""
    W_hhT = ops.native(W_hh.mT.contiguous())
    if ops is NUMPY and a.ndim == 1 and len(W_hhT) <= LARGEST_FUSED:
        gemv = sgemv if W_hh.element_size() == 4 else dgemv
        W = W_hhT.T  # in Fortran's order, as BLAS wants it
        # y ← 1 · W h + 1 · y: offsets 0, increments 1, not transposed, y overwritten.
        return lambda h, a_t: gemv(1.0, W, h, 1.0, a_t, 0, 1, 0, 1, 0, 1)
    dot, add, scratch = ops.dot, ops.add, _copy(a, ops)

    def add_product(h: Array, a_t: Array) -> None:
        dot(h, W_hhT, scratch)
        add(a_t, scratch, a_t)

    return add_product


def _native(storage: Tensor, ops: Operations) -> Array:
    return ops.native(without_single_row(storage))


def _row(state: Tensor, ops: Operations) -> Array:
    return ops.native(state[0] if len(state) == 1 else state)


def _copy(array: Array, ops: Operations) -> Array:
    return array.copy() if ops is NUMPY else array.clone()
