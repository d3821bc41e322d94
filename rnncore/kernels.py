"""The innermost loops: the only code that runs once per step.

The same loop runs on NumPy's functions over the tensors' own memory, where the CPU is two to
five times faster that way than through PyTorch, and on PyTorch's functions on other devices.
Every result has its place beforehand, so nothing per step allocates. On a CPU where the loops of
`native` were built, those run instead, and these are what they are tested against.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

import numpy as np
import torch
from scipy.linalg.blas import dgemv, sgemv
from scipy.special import expit
from torch import Tensor

from rnncore.activations import Activation

Array = Any  # numpy.ndarray on the CPU, torch.Tensor elsewhere

# Up to this H the product and the sum of a step are one BLAS call, 30 % faster. SciPy holds the
# interpreter's lock during the call, which for a large matrix would stop all other threads.
LARGEST_FUSED: Final = 256


@dataclass(frozen=True)
class Operations:
    """The elementary functions of a loop, called as f(…, out) like NumPy's."""

    native: Callable[[Tensor], Array]
    dot: Callable[[Array, Array, Array], Array]
    add: Callable[[Array, Array, Array], Array]
    multiply: Callable[[Array, Array, Array], Array]
    tanh: Callable[[Array, Array], Array]
    maximum: Callable[[Array, Array, Array], Array]
    negative: Callable[[Array, Array], Array]
    sigmoid: Callable[[Array, Array], Array]
    copy_where: Callable[[Array, Array, Array], object]


NUMPY: Final = Operations(
    native=Tensor.numpy,
    dot=np.dot,
    add=np.add,
    multiply=np.multiply,
    tanh=np.tanh,
    maximum=lambda a, b, out: np.maximum(a, b, out=out),
    negative=np.negative,
    sigmoid=expit,
    copy_where=lambda mask, source, out: np.copyto(out, source, where=mask),
)


def _torch_dot(a: Tensor, b: Tensor, out: Tensor) -> Tensor:
    return torch.mv(b.mT, a, out=out) if a.ndim == 1 else torch.mm(a, b, out=out)


TORCH: Final = Operations(
    native=Tensor.detach,
    dot=_torch_dot,
    add=lambda a, b, out: torch.add(a, b, out=out),
    multiply=lambda a, b, out: torch.mul(a, b, out=out),
    tanh=lambda a, out: torch.tanh(a, out=out),
    maximum=lambda a, b, out: torch.maximum(a, b, out=out),
    negative=lambda a, out: torch.neg(a, out=out),
    sigmoid=lambda a, out: torch.sigmoid(a, out=out),
    copy_where=lambda mask, source, out: torch.where(mask, source, out, out=out),
)


def operations(device: torch.device) -> Operations:
    """The faster of the two for a device."""
    return NUMPY if device.type == "cpu" else TORCH


class ForwardKernel:
    """Steps h → φ(W_hh h + drive) in place, many at a call.

    Args:
        W_hh: (H, H).
        activation: φ.
        u: storage of the states, (T + 1, N, H).
        a: storage of the drives, (T, N, H), overwritten by the preactivations; the same memory
            as u[1:] unless φ is tanh.
        ops: the functions to run on.
        factors: on W_hh for each row, (N, 1); None for 1.
    """

    def __init__(
        self,
        W_hh: Tensor,
        activation: Activation,
        u: Tensor,
        a: Tensor,
        ops: Operations,
        factors: Tensor | None = None,
    ) -> None:
        self._ops = ops
        self._factors = _factors(factors, ops)
        # A contiguous copy of the transpose: BLAS is 20 % faster along its rows.
        self._W_hhT = ops.native(W_hh.mT.contiguous())
        self._u, self._a = (ops.native(without_single_row(storage)) for storage in (u, a))
        self._add_product = self._product_adder()
        self._zero = ops.native(W_hh.new_zeros(()))
        self._activation = activation

    def run(self, t0: int, t1: int, linear_rows: Tensor | None = None) -> None:
        """u[t0 + 1] … u[t1] from u[t0] and the drives in a[t0] … a[t1 - 1].

        Args:
            linear_rows: (N, 1) booleans, rows that tanh leaves as they are; None for none.
        """
        h, h_out = self._u[t0], self._u[t0 + 1 : t1 + 1]
        if self._activation == "tanh":
            self._run_tanh(h, self._a[t0:t1], h_out, linear_rows)
        else:
            self._run_homogeneous(h, h_out)

    def _product_adder(self) -> Callable[[Array, Array], object]:
        """The function that adds W_hh h to a drive in place."""
        dot, add, W_hhT = self._ops.dot, self._ops.add, self._W_hhT
        multiply, factors = self._ops.multiply, self._factors
        step = self._u[0]
        is_single = step.ndim == 1 and factors is None
        if self._ops is NUMPY and is_single and len(step) <= LARGEST_FUSED:
            gemv = sgemv if W_hhT.dtype == np.float32 else dgemv
            W_hh = W_hhT.T  # in Fortran's order, as BLAS wants it
            # y ← 1 · W_hh h + 1 · y: offsets 0, increments 1, not transposed, y overwritten.
            return lambda h, a_t: gemv(1.0, W_hh, h, 1.0, a_t, 0, 1, 0, 1, 0, 1)
        scratch = step.copy() if self._ops is NUMPY else step.clone()

        def add_product(h: Array, a_t: Array) -> None:
            dot(h, W_hhT, scratch)
            if factors is not None:
                multiply(scratch, factors, scratch)
            add(scratch, a_t, a_t)

        return add_product

    def _run_tanh(self, h: Array, a: Array, h_out: Array, linear_rows: Tensor | None) -> None:
        add_product, tanh, copy_where = self._add_product, self._ops.tanh, self._ops.copy_where
        mask = None
        if linear_rows is not None:
            mask = self._ops.native(linear_rows if h.ndim == 2 else linear_rows[0])
        for a_t, h_t in zip(a, h_out, strict=True):
            add_product(h, a_t)
            tanh(a_t, h_t)
            if mask is not None:
                copy_where(mask, a_t, h_t)
            h = h_t

    def _run_homogeneous(self, h: Array, h_out: Array) -> None:
        add_product, maximum, zero = self._add_product, self._ops.maximum, self._zero
        rectifies = self._activation == "relu"
        for h_t in h_out:
            add_product(h, h_t)
            if rectifies:
                maximum(h_t, zero, h_t)
            h = h_t


