"""PyTorch's recurrent modules and their names: what a state dict holds, in the chapter's symbols.

PyTorch writes a_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh; the chapter has one bias, b_h = b_ih +
b_hh. Gates are stacked along the rows, so the ratio of rows to H tells the cells apart: one for
nn.RNN, three for nn.GRU, four for nn.LSTM. Nothing here reads or writes a file.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, final

import torch
from torch import Tensor, nn

from rnncore.activations import Activation
from rnncore.checks import ArgumentError, checked_finite

CellKind = Literal["elman", "gru", "lstm"]

_MODULES: Final[Mapping[CellKind, str]] = {"elman": "nn.RNN", "gru": "nn.GRU", "lstm": "nn.LSTM"}
_GATES: Final[Mapping[int, CellKind]] = {1: "elman", 3: "gru", 4: "lstm"}
_PART: Final = re.compile(
    r"(?P<prefix>(?:.*\.)?)(?P<part>weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)"
    r"(?:_l(?P<layer>[0-9]{1,4})(?P<reverse>_reverse)?)?"
)
_CHAPTER: Final = ("W_xh", "W_hh", "b_h", "W_hy", "b_y")


@final
@dataclass(frozen=True)
class ModuleNames:
    """How a module names one recurrent layer and the linear layer that reads it.

    The default is that of a bare `nn.RNN`, and `readout` beside it.
    """

    prefix: str = ""  # "encoder.rnn."
    suffix: str = "_l0"  # "_l2"; "" for an nn.RNNCell
    readout: str = "readout."  # "fc."


@final
@dataclass(frozen=True, eq=False)
class RecurrentLayer:
    """One recurrent layer as it was found.

    Args:
        names: its module's names.
        cell: which cell.
        weights: in the chapter's symbols, as far as they were found, in the dtype found: W_xh
            (H, D), W_hh (H, H), b_h (H,), W_hy (O, H), b_y (O,). nn.GRU's three and nn.LSTM's four
            gates stand one below the other; nn.GRU's b_hn (H,) is the end of b_h (4H,).
        sources: symbol → the names of the tensors that it was made of.
        hidden_size: H.
        input_size: D; None where there is no W_xh.
        problem: why this layer can't be run, as the end of a sentence; "" where it can.
    """

    names: ModuleNames
    cell: CellKind
    weights: Mapping[str, Tensor]
    sources: Mapping[str, tuple[str, ...]]
    hidden_size: int
    input_size: int | None
    problem: str = ""

    @property
    def output_size(self) -> int | None:
        """O; None where there is no readout."""
        return self.weights["W_hy"].shape[0] if "W_hy" in self.weights else None

    @property
    def dtype(self) -> torch.dtype:
        """That of W_hh as it was found."""
        return self.weights["W_hh"].dtype


def recurrent_layers(tensors: Mapping[str, Tensor]) -> tuple[RecurrentLayer, ...]:
    """The recurrent layers among named tensors, such as a module's `state_dict()`.

    Found are the names of nn.RNN, nn.GRU, nn.LSTM and their cells after any prefix, and the
    chapter's own, W_xh, W_hh, b_h, W_hy, b_y. A tensor `….weight` (O, H) that reads the topmost
    layer of the only module is its readout, W_hy, and `….bias` (O,) beside it b_y.

    A layer that is understood and can't be run (one direction of a bidirectional module, a
    projected LSTM) is among them, with its `problem`.

    Raises:
        ValueError: a tensor is missing, or has the wrong shape or dtype, or is not finite.

    >>> found = recurrent_layers(nn.RNN(3, 8, num_layers=2).state_dict())
    >>> [(layer.names.suffix, layer.cell, layer.input_size, layer.hidden_size) for layer in found]
    [('_l0', 'elman', 3, 8), ('_l1', 'elman', 8, 8)]
    """
    groups = _groups(tensors)
    layers = [_layer(key, parts, tensors, groups) for key, parts in groups.items()]
    chapter = _chapters_layer(tensors)
    if chapter is not None:
        layers.append(chapter)
    modules = {layer.names.prefix for layer in layers}
    if groups and len(modules) == 1:
        layers[-1] = _with_readout(layers[-1], tensors)
    return tuple(layers)


def state_dict_of(
    weights: Mapping[str, Tensor], names: ModuleNames | None = None
) -> dict[str, Tensor]:
    """The weights of a layer under PyTorch's names: the inverse of `recurrent_layers`.

    b_h goes to bias_ih and bias_hh is 0, but for nn.GRU's b_hn, so that reading them back gives
    the same bits.

    Args:
        weights: W_xh (G·H, D), W_hh (G·H, H), b_h (G·H,) or of a GRU (4H,), and W_hy (O, H) and
            b_y (O,) where the readout is to be written too.
        names: the module's; None for a bare nn.RNN.

    >>> cell = {"W_xh": torch.ones(2, 1), "W_hh": torch.eye(2), "b_h": torch.zeros(2)}
    >>> nn.RNN(1, 2).load_state_dict(state_dict_of(cell))
    <All keys matched successfully>
    """
    names = names or ModuleNames()
    stem = f"{names.prefix}{{}}{names.suffix}".format
    W_hh, b_h = weights["W_hh"], weights["b_h"]
    rows, H = W_hh.shape
    b_hh = torch.zeros_like(b_h[:rows])
    if len(b_h) > rows:
        b_hh[rows - H :] = b_h[rows:]
    found = {
        stem("weight_ih"): weights["W_xh"],
        stem("weight_hh"): W_hh,
        stem("bias_ih"): b_h[:rows],
        stem("bias_hh"): b_hh,
    }
    if "W_hy" in weights:
        found[f"{names.readout}weight"] = weights["W_hy"]
    if "b_y" in weights:
        found[f"{names.readout}bias"] = weights["b_y"]
    return {name: weight.contiguous() for name, weight in found.items()}


def module_activation(module: nn.Module) -> Activation | None:
    """The activation of the first nn.RNN or nn.RNNCell in a module; None where there is none."""
    for part in module.modules():
        if isinstance(part, nn.RNN | nn.RNNCell):
            return "relu" if part.nonlinearity == "relu" else "tanh"
    return None


def module_name(cell: CellKind) -> str:
    """What PyTorch calls a cell's module: nn.RNN, nn.GRU or nn.LSTM."""
    return _MODULES[cell]


