"""Writes frontend/js/net/wire.d.ts, the page's types, from the server's JSON Schema.

Run it with the environment's Python from any folder, after `npm ci`; `--check` writes nothing and
fails on a difference.
"""

from __future__ import annotations

import argparse
import difflib
import json
import subprocess
import sys
from pathlib import Path

from app.schema import published_schema

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "frontend" / "js" / "net" / "wire.d.ts"
GENERATOR = ROOT / "node_modules" / ".bin" / "json2ts"
BANNER = "// The messages between server and page. Made by `make types`; not edited by hand."
UNTYPED = {"EmbedOptions"}  # reaches the page in its HTML, not on a socket
# A type named Error would hide JavaScript's own wherever it is imported. No message refers to it,
# so only its definition is renamed.
RENAMED = {"Error": "ErrorMessage"}


def wire_types() -> str:
    """The text of wire.d.ts."""
    definitions = {
        RENAMED.get(name, name): body | {"title": RENAMED.get(name, name)}
        for name, body in published_schema()["$defs"].items()
    }
    messages = [
        name
        for name, body in definitions.items()
        if "type" in body["properties"] or name in UNTYPED
    ]
    root = {"title": "Message", "anyOf": [{"$ref": f"#/$defs/{name}"} for name in messages]}
    command = [
        str(GENERATOR),
        *("--bannerComment", BANNER),
        *("--style.printWidth", "100"),
        *("--maxItems", "-1"),
    ]
    made = subprocess.run(
        command,
        input=json.dumps(root | {"$defs": definitions}),
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise SystemExit(f"json2ts failed:\n{made.stderr}")
    return made.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail on a difference, write nothing")
    check: bool = parser.parse_args().check
    expected = wire_types()
    found = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    if found == expected:
        return 0
    name = TARGET.relative_to(ROOT)
    if not check:
        TARGET.write_text(expected, encoding="utf-8")
        print(f"{name} written")
        return 0
    lines = difflib.unified_diff(
        found.splitlines(), expected.splitlines(), str(name), "the server's schema", lineterm=""
    )
    print("\n".join(lines))
    print(f"{name} differs from the server's schema; `make types` writes it anew.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
