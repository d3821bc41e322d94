"""Experiments that together touch every branch of a run."""

from typing import Any

SMALL = {"cell": {"hidden_size": 8}, "steps": 40}
CASES: dict[str, dict[str, Any]] = {
    "default": {},
    "one unit, one step": {"cell": {"hidden_size": 1}, "steps": 1},
    "long": {"cell": {"hidden_size": 4}, "steps": 3000},
    "relu overflows": {
        "cell": {"hidden_size": 16, "activation": "relu"},
        "recurrent": {"spectral_radius": 2},
        "input": {"kind": "constant"},
        "steps": 2000,
    },
    "dies away": {"recurrent": {"spectral_radius": 0.1}, "steps": 400},
    "nothing at all": {"input": {"kind": "silence"}, "recurrent": {"spectral_radius": 0}},
    "batch": {**SMALL, "batch_size": 3, "input": {"kind": "noise"}},
    "batch of given numbers": {
        "cell": {"hidden_size": 2, "input_size": 2},
        "steps": 3,
        "batch_size": 2,
        "input": {"kind": "values", "values": [[1, 2], [3, 4], [5, 6]]},
        "initial_state": {"kind": "values", "values": [0.5, -0.5]},
    },
    "several outputs": {"cell": {"hidden_size": 6, "input_size": 3, "output_size": 4}, "steps": 9},
    "mse": {**SMALL, "loss": {"kind": "mse", "at": "every", "target": [0.25]}},
    "mse, a target a step": {
        "cell": {"hidden_size": 3},
        "steps": 2,
        "loss": {"kind": "mse", "target": [[1], [2]]},
    },
    "every step": {**SMALL, "loss": {"at": "every"}},
    "float64": {**SMALL, "dtype": "float64", "input": {"kind": "sine", "period": 7.5}},
    "edited": {**SMALL, "recurrent": {"edits": [{"i": 1, "j": 2, "value": 3.5}]}},
    "gain": {**SMALL, "recurrent": {"gain": 1.5}},
    "nilpotent": {**SMALL, "recurrent": {"ensemble": "delay_line", "spectral_radius": 1.2}},
    "antisymmetric": {**SMALL, "recurrent": {"ensemble": "antisymmetric"}},
    "rotation": {**SMALL, "recurrent": {"ensemble": "rotation"}, "bias": {"scale": 0.1}},
    "a huge push": {**SMALL, "input": {"amplitude": 1e30}, "initial_state": {"kind": "random"}},
}
