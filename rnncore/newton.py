"""From many starts at once to where a map moves a state least: Newton, and Levenberg–Marquardt."""

from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from rnncore.chunks import ShouldStop, stop_if_asked
from rnncore.maps import ConstantMap

ACCEPTED_Q: Final = 1e-24

# Numbers in the Jacobians of one group of starts: 32 MB a matrix.
_GROUP_NUMBERS: Final = 1 << 22
# Damping is counted in mean squares of the columns of DF - I; 0 is Newton's step.
_FIRST_DAMPING: Final = 1e-3
_LEAST_DAMPING: Final = 1e-7
_MOST_DAMPING: Final = 1e12
# A Newton step that takes off less is worse than a damped one; at a double root it takes off 15/16.
_WORTH: Final = 0.5
# Sines of the angle between F(s) - s and all that a step could change of it.
_ORTHOGONAL: Final = 1e-10
_STANDSTILL: Final = 1e-8
# A minimum of q that is not 0 is approached slowly: what loses less than this share in so many
# iterations has arrived.
_PATIENCE: Final = 12
_SLOW_LOSS: Final = 0.01


@final
@dataclass(frozen=True, eq=False)
class Ends:
    """Where the starts have led, in their order."""

    points: Tensor  # (N, S) float64
    q: Tensor  # (N,) float64, ½‖F(s) - s‖²
    is_at_rest: Tensor  # (N,) bool: no step makes q smaller; False where iterations ran out


