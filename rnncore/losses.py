"""Losses L = Σ_t ℓ_t and their local gradients ∂ℓ_t/∂h_t, also where h_t has left the dtype."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, Protocol, final

import numpy as np
import torch
from torch import Tensor

from rnncore.checks import (
    ArgumentError,
    cast,
    checked_choice,
    checked_count,
    checked_finite,
    checked_shape,
)
from rnncore.ensembles import seeded_generator
from rnncore.extended_range import (
    Exponents,
    common_exponents,
    exponentials,
    normalised,
    times_power_of_two,
)
from rnncore.outputs import below_largest, directed_output
from rnncore.readout import Readout
from rnncore.run import Run

At = Literal["last", "every"]
LOSS_TIMES: Final[tuple[At, ...]] = ("last", "every")

_DIRECTION_SEED: Final = 6


class Loss(Protocol):
    """What the backward sweep asks of a loss."""

    @property
    def at(self) -> At:
        """Whether only the last step is charged, or every step."""

    def local_gradient(self, rollout: Run, t0: int, t1: int) -> tuple[Tensor, Exponents]:
        """∂ℓ_t/∂h_t of steps [t0, t1) as g · 2ᵏ: (t1 - t0, N, H) and (t1 - t0, N)."""


def loss_direction(hidden_size: int) -> Tensor:
    """The direction c of the linear loss: a unit vector, (H,) float64, that H alone decides.

    >>> round(float(loss_direction(64).norm()), 12)
    1.0
    """
    return _direction(checked_count("hidden_size", hidden_size)).clone()


@lru_cache(maxsize=16)
def _direction(hidden_size: int) -> Tensor:
    c = torch.randn(hidden_size, generator=seeded_generator(_DIRECTION_SEED), dtype=torch.float64)
    return c.div_(torch.linalg.vector_norm(c))


@final
@dataclass(frozen=True, eq=False)
class LinearLoss:
    """ℓ_t = cᵀ h_t: its gradient is c itself, so what is seen is propagation alone.

    Args:
        c: (H,).
        at: "last" for L = cᵀh_T, "every" for the sum over t.
    """

    c: Tensor
    at: At = "last"

    def __post_init__(self) -> None:
        checked_choice("at", self.at, LOSS_TIMES)
        checked_shape("c", self.c, ("H",))
        checked_finite("c", self.c)

    def local_gradient(self, rollout: Run, t0: int, t1: int) -> tuple[Tensor, Exponents]:
        """c for every step and sequence."""
        checked_shape("c", self.c, (rollout.cell.hidden_size,))
        c = cast("c", self.c.detach(), rollout.cell.dtype).to(rollout.cell.device)
        shape = (t1 - t0, rollout.trajectory.rows)
        c, k = normalised(c, np.zeros(()))
        return c.expand(*shape, -1), np.full(shape, k)


@final
@dataclass(frozen=True, eq=False)
class MeanSquaredLoss:
    """ℓ_t = ½‖y_t - target_t‖², with ∂ℓ_t/∂h_t = W_hyᵀ(y_t - target_t).

    Args:
        target: (O,), (T, O), or with batch axes (…, T, O).
        readout: the readout of the run.
        at: "last" for the last step, "every" for the sum over t.
    """

    target: Tensor
    readout: Readout
    at: At = "last"

    def __post_init__(self) -> None:
        checked_choice("at", self.at, LOSS_TIMES)
        checked_shape("target", self.target, (self.readout.output_size,))
        checked_finite("target", self.target)

    def local_gradient(self, rollout: Run, t0: int, t1: int) -> tuple[Tensor, Exponents]:
        """W_hyᵀ(y_t - target_t), the difference taken at the scale of the larger term."""
        z, k = normalised(*directed_output(self.readout, rollout.trajectory, t0, t1))
        difference = self.readout.b_y.detach() - self._targets(rollout, t0, t1)
        offset, m = normalised(difference.expand_as(z), np.zeros_like(k))
        scale = common_exponents(z, k, offset, m)
        residual = times_power_of_two(z, k - scale) + times_power_of_two(offset, m - scale)
        residual, scale = normalised(residual, scale)
        return normalised(residual @ self.readout.W_hy.detach(), scale)

    def _targets(self, rollout: Run, t0: int, t1: int) -> Tensor:
        """target_t of steps [t0, t1), broadcasting against (t1 - t0, N, O)."""
        target = cast("target", self.target.detach(), rollout.cell.dtype).to(rollout.cell.device)
        if target.ndim == 1:
            return target
        trajectory = rollout.trajectory
        T, O = trajectory.steps, self.readout.output_size  # noqa: E741
        checked_shape("target", target, (T, O))
        whole = target.expand(*trajectory.batch_shape, T, O).reshape(trajectory.rows, T, O)
        return whole[:, t0:t1].transpose(0, 1)


@final
@dataclass(frozen=True, eq=False)
class CrossEntropyLoss:
    """ℓ_t = -ln softmax(y_t)[target_t], with ∂ℓ_t/∂h_t = W_hyᵀ(softmax(y_t) - onehot(target_t)).

    Args:
        target: the class, counted from 0: a whole number for all steps, or whole numbers (T,), or
            with batch axes (…, T).
        readout: the readout of the run; its outputs are the classes.
        at: "last" for the last step, "every" for the sum over t.

    Raises:
        ValueError: a target is not a whole number from 0 to O - 1, or `at` is unknown.
    """

    target: Tensor | int
    readout: Readout
    at: At = "last"

    def __post_init__(self) -> None:
        checked_choice("at", self.at, LOSS_TIMES)
        classes = self.readout.output_size
        expected = f"whole numbers from 0 to {classes - 1}, the last class"
        if isinstance(self.target, Tensor):
            dtype = self.target.dtype
            if dtype.is_floating_point or dtype.is_complex or dtype == torch.bool:
                raise ArgumentError("target", "is not of classes", got=dtype, expected=expected)
            given = self.target.flatten().tolist()
        else:
            given = [checked_count("target", self.target, least=0)]
        for end in (min(given, default=0), max(given, default=0)):
            if not 0 <= end < classes:
                raise ArgumentError("target", "is out of range", got=end, expected=expected)

    def local_gradient(self, rollout: Run, t0: int, t1: int) -> tuple[Tensor, Exponents]:
        """W_hyᵀ(softmax(y_t) - onehot), also where that is below the dtype."""
        ln = below_largest(self.readout, rollout.trajectory, t0, t1).log_softmax(dim=-1)
        where = self._targets(rollout, t0, t1)
        # softmax - 1 at the target cancels; less the others' sum does not.
        others = ln.scatter(-1, where, -torch.inf).logsumexp(dim=-1, keepdim=True)
        magnitudes, k = exponentials(ln.scatter(-1, where, others))
        residual = magnitudes.scatter(-1, where, -magnitudes.gather(-1, where))
        g, k = normalised(residual @ self.readout.W_hy.detach().double(), k)
        return g.to(rollout.cell.dtype), k

    def _targets(self, rollout: Run, t0: int, t1: int) -> Tensor:
        """target_t of steps [t0, t1), (t1 - t0, N, 1)."""
        trajectory = rollout.trajectory
        T, N = trajectory.steps, trajectory.rows
        target = torch.as_tensor(self.target, dtype=torch.int64, device=rollout.cell.device)
        if target.ndim > 0:
            checked_shape("target", target, (T,))
        whole = target.expand(*trajectory.batch_shape, T).reshape(N, T)
        return whole[:, t0:t1].T.unsqueeze(-1)
