"""Installs into the environment whose Python runs this, with the versions of constraints.txt.

    install.py .                    Rhoscope
    install.py --editable '.[dev]'  the same from this checkout, with the development tools
    install.py torch                one package alone
    --torch cpu|cuda                which build of torch; unsaid, the one that fits the machine

Linux machines without an NVIDIA GPU get torch's CPU build, which the default package index does
not have: there, torch comes with several GB of CUDA libraries. Where pip is configured with a
place that has the CPU build (PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL or pip.conf), pip takes it from
there; otherwise uv, which knows PyTorch's own index, fetches that one package.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
INSTALL = ("install", "--quiet", "--disable-pip-version-check", "--constraint", str(CONSTRAINTS))


def pip(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", *arguments], cwd=ROOT, check=False)
    if done.returncode:
        raise SystemExit(f"pip failed with status {done.returncode}; its message is above.")


def pinned(name: str) -> str:
    """The version of a package in constraints.txt."""
    found = re.search(rf"^{re.escape(name)}==(\S+)", CONSTRAINTS.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit(f"constraints.txt pins no {name}.")
    return found[1]


def has_nvidia_gpu() -> bool:
    tool = shutil.which("nvidia-smi")
    return tool is not None and not subprocess.run([tool, "-L"], capture_output=True).returncode


def has_torch(version: str) -> bool:
    try:
        return importlib.metadata.version("torch").partition("+")[0] == version
    except importlib.metadata.PackageNotFoundError:
        return False


def pip_finds_cpu_build(version: str) -> bool:
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "index", "versions", "torch"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{version}+cpu" in listing.stdout


def install_cpu_torch(version: str) -> None:
    """Brings in torch's CPU build where pip alone would take the CUDA build."""
    if pip_finds_cpu_build(version):
        return
    pip(*INSTALL, "uv")
    fetch = ["pip", "install", "--quiet", "--python", sys.executable, "--torch-backend", "cpu"]
    done = subprocess.run(
        [sys.executable, "-m", "uv", *fetch, "--constraint", str(CONSTRAINTS), f"torch=={version}"],
        cwd=ROOT,
        env={"UV_HTTP_RETRIES": "1", **os.environ},
        check=False,
    )
    if done.returncode:
        print(
            "PyTorch's index of CPU builds did not give torch (uv's message is above). Going on"
            " with the build that pip finds, which may download several GB of CUDA libraries.",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--editable", action="store_true")
    parser.add_argument("--torch", choices=("cpu", "cuda"))
    parser.add_argument("target")
    wish = parser.parse_args()
    version = pinned("torch")
    build = wish.torch or ("cuda" if has_nvidia_gpu() else "cpu")
    if sys.platform == "linux" and build == "cpu" and not has_torch(version):
        install_cpu_torch(version)
    pip(*INSTALL, *(["--editable"] if wish.editable else []), wish.target)


if __name__ == "__main__":
    main()
