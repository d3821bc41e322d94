"""What every array of a run is: its axes, its meaning and its unit, for those who open it alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

LAYER = re.compile(r"_l(\d+)$")
STEPS = "row k is step t = k + 1"
NONE = "no unit"
GATES = {"i": "input", "f": "forget", "o": "output", "r": "reset", "z": "update"}
LOG = "log10, no unit; -inf is exactly 0"

# Name: axes, meaning, unit. A batch, where there is one, leads the axes of what differs in it.
WORDS: Mapping[str, tuple[str, str, str]] = {
    "W_xh": ("[gates · H, D]", "input weights", NONE),
    "W_hh": ("[gates · H, H]", "recurrent weights in force; gates as PyTorch stacks them", NONE),
    "W_qkv": ("[3H, H]", "W_q, W_k, W_v of attention, in the place of W_hh", NONE),
    "b_h": ("[gates · H]", "bias; of a GRU r, z, n and b_hn", NONE),
    "W_hy": ("[O, H]", "readout weights", NONE),
    "b_y": ("[O]", "readout bias", NONE),
    "x": ("[T, D]", f"input x_t; {STEPS}", NONE),
    "h_0": ("[H]", "initial state", NONE),
    "token_index": ("[n]", "each step's token, counted in token_labels; -1 is none", "index"),
    "eigenvalues": ("[H, 2]", "eigenvalues of W_hh: real and imaginary parts", NONE),
    "singular_values": ("[H]", "singular values of W_hh, the largest first", NONE),
    "closed_loop_eigenvalues": ("[H, 2]", "eigenvalues while it generates", NONE),
    "h": ("[T, H]", f"hidden state h_t; {STEPS}", NONE),
    "c": ("[T, H]", f"cell state c_t; {STEPS}", NONE),
    **{gate: ("[T, H]", f"{name} gate; {STEPS}", "0 to 1") for gate, name in GATES.items()},
    "g": ("[T, H]", f"candidate of an LSTM; {STEPS}", "-1 to 1"),
    "n": ("[T, H]", f"candidate of a GRU; {STEPS}", "-1 to 1"),
    "y": ("[T, O]", f"output y_t = W_hy h_t + b_y; {STEPS}", NONE),
    "p": ("[T, O]", f"softmax(y_t / temperature); {STEPS}", "probability"),
    "log10_norm_h": ("[T]", f"log10 of the norm of h_t; {STEPS}", LOG),
    "log10_norm_c": ("[T]", f"log10 of the norm of c_t; {STEPS}", LOG),
    "log10_grad_h": ("[T]", f"log10 of the norm of ∂L/∂h_t; {STEPS}", LOG),
    "log10_grad_c": ("[T]", f"log10 of the norm of ∂L/∂c_t; {STEPS}", LOG),
    "log10_grad_W_hh": ("[T]", f"log10 of the norm of step t's share of ∂L/∂W_hh; {STEPS}", LOG),
    "log10_grad_W_xh": ("[T]", f"log10 of the norm of step t's share of ∂L/∂W_xh; {STEPS}", LOG),
    "log10_direct_path": ("[T]", f"log10 of what gates alone let through; {STEPS}", LOG),
    "cotangent": ("[H]", "∂L/∂h_T of the linear loss", NONE),
}  # fmt: skip


def words_of(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Axes, meaning and unit of these arrays, by name."""
    return {name: _words(name) for name in names}


def _words(name: str) -> dict[str, str]:
    layer = LAYER.search(name)
    axes, meaning, unit = WORDS.get(LAYER.sub("", name), ("", "", ""))
    if layer is not None:
        meaning = f"layer {int(layer[1]) + 1}: {meaning}"
    return {"axes": axes, "meaning": meaning, "unit": unit}