def descent(
    step: ConstantMap, starts: Tensor, iterations: int, should_stop: ShouldStop | None
) -> Ends:
    """Minimises q(s) = ½‖F(s) - s‖² from all starts (N, S) at once.

    Newton's step solves (DF - I)Δ = s - F(s). Where it does not halve q, or cannot be taken, the
    damped (AᵀA + μI)Δ = Aᵀ(s - F(s)) with A = DF - I follows, its μ by the ratio of what q lost to
    what the linear model promised, until Newton's step may be tried again. A point that is good
    enough is still improved as long as Newton's step halves q.

    Reference: Levenberg (1944); Marquardt (1963); Nocedal and Wright (2006), section 10.3.
    """
    size = max(1, _GROUP_NUMBERS // starts.shape[-1] ** 2)
    groups = [_Group(step, group) for group in starts.split(size)]
    for group in groups:
        for iteration in range(iterations):
            stop_if_asked(should_stop)
            if not group.advance():
                break
            if (iteration + 1) % _PATIENCE == 0:
                group.give_up_what_stalls()
    return Ends(
        torch.cat([group.points for group in groups]),
        torch.cat([group.q for group in groups]),
        torch.cat([group.is_at_rest for group in groups]),
    )


def is_accepted(points: Tensor, q: Tensor) -> Tensor:
    """Whether q < 10⁻²⁴, relative to the mean square of the units where that exceeds 1: (N,)."""
    return q < ACCEPTED_Q * points.square().mean(dim=-1).clamp(min=1.0)


@final
class _Group:
    """Starts that are advanced together."""

    def __init__(self, step: ConstantMap, starts: Tensor) -> None:
        self._step = step
        self._identity = torch.eye(starts.shape[-1], dtype=torch.float64)
        self.points = starts.clone()
        image, J = step.linearised(self.points)
        self._residual = image - self.points  # F(s) - s
        self._A = J - self._identity
        self.q = _half_squares(self._residual)
        self._q_before = self.q.clone()
        self._damping = torch.zeros_like(self.q)
        self._reach = step.reach(starts)
        is_lost = ~self._A.isfinite().flatten(1).all(dim=-1) | ~self._residual.isfinite().all(-1)
        self.is_at_rest = is_lost | (self.q == 0.0) | self._is_least(torch.arange(len(starts)))

    def advance(self) -> bool:
        """One step of every start that is not at rest; False where all are."""
        active = (~self.is_at_rest).nonzero().flatten()
        if not len(active):
            return False
        points, q = self.points[active], self.q[active]
        was_accepted = is_accepted(points, q)
        delta, promised = self._deltas(active)
        trial = (points + delta).clamp(-self._reach, self._reach)
        residual = self._step.image(trial) - trial
        q_trial = _half_squares(residual)

        is_newton = self._damping[active] == 0.0
        takes = torch.where(is_newton, q_trial < _WORTH * q, q_trial < q)  # False for NaN
        self._adapt(active, takes, ratio=(q - q_trial) / promised)
        is_still = (delta.norm(dim=-1) <= _STANDSTILL * (1.0 + points.norm(dim=-1))) & (
            q_trial > (1.0 - _STANDSTILL) * q
        )
        self.is_at_rest[active] |= torch.where(takes, is_still | (q_trial == 0.0), was_accepted)
        self._move(active[takes], trial[takes], residual[takes])
        return True

    def give_up_what_stalls(self) -> None:
        """Counts as at rest what has lost next to nothing of its q since it was last asked."""
        has_stalled = self.q > (1.0 - _SLOW_LOSS) * self._q_before
        self.is_at_rest |= has_stalled & ~is_accepted(self.points, self.q)
        self._q_before = self.q.clone()

    def _deltas(self, active: Tensor) -> tuple[Tensor, Tensor]:
        """The steps (n, S), and by how much each would lower q if F were linear (n,)."""
        A, residual, damping = self._A[active], self._residual[active], self._damping[active]
        delta = torch.empty_like(residual)
        newton = damping == 0.0
        # A singular matrix gives infinities or NaN, and those are not taken.
        delta[newton] = torch.linalg.solve_ex(A[newton], -residual[newton])[0]
        damped = ~newton
        if damped.any():
            A_damped = A[damped]
            gram = A_damped.mT @ A_damped
            scale = gram.diagonal(dim1=-2, dim2=-1).mean(dim=-1)
            gram += (damping[damped] * scale)[:, None, None] * self._identity
            downhill = -(A_damped.mT @ residual[damped].unsqueeze(-1))
            factor = torch.linalg.cholesky_ex(gram)[0]
            delta[damped] = torch.cholesky_solve(downhill, factor).squeeze(-1)
        after = residual + (A @ delta.unsqueeze(-1)).squeeze(-1)
        return delta, self.q[active] - _half_squares(after)

    def _adapt(self, active: Tensor, takes: Tensor, ratio: Tensor) -> None:
        damping = self._damping[active]
        more = torch.where(damping == 0.0, _FIRST_DAMPING, damping * 8.0)
        less = torch.where(ratio > 0.75, damping / 8.0, torch.where(ratio < 0.25, more, damping))
        damping = torch.where(takes, less, more)
        # What is only damped a little may be Newton's step again.
        self._damping[active] = torch.where(damping < _LEAST_DAMPING, 0.0, damping)
        self.is_at_rest[active] |= damping > _MOST_DAMPING

    def _move(self, moved: Tensor, points: Tensor, residual: Tensor) -> None:
        if not len(moved):
            return
        self.points[moved], self._residual[moved] = points, residual
        self.q[moved] = q = _half_squares(residual)
        self._A[moved] = self._step.linearised(points)[1] - self._identity
        self._damping[moved[is_accepted(points, q)]] = 0.0
        self.is_at_rest[moved] |= self._is_least(moved)

    def _is_least(self, which: Tensor) -> Tensor:
        """Whether q is at a minimum that is no fixed point: ∇q = Aᵀ(F(s) - s) is 0, (n,)."""
        A, residual = self._A[which], self._residual[which]
        pull = (A.mT @ residual.unsqueeze(-1)).squeeze(-1).norm(dim=-1)
        size = A.flatten(1).norm(dim=-1) * residual.norm(dim=-1)
        is_least: Tensor = pull <= _ORTHOGONAL * size
        return is_least & ~is_accepted(self.points[which], self.q[which])


def _half_squares(vectors: Tensor) -> Tensor:
    q: Tensor = vectors.square().sum(dim=-1) / 2
    return q
