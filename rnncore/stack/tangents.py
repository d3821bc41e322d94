"""The steps of a stack, linearised: one lower block triangular matrix of all layers' steps.

    δh_t^(l) = J_t^(l) δh_{t-1}^(l) + X_t^(l) δh_t^(l-1)      J = ∂h_t/∂h_{t-1}, X = ∂h_t/∂x_t

The state is that of all layers, the top first, so that what a stack tells, the top's h, is its
first part.
"""

from collections.abc import Sequence
from typing import Protocol, final

import numpy as np

from rnncore.linear_steps import InputStep, LinearStep, Matrix, scaled, settle

Scaled = tuple[Matrix, float]  # a matrix, and the exponent of the power of two that it lacks


class Linear(Protocol):
    """The linear steps of one layer: `Linearisation`."""

    hidden_size: int
    state_size: int

    def step(self, t: int) -> LinearStep: ...
    def input_step(self, t: int) -> InputStep: ...


@final
class StackSteps:
    """The linear steps of one sequence of a stack.

    Args:
        layers: the linear steps of each layer, the bottom first.

    Cost: of a step L² M² H flops for its matrix, with M the state of one layer. The layers below
    share one exponent: what is 308 decades below the largest of them reads as 0.
    """

    def __init__(self, layers: Sequence[Linear]) -> None:
        self._layers = layers
        self._M, self._H = layers[0].state_size, layers[0].hidden_size
        self.state_size = len(layers) * self._M
        self._t0 = 0

    def load(self, t0: int, t1: int) -> None:
        """Steps are counted from t0 on; each layer loads its own."""
        self._t0 = t0

    def step(self, j: int) -> LinearStep:
        """∂ state_t / ∂ state_{t-1} of all layers."""
        t, M, L = self._t0 + j, self._M, len(self._layers)
        rows: list[Scaled] = []
        for i, layer in enumerate(self._layers):
            own = np.zeros((M, self.state_size))
            step = layer.step(t)
            place = slice((L - 1 - i) * M, (L - i) * M)
            own[:, place] = _jacobian(step)
            rows.append(self._with_what_comes_from_below(i, t, (own, step.exponent), rows))
        A, exponent, h_exponent = self._together(rows)
        return LinearStep(A, None, None, exponent, self._H, h_exponent)

    def input_step(self, j: int) -> InputStep:
        """∂ state_t / ∂x_t of all layers, x the input of the first."""
        t = self._t0 + j
        rows: list[Scaled] = []
        for i, layer in enumerate(self._layers):
            if i == 0:
                rows.append(_input_jacobian(layer.input_step(t), self._H))
            else:
                nothing = np.zeros((self._M, rows[0][0].shape[1])), 0.0
                rows.append(self._with_what_comes_from_below(i, t, nothing, rows))
        A, exponent, h_exponent = self._together(rows)
        return InputStep(A.T, self._H, exponent, h_exponent)

    def _together(self, rows: Sequence[Scaled]) -> tuple[Matrix, float, float]:
        """The rows of all layers, the top first, over 2^exponent, and h's over 2^h_exponent more.

        What a saturated top lets through may be far below what is in the layers under it.
        """
        (top, k), H = rows[-1], self._H
        rest = [(top[H:], k), *rows[-2::-1]]
        of_h = _common_exponent([(top[:H], k)])
        exponent = max(_common_exponent(rest), of_h)
        parts = [scaled(top[:H], k - of_h), *(scaled(W, each - exponent) for W, each in rest)]
        return np.concatenate(parts), exponent, of_h - exponent

    def _with_what_comes_from_below(
        self, i: int, t: int, own: Scaled, rows: Sequence[Scaled]
    ) -> Scaled:
        """The rows of layer i: its own, and X_t^(i) times those of h of the layer below."""
        if i == 0:
            return own
        X, k = _input_jacobian(self._layers[i].input_step(t), self._H)
        below, m = rows[i - 1]
        terms = [own, (X @ below[: self._H], k + m)]
        exponent = _common_exponent(terms)
        of_own, of_below = (scaled(W, each - exponent) for W, each in terms)
        return of_own + of_below, exponent


def _jacobian(step: LinearStep) -> Matrix:
    """J_t without its factor 2^exponent."""
    J = step.pushed(np.eye(len(step.A)))
    settle(J, step.hidden_size, step.h_exponent)
    return J.T


def _input_jacobian(step: InputStep, hidden_size: int) -> Scaled:
    rows = step.rows.copy()
    settle(rows, hidden_size, step.h_exponent)
    return rows.T, step.exponent


def _common_exponent(terms: Sequence[Scaled]) -> float:
    """The exponent of the largest: zeros have no say."""
    sizes = [
        (exponent + float(np.frexp(np.abs(W).max())[1]), exponent)
        for W, exponent in terms
        if W.any()
    ]
    return float(max(sizes)[1]) if sizes else 0.0
