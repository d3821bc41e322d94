"""Exponents against theory: exact laws, laws with noise of a known size, laws under overhead."""

import math

import pytest
import torch

from rnncore import ArgumentError, local_exponents, power_law

SIZES = 2.0 ** torch.arange(3, 11, dtype=torch.float64)


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 1.0, 1.5, 2.0, 3.0])
def test_an_exact_law_is_found_to_rounding(exponent):
    found = power_law(SIZES, 3e-7 * SIZES**exponent)
    assert found.exponent == pytest.approx(exponent, abs=1e-13)
    assert found.standard_error < 1e-13
    assert 10**found.log10_factor == pytest.approx(3e-7, rel=1e-12)
    assert (found.smallest, found.count) == (8, 8)


def test_the_order_of_the_sizes_and_their_unit_are_free():
    values = SIZES**1.7 * torch.exp(0.1 * torch.sin(7 * SIZES))
    found = power_law(SIZES, values)
    turned = power_law(SIZES.flip(0), 1000 * values.flip(0))
    assert turned.exponent == pytest.approx(found.exponent, abs=1e-12)
    assert turned.standard_error == pytest.approx(found.standard_error, rel=1e-9)
    assert turned.log10_factor == pytest.approx(found.log10_factor + 3, abs=1e-12)


def test_the_standard_error_is_how_much_exponents_scatter():
    """V: of 2000 laws with 5 % noise, exponents scatter by σ/√S_xx, and the error says so."""
    generator = torch.Generator().manual_seed(1)
    noise = 0.05 * torch.randn(2000, len(SIZES), generator=generator, dtype=torch.float64)
    found = [power_law(SIZES, SIZES**2 * torch.exp(each)) for each in noise]
    exponents = torch.tensor([each.exponent for each in found])
    x = SIZES.log()
    theory = 0.05 / math.sqrt(float(((x - x.mean()) ** 2).sum()))
    assert float(exponents.mean()) == pytest.approx(2, abs=4 * theory / math.sqrt(2000))
    assert float(exponents.std()) == pytest.approx(theory, rel=0.05)
    squares = torch.tensor([each.standard_error**2 for each in found])
    assert math.sqrt(float(squares.mean())) == pytest.approx(theory, rel=0.05)


def test_overhead_bends_small_sizes_and_the_largest_are_free_of_it():
    values = 100.0 + SIZES**2
    assert power_law(SIZES, values).exponent < 1.9
    found = power_law(SIZES, values, largest=3)
    assert found.exponent == pytest.approx(2, abs=2e-3)
    assert (found.smallest, found.count) == (256, 3)
    local = local_exponents(SIZES, values)
    assert local.tolist() == sorted(local.tolist())
    assert local[0] < 1.2 and local[-1] == pytest.approx(2, abs=1e-3)


def test_two_sizes_have_a_slope_and_no_error():
    found = power_law(torch.tensor([10.0, 1000.0]), torch.tensor([1.0, 10.0]))
    assert found.exponent == pytest.approx(0.5)
    assert math.isnan(found.standard_error)
    assert power_law(SIZES, SIZES, largest=100).count == len(SIZES)


def test_a_size_measured_twice_counts_twice_in_a_fit_and_has_no_local_exponent():
    sizes, values = torch.tensor([1.0, 2.0, 2.0]), torch.tensor([1.0, 2.0, 4.5])
    assert power_law(sizes, values).exponent == pytest.approx(math.log2(3))
    with pytest.raises(ArgumentError, match="repeat one: got 2 twice"):
        local_exponents(sizes, values)


@pytest.mark.parametrize(
    ("sizes", "values", "said"),
    [
        ([], [], "too few: got no sizes"),
        ([3.0], [1.0], "too few: got one size"),
        ([3.0, 3.0], [1.0, 2.0], "too few: got one size"),
        ([1.0, 2.0], [1.0], "do not fit the sizes"),
        ([[1.0, 2.0]], [[1.0, 2.0]], "do not fit the sizes"),
        ([0.0, 2.0], [1.0, 2.0], "sizes cannot be on a log axis: got 0.0"),
        ([1.0, 2.0], [1.0, -2.0], "values cannot be on a log axis: got -2.0"),
        ([1.0, 2.0], [1.0, float("nan")], "values cannot be on a log axis: got nan"),
        ([1.0, float("inf")], [1.0, 2.0], "sizes cannot be on a log axis: got inf"),
    ],
)
def test_what_is_no_measurement_is_refused(sizes, values, said):
    with pytest.raises(ArgumentError, match=said):
        power_law(torch.tensor(sizes), torch.tensor(values))


def test_one_size_alone_has_no_local_exponent_and_that_is_no_error():
    assert local_exponents(torch.tensor([5.0]), torch.tensor([1.0])).shape == (0,)
    with pytest.raises(ArgumentError, match="largest is out of range: got 1"):
        power_law(SIZES, SIZES, largest=1)
