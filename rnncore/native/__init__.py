"""Compiled loops for the CPU, where they were built; NumPy's otherwise.

`hatch_build.py` compiles `steps.c` when Rhoscope is installed and a C compiler is there, once for
each level of the processor's vector instructions. Here the library is found and its simple
functions are called; `runs` binds the two loops over steps to the storage of a run.
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

ABI: Final = 5  # of steps.c; a library of another is left alone
LEVELS: Final = ("base", "avx2", "avx512")  # in the order of `level` in steps.c
SWITCH: Final = "RHOSCOPE_NATIVE"  # 0 turns the compiled loops off

_SUFFIXES: Final = {torch.float32: "f32", torch.float64: "f64"}
_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64

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
    """The functions of steps.c for one dtype. All memory is the caller's."""

    def __init__(self, library: ctypes.CDLL, dtype: torch.dtype) -> None:
        suffix = _SUFFIXES[dtype]
        self.forward = library[f"forward_{suffix}"]
        self.backward = library[f"backward_{suffix}"]
        self.forward.argtypes = [_POINTER, _COUNT, _COUNT, _COUNT, _COUNT, _POINTER]
        self.backward.argtypes = [_POINTER, _COUNT, _COUNT, _COUNT, _POINTER]
        self.forward.restype = self.backward.restype = None
        self._squares = library[f"squares_{suffix}"]
        self._squares.argtypes = [_POINTER, _COUNT, _COUNT, _POINTER]
        self._slopes = library[f"slopes_{suffix}"]
        self._slopes.argtypes = [_POINTER, _POINTER, _COUNT]
        self._squares.restype = self._slopes.restype = None
        self.gated = {
            name: library[f"{name}_{suffix}"]
            for name in ("forward_gru", "forward_lstm", "coefficients_gru", "coefficients_lstm")
        }
        for name, function in self.gated.items():
            more = 2 if name.startswith("forward") else 1
            function.argtypes = [_POINTER, _COUNT, _COUNT, *(more * [_POINTER])]
            function.restype = None
        self.adjoint = library.adjoint
        self.adjoint.argtypes = [_POINTER, _COUNT, _COUNT, _POINTER, _POINTER, _POINTER]
        self.adjoint.restype = None

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
