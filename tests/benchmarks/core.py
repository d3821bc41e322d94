"""The mathematics on one thread, against the ways others would compute the same numbers."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnncore import (
    ElmanCell,
    GradientSweep,
    LinearLoss,
    Readout,
    Rollout,
    fan,
    gaussian_weights,
    input_sequence,
    loss_direction,
    recurrent_matrix,
    single_threaded,
)
from tests.benchmarks.interleaved import Line, Work, interleaved, ratio

SIZES = ((16, 1000), (64, 1000), (256, 1000), (512, 1000))
GRADIENT_SIZES = ((64, 200, "4×"), (256, 1000, "3×"))
FAN_SIZES = ((64, 200), (256, 1000))
RADII = 101


class Network:
    """One tanh network under noise, float32, and everybody's way to run it."""

    def __init__(self, H: int, T: int, rho: float = 0.95) -> None:
        self.H, self.T = H, T
        W_hh = recurrent_matrix("gaussian", H, spectral_radius=rho).W.float()
        W_xh = gaussian_weights(H, 1, scale=1.0, seed=1).float()
        self.cell = ElmanCell(W_xh, W_hh, torch.zeros(H))
        self.readout = Readout(torch.zeros(1, H), torch.zeros(1))
        self.x = input_sequence("noise", T, 1).float()
        self.h_0 = torch.zeros(H)
        self.c = loss_direction(H).float()
        self.loss = LinearLoss(self.c)

    def states(self) -> Rollout:
        """Rhoscope: all states, their norms and outputs."""
        run = Rollout(self.cell, self.x, self.h_0, self.readout)
        for _ in run.states(bounds=[(0, self.T)]):
            pass
        return run

    def gradients(self) -> Tensor:
        """Rhoscope: log10 of all gradient norms, also of the weights' shares."""
        sweep = GradientSweep(self.states(), self.loss)
        (chunk,) = sweep.chunks(bounds=[(0, self.T)])
        return chunk.log10_grad_h

    def nn_rnn(self) -> Work:
        module = torch.nn.RNN(1, self.H)
        with torch.no_grad():
            module.weight_ih_l0.copy_(self.cell.W_xh)
            module.weight_hh_l0.copy_(self.cell.W_hh)
            module.bias_ih_l0.zero_()
            module.bias_hh_l0.zero_()
        return _without_gradients(lambda: module(self.x)[0])

    def rnn_cell(self) -> torch.nn.RNNCell:
        module = torch.nn.RNNCell(1, self.H)
        with torch.no_grad():
            module.weight_ih.copy_(self.cell.W_xh)
            module.weight_hh.copy_(self.cell.W_hh)
            module.bias_ih.zero_()
            module.bias_hh.zero_()
        return module

    def rnn_cell_loop(self) -> Work:
        module = self.rnn_cell()

        def loop() -> Tensor:
            h, states = self.h_0, []
            for x_t in self.x:
                h = module(x_t, h)
                states.append(h)
            return torch.stack(states)

        return _without_gradients(loop)

    def numpy_loop(self) -> Work:
        W_hhT = np.ascontiguousarray(self.cell.W_hh.numpy().T)
        W_xhT, x, h_0 = self.cell.W_xh.numpy().T, self.x.numpy(), self.h_0.numpy()

        def loop() -> np.ndarray:
            states = x @ W_xhT
            h, product = h_0, np.empty_like(h_0)
            for a in states:
                np.dot(h, W_hhT, out=product)
                np.add(a, product, out=a)
                np.tanh(a, out=a)
                h = a
            return states

        return loop

    def jax_scan(self) -> Work | None:
        """None where jax is not installed. What it costs to compile is not counted."""
        try:
            import jax
        except ImportError:
            return None
        jnp: Any = jax.numpy
        W_hh, W_xh, x, h_0 = (
            jnp.asarray(each.numpy()) for each in (self.cell.W_hh, self.cell.W_xh, self.x, self.h_0)
        )

        @jax.jit
        def scan(h_0: Any, x: Any) -> Any:
            def step(h: Any, a: Any) -> tuple[Any, Any]:
                h = jnp.tanh(W_hh @ h + a)
                return h, h

            return jax.lax.scan(step, h_0, x @ W_xh.T)[1]

        return lambda: scan(h_0, x).block_until_ready()

    def autograd(self) -> Work:
        """PyTorch's own differentiation, keeping every ∂L/∂h_t."""
        module = self.rnn_cell()

        def run() -> Tensor:
            h, states = self.h_0, []
            for x_t in self.x:
                h = module(x_t, h)
                h.retain_grad()
                states.append(h)
            (self.c @ h).backward()
            return torch.stack([each.grad for each in states]).norm(dim=-1).log10()

        return run


def lines(seconds: float) -> Iterator[Line]:
    """All lines, `seconds` for each comparison."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with single_threaded():
            yield from _forward(seconds)
            yield from _gradients(seconds)
            yield from _fan(seconds)
    finally:
        torch.set_num_threads(threads)


def _forward(seconds: float) -> Iterator[Line]:
    section = "Forward, one thread, µs a step"
    for H, T in SIZES:
        network = Network(H, T)
        others = {
            "nn.RNN": network.nn_rnn(),
            "an RNNCell loop": network.rnn_cell_loop(),
            "NumPy": network.numpy_loop(),
            "jax.lax.scan": network.jax_scan(),
        }
        contenders = {name: work for name, work in others.items() if work is not None}
        spent = interleaved({"rhoscope": network.states, **contenders}, seconds=seconds)
        for name in contenders:
            goal = "1.5×" if name == "nn.RNN" else ""
            yield _line(section, f"H = {H}, T = {T}", spent, name, 1e6 / T, "µs", goal)


def _gradients(seconds: float) -> Iterator[Line]:
    section = "Forward and all gradient norms, one thread, µs a step"
    for H, T, goal in GRADIENT_SIZES:
        network = Network(H, T)
        spent = interleaved(
            {"rhoscope": network.gradients, "autograd with retain_grad": network.autograd()},
            seconds=seconds,
        )
        other = "autograd with retain_grad"
        yield _line(section, f"H = {H}, T = {T}", spent, other, 1e6 / T, "µs", goal)


def _fan(seconds: float) -> Iterator[Line]:
    section = f"A fan of {RADII} radii, states and gradients, one thread"
    for H, T in FAN_SIZES:
        network, other = Network(H, T, rho=1.0), f"{RADII} single runs"
        scales = torch.linspace(0, 2, RADII)
        singles = [Network(H, T, rho=float(scale)) for scale in torch.linspace(0, 2, RADII)]
        spent = interleaved(
            {
                "rhoscope": lambda network=network, scales=scales: fan(
                    network.cell, scales, network.x, network.h_0, network.loss
                ),
                other: lambda singles=singles: [each.gradients() for each in singles],
            },
            seconds=seconds,
        )
        yield _line(section, f"H = {H}, T = {T}", spent, other, 1e3, "ms", "")


def _line(
    section: str,
    what: str,
    spent: dict[str, list[float]],
    other: str,
    factor: float,
    unit: str,
    goal: str,
) -> Line:
    value = factor * statistics.median(spent["rhoscope"])
    return Line(section, what, value, unit, other, ratio(spent, "rhoscope", other), goal)


def _without_gradients(work: Callable[[], Tensor]) -> Work:
    def run() -> Tensor:
        with torch.no_grad():
            return work()

    return run