@dataclass(frozen=True)
class _Key:
    prefix: str
    layer: int | None  # None for a cell
    is_reverse: bool

    @property
    def suffix(self) -> str:
        if self.layer is None:
            return ""
        return f"_l{self.layer}{'_reverse' if self.is_reverse else ''}"


_Groups = dict[_Key, dict[str, str]]  # part → the tensor's whole name


def _groups(tensors: Mapping[str, Tensor]) -> _Groups:
    groups: _Groups = {}
    for name in tensors:
        found = _PART.fullmatch(name)
        if found:
            layer = None if found["layer"] is None else int(found["layer"])
            key = _Key(found["prefix"], layer, bool(found["reverse"]))
            groups.setdefault(key, {})[found["part"]] = name
    ordered = sorted(groups, key=lambda key: (key.prefix, key.layer or 0, key.is_reverse))
    return {key: groups[key] for key in ordered}


def _layer(
    key: _Key, parts: Mapping[str, str], tensors: Mapping[str, Tensor], groups: _Groups
) -> RecurrentLayer:
    for part in ("weight_ih", "weight_hh"):
        if part not in parts:
            name = f"{key.prefix}{part}{key.suffix}"
            raise ArgumentError(name, "is missing", got=", ".join(parts.values()), expected=name)
    for name in parts.values():
        _check(name, tensors[name])
    W_ih, W_hh = (tensors[parts[part]] for part in ("weight_ih", "weight_hh"))
    cell, H = _cell_of(parts["weight_hh"], W_hh, has_projection="weight_hr" in parts)
    rows = W_hh.shape[0]
    _check_shape(parts["weight_ih"], W_ih, (rows, "D"))
    biases = [parts[part] for part in ("bias_ih", "bias_hh") if part in parts]
    for name in biases:
        _check_shape(name, tensors[name], (rows,))
    weights = {"W_xh": W_ih, "W_hh": W_hh}
    sources: dict[str, tuple[str, ...]] = {
        "W_xh": (parts["weight_ih"],),
        "W_hh": (parts["weight_hh"],),
    }
    # A module without a bias has none: 0, and nothing that anybody draws.
    weights["b_h"] = _bias(cell, H, {part: tensors[parts[part]] for part in parts})
    sources["b_h"] = tuple(biases)
    return RecurrentLayer(
        ModuleNames(key.prefix, key.suffix),
        cell,
        weights,
        sources,
        hidden_size=H,
        input_size=W_ih.shape[1],
        problem=_problem(key, parts, groups),
    )


def _bias(cell: CellKind, H: int, parts: Mapping[str, Tensor]) -> Tensor:
    """b_ih + b_hh; GRU's b_hn stands inside r ⊙ (…), so it stays apart and comes last."""
    zero = torch.zeros(3 * H if cell == "gru" else len(parts["weight_hh"]), dtype=torch.float64)
    # In float64: the sum of two numbers of a narrower dtype keeps all their digits.
    b_ih, b_hh = (parts.get(part, zero).double() for part in ("bias_ih", "bias_hh"))
    if cell != "gru":
        return b_ih + b_hh
    return torch.cat([b_ih[: 2 * H] + b_hh[: 2 * H], b_ih[2 * H :], b_hh[2 * H :]])


