"""`make bench`, or `make bench ARGS="core --seconds 1"`: every figure that Rhoscope claims."""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
from pathlib import Path

import torch

from rnncore import native
from tests.benchmarks import (
    atlas,
    core,
    embed,
    gated,
    hands,
    opening,
    page,
    report,
    server,
    views,
)
from tests.benchmarks.interleaved import Line

PARTS = {
    "core": core.lines,
    "gated": gated.lines,
    "server": server.lines,
    "page": page.lines,
    "hands": hands.lines,
    "atlas": atlas.lines,
    "views": views.lines,
    "embed": embed.lines,
    "opening": opening.lines,
}
RESULTS = Path(__file__).resolve().parents[2] / "build" / "benchmarks.json"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="|".join(PARTS), help="all unless named")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each comparison or drag")
    parser.add_argument("--output", type=Path, default=RESULTS)
    wish = parser.parse_args()
    unknown = set(wish.parts) - set(PARTS)
    if unknown:
        parser.error(f"got {', '.join(sorted(unknown))}; expected {', '.join(PARTS)}")
    machine = {
        "date": datetime.date.today().isoformat(),
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "loops": native.status(),
    }
    found: list[Line] = []
    for part in wish.parts or PARTS:
        made = []
        for line in PARTS[part](wish.seconds):
            made.append(line)
            print(f"{line.section}: {line.what}", file=sys.stderr)
        print(report.table(made), flush=True)
        found += made
    report.write(wish.output, found, machine)
    print(f"\nWritten to {wish.output}")


if __name__ == "__main__":
    main()
