"""Forward in time for a stack of layers, as `num_layers` of nn.RNN, nn.GRU and nn.LSTM has it.

    x_t^(1) = x_t        x_t^(l) = h_t^(l-1)        h_t^(l) = step_l(x_t^(l), h_{t-1}^(l))

The layers go on together, a block of steps at a time, so the first states of the top are here
before the last of the bottom.
"""

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from torch import Tensor

from rnncore.cells import ElmanCell, GRUCell, LSTMCell
from rnncore.checks import ArgumentError, checked_shape
from rnncore.chunks import ShouldStop
from rnncore.extended_range import normalised
from rnncore.forward import ForwardRun, StateChunk, ToldStates
from rnncore.gated.rollout import GatedRollout
from rnncore.gated.trajectory import GatedTrajectory
from rnncore.readout import Readout
from rnncore.rollout import Rollout
from rnncore.stack.checks import checked_cells, checked_states
from rnncore.trajectory import Trajectory, batch_shape

Cell = ElmanCell | GRUCell | LSTMCell
Layer = Rollout | GatedRollout


@final
class StackedRollout(ForwardRun):
    """The trajectories of L layers under an input, computed as they are asked for.

    The surface is that of `Rollout` with h the states of the top layer, PyTorch's `output`;
    `layers` are the rollouts of all, the bottom first.

    Args:
        cells: the layers, the bottom first: all Elman, all GRU or all LSTM, of one H. W_xh of the
            first is (G·H, D), of the others (G·H, H) with G = 1, 3 or 4.
        x: inputs, (…, T, D), cast to the run's dtype.
        h_0: initial states, (…, L, H) or one (…, H) for each layer, cast likewise. Batch axes
            broadcast against those of `x`.
        readout: W_hy and b_y, of the top layer.
        c_0: the initial c of LSTMs, like h_0; None for zeros.
        has_outputs: whether y is computed; without, it has no columns.

    Raises:
        ValueError: shapes, dtypes, devices or kinds of cells disagree, T or the batch is 0, an
            input is not finite or overflows the dtype, or W_xh x + b_h of the first layer does.
            From `states`: that of another layer does, whose input is well inside the dtype.

    States beyond the dtype go up as u · 2ᵏ, like all that is swept. One below the dtype comes to
    the layer above as 0, which matters only where that has no bias and no state of its own.

    Cost: that of L runs; a step that takes in a state beyond the dtype is about 0.1 ms a row.

    Reference: Pascanu, Gulcehre, Cho, Bengio (2014), "How to construct deep recurrent neural
    networks", the stacked RNN.

    >>> first = ElmanCell(torch.ones(1, 1), torch.zeros(1, 1), torch.zeros(1), "linear")
    >>> second = ElmanCell(torch.ones(1, 1), torch.ones(1, 1), torch.zeros(1), "linear")
    >>> readout, x = Readout(torch.ones(1, 1), torch.zeros(1)), torch.ones(3, 1)
    >>> run = StackedRollout([first, second], x, torch.zeros(2, 1), readout)
    >>> [chunk.h.flatten().tolist() for chunk in run.states()]
    [[1.0, 2.0, 3.0]]
    >>> run.h_n.flatten().tolist()
    [1.0, 3.0]
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        x: Tensor,
        h_0: Tensor | Sequence[Tensor],
        readout: Readout,
        *,
        c_0: Tensor | Sequence[Tensor] | None = None,
        has_outputs: bool = True,
    ) -> None:
        self.cells = checked_cells(cells)
        self.cell = self.cells[-1]
        self.readout = readout
        L, H = len(self.cells), self.cell.hidden_size
        checked_shape("x", x, ("T", self.cells[0].input_size))
        h = checked_states("h_0", h_0, L, H)
        c: Sequence[Tensor | None] = [None] * L
        given = {f"h_0 of layer {i}": state for i, state in enumerate(h, 1)}
        if c_0 is not None:
            c = c_given = checked_states("c_0", c_0, L, H)
            given |= {f"c_0 of layer {i}": state for i, state in enumerate(c_given, 1)}
        batch = batch_shape(x, {name: state.shape[:-1] for name, state in given.items()})
        x = x.expand(*batch, *x.shape[-2:])
        # What comes from below takes the place of the zeros, a block at a time.
        from_below = self.cell.W_hh.new_zeros(()).expand(*batch, x.shape[-2], H)
        self._layers: tuple[Layer, ...] = tuple(
            _layer(
                *(cell, from_below if i else x, h[i], c[i], readout),
                has_outputs=has_outputs and i == L - 1,
            )
            for i, cell in enumerate(self.cells)
        )
        self._top = self._layers[-1]
        self.steps = self._top.steps
        self._reached = [0] * L  # the steps that each layer has taken

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The rollouts of all layers, the bottom first. ValueError before `states` has ended."""
        self.require_complete()
        return self._layers

    @property
    def trajectory(self) -> Trajectory | GatedTrajectory:
        """That of the top layer."""
        return self._top.trajectory

    @property
    def _stored(self) -> ToldStates:
        return self.trajectory

    def _shown_outputs(self, t0: int, t1: int) -> Tensor:
        return self._top._shown_outputs(t0, t1)

    def layer_chunk(self, layer: int, t0: int, t1: int) -> StateChunk:
        """The states of steps [t0, t1) of one layer, 0 the bottom; only the top has outputs.

        Raises:
            ValueError: there is no such layer, or it has not reached the steps, or they are
                outside [0, T].
        """
        if not 0 <= layer < len(self.cells):
            raise ArgumentError(
                "layer", "is out of range", got=layer, expected=f"0 to {len(self.cells) - 1}"
            )
        if t1 > self._reached[layer]:
            reached = f"{self._reached[layer]} or less"
            raise ArgumentError("t1", "is out of reach", got=t1, expected=reached)
        return next(self._layers[layer].states(bounds=[(t0, t1)]))

    @property
    def top(self) -> Layer:
        """The rollout of the top layer, as far as it is computed: for reading alone."""
        return self._layers[-1]

    @property
    def h_n(self) -> Tensor:
        """h_T of every layer, (L, …, H). Raises ValueError before `states` has ended."""
        T = self.steps
        last = (layer.trajectory for layer in self.layers)
        return torch.stack([each.sequences(each.h(T, T + 1))[..., 0, :] for each in last])

    @property
    def has_outputs(self) -> bool:
        """Whether y is computed."""
        return self._top.has_outputs

    @property
    def first_nonfinite_step(self) -> int | None:
        """Index from 0 of the first h, of any layer, with an entry beyond the dtype; or None."""
        steps = [layer.first_nonfinite_step for layer in self.layers]
        return min((step for step in steps if step is not None), default=None)

    def _compute_until(self, t1: int, should_stop: ShouldStop | None) -> None:
        while self._reached[-1] < t1:
            start = self._reached[-1]
            end = min(start + self.trajectory.block, self.steps)
            for i, layer in enumerate(self._layers):
                # What was cancelled goes on with the layer at which it ended.
                if self._reached[i] == end:
                    continue
                if i > 0:
                    self._hand_up(i, start, end)
                next(layer.states(should_stop, bounds=[(start, end)]))
                self._reached[i] = end
            self._done = end

    def _hand_up(self, i: int, t0: int, t1: int) -> None:
        """Gives layer i the states of the one below as the inputs of steps [t0, t1)."""
        below, layer = self._layers[i - 1].trajectory, self._layers[i].trajectory
        x = below.h(t0 + 1, t1 + 1)
        try:
            if isinstance(layer, GatedTrajectory):
                layer.take_inputs(t0, x)  # a gated state never leaves its dtype
            else:
                exponents = below.exponents[t0 + 1 : t1 + 1]
                is_large = exponents > 0.0
                if is_large.any():
                    u, k = normalised(below.u[t0 + 1 : t1 + 1], exponents)
                    mask = torch.from_numpy(is_large).unsqueeze(-1).to(x.device)
                    x, exponents = torch.where(mask, u, x), np.where(is_large, k, 0.0)
                else:
                    exponents = np.zeros_like(exponents)
                layer.take_inputs(t0, x, exponents)
        except ArgumentError as error:
            raise ArgumentError(
                *(f"{error.argument} of layer {i + 1}", error.problem),
                got=error.got,
                expected=error.expected,
                advice=error.advice,
            ) from error


def _layer(
    cell: Cell, x: Tensor, h_0: Tensor, c_0: Tensor | None, readout: Readout, *, has_outputs: bool
) -> Layer:
    if isinstance(cell, ElmanCell):
        if c_0 is not None:
            raise ArgumentError("c_0", "belongs to an LSTM", got="an ElmanCell", expected="none")
        return Rollout(cell, x, h_0, readout, has_outputs=has_outputs)
    return GatedRollout(cell, x, h_0, readout, c_0=c_0, has_outputs=has_outputs)
