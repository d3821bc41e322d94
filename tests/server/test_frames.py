"""A frame is a safetensors file that a browser can read in place."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load

from app.frames import Frame, encode, pieces

F32, F64 = np.float32, np.float64


def header_of(data: bytes) -> tuple[dict[str, dict[str, object]], int]:
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), 8 + length


@pytest.fixture
def frame() -> Frame:
    tensors = {
        "h": np.arange(6, dtype=F32).reshape(2, 3),
        "log10_norm_h": np.array([-np.inf, 1.5], F64),
        "y": np.ones((2, 1), F32),
    }
    return Frame("states", 32, 34, tensors)


def test_a_frame_is_exactly_these_bytes() -> None:
    frame = Frame("states", 0, 1, {"h": np.array([[1.0]], F32), "s": np.array([2.0], F64)})
    header = (
        b'{"__metadata__":{"id":"7","kind":"states","t0":"0","t1":"1"},'
        b'"s":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},'
        b'"h":{"dtype":"F32","shape":[1,1],"data_offsets":[8,12]}}'
    )
    header += b" " * (-len(header) % 8)
    numbers = b"\0\0\0\0\0\0\0\x40" + b"\0\0\x80\x3f"
    assert encode(frame, "7") == len(header).to_bytes(8, "little") + header + numbers


def test_the_safetensors_package_reads_a_frame(frame: Frame, tmp_path) -> None:
    data = encode(frame, "7")
    for name, tensor in load(data).items():
        np.testing.assert_array_equal(tensor, frame.tensors[name], strict=True)
    file = tmp_path / "saved.safetensors"
    file.write_bytes(data)
    with safe_open(file, "numpy") as saved:
        assert saved.metadata() == {"id": "7", "kind": "states", "t0": "32", "t1": "34"}


@pytest.mark.parametrize("extra", range(9))
def test_every_tensor_starts_on_a_multiple_of_its_item_size(frame: Frame, extra: int) -> None:
    data = b"".join(pieces(frame, "7", {"done": "x" * extra}))
    header, start = header_of(data)
    assert start % 8 == 0
    sizes = {"F64": 8, "F32": 4}
    names = [name for name in header if name != "__metadata__"]
    assert [header[name]["dtype"] for name in names] == ["F64", "F32", "F32"]
    end = 0
    for name in names:
        first, last = header[name]["data_offsets"]
        assert first == end, "no holes: the format refuses them"
        assert (start + first) % sizes[header[name]["dtype"]] == 0
        end = last
    assert len(data) == start + end


def test_tensors_that_lie_otherwise_in_memory_arrive_as_they_read() -> None:
    grid = np.arange(12, dtype=F64).reshape(3, 4)
    strange = {"t": grid.T, "s": grid[:, ::2], "b": grid.astype(">f8")}
    read = load(encode(Frame("states", 0, 1, strange), "0"))
    for name, tensor in strange.items():
        np.testing.assert_array_equal(read[name], tensor)


def test_large_tensors_are_not_copied() -> None:
    h = np.zeros((100, 100), F32)
    memory = list(pieces(Frame("states", 0, 100, {"h": h}), "1"))[1]
    h[0, 0] = 1.0
    assert bytes(memory[:4]) == b"\0\0\x80\x3f"


def test_the_digest_tells_contents_shapes_and_names_apart() -> None:
    zeros = np.zeros(4, F32)
    variants = [
        {"a": zeros},
        {"b": zeros},
        {"a": zeros.reshape(2, 2)},
        {"a": np.ones(4, F32)},
        {"a": np.zeros(2, F64)},
    ]
    digests = {Frame("weights", 0, 1, tensors).digest for tensors in variants}
    assert len(digests) == len(variants)
    assert Frame("weights", 0, 9, {"a": zeros.copy()}).digest in digests
