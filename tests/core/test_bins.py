import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rnncore import bin_edges, largest_magnitude, min_max


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 4000))
def test_bins_are_as_the_design_says(t0, length, columns):
    edges = bin_edges(t0, t0 + length, columns)
    n = min(columns, length)
    assert edges.tolist() == [t0 + k * length // n for k in range(n + 1)]
    assert (np.diff(edges) > 0).all()


floats = st.floats(allow_nan=False, width=32)


@given(
    arrays(np.float32, st.tuples(st.integers(1, 30), st.just(2)), elements=floats),
    st.integers(1, 30),
)
def test_largest_magnitude_and_ends_of_every_bin(values, columns):
    edges = bin_edges(5, 5 + len(values), columns)
    largest = largest_magnitude(torch.from_numpy(values), edges)
    ends = min_max(torch.from_numpy(values.T.copy()), edges)
    assert largest.shape == (len(edges) - 1, 2) and ends.shape == (2, len(edges) - 1, 2)
    for k, (start, stop) in enumerate(zip(edges[:-1] - 5, edges[1:] - 5, strict=True)):
        for unit in range(2):
            inside = values[start:stop, unit]
            assert largest[k, unit] == max(inside, key=lambda v: (abs(v), v))
            assert ends[unit, k].tolist() == [inside.min(), inside.max()]


def test_ties_and_infinities():
    values = torch.tensor([[-2.0, math.inf], [2.0, -math.inf], [-3.0, 1.0], [0.0, -math.inf]])
    assert largest_magnitude(values, bin_edges(0, 4, 2)).tolist() == [
        [2, math.inf],
        [-3, -math.inf],
    ]


def test_leading_axes():
    values = torch.randn(3, 4, 10, 2)
    found = largest_magnitude(values, bin_edges(0, 10, 5))
    assert found.shape == (3, 4, 5, 2)
    assert torch.equal(found[1, 2], largest_magnitude(values[1, 2], bin_edges(0, 10, 5)))
    assert min_max(values[..., 0], bin_edges(0, 10, 5)).shape == (3, 4, 5, 2)


def test_as_many_columns_as_steps_is_the_identity():
    values = torch.randn(7, 3)
    assert torch.equal(largest_magnitude(values, bin_edges(0, 7, 100)), values)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((-1, 3, 2), r"t0 is out of range: got -1"),
        ((3, 3, 2), r"t1 is out of range: got 3; expected more than t0 = 3"),
        ((0, 3, 0), r"columns is out of range: got 0"),
    ],
)
def test_wrong_bins_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        bin_edges(*arguments)


def test_values_must_fit_the_edges():
    with pytest.raises(ValueError, match=r"values does not fit the edges: got 3 steps; expected 4"):
        min_max(torch.zeros(3), bin_edges(0, 4, 2))
