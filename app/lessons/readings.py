"""The numbers of a run that a lesson may speak of, by name, and whether it speaks the truth."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from app.engine import RunEngine
from app.experiment import Experiment
from app.frames import Array, Frame
from app.plan import AnalysisPlan, AnyPlan, Plan
from app.portrait import KINDS
from app.protocol import Analyse, Analysis, Done
from app.verdict import Diagnosis, StatesVerdict

SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
HALF = 0.501  # of the last digit: a number that is half-way may be rounded either way
HALF_A_DECADE = 0.501


@dataclass(frozen=True)
class Amount:
    """A number that may lie beyond every float: its sign is that of `value`, its size `log10`."""

    value: float
    log10: float

    def __str__(self) -> str:
        is_long = self.log10 > -math.inf and not 1e-3 <= abs(self.value) < 1e7
        return f"10^{self.log10:.2f}" if is_long else f"{self.value:.7g}"


def plain(value: float) -> Amount:
    """A number as it is."""
    return Amount(value, math.log10(abs(value)) if value else -math.inf)


def power(log10: float) -> Amount:
    """10 to a power, which may be out of any float's reach."""
    return Amount(10.0**log10 if abs(log10) < 300 else math.inf if log10 > 0 else 0.0, log10)


Reading = Amount | str


class Measured:
    """What one Experiment gives, computed when it is asked for; `t` is the cursor, from 1."""

    def __init__(self, experiment: Experiment, t: int, engine: RunEngine) -> None:
        self.experiment = experiment
        self.t = t
        self._engine = engine

    @cached_property
    def run(self) -> tuple[Done, dict[str, Array]]:
        """The whole run: its end, and every tensor."""
        return self._results(Plan.whole(self.experiment.steps))

    @property
    def done(self) -> Done:
        """Its end."""
        return self.run[0]

    @property
    def diagnosis(self) -> Diagnosis:
        """Its verdict."""
        assert self.done.diagnosis is not None
        return self.done.diagnosis

    def at_cursor(self, name: str) -> float:
        """An entry of a series [T], of a batch its mean."""
        return float(self.run[1][name][..., self.t - 1].mean())

    def analysed(self, want: Analysis) -> dict[str, Array]:
        """The tensors of one analysis."""
        message = Analyse(type="analyse", id=0, experiment=self.experiment, wants=[want], t=self.t)
        return self._results(AnalysisPlan.of(message))[1]

    def _results(self, plan: AnyPlan) -> tuple[Done, dict[str, Array]]:
        tensors: dict[str, Array] = {}
        done: Done | None = None
        for item in self._engine.run(self.experiment, plan, lambda: False):
            if isinstance(item, Frame):
                tensors |= item.tensors
            else:
                done = item
        assert done is not None
        return done, tensors


def _fate(part: Callable[[Measured], StatesVerdict | None]) -> Callable[[Measured], Reading | None]:
    def read(found: Measured) -> Reading | None:
        verdict = part(found)
        return None if verdict is None else verdict.fate

    return read


def _of(
    part: Callable[[Measured], StatesVerdict | None], name: str, kind: Callable[[float], Amount]
) -> Callable[[Measured], Reading | None]:
    def read(found: Measured) -> Reading | None:
        value: Any = getattr(part(found), name, None)
        return None if value is None else kind(value)

    return read


def _states(found: Measured) -> StatesVerdict:
    return found.diagnosis.states


def _gradients(found: Measured) -> StatesVerdict:
    return found.diagnosis.gradients


def _of_done(name: str) -> Callable[[Measured], Reading | None]:
    return lambda found: None if (value := getattr(found.done, name)) is None else plain(value)


def _largest_power(found: Measured) -> tuple[int, float]:
    logs = found.analysed("matrix_powers")["log10_norm_powers"]
    at = int(logs.argmax())
    return at + 1, float(logs[at])


def _sigma(found: Measured) -> Reading | None:
    certificate = found.diagnosis.certificate
    return (
        None
        if certificate is None or certificate.sigma_max is None
        else plain(certificate.sigma_max)
    )


def _weights(found: Measured, least_axes: int) -> int:
    """Entries of all weights with so many axes; of the run's own tensors."""
    tensors = found.run[1].items()
    weights = (tensor for name, tensor in tensors if name.startswith(("W_", "b_")))
    return sum(tensor.size for tensor in weights if tensor.ndim >= least_axes)


def _jacobian_radius(found: Measured) -> Reading | None:
    eigenvalues = found.analysed("jacobian").get("jacobian_eigenvalues")
    return None if eigenvalues is None else plain(float(np.hypot(*eigenvalues.T).max()))


def _fixed_points(found: Measured, *left_out: str) -> int:
    """Fixed points that the state space shows, without those of some kinds."""
    kinds = found.analysed("state_space")["fixed_points"][:, 2]
    return sum(KINDS[int(kind)] not in left_out for kind in kinds)


