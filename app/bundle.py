"""All modules of the page as one script, for a file that can import nothing.

Each module becomes a function that gives what it exports, in the order of who needs whom: from a
disk or in a sandboxed frame a browser imports no other file, and few agree on what else a script
may be imported from.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

# Of an import for its effect alone nothing is left: it runs in its turn.
IMPORT = re.compile(r'^import (?:(?:\{([^}]*)\}|\* as (\w+)) from )?"(\.[^"]*)";$', re.MULTILINE)
LAZY = re.compile(r'\bawait import\("(\.[^"]*)"\)')
EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
UNKNOWN = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


class UnknownForm(RuntimeError):
    """A module imports or exports in a way that is not put together here."""


def bundle(folder: Path, entry: str) -> str:
    """The module `entry` and all that it imports, as the text of one module that imports nothing.

    Args:
        folder: where the modules lie; `entry` is relative to it.

    Raises:
        UnknownForm: an import or export is none of those in `IMPORT`, `LAZY` and `EXPORT`, or
            modules import one another in a circle.
    """
    order: list[str] = []
    _visit(folder, entry, order, ())
    modules = (_module(folder, name, is_open=name == entry) for name in order)
    return "\n".join([*modules, ""])


def _visit(folder: Path, name: str, order: list[str], path: tuple[str, ...]) -> None:
    if name in path:
        raise UnknownForm(f"modules import one another in a circle: {' → '.join([*path, name])}")
    if name in order:
        return
    for needed in _needed(name, (folder / name).read_text("utf-8")):
        _visit(folder, needed, order, (*path, name))
    order.append(name)


def _needed(name: str, text: str) -> Iterator[str]:
    for found in IMPORT.finditer(text):
        yield _resolved(name, found[3])
    for found in LAZY.finditer(text):
        yield _resolved(name, found[1])


def _resolved(name: str, address: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), address))


def _variable(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name)


def _module(folder: Path, name: str, *, is_open: bool) -> str:
    """A module as a function's result; the one that nobody imports is open, so that it may wait."""
    text = (folder / name).read_text("utf-8")
    text = LAZY.sub(lambda found: _variable(_resolved(name, found[1])), text)
    text = IMPORT.sub(lambda found: _taken(name, found), text)
    exported = [found[1] for found in EXPORT.finditer(text)]
    text = EXPORT.sub("", text)
    left = UNKNOWN.search(text)
    if left is not None:
        raise UnknownForm(f"{name} has a form that cannot be put together: {left[0][:80]}")
    if is_open:
        return f"// {name}\n{text}"
    given = f"return Object.freeze({{ {', '.join(exported)} }});"
    return f"// {name}\nconst {_variable(name)} = (() => {{\n{text}{given}\n}})();"


def _taken(name: str, found: re.Match[str]) -> str:
    module = _variable(_resolved(name, found[3]))
    if not found[1] and not found[2]:
        return ""
    if found[2]:
        return f"const {found[2]} = {module};"
    names = found[1].replace(" as ", ": ")
    return f"const {{{names}}} = {module};"
