"""Tensors to bytes: each binary message is one safetensors file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

Kind = Literal[
    "weights",
    "matrix",
    "inputs",
    "tokens",
    "spectrum",
    "closed_loop",
    "jacobian",
    "state_space",
    "race",
    "lyapunov",
    "matrix_powers",
    "influence",
    "states",
    "gradients",
    "run",
    "conditions",
    "kreiss",
    "powers",
    "atlas",
    "measurement",
    "over_hidden_size",
    "over_steps",
    "attention_over_steps",
]
Array = npt.NDArray[np.float32] | npt.NDArray[np.float64]

ALIGNMENT = 8  # bytes; the page reads float64 in place, which must start on a multiple of it
TYPE_NAMES = {np.dtype("<f8"): "F64", np.dtype("<f4"): "F32"}


@dataclass(frozen=True)
class Frame:
    """Named tensors of one kind that cover the steps t0 to t1.

    `source` names what the tensors are a pure function of, where that is known: frames of one
    source are equal, and nobody has to read the tensors to find out.
    """

    kind: Kind
    t0: int
    t1: int
    tensors: Mapping[str, Array]
    source: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)  # what else the metadata says

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors and texts, without the rest of the header."""
        texts = sum(len(text.encode()) for text in self.texts.values())
        return texts + sum(tensor.nbytes for tensor in self.tensors.values())

    @cached_property
    def digest(self) -> bytes:
        """A fingerprint of names, shapes, dtypes and contents: equal bytes, equal digest."""
        fingerprint = hashlib.blake2b(digest_size=16)
        if self.source:
            fingerprint.update(f"{self.source} {' '.join(self.tensors)}".encode())
            return fingerprint.digest()
        for name, text in self.texts.items():
            fingerprint.update(f"{name} {len(text)};{text}".encode())
        for name, tensor in self.tensors.items():
            fingerprint.update(f"{name} {tensor.dtype.str} {tensor.shape};".encode())
            fingerprint.update(_bytes_of(tensor))
        return fingerprint.digest()


def encode(frame: Frame, run_id: str) -> bytes:
    """The frame as the bytes of a safetensors file, copied once."""
    return b"".join(pieces(frame, run_id))


def pieces(
    frame: Frame, run_id: str, extra: Mapping[str, str] | None = None
) -> Iterator[bytes | memoryview]:
    """The parts of the file in order: its header, then each tensor's own memory, uncopied.

    float64 tensors come first, then float32, so that every tensor starts on a multiple of its
    item size; the format allows no holes between them.
    """
    ordered = sorted(frame.tensors.items(), key=lambda item: -item[1].dtype.itemsize)
    metadata = {"id": run_id, "kind": frame.kind, "t0": str(frame.t0), "t1": str(frame.t1)}
    header: dict[str, object] = {"__metadata__": {**metadata, **frame.texts, **(extra or {})}}
    start = 0
    for name, tensor in ordered:
        end = start + tensor.nbytes
        header[name] = {
            "dtype": TYPE_NAMES[tensor.dtype.newbyteorder("<")],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
        start = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    yield len(text).to_bytes(8, "little") + text
    for _, tensor in ordered:
        yield _bytes_of(tensor)


def _bytes_of(tensor: Array) -> memoryview:
    contiguous = np.ascontiguousarray(tensor, dtype=tensor.dtype.newbyteorder("<"))
    return contiguous.reshape(-1).view(np.uint8).data
