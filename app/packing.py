"""Frames as the bytes of an offline file: sorted by significance, compressed, checked by a sum."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from app.frames import TYPE_NAMES, Array, Frame

DIGITS = 4  # that the page shows of a state: rounded to them, it shows the same
# 2^-16 of a number is less than half of the last of four digits, whatever the first one is.
KEPT_BITS = 15
LEVEL = 6  # of zlib: 9 takes four times as long and saves 1 %


def packed(frames: Iterable[Frame], extra: Mapping[str, object] | None = None) -> bytes:
    """Frames, and more as JSON, as one gzip file, which ends in a checksum.

    Four bytes give the length of a JSON header, {"frames": [{kind, t0, t1, texts, tensors: [[name,
    dtype, shape], …]}], …extra}; then, tensor by tensor, the first byte of every number, the second
    of every number, and so on: neighbours then have the same exponent, which compresses.
    """
    listed, planes = [], []
    for frame in frames:
        entries = []
        for name, tensor in frame.tensors.items():
            little = tensor.dtype.newbyteorder("<")
            numbers = np.ascontiguousarray(tensor, dtype=little)
            entries.append([name, TYPE_NAMES[little], list(tensor.shape)])
            planes.append(numbers.reshape(-1, 1).view(np.uint8).T.tobytes())
        listed.append(
            {
                "kind": frame.kind,
                "t0": frame.t0,
                "t1": frame.t1,
                "texts": dict(frame.texts),
                "tensors": entries,
            }
        )
    header = json.dumps({"frames": listed, **(extra or {})}, separators=(",", ":")).encode()
    body = b"".join([len(header).to_bytes(4, "little"), header, *planes])
    return gzip.compress(body, compresslevel=LEVEL, mtime=0)


def with_few_digits(frame: Frame, names: frozenset[str]) -> Frame:
    """The frame, the tensors `names` of which are rounded as `few_digits` does."""
    tensors = {
        name: few_digits(tensor) if name in names else tensor
        for name, tensor in frame.tensors.items()
    }
    return replace(frame, tensors=tensors)


def few_digits(values: Array) -> Array:
    """Numbers that read the same to `DIGITS` significant digits, with most of their last bits 0.

    Each is rounded to those digits, and then to the nearest number of `KEPT_BITS` bits, which is
    closer to it than half of its last digit: whoever prints that many digits prints the same.
    """
    numbers = values.astype(np.float64)
    ordinary = np.isfinite(numbers) & (numbers != 0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        exponents = np.floor(np.log10(np.abs(np.where(ordinary, numbers, 1.0)))) - (DIGITS - 1)
        # Two factors: 10^-exponent alone may be beyond float64.
        halves = np.floor(exponents / 2), np.ceil(exponents / 2)
        digits = np.rint(numbers / 10.0 ** halves[0] / 10.0 ** halves[1])
        rounded = digits * 10.0 ** halves[0] * 10.0 ** halves[1]
    mantissa, exponent = np.frexp(np.where(ordinary, rounded, 1.0))
    bits = float(2**KEPT_BITS)
    short = np.ldexp(np.rint(mantissa * bits) / bits, exponent)
    with np.errstate(over="ignore"):
        kept = np.where(ordinary, short, numbers).astype(values.dtype)
    # What is denormal, or at the very end of the dtype, stays what it is.
    tiny = np.finfo(values.dtype).tiny
    same = ordinary & ((np.abs(numbers) < tiny) | ~np.isfinite(kept))
    result: Array = np.where(same, values, kept)
    return result