class BackwardKernel:
    """Sweeps δ = w + g, v = d ⊙ δ, w = W_hhᵀ v in place, many steps at a call.

    Args:
        W_hh: (H, H).
        path: storage of w, (n + 1, N, H): entry j is what step j hands down, the last entry is
            what comes in from above.
        delta: storage of δ, (n, N, H).
        v: storage of v, (n, N, H).
        ops: the functions to run on.
        factors: on W_hh for each row, (N, 1); None for 1.
    """

    def __init__(
        self,
        W_hh: Tensor,
        path: Tensor,
        delta: Tensor,
        v: Tensor,
        ops: Operations,
        factors: Tensor | None = None,
    ) -> None:
        self._ops = ops
        self._factors = _factors(factors, ops)
        self._W_hh = ops.native(W_hh.contiguous())
        self._path, self._delta, self._v = (
            without_single_row(storage) for storage in (path, delta, v)
        )

    def run(
        self, start: int, end: int, d: Tensor | None, g: Tensor | None, f: Tensor | None = None
    ) -> None:
        """The steps end - 1 … start of the storage, from path[end] on.

        Args:
            d: the slopes of steps [start, end), (end - start, N, H); None where all are 1: then
                `v` is left alone, v is δ.
            g: the local gradients likewise; None where all are 0: then `delta` is left alone,
                δ is the incoming w.
            f: factors on the incoming w before g is added, (end - start, N, 1); None for 1, and
                where g is None.
        """
        dot, add, multiply = self._ops.dot, self._ops.add, self._ops.multiply
        W_hh, factors, w = self._W_hh, self._factors, self._ops.native(self._path[end])
        steps = zip(
            self._rows(None if g is None else self._delta[start:end]),
            self._rows(None if d is None else self._v[start:end]),
            self._rows(self._path[start:end]),
            *(self._rows(None if each is None else without_single_row(each)) for each in (d, g, f)),
            strict=False,
        )
        for delta_t, v_t, w_t, d_t, g_t, f_t in steps:
            # Rebinding instead of copying: where a factor is 1 or a term is 0, the vector
            # before is the vector after.
            came = w if f_t is None else multiply(w, f_t, delta_t)
            delta = came if g_t is None else add(came, g_t, delta_t)
            v = delta if d_t is None else multiply(d_t, delta, v_t)
            dot(v, W_hh, w_t)
            if factors is not None:
                multiply(w_t, factors, w_t)
            w = w_t

    def _rows(self, vectors: Tensor | None) -> Any:
        """The rows of (n, …, H) from the last to the first, or None for ever."""
        return repeat(None) if vectors is None else reversed(list(self._ops.native(vectors)))


def _factors(factors: Tensor | None, ops: Operations) -> Array | None:
    """(N, 1), or (1,) for the single row whose axis the storage goes without."""
    if factors is None:
        return None
    return ops.native(factors[0] if len(factors) == 1 else factors)


def without_single_row(storage: Tensor) -> Tensor:
    """(n, 1, H) → (n, H): a single sequence steps by the faster matrix-vector products."""
    return storage[:, 0] if storage.shape[1] == 1 else storage
