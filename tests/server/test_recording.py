"""What of a run is kept in an offline file, and at which values of ρ and of a second parameter."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Refusal
from app.experiment import Experiment
from app.frames import Frame
from app.grid import GRIDS, at_radius, at_value, grid, over_from, radii_from
from app.link import read_link
from app.packing import DIGITS, few_digits, packed
from tests.server.lectures import unpacked

# What is packed


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=True), min_size=1, max_size=50))
def test_few_digits_read_the_same_as_all_of_them(numbers: list[float]) -> None:
    values = np.array(numbers, np.float32)
    short = few_digits(values)
    assert short.dtype == values.dtype
    for before, after in zip(values.tolist(), short.tolist(), strict=True):
        assert f"{after:.{DIGITS}g}" == f"{before:.{DIGITS}g}"


def test_few_digits_leave_most_of_the_last_bits_empty() -> None:
    values = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    assert not np.any(few_digits(values).view(np.uint32) & 0xFF)
    assert few_digits(np.array([np.nan, -np.inf], np.float32)).tolist()[1] == -np.inf


def test_a_blob_gives_every_bit_back() -> None:
    h = np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)
    logs = np.array([-np.inf, 0.1, 1e-300])
    blob = packed([Frame("states", 0, 3, {"h": h, "log10_norm_h": logs})], {"done": {"id": None}})
    header, tensors = unpacked(base64.b64encode(blob).decode())
    assert header["done"] == {"id": None}
    assert tensors["h"].tobytes() == h.tobytes()
    assert tensors["log10_norm_h"].tobytes() == logs.tobytes()


# The axes


def test_grids_are_fine_around_one_and_hold_what_a_lecture_stops_at() -> None:
    for radii in GRIDS:
        assert {0.0, 1.0, 2.0} <= set(radii)
        assert radii == tuple(sorted(set(radii)))
    assert {0.9, 0.95, 0.99, 1.01, 1.1, 1.5} <= set(grid(0.05, 0.01))


def test_radii_are_typed_as_a_list_or_a_range() -> None:
    assert radii_from("1.5, 0.5,0.5") == (0.5, 1.5)
    assert radii_from("0:1:0.25") == (0.0, 0.25, 0.5, 0.75, 1.0)
    for text in ("", "a", "-1", "0:2", "0:2:0", "nan", "0:2:0.0001", "1,inf"):
        with pytest.raises(Refusal, match="the values of ρ"):
            radii_from(text)


@pytest.mark.parametrize("text", ["phi", "phi=", "nonsense=1", "rho=1,2", "recurrent.edits=1"])
def test_what_is_no_second_parameter_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="the second parameter"):
        over_from(text)


def test_a_second_parameter_that_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(Refusal, match=r"the second parameter phi: cell.activation"):
        at_value(Experiment(), over_from("phi=nonsense"), "nonsense")


def test_another_kind_leaves_behind_what_only_the_first_one_has() -> None:
    sine = read_link("#input=sine&period=7&amplitude=2")
    noise = at_value(sine, over_from("input=noise"), "noise")
    assert noise.input.kind == "noise" and noise.input.amplitude == 2
    assert at_value(noise, over_from("input=sine"), "sine").input.kind == "sine"


def test_what_was_made_by_hand_is_rescaled_as_it_is() -> None:
    edit = {"op": "set", "i": 0, "j": 1, "value": 0.5}
    hand = Experiment.model_validate({"recurrent": {"edits": [edit]}})
    twice = at_radius(at_radius(hand, 0.5), 0.7)
    assert [each.op for each in twice.recurrent.edits] == ["set", "radius"]
    assert at_radius(read_link("#gain=2"), 0.7).recurrent.gain is None
