"""What a failed run says: a refusal by the mathematics, too little memory, or a fault."""

from __future__ import annotations

import logging
import re

from app.errors import Refusal, refusal
from app.security import internal
from rnncore import (
    ArgumentError,
)

log = logging.getLogger("app")

# Which field of the Experiment is behind a tensor that the mathematics refuses; of several, such
# as in W_xh x + b_h, the first in this order.
FIELDS = {
    "x": "input",
    "h_0": "initial_state",
    "target": "loss.target",
    "W_hh": "recurrent",
    "W_hy": "readout.scale",
    "W_xh": "input_weights.scale",
    "b_h": "bias.scale",
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
    if "edits[" in argument:
        return re.sub(r"\[(\d+)\]", r".\1", argument)
    names = re.findall(r"\w+", argument)
    return next((field for name, field in FIELDS.items() if name in names), None)
