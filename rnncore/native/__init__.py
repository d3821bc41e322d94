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

ABI: Final = 1  # of steps.c; a library of another is left alone
LEVELS: Final = ("base", "avx2", "avx512")  # in the order of `level` in steps.c
SWITCH: Final = "RHOSCOPE_NATIVE"  # 0 turns the compiled loops off

_ACTIVATIONS: Final[dict[Activation, int]] = {"linear": 0, "relu": 1, "tanh": 2}
_COPY: Final = 3
_SUFFIXES: Final = {torch.float32: "f32", torch.float64: "f64"}
_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64


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
        self._forward = library[f"forward_{suffix}"]
        self._forward.argtypes = [_POINTER, _COUNT, _COUNT, _POINTER, _POINTER, _COUNT]
        self._backward = library[f"backward_{suffix}"]
        self._backward.argtypes = [_POINTER, _COUNT, _COUNT, *6 * [_POINTER]]
        self._squares = library[f"squares_{suffix}"]
        self._squares.argtypes = [_POINTER, _COUNT, _COUNT, _POINTER]
        for function in (self._forward, self._backward, self._squares):
            function.restype = None

    def forward(
        self, W_hhT: Tensor, u: Tensor, a: Tensor, activation: Activation, *, is_linear: bool
    ) -> None:
        """u[1] … u[n] from u[0] and the n drives in a, which become preactivations.

        Args:
            W_hhT: (H, H), the transpose of W_hh.
            u: (n + 1, …H).
            a: (n, …H); the memory of u[1:] unless φ is tanh.
            activation: φ.
            is_linear: tanh leaves this sequence as it is.
        """
        n, H = len(a), W_hhT.shape[-1]
        kind = _COPY if is_linear and activation == "tanh" else _ACTIVATIONS[activation]
        self._forward(W_hhT.data_ptr(), H, n, u.data_ptr(), a.data_ptr(), kind)

    def backward(
        self,
        W_hh: Tensor,
        path: Tensor,
        delta: Tensor,
        v: Tensor,
        d: Tensor | None,
        g: Tensor | None,
        f: Tensor | None,
    ) -> None:
        """path[n - 1] … path[0] from path[n]; the arguments as in `kernels.BackwardKernel`."""
        n, H = len(path) - 1, W_hh.shape[-1]
        given = [None if each is None else each.contiguous() for each in (d, g, f)]
        optional = [None if each is None else each.data_ptr() for each in given]
        rows = (path.data_ptr(), delta.data_ptr(), v.data_ptr())
        self._backward(W_hh.data_ptr(), H, n, *rows, *optional)

    def norms(self, rows: Tensor) -> NDArray[np.float64]:
        """‖·‖₂ along the last axis of contiguous (…, H), summed in float64."""
        sums = np.empty(rows.shape[:-1])
        self._squares(rows.data_ptr(), rows.shape[-1], sums.size, sums.ctypes.data)
        return np.sqrt(sums, out=sums)


def loops(dtype: torch.dtype) -> Loops | None:
    """The compiled loops for float32 or float64; None where NumPy's are to be used."""
    return _loops(dtype) if os.environ.get(SWITCH) != "0" else None


@lru_cache
def _loops(dtype: torch.dtype) -> Loops | None:
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
