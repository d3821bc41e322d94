"""Recurrent cells: one final class a file, each a pure step with a closed-form adjoint."""

from rnncore.cells.elman import ElmanCell
from rnncore.cells.gru import GRUCell
from rnncore.cells.lstm import LSTMCell, LSTMState

__all__ = ["ElmanCell", "GRUCell", "LSTMCell", "LSTMState"]
