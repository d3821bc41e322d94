"""A real server in a process of its own, for tests of what a person would start."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
COMMAND = (sys.executable, "-m", "app")
URL = re.compile(r"http://[^\s/]+:(\d+)")
STARTING_S = 90  # a cold start reads torch from disk
STOPPING_S = 15


class Server:
    """`python -m app`, or another command that takes the same flags.

    The first start takes a free port; later ones come back on that port, as a restarted server
    does.
    """

    def __init__(
        self,
        *flags: str,
        command: Sequence[str] = COMMAND,
        cwd: Path = ROOT,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.url = ""
        self.port = 0
        # What a test uploads is nobody's; a restarted server finds it again.
        uploads = tempfile.mkdtemp(prefix="rhoscope-")
        weakref.finalize(self, shutil.rmtree, uploads, ignore_errors=True)
        self._command = (*command, "--no-open", "--upload-folder", uploads, *flags)
        self._cwd = cwd
        # A variable of the machine must not decide what the tests see.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("RHOSCOPE_")}
        self._environment = inherited | dict(environment or {})
        self._process: subprocess.Popen[str] | None = None
        self._lines: list[str] = []
        self._reader: threading.Thread | None = None

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def output(self) -> str:
        """Everything that the process has printed since its last start."""
        return "".join(self._lines)

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def start(self) -> Self:
        """Starts the process and returns once it has printed its address."""
        if self._process is not None:
            raise RuntimeError("the server is already running")
        self._lines, self.url = [], ""
        process = subprocess.Popen(
            [*self._command, "--port", str(self.port)],
            cwd=self._cwd,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._process = process
        settled = threading.Event()  # the address was printed, or the output has ended
        self._reader = threading.Thread(target=self._read, args=(process, settled), daemon=True)
        self._reader.start()
        if not settled.wait(STARTING_S) or not self.url:
            self.kill()
            raise RuntimeError(f"the server printed no address:\n{self.output}")
        return self

    def stop(self) -> int:
        """Asks the process to stop, as Ctrl+C's kin SIGTERM does; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """Ends the process at once, as a crash would."""
        return self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self.stop()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process

    def _read(self, process: subprocess.Popen[str], settled: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.append(line)
            if not settled.is_set() and (found := URL.search(line)):
                self.url, self.port = found[0], int(found[1])
                settled.set()
        settled.set()

    def _end(self, number: signal.Signals) -> int:
        process = self._running()
        process.send_signal(number)
        try:
            return process.wait(STOPPING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"the server did not stop:\n{self.output}") from None
        finally:
            assert self._reader is not None and process.stdout is not None
            self._reader.join()
            process.stdout.close()
            self._process = None
