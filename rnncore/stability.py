"""What becomes of a perturbation of a fixed point, read off the eigenvalues of its Jacobian."""

from dataclasses import dataclass
from typing import Final, Literal, final

import torch
from torch import Tensor

from rnncore.maps import ConstantMap
from rnncore.spectrum import spectrum

Kind = Literal["stable", "saddle", "repeller", "marginal", "kink"]
KINDS: Final[tuple[Kind, ...]] = ("stable", "saddle", "repeller", "marginal", "kink")

# A double root is known to about √eps, and its eigenvalue no better.
ON_THE_CIRCLE: Final = 1e-6
# Rounding makes a pair of a double real eigenvalue, this far from the axis.
_ON_THE_AXIS: Final = 1e-7


@final
@dataclass(frozen=True, eq=False)
class Stability:
    """The linearised map around a point.

    Args:
        eigenvalues: of J, (S,) complex128, largest magnitude first.
        kind: "stable", all inside the unit circle; "saddle", some outside; "repeller", all
            outside; "marginal", none outside and some within 10⁻⁶ of the circle, where the
            nonlinear terms decide; "kink", where a rectifier is at its corner, so that there is no
            J, only one on each side, and the eigenvalues are those of one of them.
        index: how many eigenvalues lie outside: the dimension in which perturbations grow.
    """

    eigenvalues: Tensor
    kind: Kind
    index: int

    @property
    def leading(self) -> complex:
        """The eigenvalue of the largest magnitude, of a pair the one above the axis."""
        value = complex(self.eigenvalues[0])
        return complex(value.real, abs(value.imag))

    @property
    def is_spiral(self) -> bool:
        """Whether the leading eigenvalue is one of a complex pair: perturbations turn."""
        return abs(self.leading.imag) > _ON_THE_AXIS * abs(self.leading)

    @property
    def sentence(self) -> str:
        """What perturbations do, in words that follow a noun and a comma."""
        factor = f"×{abs(self.leading):.3g} a round"
        turning = ", turning" if self.is_spiral else ""
        match self.kind:
            case "stable":
                return f"stable: perturbations shrink, the slowest by {factor}{turning}."
            case "saddle":
                return (
                    f"a saddle of index {self.index}: in so many directions perturbations grow, "
                    f"the fastest by {factor}{turning}."
                )
            case "repeller":
                return f"a repeller: all perturbations grow, the fastest by {factor}{turning}."
            case "marginal":
                return (
                    "marginal: an eigenvalue lies on the unit circle, and the linearised map does "
                    "not decide."
                )
            case _:
                return "at the corner of a rectifier, where the map has no derivative."


def stability(step: ConstantMap, point: Tensor) -> Stability:
    """That of Fᵖ at s (S,), from the eigenvalues of DFᵖ(s)."""
    eigenvalues = spectrum(step.linearised(point)[1]).eigenvalues
    magnitude = eigenvalues.abs()
    index = int((magnitude > 1.0 + ON_THE_CIRCLE).sum())
    kind: Kind
    if step.has_kink(point):
        kind = "kink"
    elif index == len(eigenvalues):
        kind = "repeller"
    elif index:
        kind = "saddle"
    elif bool((magnitude >= 1.0 - ON_THE_CIRCLE).any()):
        kind = "marginal"
    else:
        kind = "stable"
    return Stability(torch.as_tensor(eigenvalues), kind, index)
