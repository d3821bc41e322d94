"""The same run in PyTorch, three ways: a module over all steps, a loop of its cell, and by hand.

Each is text that reads `tensors`, x (…, T, D) and h_0, (…, H) or of several layers (L, …, H), and
makes h (…, T, H). Where outputs are fed back it has `readout`, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from app.experiment import Cell, Experiment

Form = Literal["module", "loop", "minimal"]

_READOUT = """def readout(h):
    return h @ tensors["readout.weight"].T + tensors["readout.bias"]


"""
_MODULE = """rnn = torch.nn.{module}({D}, {H}, {layers}batch_first=True, dtype=x.dtype{options})
rnn.load_state_dict({{name: tensors[name] for name in rnn.state_dict()}})
with torch.no_grad():
    h, {end} = rnn(x, {start})
"""
_MODULE_FED_BACK = """rnn = torch.nn.{module}({D}, {H}, batch_first=True, dtype=x.dtype{options})
rnn.load_state_dict({{name: tensors[name] for name in rnn.state_dict()}})
with torch.no_grad():
    h, end = rnn(x[..., :{after}, :], {start})
    parts = [h]
    for _ in range({after}, x.shape[-2]):  # what comes out goes in
        h, end = rnn(readout(h[..., -1:, :]), end)
        parts.append(h)
h = torch.cat(parts, dim=-2)
"""
_LOOP = """cell = torch.nn.{module}Cell({D}, {H}, dtype=x.dtype{options})
cell.load_state_dict({{name: tensors[f"{{name}}_l0"] for name in cell.state_dict()}})
{state}, states = {start}, []
with torch.no_grad():
    for {x_t}:
{fed_back}        {state} = cell(x_t, {state})
        states.append(h_t)
h = torch.stack(states, dim=-2)
"""
_LOOP_OF_LAYERS = """cells = []
for layer in range({L}):
    cell = torch.nn.{module}Cell({H} if layer else {D}, {H}, dtype=x.dtype{options})
    cell.load_state_dict({{name: tensors[f"{{name}}_l{{layer}}"] for name in cell.state_dict()}})
    cells.append(cell)
state, states = [{start} for h in h_0], []
with torch.no_grad():
    for x_t in x.unbind(-2):
        for layer, cell in enumerate(cells):
            state[layer] = cell(x_t, state[layer])
            x_t = state[layer]{h}  # the input of the layer above
        states.append(x_t)
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
for {x_t}:
{fed_back}    state = rnn.step(x_t, state)
    states.append({h})
h = torch.stack(states, dim=-2)
"""
_LAYERS_BY_HAND = """rnns = []
for layer in range({L}):
    W_xh, W_hh = tensors[f"weight_ih_l{{layer}}"], tensors[f"weight_hh_l{{layer}}"]
    b_h = tensors[f"bias_ih_l{{layer}}"]
    rnns.append(MinimalRNN(W_xh, W_hh, b_h{more}))
state, states = [{start} for h in h_0], []
for x_t in x.unbind(-2):
    for layer, rnn in enumerate(rnns):
        state[layer] = rnn.step(x_t, state[layer])
        x_t = state[layer]{h}  # the input of the layer above
    states.append(x_t)
h = torch.stack(states, dim=-2)
"""
_PHI: Final[Mapping[str, str]] = {"tanh": "torch.tanh", "relu": "torch.relu", "linear": ""}

_ATTENTION = """# Not a recurrent cell: every step looks back at all steps before it, at once.
e = x @ tensors["W_xh"].T + tensors["b_h"]
q, k, v = (e @ tensors["W_qkv"].T).chunk(3, dim=-1)
h = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
"""


def body_of(experiment: Experiment, form: Form) -> str:
    """The text of a run in a form. PyTorch has no linear module: that one is written by hand."""
    cell = experiment.cell
    if cell.kind == "attention":
        return _ATTENTION
    # Classes that were drawn stand in x already.
    after = experiment.generation.after if experiment.closes_loop else None
    is_linear = cell.kind == "elman" and cell.activation == "linear"
    head = "" if after is None else "\n" + _READOUT
    if form == "minimal" or is_linear:
        return head + _minimal(cell, after)
    names = {
        "module": "RNN" if cell.kind == "elman" else cell.kind.upper(),
        "options": f', nonlinearity="{cell.activation}"' if cell.kind == "elman" else "",
        "layers": f"num_layers={cell.layers}, " if cell.layers > 1 else "",
        "D": cell.input_size,
        "H": cell.hidden_size,
        "L": cell.layers,
        "after": after,
    }
    if form == "module":
        template = _MODULE if after is None else _MODULE_FED_BACK
        return head + template.format(**names, **_of_module(cell))
    if cell.layers > 1:
        return _LOOP_OF_LAYERS.format(**names, **_of_layer(cell))
    is_lstm = cell.kind == "lstm"
    state = "(h_t, c_t)" if is_lstm else "h_t"
    start = "(h_0, torch.zeros_like(h_0))" if is_lstm else "h_0"
    steps = _steps(after, "h_t", indent=8)
    return head + _LOOP.format(**names, state=state, start=start, **steps)


def _of_module(cell: Cell) -> dict[str, str]:
    h_0 = "h_0" if cell.layers > 1 else "h_0.unsqueeze(0)"
    if cell.kind == "lstm":
        return {"end": "(h_n, c_n)", "start": f"({h_0}, 0 * {h_0})"}
    return {"end": "h_n", "start": h_0}


def _of_layer(cell: Cell) -> dict[str, str]:
    if cell.kind == "lstm":
        return {"start": "(h, torch.zeros_like(h))", "h": "[0]"}
    return {"start": "h", "h": ""}


def _steps(after: int | None, h: str, *, indent: int) -> dict[str, str]:
    if after is None:
        return {"x_t": "x_t in x.unbind(-2)", "fed_back": ""}
    line = f"x_t = x[..., t, :] if t < {after} else readout({h})\n"
    return {"x_t": "t in range(x.shape[-2])", "fed_back": " " * indent + line}


def _minimal(cell: Cell, after: int | None) -> str:
    head = _MINIMAL[cell.kind].format(phi=_PHI[cell.activation])
    bias = 'f"bias_hh_l{layer}"' if cell.layers > 1 else '"bias_hh_l0"'
    more = f", tensors[{bias}][-{cell.hidden_size}:]" if cell.kind == "gru" else ""
    if cell.layers > 1:
        return head + _LAYERS_BY_HAND.format(L=cell.layers, more=more, **_of_layer(cell))
    is_lstm = cell.kind == "lstm"
    h = "state[0]" if is_lstm else "state"
    start = "(h_0, torch.zeros_like(h_0))" if is_lstm else "h_0"
    return head + _BY_HAND.format(more=more, start=start, h=h, **_steps(after, h, indent=4))
