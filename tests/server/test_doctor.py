"""What `rhoscope doctor` says, and that it finds what is wrong."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

from app import cli, doctor
from app.engine import RunEngine
from app.frames import Frame
from rnncore import native


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SELF_TEST_S", 0.05)


def examine(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.cli, ["doctor", *arguments])
    return result.exit_code, result.output


def test_it_names_versions_device_libraries_and_a_measured_speed() -> None:
    code, output = examine("--device", "cpu")
    assert code == 0
    found = {line.split()[0]: line for line in output.splitlines()}
    assert set(found) >= {"Rhoscope", "Python", "packages", "page", "device", "BLAS", "threads"}
    assert "torch 2." in found["packages"]
    assert "plotly.js 4." in found["page"]
    assert native.status() in found["loops"]
    assert "4096 MiB for all runs together" in found["memory"]
    assert float(re.search(r"autograd's to (\S+)", output)[1]) < 1e-12
    assert int(re.search(r"(\d+) runs of H = 64", output)[1]) >= 1
    assert float(re.search(r"median ([\d.]+) ms", output)[1]) > 0


def test_wrong_numbers_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    computed = RunEngine.run

    def slightly_wrong(*arguments):
        for item in computed(*arguments):
            if isinstance(item, Frame) and "log10_grad_h" in item.tensors:
                off = {"log10_grad_h": np.asarray(item.tensors["log10_grad_h"]) + 1e-8}
                item = Frame(item.kind, item.t0, item.t1, {**item.tensors, **off})
            yield item

    monkeypatch.setattr(RunEngine, "run", slightly_wrong)
    code, output = examine("--device", "cpu")
    assert code == 1
    assert "differ from autograd's by 2.3e-08" in output
    assert "speed" not in output


def test_a_device_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, output = examine("--device", "cuda")
    assert code == 1
    assert "device is not available: got 'cuda'" in output
    assert output.startswith("Rhoscope"), "what is installed is said all the same"
