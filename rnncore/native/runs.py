"""The two loops of steps.c, bound to the storage of a run: rows go on by themselves, at a scale of
their own, until a step that plain arithmetic at that scale cannot do.

The same steps stand readable in `kernels`, and the rules about scales in `stepping` and
`sweeping`; tests hold the two against each other.
"""

import ctypes
from typing import Final, Protocol, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rnncore import native
from rnncore.activations import Activation
from rnncore.extended_range import SLACK, Band, Exponents, Norms

_ACTIVATIONS: Final[dict[Activation, int]] = {"linear": 0, "relu": 1, "tanh": 2}
_POINTER, _COUNT, _NUMBER = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double

GROUP: Final = 4  # of steps.c

Counts = NDArray[np.int64]


class States(Protocol):
    """The storage of a forward run: `Trajectory`."""

    u: Tensor
    a: Tensor
    norm: Norms
    exponents: Exponents

    @property
    def factors(self) -> Tensor | None: ...


class Gradients(Protocol):
    """The storage of a backward sweep: `Sweeper`."""

    path: Tensor
    delta: Tensor
    v: Tensor
    exponents: Exponents

    @property
    def factors(self) -> Tensor | None: ...


class _BandFields(ctypes.Structure):
    """`struct band` of steps.c."""

    _fields_ = tuple(
        (name, _NUMBER) for name in ("low", "high", "middle", "linear_below", "span", "slack")
    )


class _ForwardFields(ctypes.Structure):
    _fields_ = (
        *((name, _POINTER) for name in ("M", "u", "a", "norm", "exponents", "factors", "scratch")),
        *((name, _COUNT) for name in ("H", "N", "activation")),
        ("band", _BandFields),
    )


class _BackwardFields(ctypes.Structure):
    _fields_ = (
        *((name, _POINTER) for name in ("M", "path", "delta", "v", "d", "shift", "g", "m")),
        *((name, _POINTER) for name in ("exponents", "above", "norms", "factors", "scratch")),
        *((name, _COUNT) for name in ("H", "N", "n")),
        ("band", _BandFields),
    )


@final
class Forward:
    """`struct forward` of steps.c. A row's exponent and norm stand in the storage itself."""

    def __init__(
        self, loops: native.Loops, W_hh: Tensor, activation: Activation, states: States, band: Band
    ) -> None:
        W_hhT = W_hh.mT.contiguous()
        u, a, factors = states.u, states.a, states.factors
        scratch = u.new_empty(1 + GROUP, W_hh.shape[-1])
        self._kept = W_hhT, scratch, states, factors  # C holds their addresses
        self._function = loops.forward
        self._fields = _ForwardFields(
            *(W_hhT.data_ptr(), u.data_ptr(), a.data_ptr(), states.norm.ctypes.data),
            *(states.exponents.ctypes.data, _address(factors), scratch.data_ptr()),
            *(W_hh.shape[-1], u.shape[1], _ACTIVATIONS[activation], _band_fields(band)),
        )

    def run(self, row: int, rows: int, t: int, end: int) -> Counts:
        """Steps from time t to `end`; the time that each row has reached.

        A row ends early before a step that plain arithmetic at its scale cannot do; its drive
        is untouched then.
        """
        reached = np.empty(rows, dtype=np.int64)
        self._function(ctypes.byref(self._fields), row, rows, t, end, reached.ctypes.data)
        return reached


@final
class Backward:
    """`struct backward` of steps.c."""

    def __init__(self, loops: native.Loops, W_hh: Tensor, gradients: Gradients, band: Band) -> None:
        W_hh = W_hh.contiguous()
        path, delta, v, factors = gradients.path, gradients.delta, gradients.v, gradients.factors
        (n, N, H), scratch = delta.shape, W_hh.new_empty(W_hh.shape[-1])
        self.above = np.empty((n, N))
        """The exponents of δ."""
        self.norms = np.empty((3, n, N))
        """‖δ‖, ‖v‖ and ‖w‖, where w has the exponent of v."""
        self._kept = W_hh, scratch, path, delta, v, gradients.exponents, factors
        self._block: tuple[object, ...] = ()
        self._function = loops.backward
        self._fields = _BackwardFields(
            *(W_hh.data_ptr(), path.data_ptr(), delta.data_ptr(), v.data_ptr()),
            *(None, None, None, None, gradients.exponents.ctypes.data, self.above.ctypes.data),
            *(self.norms.ctypes.data, _address(factors), scratch.data_ptr()),
            *(H, N, n, _band_fields(band)),
        )

    def take(self, d: Tensor | None, shift: Exponents, g: Tensor | None, m: Exponents) -> None:
        """The block that is swept next: slopes d · 2^shift, local gradients g · 2ᵐ.

        Args:
            d: (n, N, H) or None for 1, g likewise or None for 0.
            shift, m: (n, N); m is -inf where g is 0.
        """
        d, g = (None if each is None else each.contiguous() for each in (d, g))
        shift, m = np.ascontiguousarray(shift), np.ascontiguousarray(m)
        self._block = d, shift, g, m
        self._fields.d, self._fields.g = _address(d), _address(g)
        self._fields.shift, self._fields.m = shift.ctypes.data, m.ctypes.data

    def run(self, row: int, rows: int, end: int) -> Counts:
        """Steps end - 1 … 0 of the block; the last that stands of each row, 0 if all do."""
        reached = np.empty(rows, dtype=np.int64)
        self._function(ctypes.byref(self._fields), row, rows, end, reached.ctypes.data)
        return reached


def forward(W_hh: Tensor, activation: Activation, states: States, band: Band) -> Forward | None:
    """The compiled loop for a run; None where there is none."""
    loops = _loops_for(states.u)
    return None if loops is None else Forward(loops, W_hh, activation, states, band)


def backward(W_hh: Tensor, gradients: Gradients, band: Band) -> Backward | None:
    """The compiled loop for a sweep; None where there is none."""
    loops = _loops_for(gradients.path)
    return None if loops is None else Backward(loops, W_hh, gradients, band)


def _loops_for(storage: Tensor) -> native.Loops | None:
    return native.loops(storage.dtype) if storage.device.type == "cpu" else None


def _band_fields(band: Band) -> _BandFields:
    return _BandFields(*(band.low, band.high, band.middle, band.linear_below, band.span, SLACK))


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
