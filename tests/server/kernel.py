"""A notebook's kernel: one Python that cells are pasted into, one after another.

Importing PyTorch takes longer than all that a cell does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

LOOP = """
import contextlib, io, json, sys, traceback, warnings
for line in sys.stdin:
    said, complaint = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complaint):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                exec(compile(json.loads(line), "cell.py", "exec"), {"__name__": "__main__"})
            except Exception:
                traceback.print_exc()
    print(json.dumps([said.getvalue(), complaint.getvalue()]), flush=True)
"""


@dataclass(frozen=True)
class Ran:
    """What a cell printed, and the error that ended it, empty where there is none."""

    output: str
    error: str


@cache
def _kernel() -> subprocess.Popen[str]:
    # Its end is that of the pipe.
    return subprocess.Popen(
        [sys.executable, "-c", LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def pasted(text: str) -> Ran:
    """Runs a cell with nothing defined, every warning an error."""
    kernel = _kernel()
    assert kernel.stdin is not None and kernel.stdout is not None
    kernel.stdin.write(json.dumps(text) + "\n")
    kernel.stdin.flush()
    output, error = json.loads(kernel.stdout.readline())
    return Ran(output, error)
