"""A run gives the same numbers on every device that this machine has: the CPU, and a GPU if any."""

from typing import Any

import numpy as np
import pytest
import torch

from app.device import Device
from app.engine import RunEngine
from app.experiment import Experiment
from app.frames import Array, Frame
from app.plan import Plan
from app.protocol import Done
from rnncore import native

DEVICES: tuple[Device, ...] = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
DOCUMENTS: dict[str, dict[str, Any]] = {
    "tanh": {},
    "explodes": {"cell": {"activation": "relu"}, "recurrent": {"spectral_radius": 3.0}},
    "vanishes": {"recurrent": {"spectral_radius": 0.01}, "loss": {"at": "every"}},
    "batch": {"batch_size": 3, "input": {"kind": "noise"}, "recurrent": {"spectral_radius": 0.9}},
    "readout": {"loss": {"kind": "mse", "at": "every"}, "cell": {"output_size": 2}},
    "edited": {"recurrent": {"edits": [{"i": 1, "j": 2, "value": 0.5}]}},
}


def run(device: Device, document: dict[str, Any]) -> tuple[dict[str, Array], Done]:
    experiment = Experiment.model_validate({"steps": 300, "dtype": "float64", **document})
    tensors: dict[str, Array] = {}
    for item in RunEngine(device, 0).run(experiment, Plan.whole(300), lambda: False):
        if isinstance(item, Frame):
            tensors |= item.tensors
        else:
            done = item
    return tensors, done


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_device_gives_the_numbers_of_the_readable_loops(
    device: Device, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {"cell": {"hidden_size": 24}, **DOCUMENTS[name]}
    document["cell"] = {"hidden_size": 24, **document["cell"]}
    tensors, done = run(device, document)
    with monkeypatch.context() as patched:
        patched.setattr(native, "loops", lambda dtype: None)
        expected, expected_done = run("cpu", document)
    assert set(tensors) == set(expected)
    for tensor, reference in expected.items():
        # Of an exploding state the last places are those of 10^140.
        np.testing.assert_allclose(tensors[tensor], reference, rtol=1e-7, atol=1e-9, err_msg=tensor)
    assert done.first_nonfinite_step == expected_done.first_nonfinite_step
    assert done.diagnosis is not None and expected_done.diagnosis is not None
    assert done.diagnosis.gradients.fate == expected_done.diagnosis.gradients.fate
