"""Generation: from some step on, the network's own output is its input, x_{t+1} = y_t.

The readout is linear, so the loop closes into a cell of its own without an input:

    W_xh (W_hy h + b_y) + W_hh h + b_h = (W_hh + W_xh W_hy) h + (b_h + W_xh b_y)

A GRU's candidate has x outside r ⊙ (…) and h inside, so there W_xn W_hy stays a matrix beside
the others.
"""

from dataclasses import dataclass, field
from typing import TypeVar, final

import torch
from torch import Tensor

from rnncore.cells.elman import ElmanCell, check_sums
from rnncore.cells.gru import GRUCell
from rnncore.cells.lstm import LSTMCell
from rnncore.checks import ArgumentError, cast, checked_count
from rnncore.readout import Readout

AnyCell = ElmanCell | GRUCell | LSTMCell
Cell = TypeVar("Cell", ElmanCell, LSTMCell)


def closed_loop(cell: Cell, readout: Readout) -> Cell:
    """The cell that generates: W_hh + W_xh W_hy, b_h + W_xh b_y, and an input that counts nothing.

    Its W_hh has the eigenvalues that decide what becomes of a linear network that is fed its own
    output; those of the cell's own W_hh decide while the input is given. The sums are taken in
    float64 and rounded once.

    Args:
        cell: an Elman cell, or an LSTM, all four of whose blocks are folded. A GRU does not
            fold: r multiplies W_hn h and not W_xn x.
        readout: with as many outputs as the cell has inputs, O = D.

    Returns:
        a cell of the same sizes, dtype and activation, with W_xh = 0.

    Raises:
        ValueError: O is not D, the dtypes or devices disagree, the cell is a GRU, or a sum
            overflows the dtype.

    >>> cell = ElmanCell(torch.ones(1, 1), torch.tensor([[0.5]]), torch.zeros(1), "linear")
    >>> closed_loop(cell, Readout(torch.tensor([[0.75]]), torch.ones(1))).W_hh
    tensor([[1.2500]])
    """
    if isinstance(cell, GRUCell):
        raise ArgumentError(
            "cell",
            "does not fold",
            got="a GRUCell",
            expected="an ElmanCell or an LSTMCell",
            advice="GatedRollout closes the loop of a GRU with feeds_back_after.",
        )
    W_hh, b = _folded(cell, readout)
    W_xh = torch.zeros_like(cell.W_xh)
    if isinstance(cell, LSTMCell):
        return LSTMCell(W_xh, W_hh, b)
    return ElmanCell(W_xh, W_hh, b, cell.activation)


@final
@dataclass(frozen=True, eq=False)
class Feedback:
    """From which step on a run is fed its own output, and the weights of its steps from there.

    Args:
        cell, readout: those of the run, O = D.
        after: the first step, counted from 0, whose input is the output of the step before.

    Raises:
        ValueError: as `closed_loop`, a GRU aside, or `after` is not a whole number from 1 on.
    """

    cell: AnyCell
    readout: Readout
    after: int
    W_hh: Tensor = field(init=False)
    """What multiplies h_{t-1}: (H, H), (4H, H) of an LSTM; of a GRU (4H, H), the blocks of r, z,
    W_hn, and W_xn W_hy for the candidate outside r ⊙ (…)."""
    drive: Tensor = field(init=False)
    """What is added to that, one number a row: a GRU's third block is b_hn."""

    def __post_init__(self) -> None:
        checked_count("feeds_back_after", self.after)
        W_hh, b = _folded(self.cell, self.readout)
        object.__setattr__(self, "W_hh", W_hh)
        object.__setattr__(self, "drive", b)


def given_inputs(x: Tensor, after: int) -> Tensor:
    """x (…, T, D) of the first `after` steps, then zeros: what stands there is not read.

    Raises:
        ValueError: `after` is more than T.
    """
    if after > x.shape[-2]:
        raise ArgumentError(
            "feeds_back_after", "is out of range", got=after, expected=f"1 to T = {x.shape[-2]}"
        )
    x = x.detach().clone()
    x[..., after:, :] = 0.0
    return x


def require_loop(cell: AnyCell, readout: Readout) -> None:
    """Raises ValueError unless the outputs of a readout can be the inputs of a cell."""
    D, O = cell.input_size, readout.output_size  # noqa: E741
    if O != D:
        raise ArgumentError(
            "W_hy",
            "cannot feed its outputs back as inputs",
            got=f"O = {O} outputs for D = {D} inputs",
            expected="as many outputs as inputs",
        )
    readout.require_fit(cell)


def _folded(cell: AnyCell, readout: Readout) -> tuple[Tensor, Tensor]:
    require_loop(cell, readout)
    W_xh, W_hh, b = (each.detach().double() for each in (cell.W_xh, cell.W_hh, cell.b_h))
    through, offset = W_xh @ readout.W_hy.detach().double(), W_xh @ readout.b_y.detach().double()
    b = b + offset
    if isinstance(cell, GRUCell):
        H = cell.hidden_size
        inside = torch.cat((through[: 2 * H], torch.zeros_like(through[2 * H :])))
        W_hh = torch.cat((W_hh + inside, through[2 * H :]))
        b = torch.cat((b[: 2 * H], cell.b_hn.detach().double(), b[2 * H :]))
    else:
        W_hh = W_hh + through
    name = "W_hh + W_xh W_hy"
    W_hh = cast(name, W_hh, cell.dtype)
    check_sums(name, W_hh)
    return W_hh, cast("b_h + W_xh b_y", b, cell.dtype)
