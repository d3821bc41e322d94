"""The readout y_t = W_hy h_t + b_y."""

from dataclasses import dataclass, field
from typing import final

from torch import Tensor

from rnncore.cells.elman import check_sums, check_weights
from rnncore.checks import ArgumentError, checked_shape
from rnncore.run import RunCell


@final
@dataclass(frozen=True, eq=False)
class Readout:
    """The weights of the readout y = W_hy h + b_y.

    Args:
        W_hy: (O, H).
        b_y: (O,).

    Raises:
        ValueError: shapes, dtypes or devices disagree, a weight is not finite, or the sum of a
            row or column of |W_hy| overflows the dtype.
    """

    W_hy: Tensor
    b_y: Tensor
    # The largest sum of |W_hy| over a row or a column: |y - b_y| is at most that times ‖h‖.
    largest_sum: float = field(init=False)

    def __post_init__(self) -> None:
        check_weights({"W_hy": self.W_hy, "b_y": self.b_y})
        checked_shape("b_y", self.b_y, ("O",))
        checked_shape("W_hy", self.W_hy, (self.b_y.shape[-1], "H"))
        object.__setattr__(self, "largest_sum", check_sums("W_hy", self.W_hy))

    @property
    def output_size(self) -> int:
        """O."""
        return self.W_hy.shape[0]

    def require_fit(self, cell: RunCell) -> None:
        """Raises ValueError unless the readout has the size, dtype and device of a cell."""
        checked_shape("W_hy", self.W_hy, (self.output_size, cell.hidden_size))
        if (self.W_hy.dtype, self.W_hy.device) != (cell.dtype, cell.device):
            raise ArgumentError(
                "W_hy",
                "does not match the cell",
                got=f"{self.W_hy.dtype} on {self.W_hy.device}",
                expected=f"{cell.dtype} on {cell.device}",
            )

    def silent(self) -> "Readout":
        """A readout of no units."""
        return Readout(self.W_hy[:0], self.b_y[:0])

    def output(self, h: Tensor) -> Tensor:
        """y = W_hy h + b_y: (…, H) → (…, O)."""
        return h @ self.W_hy.mT + self.b_y
