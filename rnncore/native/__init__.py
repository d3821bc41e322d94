"""Compiled loops for one sequence on the CPU, where they were built; NumPy's otherwise.

`hatch_build.py` compiles `steps.c` when Rhoscope is installed and a C compiler is there, once for
each level of the processor's vector instructions. The same loops stand readable in `kernels`.
"""

import ctypes
import os
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncore.activations import Activation

ABI: Final = 2  # of steps.c; a library of another is left alone
LEVELS: Final = ("base", "avx2", "avx512")  # in the order of `level` in steps.c
SWITCH: Final = "RHOSCOPE_NATIVE"  # 0 turns the compiled loops off

_ACTIVATIONS: Final[dict[Activation, int]] = {"linear": 0, "relu": 1, "tanh": 2}
_COPY: Final = 3
_SUFFIXES: Final = {torch.float32: "f32", torch.float64: "f64"}
_POINTER, _COUNT, _NUMBER = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double

Norms = NDArray[np.float64]


class _Found(NamedTuple):
    library: ctypes.CDLL | None
    status: str


def library_name(level: str) -> str:
    """The file that `hatch_build.py` makes for a level."""
    return f"steps_{level}.so"


def status() -> str:
    """Which loops are in use, in a sentence.

    >>> status().startswith(("compiled loops", "NumPy loops"))
    True
    """
    return _found().status


@final
class Loops:
    """The loops of steps.c for one dtype. Rows are contiguous, and all memory is the caller's."""

    def __init__(self, library: ctypes.CDLL, dtype: torch.dtype) -> None:
        suffix = _SUFFIXES[dtype]
        limits = (_NUMBER, _NUMBER, _POINTER)
        self._forward = library[f"forward_{suffix}"]
        self._forward.argtypes = [_POINTER, _COUNT, _COUNT, _POINTER, _POINTER, _COUNT, *limits]
        self._backward = library[f"backward_{suffix}"]
        self._backward.argtypes = [_POINTER, _COUNT, _COUNT, *6 * [_POINTER], *limits]
        self._forward.restype = self._backward.restype = _COUNT
        self._squares = library[f"squares_{suffix}"]
        self._squares.argtypes = [_POINTER, _COUNT, _COUNT, _POINTER]
        self._slopes = library[f"slopes_{suffix}"]
        self._slopes.argtypes = [_POINTER, _POINTER, _COUNT]
        self._squares.restype = self._slopes.restype = None

    def forward(
        self,
        W_hhT: Tensor,
        u: Tensor,
        a: Tensor,
        activation: Activation,
        *,
        is_linear: bool,
        low: float,
        high: float,
    ) -> Norms:
        """u[1], u[2], … from u[0] and the drives in a, which become preactivations.

        Args:
            W_hhT: (H, H), the transpose of W_hh.
            u: (n + 1, …H).
            a: (n, …H); the memory of u[1:] unless φ is tanh.
            activation: φ.
            is_linear: tanh leaves this sequence as it is.
            low, high: a state whose norm is outside of these and not 0 is the last one.

        Returns:
            The norms of the states that were stepped to, at most n.
        """
        n, H = len(a), W_hhT.shape[-1]
        kind = _COPY if is_linear and activation == "tanh" else _ACTIVATIONS[activation]
        sums = np.empty(n)
        done = self._forward(
            *(W_hhT.data_ptr(), H, n, u.data_ptr(), a.data_ptr(), kind),
            *(low * low, high * high, sums.ctypes.data),
        )
        return np.sqrt(sums[:done])

    def backward(
        self,
        W_hh: Tensor,
        path: Tensor,
        delta: Tensor,
        v: Tensor,
        d: Tensor | None,
        g: Tensor | None,
        f: Tensor | None,
        *,
        low: float,
        high: float,
    ) -> tuple[int, Norms]:
        """path[n - 1], path[n - 2], … from path[n]; the arguments as in `kernels.BackwardKernel`.

        Returns:
            The row that was reached, 0 unless a norm was outside of low … high and not 0 before;
            and the norms of δ, v and w from there on, (3, n - row).
        """
        n, H = len(path) - 1, W_hh.shape[-1]
        given = [None if each is None else each.contiguous() for each in (d, g, f)]
        optional = [None if each is None else each.data_ptr() for each in given]
        sums = np.empty((3, n + 1))
        left = self._backward(
            *(W_hh.data_ptr(), H, n, path.data_ptr(), delta.data_ptr(), v.data_ptr(), *optional),
            *(low * low, high * high, sums.ctypes.data),
        )
        w, delta_sums, v_sums = sums[:, left:n]
        return left, np.sqrt((delta_sums, v_sums, w))

    def norms(self, rows: Tensor) -> Norms:
        """‖·‖₂ along the last axis of contiguous (…, H), summed in float64."""
        sums = np.empty(rows.shape[:-1])
        self._squares(rows.data_ptr(), rows.shape[-1], sums.size, sums.ctypes.data)
        return np.sqrt(sums, out=sums)

    def slopes(self, a: Tensor) -> Tensor:
        """tanh'(a), elementwise, of a contiguous tensor."""
        d = torch.empty_like(a)
        self._slopes(a.data_ptr(), d.data_ptr(), a.numel())
        return d


@lru_cache
def loops(dtype: torch.dtype) -> Loops | None:
    """The compiled loops for float32 or float64; None where NumPy's are to be used."""
    library = _found().library
    return None if library is None else Loops(library, dtype)


@lru_cache
def _found() -> _Found:
    if os.environ.get(SWITCH) == "0":
        return _Found(None, f"NumPy loops: {SWITCH} is 0")
    folder = Path(__file__).parent
    if not (folder / library_name("base")).exists():
        reason = "no C compiler was found when Rhoscope was installed"
        return _Found(None, f"NumPy loops: {reason}")
    try:
        base = ctypes.CDLL(str(folder / library_name("base")))
        if base.abi() != ABI:
            reason = "the compiled ones are of another version; install Rhoscope again"
            return _Found(None, f"NumPy loops: {reason}")
        for level in reversed(LEVELS[: base.level() + 1]):
            path = folder / library_name(level)
            if path.exists():
                return _Found(ctypes.CDLL(str(path)), f"compiled loops ({level})")
    except (OSError, AttributeError) as error:
        return _Found(None, f"NumPy loops: the compiled ones cannot be loaded ({error})")
    raise AssertionError("base is a level, and its file exists")
