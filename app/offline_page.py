"""One HTML file that is the page and its recorded runs: opens from a disk, without a server."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app import __version__
from app.assets import PLOTLY, gzipped
from app.bundle import bundle
from app.lessons import Lesson
from app.link import differing, nested
from app.page_files import ENTRY, SCRIPT, STYLE
from app.protocol import Hello
from app.recording import Recording, Wish
from app.versions import versions

FORMAT = 1
ICON = re.compile(r'<link rel="icon" href="([^"]+)" type="([^"]+)">')
TITLE = re.compile(r"<title>.*?</title>")
HEAD = re.compile(r"<html lang=\"en\"([^>]*)>\s*<head>\s*<meta charset=\"utf-8\">")


@dataclass(frozen=True)
class Shell:
    """The page without what was recorded: the same for every file of one version."""

    html: str  # of which the last element is open
    end: str  # what a whole file ends in


@dataclass(frozen=True)
class Told:
    """What a file says of itself."""

    title: str
    hash: str  # the link of the state that it opens with
    live: str | None = None  # address of the live page, where there is one
    lesson: Lesson | None = None  # whose steps are recorded


def offline_page(
    shell: Shell, recording: Recording, wish: Wish, told: Told, hello: Hello
) -> Iterator[bytes]:
    """The parts of the file, in order."""
    title = html.escape(f"{told.title} · Rhoscope, offline")
    yield TITLE.sub(lambda _: f"<title>{title}</title>", shell.html, count=1).encode()
    yield _element("recording", _compressed(json.dumps(_index(recording, wish, told, hello))))
    for number, blob in enumerate(recording.blobs):
        yield _element(f"blob-{number}", blob)
    end = f'<script type="text/plain" id="packed-end">{shell.end}</script>'
    yield f"{end}\n</body>\n</html>\n".encode()


def _index(recording: Recording, wish: Wish, told: Told, hello: Hello) -> Mapping[str, Any]:
    """What the page must know of a file before it shows anything."""
    over = wish.over
    return {
        "format": FORMAT,
        "versions": versions(),
        "title": told.title,
        "hash": told.hash,
        "live": told.live,
        "lesson": None if told.lesson is None else told.lesson.model_dump(mode="json"),
        "hello": hello.model_dump(mode="json"),
        "base": nested(dict(differing(wish.base))),
        "over": None if over is None else {"path": over.path, "values": list(over.values)},
        "columns": recording.columns,
        "layers": list(recording.layers),
        "has_few_digits": recording.has_few_digits,
        "runs": recording.runs,
        "analyses": recording.analyses,
    }


@cache
def shell_of(frontend: Path, plotly: Path) -> Shell:
    """The page in `frontend` and Plotly's file as the beginning of an offline file.

    A policy in the head lets three scripts run, by what they are, and nothing be fetched.
    """
    page, script = bundle(frontend, ENTRY), plotly.read_text("utf-8")
    loader = (frontend / "offline" / "loader.js").read_text("utf-8")
    text = (frontend / "index.html").read_text("utf-8")
    text = SCRIPT.sub("", text).replace(PLOTLY, "")
    text = STYLE.sub(lambda found: _style(frontend / found[1]), text)
    text = ICON.sub(lambda found: _icon(frontend / found[1], found[2]), text)
    end = hashlib.sha256((page + script + loader + text).encode()).hexdigest()[:16]
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(_hash(each) for each in (loader, page, script))}",
            "style-src 'unsafe-inline'",
            "img-src data: blob:",
            "font-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    opening = (
        f'<html lang="en" data-offline="{end}"\\1>\n<head>\n  <meta charset="utf-8">\n'
        f'  <meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'  <meta name="generator" content="Rhoscope {__version__}">\n'
    )
    text, count = HEAD.subn(opening, text)
    assert count == 1, "index.html begins with html, head and its charset"
    body, separator, _ = text.rpartition("</body>")
    assert separator
    body = body.replace("</head>", f"<script>{loader}</script>\n</head>", 1)
    packed = (_element("page", _compressed(page)), _element("plotly", gzipped(plotly)))
    return Shell(body + b"".join(packed).decode(), end)


def _element(name: str, content: bytes) -> bytes:
    """Bytes as text that no parser takes for anything else."""
    text = base64.b64encode(content)
    return b'<script type="text/plain" id="packed-%s">%s</script>\n' % (name.encode(), text)


def _compressed(text: str) -> bytes:
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _style(file: Path) -> str:
    return f"<style>\n{file.read_text('utf-8')}</style>"


def _icon(file: Path, kind: str) -> str:
    content = base64.b64encode(file.read_bytes()).decode()
    return f'<link rel="icon" href="data:{kind};base64,{content}" type="{kind}">'
