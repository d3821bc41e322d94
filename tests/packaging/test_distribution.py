"""The wheel that `pip install .` makes: built from the sdist, installed, started, used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
import safetensors.numpy

from tests.serving import ROOT, Server

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it alone."""
    folder = tmp_path_factory.mktemp("dist")
    # Without isolation the build uses the installed, pinned hatchling and asks no index.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    (found,) = distributions.glob("rhoscope-*.whl")
    return found


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel installed; its dependencies are this one's.

    A path file lends them. Path files inside the lent folder are not read, so the editable
    install of the checkout stays out of sight.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--quiet"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


@pytest.fixture(scope="session")
def installed(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The installed command, started far from the checkout."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with Server(command=[str(environment / "bin" / "rhoscope")], cwd=elsewhere) as server:
        yield server


def native_compiler() -> bool:
    """Whether this machine can make the compiled loops, by the rule of `hatch_build.py`."""
    commands = (os.environ.get("CC", ""), "cc", "gcc", "clang")
    return any(shutil.which(command.split()[0]) for command in commands if command.split())


def fetched(url: str, body: bytes | None = None) -> tuple[bytes, str]:
    """The body and the content type; raises on any status from 400 on."""
    headers = {"Content-Type": "application/json"} if body is not None else {}
    request = urllib.request.Request(url, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read(), answer.headers["Content-Type"]


def test_the_wheel_carries_the_page_and_the_types_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    frontend = ROOT / "frontend"
    page = {
        f"app/_frontend/{file.relative_to(frontend).as_posix()}"
        for file in frontend.rglob("*")
        if file.is_file()
    }
    assert "app/_frontend/index.html" in page
    assert page <= names
    lessons = {
        f"app/_lessons/{file.relative_to(ROOT / 'lessons').as_posix()}"
        for file in (ROOT / "lessons").rglob("*")
        if file.is_file()
    }
    assert "app/_lessons/core-idea/lesson.toml" in lessons
    assert lessons <= names
    assert {"app/py.typed", "rnncore/py.typed"} <= names
    assert {name.split("/")[0].removesuffix(".dist-info") for name in names} == {
        "app",
        "rnncore",
        f"rhoscope-{VERSION}",
    }
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_sdist_has_no_tests_or_tools(distributions: Path) -> None:
    (archive,) = distributions.glob("rhoscope-*.tar.gz")
    with tarfile.open(archive) as sdist:
        tops = {name.split("/")[1] for name in sdist.getnames() if "/" in name}
    folders = {"app", "rnncore", "frontend", "lessons"}
    files = {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "PKG-INFO", ".gitignore"}
    assert folders <= tops <= folders | files | {"hatch_build.py"}


def test_the_sdist_carries_the_compiled_loops_as_source(distributions: Path) -> None:
    (archive,) = distributions.glob("rhoscope-*.tar.gz")
    with tarfile.open(archive) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    folder = ROOT / "rnncore" / "native"
    native = {f"rnncore/native/{file.name}" for file in folder.glob("*.[ch]")}
    assert "rnncore/native/steps.c" in native
    assert native | {"hatch_build.py"} <= names
    assert not [name for name in names if name.endswith(".so")]


def test_the_wheel_carries_compiled_loops_and_its_tag_says_so(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        libraries = [name for name in archive.namelist() if name.endswith(".so")]
    if not native_compiler():
        assert not libraries
        assert wheel.stem.endswith("-py3-none-any")
        return
    assert "rnncore/native/steps_base.so" in libraries
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert wheel.stem.endswith(f"-py3-none-{platform}")


def test_the_installed_package_is_the_one_that_runs(environment: Path, tmp_path: Path) -> None:
    code = (
        "import app, rnncore; print(app.__file__); print(rnncore.__file__); print(app.__version__)"
    )
    command = [str(environment / "bin" / "python"), "-I", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    app, rnncore, version = done.stdout.split()
    assert Path(app).is_relative_to(environment)
    assert Path(rnncore).is_relative_to(environment)
    assert version == VERSION


def test_the_installed_command_exports_a_page_of_its_own_files(
    environment: Path, tmp_path: Path
) -> None:
    command = [str(environment / "bin" / "rhoscope"), "export", "#H=4&T=10", "-o", "lecture.html"]
    done = subprocess.run(
        [*command, "--rho-values", "0.5,1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "lecture.html").read_text("utf-8")
    assert "data-offline=" in text and 'id="packed-end"' in text
    assert f"Rhoscope {VERSION}" in text


CLIENT = """
import torch

from rnncore import ElmanCell, LinearLoss, Readout, Rollout, gradient_norms, recurrent_matrix

W_hh = recurrent_matrix("ring", 8, spectral_radius=0.9).W
cell = ElmanCell(torch.ones(8, 1, dtype=W_hh.dtype), W_hh, torch.zeros(8, dtype=W_hh.dtype))
readout = Readout(torch.zeros(1, 8, dtype=W_hh.dtype), torch.zeros(1, dtype=W_hh.dtype))
run = Rollout(cell, torch.ones(5, 1), torch.zeros(8), readout)
norms: list[float] = [chunk.log10_norm_h.max().item() for chunk in run.states()]
loss = LinearLoss(torch.ones(8, dtype=W_hh.dtype))
for chunk in gradient_norms(run, loss):
    reveal_type(chunk.log10_grad_h)
recurrent_matrix("knot", 8)
"""


def test_a_strictly_typed_client_of_the_installed_package(
    environment: Path, tmp_path: Path
) -> None:
    """The names have their types, and a wrong one is found."""
    (tmp_path / "client.py").write_text(CLIENT, encoding="utf-8")
    strict = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file="]
    python = f"--python-executable={environment / 'bin' / 'python'}"
    command = [*strict, python, "client.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("client.py")]
    assert len(lines) == 2, done.stdout
    assert "Revealed type is" in lines[0] and "Tensor" in lines[0]
    assert "has incompatible type" in lines[1] and "knot" in lines[1]


def test_the_installed_doctor_finds_nothing_wrong(environment: Path, tmp_path: Path) -> None:
    command = [str(environment / "bin" / "rhoscope"), "doctor", "--device", "cpu"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(environment) in done.stdout, "the installed page"
    loops = "compiled loops" if native_compiler() else "NumPy loops"
    assert f"loops      {loops}" in done.stdout


def test_the_installed_command_serves_the_page_with_everything_it_names(installed: Server) -> None:
    html, kind = fetched(installed.url + "/")
    assert kind.startswith("text/html")
    named = re.findall(r'(?:src|href|content)="([^"]+\.(?:js|css|svg))"', html.decode())
    assert any("plotly" in name for name in named)
    assert "icon.svg" in named
    joined = [name for name in named if name.startswith("assets/page-")]
    assert sorted(name.rpartition(".")[2] for name in joined) == ["css", "js"]
    for name in named:
        assert "://" not in name
        content, kind = fetched(urljoin(installed.url + "/", name))
        assert content
        if name.endswith(".js"):
            assert kind.startswith("text/javascript")


def test_every_module_of_the_page_is_served(installed: Server) -> None:
    frontend = ROOT / "frontend"
    for module in sorted(frontend.glob("js/**/*.js")):
        content, kind = fetched(f"{installed.url}/{module.relative_to(frontend).as_posix()}")
        assert content == module.read_bytes()
        assert kind.startswith("text/javascript")


def test_the_installed_command_has_its_lessons(installed: Server) -> None:
    entries = json.loads(fetched(installed.url + "/api/lessons")[0])
    folders = {file.parent.name for file in (ROOT / "lessons").glob("*/lesson.toml")}
    assert {entry["name"] for entry in entries} == folders


def test_the_installed_command_computes_a_run(installed: Server) -> None:
    body, _ = fetched(installed.url + "/api/run", json.dumps({"steps": 30}).encode())
    tensors = safetensors.numpy.load(body)
    assert tensors["h"].shape == (30, 64)
    assert tensors["log10_grad_h"][-1] == pytest.approx(0, abs=1e-6)


def test_the_installed_command_stops_when_asked(environment: Path, tmp_path: Path) -> None:
    server = Server(command=[str(environment / "bin" / "rhoscope")], cwd=tmp_path).start()
    assert server.stop() == 0
