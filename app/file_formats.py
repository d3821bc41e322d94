"""Files from elsewhere: bytes to named tensors. Sizes are checked before anything is made of them.

Read are safetensors, npz, npy, JSON and CSV. Nothing is ever unpickled, nothing is executed, and
only what the bytes say themselves decides which format they are: there is no file name here.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

import numpy as np
import pydantic_core
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from app.errors import Refusal, refusal

Format = Literal["safetensors", "npz", "npy", "json", "csv"]

MOST_HEADER_BYTES = 2**16  # of a safetensors header, or an archive's directory
MOST_LISTS = 200_000  # in JSON: each costs far more memory and time than the bytes it takes
MOST_NAMES = 1024  # of tensors, whatever their sizes
MOST_NUMBERS = 2**23  # in all tensors together: narrow numbers become wide ones
OPENING_BYTES = 3 * 8 * MOST_NUMBERS  # what reading one file may take
MOST_AXES = 8
UNNAMED = ""  # the name of an array that has none

ACCEPTED = "a file of safetensors, npz, npy, JSON or CSV"
SAVE_INSTEAD = (
    "Save the weights with safetensors.torch.save_model(model, 'model.safetensors') instead."
)


@dataclass(frozen=True, eq=False)
class Contents:
    """What a file holds."""

    format: Format
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Memory of the tensors."""
        return sum(tensor.nbytes for tensor in self.tensors.values())


def read_contents(content: bytes) -> Contents:
    """The tensors in a file.

    Raises:
        Refusal: invalid_file or over_limit, with what was found and what is read here.
    """
    contents = _read(content)
    numbers = sum(tensor.numel() for tensor in contents.tensors.values())
    _check_count("numbers", numbers, MOST_NUMBERS)
    return contents


def _read(content: bytes) -> Contents:
    if not content:
        raise invalid_file("is empty", got="0 bytes", expected=ACCEPTED)
    start = content[:8]
    if content[8:9] == b"{" and int.from_bytes(start, "little") <= len(content) - 8:
        return _safetensors(content)
    if start.startswith(b"PK\x03\x04"):
        return Contents("npz", _archive(content))
    if start.startswith(b"\x93NUMPY"):
        return Contents("npy", {UNNAMED: torch.from_numpy(_array(content, "the array"))})
    if start.startswith(b"\x80") and content.rstrip().endswith(b"."):
        raise _pickled("a pickle")
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return Contents("json", _json(content))
    if len(content) > 8 and content[8:9] in (b"{", b" "):
        return _safetensors(content)
    return Contents("csv", {UNNAMED: _csv(content)})


def invalid_file(problem: str, *, got: object, expected: str, advice: str = "") -> Refusal:
    """The refusal of a file for what is in it."""
    return refusal(
        "invalid_file", "the file", problem, got=got, expected=expected, advice=advice, field=None
    )


def _pickled(what: str) -> Refusal:
    return invalid_file(
        "may hold code, and is not opened", got=what, expected=ACCEPTED, advice=SAVE_INSTEAD
    )


def _safetensors(content: bytes) -> Contents:
    length = int.from_bytes(content[:8], "little")
    if length > len(content) - 8:
        raise invalid_file(
            "is cut off, or no safetensors file",
            got=f"{len(content)} bytes",
            expected=f"{length + 8} or more, as its first eight bytes say",
        )
    _check_header(length)
    try:
        tensors = safetensors.torch.load(content)
    except (safetensors.SafetensorError, LookupError, ValueError, RuntimeError, TypeError) as error:
        raise invalid_file(
            "is broken", got=str(error), expected="a whole safetensors file", advice="Save it anew."
        ) from None
    header = json.loads(content[8 : 8 + length])  # flat, since the library has read it
    return Contents("safetensors", tensors, header.get("__metadata__", {}))


def _archive(content: bytes) -> dict[str, Tensor]:
    """The arrays of an npz file."""
    ending = content[-MOST_HEADER_BYTES - 22 :]
    at = ending.rfind(b"PK\x05\x06")
    if at < 0 or len(ending) - at < 22:
        raise invalid_file("is cut off", got="an archive without an end", expected=ACCEPTED)
    if b"data.pkl" in ending:
        raise _pickled("a file of torch.save, which is a pickle")
    if b"PK\x06\x07" in ending:
        raise invalid_file("is too large an archive", got="Zip64", expected="a plain npz file")
    _check_header(int.from_bytes(ending[at + 12 : at + 16], "little"))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _members(archive, 8 * min(len(content), MOST_NUMBERS) + MOST_HEADER_BYTES)
    except Refusal:
        raise
    except Exception as error:
        # zipfile and the libraries below it fail in ways that have no common base.
        raise invalid_file("is broken", got=str(error), expected="a whole npz file") from None


