"""Chromium with nothing in its way: Playwright would be told of every byte on the socket."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import connect

from tests.ui.conftest import ARGUMENTS, CHROMIUM

STARTING_LINES = 200  # in which Chromium says where it listens
LONGEST_S = 120


class Tab:
    """One page of a headless Chromium of its own, driven by its debugging protocol."""

    def __init__(self, url: str, width: int, height: int) -> None:
        self._url = url
        self._size = {"width": width, "height": height}

    def __enter__(self) -> Self:
        with ExitStack() as held:
            self._open(held)
            self._held = held.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()

    def _open(self, held: ExitStack) -> None:
        folder = held.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        command = [CHROMIUM, *ARGUMENTS, "--headless=new", "--remote-debugging-port=0"]
        process = subprocess.Popen(
            [*command, f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        held.enter_context(process)
        held.callback(process.terminate)
        address = _address(process)
        self._socket = held.enter_context(connect(address, max_size=None, compression=None))
        self._last_id, self._session = 0, ""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        view = {**self._size, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **view)
        self.send("Page.navigate", url=self._url)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command and its answer; what happens in between is let go."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=LONGEST_S))
            if answer.get("id") == self._last_id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def evaluate(self, script: str) -> Any:
        """The value of an expression, or what its promise comes to."""
        wish = {"awaitPromise": True, "returnByValue": True}
        answer = self.send("Runtime.evaluate", expression=script, **wish)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for _ in range(STARTING_LINES):
        found = re.search(r"DevTools listening on (\S+)", process.stderr.readline())
        if found:
            return found[1]
    raise RuntimeError("Chromium did not say where it listens")
