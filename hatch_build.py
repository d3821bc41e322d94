"""Compiles rnncore/native/steps.c into the wheel, where there is a C compiler.

Without one, or where anything goes wrong, Rhoscope is installed as pure Python: the loops in
rnncore/kernels.py do the same, slower. Runs for wheels and editable installs.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FLAGS = [
    *("-std=c11", "-O3", "-fPIC", "-shared"),
    # NaN and infinities are results here, so no -ffast-math: only what nobody can observe.
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"),
]
# The name of each level of rnncore.native, and what the compiler is told for it.
X86_LEVELS = {"avx2": "-march=x86-64-v3", "avx512": "-march=x86-64-v4"}


class CompiledLoops(BuildHookInterface):  # type: ignore[type-arg]
    """Hatchling's hook; what cannot be compiled is left out."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        problem = compiled(Path(self.root) / "rnncore" / "native")
        if problem:
            self.app.display_warning(f"Rhoscope goes on without compiled loops: {problem}")
            return
        build_data["artifacts"].append("rnncore/native/*.so")
        build_data["pure_python"] = False
        # Loaded by ctypes: it fits every Python 3 of this platform.
        tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{tag}"


def compiled(folder: Path) -> str:
    """Builds steps_*.so in `folder`; what went wrong, or nothing. Leaves no old library behind."""
    try:
        for old in folder.glob("steps_*.so"):
            old.unlink()
        if os.name != "posix" or os.environ.get("RHOSCOPE_NATIVE") == "0":
            return "they were not asked for" if os.name == "posix" else "not on this system"
        compiler = found_compiler()
        if compiler is None:
            return "there is no C compiler"
        problem = build(compiler, folder, "base")
        if not problem and platform.machine() in ("x86_64", "AMD64"):
            for level, flag in X86_LEVELS.items():
                build(compiler, folder, level, flag)  # an old compiler may not know the newest
        return problem
    except OSError as error:
        return str(error)


def found_compiler() -> list[str] | None:
    """$CC, or the first compiler that is there."""
    for command in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        words = shlex.split(command)
        if words and shutil.which(words[0]):
            return words
    return None


def build(compiler: list[str], folder: Path, level: str, *more: str) -> str:
    """One library; its place is taken only once it is whole."""
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "steps.so"
        command = [*compiler, *FLAGS, *more, str(folder / "steps.c"), "-o", str(made), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not made.exists():
            return f"{shlex.join(compiler)} failed: {done.stderr.strip()[-500:]}"
        shutil.copyfile(made, folder / f"steps_{level}.so.new")
    os.replace(folder / f"steps_{level}.so.new", folder / f"steps_{level}.so")
    return ""
