"""The table a person reads, and the JSON a program does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.interleaved import Line

COLUMNS = ("", "value", "against", "ratio", "goal")


def table(lines: Sequence[Line]) -> str:
    """The lines, by section."""
    text: list[str] = []
    section = None
    width = max(len(line.what) for line in lines)
    for line in lines:
        if line.section != section:
            section = line.section
            text += ["", section]
        value = f"{line.value:.4g} {line.unit}"
        compared = "" if line.ratio is None else f"{line.ratio:.2f}× faster than {line.against}"
        goal = f"(goal: {line.goal})" if line.goal else ""
        text.append(f"  {line.what:<{width}}  {value:>14}  {compared:<44} {goal}".rstrip())
    return "\n".join(text).lstrip("\n")


def write(path: Path, lines: Sequence[Line], machine: dict[str, Any]) -> None:
    """The same as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "lines": [line.as_json() for line in lines]}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
