"""The Jacobian of a single step of a run, its eigenvalues, and what the units do to it.

The spectrum of W_hh says what a step does where no unit is saturated, that of J_t what it does
where the run is. This is why a tanh network's gradients can vanish at ρ = 1.2: its slopes d_t are
below 1, and J_t = diag(d_t) W_hh.
"""

import torch
from torch import Tensor

from rnncore.activations import slope
from rnncore.chunks import checked_bounds
from rnncore.extended_range import times_power_of_two
from rnncore.gated.rollout import GatedRollout
from rnncore.gated.trajectory import GatedTrajectory
from rnncore.rollout import Rollout
from rnncore.spectrum import spectrum
from rnncore.stack.rollout import StackedRollout
from rnncore.tangents import AnyRollout, Linearisation, OneLayer


def state_jacobian(rollout: AnyRollout, t: int, *, sequence: int = 0) -> Tensor:
    """J_t = ∂h_t/∂h_{t-1} of one step, (H, H) float64; of an LSTM that of (h, c), (2H, 2H).

    Of a stack it is that of the states of all layers, the top first, and block triangular. Where
    outputs are fed back it is that of the closed loop.

    Args:
        rollout: complete.
        t: the step, counted from 0: t = 0 leads from h_0 to the chapter's h_1.
        sequence: which one of a batch, counted through its flattened axes.

    Raises:
        ValueError: the rollout is not complete, or has no such step or sequence.

    Cost: 2 H³ flops, for an LSTM 8 H³.

    >>> from rnncore import ElmanCell, Readout
    >>> cell = ElmanCell(torch.zeros(1, 1), torch.tensor([[2.0]]), torch.zeros(1), "tanh")
    >>> run = Rollout(cell, torch.zeros(9, 1), torch.ones(1), Readout(*torch.zeros(2, 1, 1)))
    >>> for chunk in run.states():
    ...     pass
    >>> round(state_jacobian(run, 8).item(), 4)
    0.1664
    """
    return torch.from_numpy(Linearisation(rollout, sequence).step(t).jacobian())


def input_jacobian(rollout: AnyRollout, t: int, *, sequence: int = 0) -> Tensor:
    """∂h_t/∂x_t of one step, (H, D) float64; of an LSTM ∂(h_t, c_t)/∂x_t, (2H, D).

    Arguments and Raises as for `state_jacobian`.
    """
    return torch.from_numpy(Linearisation(rollout, sequence).input_step(t).jacobian())


def jacobian_eigenvalues(rollout: AnyRollout, t: int, *, sequence: int = 0) -> Tensor:
    """The eigenvalues of J_t, (H,) or of an LSTM (2H,) complex128, in the order of `Spectrum`.

    Those of a stack are those of its layers, (L·H,), the bottom first: J_t is block triangular.

    Arguments and Raises as for `state_jacobian`; a J_t that overflows float64 is refused too.

    Cost: about 25 H³ flops, for an LSTM 200 H³.
    """
    if isinstance(rollout, StackedRollout):
        found = [jacobian_eigenvalues(layer, t, sequence=sequence) for layer in rollout.layers]
        return torch.cat(found)
    return spectrum(state_jacobian(rollout, t, sequence=sequence)).eigenvalues


def unit_slopes(rollout: OneLayer, t0: int, t1: int) -> dict[str, Tensor]:
    """What the units multiply by in the steps [t0, t1), by name, each (…, t1 - t0, H) float64.

        Elman: d = φ'(a)                              J = diag(d) W_hh
        GRU:   z, d_n = (1 - z) (1 - n²), r           J ≈ diag(z) + diag(d_n ⊙ r) W_hn
        LSTM:  f, d_g = i (1 - g²), d_c = o (1 - tanh² c), i, o
               ∂c_t/∂c_{t-1} = diag(f), ∂h_t/∂c_t = diag(d_c), and d_g stands before W_hg

    ≈ leaves out the terms through the gates themselves. All lie in [0, 1]. Batch axes lead.

    Args:
        rollout: complete.
        t0, t1: steps, counted from 0.

    Raises:
        ValueError: the rollout is not complete, or a step is outside [0, T].
    """
    rollout.require_complete()
    for _ in checked_bounds([(t0, t1)], rollout.steps, backward=False):
        pass
    if isinstance(rollout, GatedRollout):
        slopes = _gated(rollout.trajectory, t0, t1)
    else:
        slopes = {"d": _elman(rollout, t0, t1)}
    return {name: rollout.trajectory.sequences(each) for name, each in slopes.items()}


def _elman(rollout: Rollout, t0: int, t1: int) -> Tensor:
    trajectory, activation = rollout.trajectory, rollout.cell.activation
    tells = trajectory.a[t0:t1] if activation == "tanh" else trajectory.u[t0 + 1 : t1 + 1]
    return slope(activation, tells.double())


def _gated(trajectory: GatedTrajectory, t0: int, t1: int) -> dict[str, Tensor]:
    a, k = trajectory.a[t0:t1].double(), trajectory.candidate_exponents[t0:t1]
    if trajectory.c is None:
        assert trajectory.n is not None
        a_r, a_z, _ = a.chunk(3, dim=-1)
        a_n = times_power_of_two(trajectory.n[t0:t1].double(), k)
        d_n = torch.sigmoid(-a_z) * slope("tanh", a_n)
        return {"z": torch.sigmoid(a_z), "d_n": d_n, "r": torch.sigmoid(a_r)}
    a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)
    times = slice(t0 + 1, t1 + 1)
    c = times_power_of_two(trajectory.c[times].double(), trajectory.exponents[times])
    i, o = torch.sigmoid(a_i), torch.sigmoid(a_o)
    d_g = i * slope("tanh", times_power_of_two(a_g, k))
    return {
        "f": torch.sigmoid(a_f),
        "d_g": d_g,
        "d_c": o * slope("tanh", c),
        "i": i,
        "o": o,
    }