def _members(archive: zipfile.ZipFile, most_bytes: int) -> dict[str, Tensor]:
    """The arrays of an archive that unpacks to no more than `most_bytes`, whatever it claims."""
    names = archive.namelist()
    _check_count("tensors", len(names), MOST_NAMES)
    if not names or not all(name.endswith(".npy") for name in names):
        raise invalid_file("is an archive of something else", got=names[:4], expected=ACCEPTED)
    left, tensors = most_bytes, {}
    for name in names:
        with archive.open(name) as member:
            unpacked = member.read(left + 1)
        left -= len(unpacked)
        if left < 0:
            expected = f"at most {most_bytes} bytes"
            raise invalid_file(
                "unpacks to too much", got=f"more than {most_bytes}", expected=expected
            )
        tensors[name.removesuffix(".npy")] = torch.from_numpy(_array(unpacked, name))
    return tensors


def _array(content: bytes, name: str) -> np.ndarray:
    """The array of an npy file, read by its header and never unpickled."""
    stream = io.BytesIO(content)
    readers: Mapping[tuple[int, int], Callable[[Any], tuple[Any, bool, np.dtype[Any]]]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        shape, is_fortran, dtype = readers[np.lib.format.read_magic(stream)](stream)
    except Exception:
        # NumPy reads the header as Python writes it, and fails in as many ways as Python can.
        raise invalid_file("has an array that can't be read", got=name, expected="npy") from None
    if len(shape) > MOST_AXES or any(type(size) is not int or size < 0 for size in shape):
        expected = f"at most {MOST_AXES} whole numbers, 0 or more"
        raise invalid_file(f"has {name} of no shape", got=str(shape), expected=expected)
    if dtype.hasobject:
        raise _pickled(f"{name} of Python objects, which is a pickle")
    if dtype.kind not in "fiu":
        raise invalid_file(
            f"has {name} of the wrong dtype", got=str(dtype), expected="real numbers"
        )
    start, count = stream.tell(), prod(shape)
    if len(content) - start < count * dtype.itemsize:
        raise invalid_file(
            "is cut off",
            got=f"{len(content) - start} bytes of {name}",
            expected=f"{count * dtype.itemsize} for its shape {shape}",
        )
    _check_count("numbers", count, MOST_NUMBERS)
    flat = np.frombuffer(content, dtype, count, start)
    array = flat.reshape(shape, order="F" if is_fortran else "C")
    native = np.dtype(np.float64) if dtype.kind in "iu" or dtype.itemsize > 8 else dtype
    return np.array(array, dtype=native.newbyteorder("="), order="C")


def _json(content: bytes) -> dict[str, Tensor]:
    content = content.removeprefix(b"\xef\xbb\xbf")
    _check_count("lists", content.count(b"[") + content.count(b"{"), MOST_LISTS)
    try:
        document = pydantic_core.from_json(content, allow_inf_nan=False, cache_strings=False)
    except ValueError as error:
        raise invalid_file("is no JSON", got=str(error), expected=ACCEPTED) from None
    if isinstance(document, list):
        return {UNNAMED: _nested("the list", document)}
    _check_count("tensors", len(document), MOST_NAMES)
    return {str(name): _nested(str(name)[:60], value) for name, value in document.items()}


def _nested(name: str, value: Any) -> Tensor:
    """Nested lists of numbers as a tensor."""
    array = np.asarray(None)
    # Of a text among numbers NumPy would make an array of texts, each as long as the longest.
    if _is_numbers(value, MOST_AXES):
        with suppress(ValueError, OverflowError):
            array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise invalid_file(
            f"has {name} that is no array", got=value, expected="nested lists of numbers, all alike"
        )
    return torch.from_numpy(array.astype(np.float64))


def _is_numbers(value: Any, axes: int) -> bool:
    if isinstance(value, list):
        return axes > 0 and all(_is_numbers(each, axes - 1) for each in value)
    return type(value) in (int, float)


def _csv(content: bytes) -> Tensor:
    """Lines of numbers; a first line of names is left out."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise invalid_file(
            "is of no known format", got=content[:8].hex(" "), expected=ACCEPTED
        ) from None
    lines = text.strip().splitlines()
    first = lines[0] if lines else ""
    delimiter = next((sign for sign in (",", ";", "\t") if sign in first), None)
    if not all(_is_number(cell) for cell in first.split(delimiter)):
        lines = lines[1:]
    if not lines:
        raise invalid_file("is of no known format", got=first, expected=ACCEPTED)
    try:
        # Line by line: NumPy holds the interpreter's lock over a whole list.
        array = np.loadtxt(iter(lines), delimiter=delimiter, ndmin=2, comments=None)
    except ValueError as error:
        problem = str(error).partition(";")[0]
        raise invalid_file("is no table of numbers", got=problem, expected=ACCEPTED) from None
    return torch.from_numpy(array)


def _is_number(cell: str) -> bool:
    try:
        return isinstance(float(cell), float)
    except ValueError:
        return False


def _check_count(what: str, count: int, most: int) -> None:
    if count > most:
        raise refusal(
            "over_limit",
            "the file",
            f"has too many {what}",
            got=count,
            expected=f"at most {most}",
            status=413,
        )


def _check_header(length: int) -> None:
    if length > MOST_HEADER_BYTES:
        raise refusal(
            "over_limit",
            "the file's header",
            "is too long",
            got=length,
            expected=f"at most {MOST_HEADER_BYTES} bytes",
            advice="Save the recurrent module alone.",
            status=413,
        )
