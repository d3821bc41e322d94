"""Generation of classes: what is drawn from the network's output is its next input."""

from math import frexp
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from rnncore.cells.elman import ElmanCell
from rnncore.cells.gru import GRUCell
from rnncore.cells.lstm import LSTMCell
from rnncore.checks import ArgumentError, checked_count, checked_number, checked_shape
from rnncore.chunks import ShouldStop, stop_if_asked
from rnncore.classes import Classes, Scores, drawn, probabilities
from rnncore.ensembles import checked_seed, seeded_generator
from rnncore.feedback import AnyCell, given_inputs, require_loop
from rnncore.gated.kernels import forward_kernel
from rnncore.gated.stepping import Stepper as GatedStepper
from rnncore.gated.stepping import state_range
from rnncore.gated.trajectory import GatedTrajectory
from rnncore.kernels import Array, operations
from rnncore.outputs import below_largest
from rnncore.readout import Readout
from rnncore.stepping import Stepper
from rnncore.trajectory import Trajectory

# Steps between two looks at `should_stop`.
_STEPS: Final = 256


def sampled_inputs(
    cell: AnyCell,
    x: Tensor,
    h_0: Tensor,
    readout: Readout,
    *,
    after: int,
    temperature: float = 1.0,
    seed: int = 7,
    c_0: Tensor | None = None,
    should_stop: ShouldStop | None = None,
) -> Tensor:
    """The inputs of a network that generates: those given, then one class after another, drawn.

        x_{t+1} = onehot(k), k with probability softmax(y_t / τ)_k = p(x_{t+1} = k | x_1 … x_t)

    An ordinary run on these inputs has the states that generated them, and its sweep the gradients
    along them. No gradient goes through a draw: as far as the sweep is concerned, what was drawn
    was given.

    Args:
        cell, h_0, readout, c_0: as of `Rollout` and `GatedRollout`, with O = D classes.
        x: inputs, (…, T, D); what it holds from step `after` on is not read.
        after: how many steps have the input given, 1 to T.
        temperature: τ, as in `class_probabilities`.
        seed: of the draws: one uniform number for each step of each sequence, T for the first
            sequence, then T for the next. The same seed draws the same classes, and a sequence's
            classes don't depend on those after it in the batch.
        should_stop: asked every few hundred steps; once it is true, `Cancelled` is raised.

    Returns:
        (…, T, D) in the dtype of the run. The batch axes are those of x and h_0 together.

    Raises:
        ValueError: as `Rollout` and `GatedRollout` with feedback, or the temperature is negative
            or not finite.
        Cancelled: `should_stop` was true.

    Cost: that of the run, and some 50 µs a step on one core.

    >>> cell = ElmanCell(torch.eye(3), torch.zeros(3, 3), torch.zeros(3), "linear")
    >>> shift = Readout(torch.eye(3).roll(1, 0), torch.zeros(3))  # after k comes k + 1
    >>> x = sampled_inputs(cell, torch.eye(3)[[0, 0, 0, 0]], torch.zeros(3), shift, after=1,
    ...     temperature=0.0)
    >>> x.argmax(-1).tolist()
    [0, 1, 2, 0]
    """
    checked_number("temperature", temperature, least=0.0)
    checked_count("feeds_back_after", after)
    require_loop(cell, readout)
    checked_shape("x", x, ("T", cell.input_size))
    generator = seeded_generator(checked_seed("seed", seed))
    x = given_inputs(x, after)
    run: _ElmanSteps | _GatedSteps
    if isinstance(cell, ElmanCell):
        if c_0 is not None:
            raise ArgumentError("c_0", "belongs to an LSTM", got="an ElmanCell", expected="None")
        run = _ElmanSteps(cell, x, h_0)
    else:
        run = _GatedSteps(cell, x, h_0, c_0)
    trajectory, scores = run.trajectory, _Scores(readout, run.trajectory)
    uniform = np.stack([_uniform(trajectory.steps, generator) for _ in range(trajectory.rows)])
    found = np.zeros((trajectory.steps, trajectory.rows), dtype=np.int64)
    # Underflow and overflow are no accidents: the steps look for them.
    with np.errstate(all="ignore"):
        for t in range(0, after, trajectory.block):
            stop_if_asked(should_stop)
            run.stepper.advance(t, min(t + trajectory.block, after))
        for t in range(after, trajectory.steps):
            if (t - after) % _STEPS == 0:
                stop_if_asked(should_stop)
            classes = drawn(probabilities(scores.gaps(t - 1), temperature), uniform[:, t])
            found[t] = classes
            run.take(t, classes)
    one_hot = torch.nn.functional.one_hot(torch.from_numpy(found[after:]), cell.input_size)
    trajectory.x[after:] = one_hot.to(trajectory.x)
    return trajectory.sequences(trajectory.x)


