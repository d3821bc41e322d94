"""What a failed run says: a refusal by the mathematics, too little memory, or a fault."""

from __future__ import annotations

import logging
import re

from app.errors import Refusal, refusal
from app.security import internal
from rnncore.checks import ArgumentError

log = logging.getLogger("app")

# Which field of the Experiment is behind a tensor that the mathematics refuses.
FIELDS = {
    "W_hh": "recurrent",
    "W_xh": "input_weights.scale",
    "b_h": "bias.scale",
    "W_hy": "readout.scale",
    "x": "input",
    "h_0": "initial_state",
    "target": "loss.target",
}


def refusal_of(fault: Exception) -> Refusal:
    """The `Refusal` to send for whatever ended a run. Faults of the server itself are logged."""
    if isinstance(fault, Refusal):
        return fault
    if isinstance(fault, MemoryError):
        return refusal(
            "over_limit",
            "the run",
            "does not fit into this machine's memory",
            expected="a smaller run",
            advice="Use fewer steps, units or sequences.",
        )
    if isinstance(fault, ArgumentError):
        return refusal(
            "invalid_field",
            fault.argument,
            fault.problem,
            got=fault.got,
            expected=fault.expected,
            advice=fault.advice,
            field=_field_of(fault.argument),
        )
    log.error("a run failed", exc_info=fault)
    return internal()


def _field_of(argument: str) -> str | None:
    """The field behind 'a row of |W_hh|' is recurrent, behind 'W_xh x' input: the last named."""
    names = [word for word in re.findall(r"\w+", argument) if word in FIELDS]
    return FIELDS[names[-1]] if names else None