def _influence(found: Measured, step: int) -> Reading | None:
    """What of a change of x_k is left in h_t, t the cursor."""
    logs = found.analysed("influence").get("log10_influence")
    return None if logs is None else power(float(logs[found.t - 1, step - 1]))


READINGS: Mapping[str, Callable[[Measured], Reading | None]] = {
    "gradients": _fate(_gradients),
    "gradient_factor": _of(_gradients, "log10_factor", power),
    "gradient_change": _of(_gradients, "log10_change", power),
    "gradient_steps": _of(_gradients, "steps_to_threshold", plain),
    "gradient_zero_after": _of(_gradients, "zero_after", plain),
    "matrix_factor": _of(_gradients, "log10_linear_gain", power),
    "slope_factor": _of(_gradients, "log10_saturation", power),
    "states": _fate(_states),
    "state_factor": _of(_states, "log10_factor", power),
    "state_change": _of(_states, "log10_change", power),
    "state_zero_after": _of(_states, "zero_after", plain),
    "fed_factor": _of(lambda found: found.diagnosis.fed, "log10_factor", power),
    "generating_factor": _of(lambda found: found.diagnosis.generating, "log10_factor", power),
    "rho": _of_done("spectral_radius"),
    "sigma_max": _sigma,
    "henrici": _of_done("henrici_departure"),
    "closed_loop_rho": _of_done("closed_loop_radius"),
    "largest_power": lambda found: power(_largest_power(found)[1]),
    "largest_power_at": lambda found: plain(_largest_power(found)[0]),
    "kreiss": lambda found: plain(float(found.analysed("matrix_powers")["kreiss_constant"][0])),
    "norm_h": lambda found: power(found.at_cursor("log10_norm_h")),
    "gradient": lambda found: power(found.at_cursor("log10_grad_h")),
    "survives": lambda found: power(
        found.at_cursor("log10_grad_h") - float(found.run[1]["log10_grad_h"][..., -1].mean())
    ),
    "share": lambda found: power(found.at_cursor("log10_grad_W_hh")),
    "parameters": lambda found: plain(_weights(found, 1)),
    "multiply_adds": lambda found: plain(_weights(found, 2) * found.experiment.steps),
    "jacobian_rho": _jacobian_radius,
    "fixed_points": lambda found: plain(_fixed_points(found, "slow")),
    "stable_fixed_points": lambda found: plain(_fixed_points(found, *set(KINDS) - {"stable"})),
    "h": lambda found: plain(float(found.run[1]["h"][..., found.t - 1, 0].mean())),
}


_OF_A_STEP = re.compile(r"influence:([1-9]\d{0,5})")
KNOWN = (*READINGS, "influence:STEP")


def is_reading(name: str) -> bool:
    """Whether there is a reading of that name."""
    return name in READINGS or _OF_A_STEP.fullmatch(name) is not None


def reading(name: str, found: Measured) -> Reading | None:
    """The reading of that name; None where the run has none."""
    of_a_step = _OF_A_STEP.fullmatch(name)
    if of_a_step is None:
        return READINGS[name](found)
    step = int(of_a_step[1])
    return _influence(found, step) if step <= found.experiment.steps else None


def is_as_said(said: str, found: Reading | None) -> bool:
    """Whether a reading is what is said of it, as exactly as it is said: “0.166”, “×0.89”,
    “1,505”, “10⁻³⁷” (to the decade), “3.2 · 10⁻³⁷”, or a fate.

    >>> is_as_said("0.166", plain(0.16637)), is_as_said("×2", plain(2.6))
    (True, False)
    >>> is_as_said("10⁻³⁷", power(-36.8)), is_as_said("3.2 · 10⁻³⁷", power(-36.5))
    (True, True)
    """
    if found is None or isinstance(found, str):
        return said.strip() == found
    text = re.sub(r"[\s×,\u202f]", "", said.replace("−", "-"))
    number = re.fullmatch(r"(-?\d+)(?:\.(\d+))?", text)
    if number:
        digits = len(number[2] or "")
        return bool(abs(found.value - float(text)) <= HALF * 10.0**-digits)
    scientific = re.fullmatch(r"(?:(\d+)(?:\.(\d+))?·)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text)
    if not scientific:
        return False
    exponent = int(scientific[3].translate(SUPERSCRIPTS))
    if scientific[1] is None:
        return abs(found.log10 - exponent) <= HALF_A_DECADE
    mantissa = float(f"{scientific[1]}.{scientific[2] or 0}")
    step = HALF * 10.0 ** -len(scientific[2] or "")
    return bool(abs(10.0 ** (found.log10 - exponent) - mantissa) <= step)
