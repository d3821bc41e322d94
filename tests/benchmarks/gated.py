"""GRU and LSTM on one thread, forward with all gradient norms, against PyTorch's own ways."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from rnncore import (
    GatedRollout,
    GatedSweep,
    GRUCell,
    LinearLoss,
    LSTMCell,
    Readout,
    input_sequence,
    loss_direction,
    recurrent_layers,
    single_threaded,
)
from tests.benchmarks.interleaved import Line, Work, interleaved, ratio

SIZES = ((64, 200, "4×"), (256, 1000, ""))
KINDS = ("gru", "lstm")


class GatedNetwork:
    """One network under noise, float32, and everybody's way to run it."""

    def __init__(self, kind: str, H: int, T: int) -> None:
        self.kind, self.H = kind, H
        torch.manual_seed(0)
        self.module = {"gru": nn.GRU, "lstm": nn.LSTM}[kind](1, H)
        self.stepper = {"gru": nn.GRUCell, "lstm": nn.LSTMCell}[kind](1, H)
        weights = self.module.state_dict()
        self.stepper.load_state_dict({name[:-3]: each for name, each in weights.items()})
        (layer,) = recurrent_layers(weights)
        W_xh, W_hh, b_h = (layer.weights[name].float() for name in ("W_xh", "W_hh", "b_h"))
        self.cell = (
            GRUCell(W_xh, W_hh, b_h[: 3 * H], b_h[3 * H :])
            if kind == "gru"
            else LSTMCell(W_xh, W_hh, b_h)
        )
        self.x = input_sequence("noise", T, 1).float()
        self.h_0 = torch.zeros(H)
        self.c = loss_direction(H).float()

    def gradients(self) -> Tensor:
        """Rhoscope: all states, gates and norms."""
        readout = Readout(torch.zeros(1, self.H), torch.zeros(1))
        run = GatedRollout(self.cell, self.x, self.h_0, readout, has_outputs=False)
        for _ in run.states(bounds=()):
            pass
        sweep = GatedSweep(run, LinearLoss(self.c))
        for _ in sweep.chunks(bounds=()):
            pass
        return sweep.chunk(0, run.steps).log10_grad_h

    def autograd(self) -> Work:
        """PyTorch's own differentiation, keeping every ∂L/∂h_t."""

        def run() -> Tensor:
            state: Any = (self.h_0, self.h_0) if self.kind == "lstm" else self.h_0
            states = []
            for x_t in self.x:
                state = self.stepper(x_t, state)
                h = state[0] if self.kind == "lstm" else state
                h.retain_grad()
                states.append(h)
            (self.c @ states[-1]).backward()
            return torch.stack([each.grad for each in states]).norm(dim=-1).log10()

        return run


def lines(seconds: float) -> Iterator[Line]:
    """All lines, `seconds` for each comparison."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    other = "autograd with retain_grad"
    try:
        with single_threaded():
            for kind in KINDS:
                section = f"{kind.upper()} forward and all gradient norms, one thread, µs a step"
                for H, T, goal in SIZES:
                    network = GatedNetwork(kind, H, T)
                    contenders = {"rhoscope": network.gradients, other: network.autograd()}
                    spent = interleaved(contenders, seconds=seconds)
                    value = 1e6 / T * statistics.median(spent["rhoscope"])
                    found = ratio(spent, "rhoscope", other)
                    yield Line(section, f"H = {H}, T = {T}", value, "µs", other, found, goal)
    finally:
        torch.set_num_threads(threads)
