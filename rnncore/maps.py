"""The map F that a cell is under a constant input, its iterates and their Jacobians."""

from dataclasses import dataclass, fields, replace
from typing import final

import torch
from torch import Tensor

from rnncore.cells import ElmanCell, GRUCell, LSTMCell, LSTMState
from rnncore.checks import ArgumentError, cast, checked_count, checked_shape

Cell = ElmanCell | GRUCell | LSTMCell

KINK = 1e-9  # of a unit's usual size: closer to it than this, a rectifier is at its corner


@final
@dataclass(frozen=True, eq=False)
class ConstantMap:
    """Fᵖ with F(s) = step(x, s), in float64 on the CPU; a state s is h, or [h, c] of an LSTM.

    Args:
        cell: as `double_cell` gives it.
        x: the constant input, (D,) float64.
        period: p, how many steps are one application.
    """

    cell: Cell
    x: Tensor
    period: int = 1

    @classmethod
    def of(cls, cell: Cell, x: Tensor | None, period: int = 1) -> "ConstantMap":
        """That of any cell; None is no input.

        Raises:
            ValueError: `x` is not (D,) finite numbers, or `period` is below 1.
        """
        checked_count("period", period)
        if x is None:
            x = torch.zeros(cell.input_size)
        if tuple(x.shape) != (cell.input_size,):
            raise ArgumentError(
                "x", "has the wrong shape", got=tuple(x.shape), expected=f"({cell.input_size},)"
            )
        return cls(double_cell(cell), cast("x", x.detach().cpu(), torch.float64), period)

    @property
    def state_size(self) -> int:
        """S: H, or 2H of an LSTM."""
        return state_size(self.cell)

    def of_period(self, period: int) -> "ConstantMap":
        """F to another power."""
        return replace(self, period=period)

    def image(self, states: Tensor) -> Tensor:
        """Fᵖ(s): (…, S) → (…, S)."""
        for _ in range(self.period):
            states = self._step(states)
        return states

    def orbit(self, state: Tensor) -> Tensor:
        """s, F(s), …, Fᵖ⁻¹(s): (S,) → (p, S)."""
        states = [state]
        while len(states) < self.period:
            states.append(self._step(states[-1]))
        return torch.stack(states)

    def linearised(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Fᵖ(s) and DFᵖ(s), the product along the way: (…, S) → (…, S) and (…, S, S)."""
        J = self._jacobian(states)
        states = self._step(states)
        for _ in range(self.period - 1):
            J = self._jacobian(states) @ J
            states = self._step(states)
        return states, J

    def reach(self, starts: Tensor) -> Tensor:
        """How far from 0 each component of a state can lie that is reached from the starts, (S,).

        h of a GRU is drawn towards n, |n| < 1, and never gets further from 0 than it was or 1 is;
        beyond, z → 1 would make everything nearly a fixed point. h of an LSTM is below 1.
        """
        reach = torch.full((self.state_size,), torch.inf, dtype=torch.float64)
        if isinstance(self.cell, (GRUCell, LSTMCell)):
            H = self.cell.hidden_size
            reach[:H] = starts[..., :H].abs().max().clamp(min=1.0)
        return reach

    def has_kink(self, state: Tensor) -> bool:
        """Whether F has no derivative somewhere on the orbit of s (S,): a rectifier at a = 0."""
        if not isinstance(self.cell, ElmanCell) or self.cell.activation != "relu":
            return False
        a = self.cell.preactivation(self.x, self.orbit(state))
        return bool((a.abs() <= KINK * max(1.0, float(a.abs().max()))).any())

    def _step(self, states: Tensor) -> Tensor:
        if isinstance(self.cell, LSTMCell):
            return torch.cat(self.cell.step(self.x, self._split(states)), dim=-1)
        return self.cell.step(self.x, states)

    def _jacobian(self, states: Tensor) -> Tensor:
        match self.cell:
            case ElmanCell():
                return self.cell.state_jacobian(self.cell.preactivation(self.x, states))
            case GRUCell():
                return self.cell.state_jacobian(self.x, states)
            case _:
                return self.cell.state_jacobian(self.x, self._split(states))

    def _split(self, states: Tensor) -> LSTMState:
        return LSTMState(*states.chunk(2, dim=-1))


def state_size(cell: Cell) -> int:
    """S: H, or 2H of an LSTM."""
    return 2 * cell.hidden_size if isinstance(cell, LSTMCell) else cell.hidden_size


def flat_states(argument: str, cell: Cell, states: Tensor | LSTMState) -> Tensor:
    """States (…, H), or of an LSTM (…, 2H) or (h, c), as (…, S) float64 on the CPU.

    Raises:
        ValueError: the shape does not fit the cell, or a number is not finite.
    """
    if isinstance(states, LSTMState):
        states = torch.cat(states, dim=-1)
    checked_shape(argument, states, (state_size(cell),))
    return cast(argument, states.detach().cpu(), torch.float64)


def double_cell(cell: Cell) -> Cell:
    """The same weights in float64 on the CPU: exactly the same numbers."""
    weights = {
        field.name: getattr(cell, field.name).detach().to(device="cpu", dtype=torch.float64)
        for field in fields(cell)
        if isinstance(getattr(cell, field.name), Tensor)
    }
    return replace(cell, **weights)