def _cell_of(name: str, W_hh: Tensor, *, has_projection: bool) -> tuple[CellKind, int]:
    """Which cell has recurrent weights of this shape, and its H."""
    if W_hh.ndim == 2 and min(W_hh.shape) > 0:
        rows, columns = W_hh.shape
        if has_projection:
            return "lstm", rows // 4
        if rows % columns == 0 and rows // columns in _GATES:
            return _GATES[rows // columns], columns
    raise ArgumentError(
        name,
        "has the wrong shape",
        got=tuple(W_hh.shape),
        expected="(H, H) of nn.RNN, (3H, H) of nn.GRU or (4H, H) of nn.LSTM",
    )


def _problem(key: _Key, parts: Mapping[str, str], groups: _Groups) -> str:
    twin = _Key(key.prefix, key.layer, not key.is_reverse)
    if twin in groups:
        return "is one direction of a bidirectional module, which has no one state to follow"
    if key.is_reverse:
        return "runs backwards in time (_reverse)"
    if "weight_hr" in parts:
        return "projects its state (proj_size)"
    return ""


def _chapters_layer(tensors: Mapping[str, Tensor]) -> RecurrentLayer | None:
    """The layer that is written in the chapter's own symbols; W_hh may stand alone."""
    if "W_hh" not in tensors:
        return None
    found = {name: tensors[name] for name in _CHAPTER if name in tensors}
    for name, weight in found.items():
        _check(name, weight)
    W_hh = found["W_hh"]
    H = W_hh.shape[-1] if W_hh.ndim else 0
    if W_hh.ndim != 2 or W_hh.shape[0] != H or H == 0:
        raise ArgumentError(
            "W_hh", "has the wrong shape", got=tuple(W_hh.shape), expected="(H, H), square"
        )
    O = found["W_hy"].shape[0] if "W_hy" in found and found["W_hy"].ndim else "O"  # noqa: E741
    shapes: dict[str, tuple[int | str, ...]] = {
        "W_xh": (H, "D"),
        "b_h": (H,),
        "W_hy": ("O", H),
        "b_y": (O,),
    }
    for name, weight in found.items():
        if name in shapes:
            _check_shape(name, weight, shapes[name])
    return RecurrentLayer(
        ModuleNames(),
        "elman",
        found,
        {name: (name,) for name in found},
        hidden_size=H,
        input_size=found["W_xh"].shape[1] if "W_xh" in found else None,
    )


def _with_readout(layer: RecurrentLayer, tensors: Mapping[str, Tensor]) -> RecurrentLayer:
    """The layer with the linear layer that reads it, if there is exactly one that could."""
    fitting = [
        name.removesuffix("weight")
        for name, weight in _others(tensors)
        if name.endswith("weight") and weight.ndim == 2 and weight.shape[1] == layer.hidden_size
    ]
    if layer.problem or len(fitting) != 1:
        return layer
    (prefix,) = fitting
    weights, sources = dict(layer.weights), dict(layer.sources)
    for symbol, part in (("W_hy", "weight"), ("b_y", "bias")):
        name = prefix + part
        if name not in tensors:
            continue
        _check(name, tensors[name])
        if symbol == "b_y":
            _check_shape(name, tensors[name], (weights["W_hy"].shape[0],))
        weights[symbol], sources[symbol] = tensors[name], (name,)
    names = ModuleNames(layer.names.prefix, layer.names.suffix, prefix)
    return replace(layer, names=names, weights=weights, sources=sources)


def _others(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in tensors.items():
        if not _PART.fullmatch(name) and name not in _CHAPTER and min(tensor.shape, default=0) > 0:
            yield name, tensor


def _check(name: str, weight: Tensor) -> None:
    if not weight.is_floating_point():
        raise ArgumentError(
            name, "has the wrong dtype", got=weight.dtype, expected="floating-point numbers"
        )
    checked_finite(name, weight if weight.dtype == torch.float64 else weight.float())


def _check_shape(name: str, weight: Tensor, expected: tuple[int | str, ...]) -> None:
    fits = weight.ndim == len(expected) and all(
        isinstance(wanted, str) or wanted == size
        for wanted, size in zip(expected, weight.shape, strict=True)
    )
    if not fits or min(weight.shape, default=0) == 0:
        wanted = ", ".join(map(str, expected)) + ("," if len(expected) == 1 else "")
        raise ArgumentError(
            name, "has the wrong shape", got=tuple(weight.shape), expected=f"({wanted})"
        )
