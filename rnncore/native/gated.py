"""The loops of gated.h and adjoint.h, bound to the storage of a run.

The same loops stand readable in `gated.kernels`, `gated.coefficients` and `gated.adjoints`; tests
hold the two against each other.
"""

import ctypes
from typing import Protocol, final

import torch
from torch import Tensor

from rnncore import native
from rnncore.extended_range import Exponents
from rnncore.native.runs import GROUP

_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64


class GatedStates(Protocol):
    """The storage of a forward run: `GatedTrajectory`."""

    u: Tensor
    a: Tensor
    n: Tensor | None
    c: Tensor | None
    exponents: Exponents
    candidate_exponents: Exponents


class GatedGradients(Protocol):
    """The storage of a backward sweep: `Adjoint`."""

    K: Tensor
    p: Tensor
    path: Tensor
    delta: Tensor


class _GatedFields(ctypes.Structure):
    """`struct gated` of steps.c."""

    _fields_ = (
        *((name, _POINTER) for name in ("M", "u", "a", "n", "c", "scratch")),
        *((name, _POINTER) for name in ("exponents", "candidate_exponents")),
        *((name, _COUNT) for name in ("H", "N")),
    )


class _AdjointFields(ctypes.Structure):
    """`struct adjoint` of steps.c."""

    _fields_ = (
        *((name, _POINTER) for name in ("W", "K", "p", "path", "delta")),
        *((name, _COUNT) for name in ("H", "N", "gates", "slots")),
    )


@final
class GatedSteps:
    """Plain steps forward, and their coefficients for the way back."""

    def __init__(self, loops: native.Loops, W_hh: Tensor | None, states: GatedStates) -> None:
        u, a, n, c = states.u, states.a, states.n, states.c
        M = None if W_hh is None else W_hh.mT.contiguous()
        scratch = None if W_hh is None else u.new_empty(GROUP * a.shape[-1])
        self._kept = M, u, a, n, c, scratch  # C holds their addresses
        kind = "gru" if c is None else "lstm"
        self._forward = loops.gated[f"forward_{kind}"]
        self._coefficients = loops.gated[f"coefficients_{kind}"]
        exponents = states.exponents, states.candidate_exponents
        addresses = (_address(each) for each in self._kept)
        exponents_at = (each.ctypes.data for each in exponents)
        self._fields = _GatedFields(*addresses, *exponents_at, u.shape[-1], u.shape[1])
        self._exponents = exponents

    def run(self, t0: int, t1: int, h: Tensor, c: Tensor | None) -> None:
        """As `gated.kernels.ForwardKernel.run`."""
        h, c = h.contiguous(), None if c is None else c.contiguous()
        self._forward(ctypes.byref(self._fields), t0, t1, h.data_ptr(), _address(c))

    def fill_coefficients(self, K: Tensor, t0: int, t1: int) -> None:
        """As `gated.coefficients.fill_coefficients`, in place."""
        self._coefficients(ctypes.byref(self._fields), t0, t1, K.data_ptr())


@final
class GatedAdjoint:
    """The sweep backward over a block of steps."""

    def __init__(self, loops: native.Loops, W_hh: Tensor, gradients: GatedGradients) -> None:
        K, p, path, delta = gradients.K, gradients.p, gradients.path, gradients.delta
        W_hh = W_hh.contiguous()
        self._kept = W_hh, K, p, path, delta
        (_, N, slots, H), addresses = K.shape, (_address(each) for each in self._kept)
        self._fields = _AdjointFields(*addresses, H, N, W_hh.shape[0] // H, slots)
        self._function = loops.adjoint

    def run(self, start: int, end: int, w: Tensor, c: Tensor, g: Tensor | None) -> None:
        """As `gated.adjoints.Adjoint.run`."""
        w, c, g = w.contiguous(), c.contiguous(), None if g is None else g.contiguous()
        inputs = w.data_ptr(), c.data_ptr(), _address(g)
        self._function(ctypes.byref(self._fields), start, end, *inputs)


def steps(W_hh: Tensor | None, states: GatedStates) -> GatedSteps | None:
    """The compiled loops of a run, None where there are none; without W_hh for coefficients."""
    loops = _loops_for(states.u)
    return None if loops is None else GatedSteps(loops, W_hh, states)


def adjoint(W_hh: Tensor, gradients: GatedGradients) -> GatedAdjoint | None:
    """The compiled loop of a sweep; None where there is none. W_hh is float64."""
    loops = _loops_for(W_hh)
    return None if loops is None else GatedAdjoint(loops, W_hh, gradients)


def _loops_for(storage: Tensor) -> native.Loops | None:
    return native.loops(storage.dtype) if storage.device == torch.device("cpu") else None


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
