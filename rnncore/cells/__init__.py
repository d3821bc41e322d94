"""Recurrent cells: one final class a file, each a pure step with a closed-form adjoint."""

from rnncore.cells.elman import ElmanCell

__all__ = ["ElmanCell"]
