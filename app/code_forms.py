"""The same run in PyTorch, three ways: a module over all steps, a loop of its cell, and by hand.

Each is text that reads `tensors`, x (…, T, D) and h_0 (…, H), and makes h (…, T, H).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from app.experiment import Cell

Form = Literal["module", "loop", "minimal"]

_MODULE = """rnn = torch.nn.{module}({D}, {H}, batch_first=True, dtype=x.dtype{options})
rnn.load_state_dict({{name: tensors[name] for name in rnn.state_dict()}})
with torch.no_grad():
    h, {end} = rnn(x, {start})
"""

_LOOP = """cell = torch.nn.{module}Cell({D}, {H}, dtype=x.dtype{options})
cell.load_state_dict({{name: tensors[f"{{name}}_l0"] for name in cell.state_dict()}})
{state}, states = {start}, []
with torch.no_grad():
    for x_t in x.unbind(-2):
        {state} = cell(x_t, {state})
        states.append(h_t)
h = torch.stack(states, dim=-2)
"""

# With gates their rows stand one below the other, in PyTorch's order.
_MINIMAL: Final[Mapping[str, str]] = {
    "elman": """

class MinimalRNN:
    def __init__(self, W_xh, W_hh, b_h):
        self.W_xh, self.W_hh, self.b_h = W_xh, W_hh, b_h

    def step(self, x_t, h):
        return {phi}(x_t @ self.W_xh.T + h @ self.W_hh.T + self.b_h)


""",
    "gru": """

class MinimalRNN:
    def __init__(self, W_xh, W_hh, b_h, b_hn):
        self.W_xh, self.W_hh, self.b_h, self.b_hn = W_xh, W_hh, b_h, b_hn

    def step(self, x_t, h):
        x_r, x_z, x_n = (x_t @ self.W_xh.T + self.b_h).chunk(3, dim=-1)
        h_r, h_z, h_n = (h @ self.W_hh.T).chunk(3, dim=-1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * (h_n + self.b_hn))
        return (1 - z) * n + z * h


""",
    "lstm": """

class MinimalRNN:
    def __init__(self, W_xh, W_hh, b_h):
        self.W_xh, self.W_hh, self.b_h = W_xh, W_hh, b_h

    def step(self, x_t, state):
        h, c = state
        i, f, g, o = (x_t @ self.W_xh.T + h @ self.W_hh.T + self.b_h).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


""",
}
_BY_HAND = """W_xh, W_hh = tensors["weight_ih_l0"], tensors["weight_hh_l0"]
b_h = tensors["bias_ih_l0"]
rnn = MinimalRNN(W_xh, W_hh, b_h{more})
state, states = {start}, []
for x_t in x.unbind(-2):
    state = rnn.step(x_t, state)
    states.append({h})
h = torch.stack(states, dim=-2)
"""
_PHI: Final[Mapping[str, str]] = {"tanh": "torch.tanh", "relu": "torch.relu", "linear": ""}


def body_of(cell: Cell, form: Form) -> str:
    """The text of a cell in a form. PyTorch has no linear module: that one is written by hand."""
    is_linear = cell.kind == "elman" and cell.activation == "linear"
    if form == "minimal" or is_linear:
        return _minimal(cell)
    template, names = (_MODULE, _of_module) if form == "module" else (_LOOP, _of_loop)
    options = f', nonlinearity="{cell.activation}"' if cell.kind == "elman" else ""
    module = "RNN" if cell.kind == "elman" else cell.kind.upper()
    sizes = {"D": cell.input_size, "H": cell.hidden_size}
    return template.format(module=module, options=options, **sizes, **names(cell))


def _of_module(cell: Cell) -> dict[str, str]:
    if cell.kind == "lstm":
        return {"end": "(h_n, c_n)", "start": "(h_0.unsqueeze(0), 0 * h_0.unsqueeze(0))"}
    return {"end": "h_n", "start": "h_0.unsqueeze(0)"}


def _of_loop(cell: Cell) -> dict[str, str]:
    if cell.kind == "lstm":
        return {"state": "(h_t, c_t)", "start": "(h_0, torch.zeros_like(h_0))"}
    return {"state": "h_t", "start": "h_0"}


def _minimal(cell: Cell) -> str:
    names = {"more": "", "start": "h_0", "h": "state"}
    if cell.kind == "gru":
        names["more"] = f', tensors["bias_hh_l0"][-{cell.hidden_size}:]'
    if cell.kind == "lstm":
        names |= {"start": "(h_0, torch.zeros_like(h_0))", "h": "state[0]"}
    phi = _PHI[cell.activation]
    return _MINIMAL[cell.kind].format(phi=phi) + _BY_HAND.format(**names)
