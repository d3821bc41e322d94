"""PyTorch's modules and the chapter's symbols, there and back."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from rnncore import (
    ArgumentError,
    ElmanCell,
    ModuleNames,
    Readout,
    module_activation,
    module_name,
    recurrent_layers,
    rollout,
    state_dict_of,
)

Weights = dict[str, torch.Tensor]

NAMES = (ModuleNames(), ModuleNames("a.b.", "_l2", "fc."), ModuleNames("r.", ""))


class Tagger(nn.Module):
    """What a researcher has: an embedding, a stack, a readout."""

    def __init__(self, layers: int = 2, **options: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 3)
        self.encoder = nn.ModuleDict({"rnn": nn.RNN(3, 8, num_layers=layers, **options)})
        self.fc = nn.Linear(8, 5)


@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_runs_as_its_module_does(bias: bool) -> None:
    module = nn.RNN(3, 16, bias=bias, dtype=torch.float64)
    (layer,) = recurrent_layers(module.state_dict())
    assert (layer.cell, layer.hidden_size, layer.input_size) == ("elman", 16, 3)
    assert layer.problem == ""
    x, h_0 = torch.randn(40, 3, dtype=torch.float64), torch.randn(16, dtype=torch.float64)
    b_h = layer.weights.get("b_h", torch.zeros(16, dtype=torch.float64))
    cell = ElmanCell(layer.weights["W_xh"], layer.weights["W_hh"], b_h)
    readout = Readout(torch.zeros(1, 16).double(), torch.zeros(1).double())
    with torch.no_grad():
        expected, _ = module(x, h_0.unsqueeze(0))
    assert (rollout(cell, x, h_0, readout).h - expected).abs().max() <= 1e-12


@given(
    hidden=st.integers(1, 9),
    inputs=st.integers(1, 4),
    layers=st.integers(1, 3),
    kind=st.sampled_from([nn.RNN, nn.GRU, nn.LSTM]),
)
def test_every_module_is_known_by_its_shapes(
    hidden: int, inputs: int, layers: int, kind: type[nn.RNNBase]
) -> None:
    found = recurrent_layers(kind(inputs, hidden, num_layers=layers).state_dict())
    assert [layer.input_size for layer in found] == [inputs] + [hidden] * (layers - 1)
    assert {layer.hidden_size for layer in found} == {hidden}
    assert {module_name(layer.cell) for layer in found} == {f"nn.{kind.__name__}"}
    assert not any(layer.problem for layer in found)


@pytest.mark.parametrize("cell", [nn.RNNCell(2, 4), nn.GRUCell(2, 4), nn.LSTMCell(2, 4)])
def test_cells_are_known_too(cell: nn.RNNCellBase) -> None:
    (layer,) = recurrent_layers(cell.state_dict())
    assert (layer.input_size, layer.hidden_size, layer.names.suffix) == (2, 4, "")
    assert module_name(layer.cell) + "Cell" == f"nn.{type(cell).__name__}"


def test_a_readout_belongs_to_the_topmost_layer_and_the_bias_is_the_sum_of_two() -> None:
    tensors = Tagger().state_dict()
    below, above = recurrent_layers(tensors)
    assert "W_hy" not in below.weights and below.output_size is None
    assert above.output_size == 5
    assert torch.equal(above.weights["W_hy"], tensors["fc.weight"])
    assert torch.equal(above.weights["b_y"], tensors["fc.bias"])
    assert above.names == ModuleNames("encoder.rnn.", "_l1", "fc.")
    two = [tensors[f"encoder.rnn.bias_{part}_l1"] for part in ("ih", "hh")]
    assert torch.equal(above.weights["b_h"], two[0].double() + two[1].double())


def test_of_two_layers_that_could_read_none_is_taken() -> None:
    tensors = {**nn.RNN(2, 4).state_dict(), "a.weight": torch.ones(3, 4), "b.weight": torch.eye(4)}
    (layer,) = recurrent_layers(tensors)
    assert set(layer.weights) == {"W_xh", "W_hh", "b_h"}


@given(
    hidden=st.integers(1, 6),
    inputs=st.integers(1, 3),
    seed=st.integers(0, 2**31),
    names=st.sampled_from(
        [ModuleNames(), ModuleNames("a.b.", "_l2", "fc."), ModuleNames("r.", "")]
    ),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_out_and_in_again_gives_the_same_bits(
    hidden: int, inputs: int, seed: int, names: ModuleNames, dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"W_xh": (hidden, inputs), "W_hh": (hidden, hidden), "b_h": (hidden,)}
    shapes |= {"W_hy": (2, hidden), "b_y": (2,)}
    weights = {
        name: torch.randn(shape, generator=generator, dtype=dtype) for name, shape in shapes.items()
    }
    (layer,) = recurrent_layers(state_dict_of(weights, names))
    assert layer.names == names
    assert layer.dtype == dtype
    for name, weight in weights.items():
        assert torch.equal(layer.weights[name].to(dtype), weight)


def test_a_module_loads_what_was_written() -> None:
    weights = {"W_xh": torch.randn(4, 2), "W_hh": torch.randn(4, 4), "b_h": torch.randn(4)}
    nn.RNN(2, 4).load_state_dict(state_dict_of(weights))
    nn.RNNCell(2, 4).load_state_dict(state_dict_of(weights, ModuleNames(suffix="")))


def test_the_chapters_own_names_need_no_more_than_w_hh() -> None:
    (layer,) = recurrent_layers({"W_hh": torch.eye(3)})
    assert (layer.hidden_size, layer.input_size, layer.output_size) == (3, None, None)
    (layer,) = recurrent_layers({"W_hh": torch.eye(3), "W_xh": torch.ones(3, 2)})
    assert layer.input_size == 2
    assert recurrent_layers({"something": torch.eye(3)}) == ()
    assert recurrent_layers({f"weight_hh_l{'1' * 5000}": torch.eye(3)}) == ()


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        (nn.LSTM(3, 4, num_layers=3, bidirectional=True), "bidirectional"),
        (nn.RNN(3, 4, bidirectional=True), "bidirectional"),
        (nn.LSTM(3, 4, proj_size=2), "proj_size"),
    ],
)
def test_what_cannot_be_run_is_found_and_says_why(module: nn.RNNBase, problem: str) -> None:
    layers = recurrent_layers(module.state_dict())
    assert layers
    assert all(problem in layer.problem for layer in layers)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weight_hh_l0": torch.eye(4)}, "weight_ih_l0 is missing"),
        (
            {"weight_hh_l0": torch.ones(5, 4), "weight_ih_l0": torch.ones(5, 2)},
            r"weight_hh_l0 has the wrong shape: got \(5, 4\); expected \(H, H\) of nn\.RNN",
        ),
        (
            {"weight_hh_l0": torch.eye(4), "weight_ih_l0": torch.ones(3, 2)},
            r"weight_ih_l0 has the wrong shape: got \(3, 2\); expected \(4, D\)",
        ),
        (
            {
                "weight_hh_l0": torch.eye(4),
                "weight_ih_l0": torch.ones(4, 2),
                "bias_ih_l0": torch.ones(3),
            },
            r"bias_ih_l0 has the wrong shape: got \(3,\); expected \(4,\)",
        ),
        (
            {"weight_hh_l0": torch.eye(4), "weight_ih_l0": torch.ones(4, 0)},
            "weight_ih_l0 has the wrong shape",
        ),
        ({"W_hh": torch.full((2, 2), torch.inf)}, "W_hh is not finite: got inf"),
        ({"W_hh": torch.eye(2).half() * torch.nan}, "W_hh is not finite: got nan"),
        ({"W_hh": torch.eye(2).int()}, r"W_hh has the wrong dtype: got torch\.int32"),
        ({"W_hh": torch.ones(2, 3)}, r"W_hh has the wrong shape: got \(2, 3\)"),
        ({"W_hh": torch.eye(2), "b_h": torch.ones(3)}, "b_h has the wrong shape"),
        (
            {"W_hh": torch.eye(2), "W_hy": torch.ones(3, 2), "b_y": torch.ones(2)},
            r"b_y has the wrong shape: got \(2,\); expected \(3,\)",
        ),
    ],
)
def test_what_is_wrong_is_named(tensors: Weights, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        recurrent_layers(tensors)


def test_the_activation_is_that_of_the_module_inside() -> None:
    assert module_activation(nn.Sequential(nn.Linear(2, 2), nn.RNNCell(2, 2))) == "tanh"
    assert module_activation(nn.RNN(2, 2, nonlinearity="relu")) == "relu"
    assert module_activation(nn.GRU(2, 2)) is None