def _uniform(steps: int, generator: torch.Generator) -> Scores:
    numbers: Scores = torch.rand(steps, generator=generator, dtype=torch.float64).numpy()
    return numbers


@final
class _Scores:
    """The outputs of single steps, less their largest, as the draws ask for them."""

    def __init__(self, readout: Readout, trajectory: Trajectory | GatedTrajectory) -> None:
        self._readout, self._trajectory = readout, trajectory
        self._W_hy, self._b_y = (
            each.detach().double().cpu().numpy() for each in (readout.W_hy, readout.b_y)
        )
        self._u = _native(trajectory.u)

    def gaps(self, t: int) -> Scores:
        """Of step t, (N, O)."""
        trajectory = self._trajectory
        if not trajectory.exponents[t + 1].any():
            h = _array(self._u[t + 1])
            # Row by row: no row's bits depend on how many there are.
            y = np.array([self._W_hy @ row for row in h]) + self._b_y
            if np.isfinite(y).all():
                gaps: Scores = y - y.max(axis=-1, keepdims=True)
                return gaps
        return below_largest(self._readout, trajectory, t, t + 1)[0].cpu().numpy()


@final
class _ElmanSteps:
    """An Elman network whose next input is a class."""

    def __init__(self, cell: ElmanCell, x: Tensor, h_0: Tensor) -> None:
        self.trajectory = Trajectory(cell, x, h_0)
        self.stepper = Stepper(cell.W_hh, cell.activation, self.trajectory)
        self._a, self._drives = _native(self.trajectory.a), _native(_drives(cell))

    def take(self, t: int, classes: Classes) -> None:
        """Step t with these inputs, (N,)."""
        self._a[t] = self._drives[classes]
        self.stepper.advance(t, t + 1)


@final
class _GatedSteps:
    """A GRU or an LSTM likewise."""

    def __init__(
        self, cell: GRUCell | LSTMCell, x: Tensor, h_0: Tensor, c_0: Tensor | None
    ) -> None:
        self.trajectory = trajectory = GatedTrajectory(cell, x, h_0, c_0)
        self.stepper = GatedStepper(cell.W_hh, trajectory)
        self._kernel = forward_kernel(cell.W_hh.detach(), trajectory)
        H = cell.hidden_size
        drives = _drives(cell)
        is_driven = (drives[:, 2 * H : 3 * H] != 0).any(dim=-1)
        stores = [(trajectory.a, drives)]
        if trajectory.n is not None and isinstance(cell, GRUCell):
            stores.append((trajectory.n, drives[:, 2 * H :].clone()))
            drives[:, 2 * H :] = cell.b_hn.detach()
            is_driven |= bool(cell.b_hn.any())
        self._drives = [(_native(store), _native(of_class)) for store, of_class in stores]
        self._is_silent = ~is_driven.cpu().numpy()
        # Up to this, and with every candidate driven, a run takes plain steps at its own scale.
        self._largest = state_range(cell.W_hh.detach()).largest - frexp(H)[1]
        self._is_plain = False

    def take(self, t: int, classes: Classes) -> None:
        """Step t with these inputs, (N,)."""
        trajectory = self.trajectory
        for store, drives in self._drives:
            store[t] = drives[classes]
        if self._is_plain:
            c = None if trajectory.c is None else trajectory.c[t]
            self._kernel.run(t, t + 1, trajectory.u[t], c)
            return
        trajectory.is_silent[t] = self._is_silent[classes]
        self.stepper.advance(t, t + 1)
        # From here on no unit of h exceeds the larger of 1 and what it is now.
        norm = trajectory.state_norm(slice(t + 1, t + 2))
        is_ordinary = not trajectory.exponents[t + 1].any() and bool(
            (np.frexp(norm)[1] <= self._largest).all()
        )
        self._is_plain = is_ordinary and not self._is_silent.any()


def _drives(cell: AnyCell) -> Tensor:
    """W_xh x + b_h of every class, (D, rows of W_xh)."""
    return cell.W_xh.detach().mT + cell.b_h.detach()


def _native(tensor: Tensor) -> Array:
    return operations(tensor.device).native(tensor)


def _array(h: Array) -> Scores:
    """(N, H) in float64, on the CPU."""
    wide: Scores = h.astype(np.float64) if isinstance(h, np.ndarray) else h.double().cpu().numpy()
    return wide
