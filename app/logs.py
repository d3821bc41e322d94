"""Log lines: for people, or one JSON object each. Every line names its session, and no person.

Addresses, names and what anybody made do not get into a line: uvicorn's own lines that hold an
address are left out, and a fault is told by its type and where it happened. Its message may quote
numbers of somebody's network, so it is told only at the level debug.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from app.settings import Settings

SESSION: ContextVar[str] = ContextVar("session", default="")
STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
DEEPEST = 20  # frames of a fault that are told, the innermost


@contextmanager
def session() -> Iterator[str]:
    """Names everything that is logged inside, with a name drawn by lot."""
    token = SESSION.set(secrets.token_hex(4))
    try:
        yield SESSION.get()
    finally:
        SESSION.reset(token)


def log_config(settings: Settings) -> dict[str, Any]:
    """How uvicorn and the server log, for `logging.config.dictConfig`. Lines go to stderr."""
    level = settings.log_level.upper()
    formatter = JsonLines if settings.log_format == "json" else TextLines
    quiet = {"handlers": ["lines"], "level": level, "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": formatter, "tells_all": settings.log_level == "debug"}},
        "filters": {"impersonal": {"()": Impersonal}},
        "handlers": {
            "lines": {
                "class": "logging.StreamHandler",
                "formatter": "lines",
                "filters": ["impersonal"],
                "stream": "ext://sys.stderr",
            }
        },
        "loggers": {
            "app": {"handlers": ["lines"], "level": level},
            "asyncio": {"handlers": ["lines"], "level": "WARNING"},
            "uvicorn": quiet,
            "uvicorn.error": {"level": level},
            "uvicorn.access": {"handlers": [], "propagate": False},
        },
    }


class Impersonal(logging.Filter):
    """Leaves out lines of uvicorn that hold an address: the server's own say the rest of them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line may be written."""
        if not record.name.startswith("uvicorn"):
            return True
        return '"WebSocket ' not in record.msg and "%s:%d" not in record.msg


class _Lines(logging.Formatter):
    def __init__(self, *, tells_all: bool) -> None:
        super().__init__()
        self._tells_all = tells_all

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """What a line says, in order; the values are plain."""
        time = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.getMessage().strip(),
            "session": SESSION.get() or None,
            "logger": record.name,
            "process": os.getpid(),
        }
        fields |= {name: value for name, value in vars(record).items() if name not in STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            fields |= self._fault(record.exc_info[1])
        return fields

    def _fault(self, fault: BaseException) -> dict[str, Any]:
        frames = traceback.extract_tb(fault.__traceback__)[-DEEPEST:]
        told: dict[str, Any] = {
            "fault": type(fault).__name__,
            "where": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        }
        return told | ({"message": str(fault)} if self._tells_all else {})


class JsonLines(_Lines):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return json.dumps(self._fields(record), ensure_ascii=False, default=str)


class TextLines(_Lines):
    """`time level [session] event  name=value …`, and a fault's places below it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, or lines where there is a fault."""
        fields = self._fields(record)
        time, level, event, of = (
            fields.pop(name) for name in ("time", "level", "event", "session")
        )
        places = fields.pop("where", [])
        del fields["logger"], fields["process"]
        details = "".join(f"  {name}={_plain(value)}" for name, value in fields.items())
        first = f"{time} {level:<8} [{of or '-'}] {_plain(event)}{details}"
        return "\n    ".join([first, *places])


def _plain(value: Any) -> str:
    """A value in one line, whatever it holds."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in str(value))
