"""The page as it is served: one document, one script, one style sheet.

The sources are native modules that need no build. They are put together when they are asked for,
and again when one of them has changed: a browser fetches a hundred and sixty small files six at a
time, and each trip through a hall's Wi-Fi takes longer than what it brings.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from app.assets import PLOTLY, Plotly
from app.bundle import bundle

ENTRY = "js/main.js"
SCRIPT = re.compile(rf'<script type="module" src="{ENTRY}"></script>')
STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)">')
KEPT = 8  # of files that were served before: a page that is on its way still asks for them


@dataclass(frozen=True)
class PageFile:
    """A script or a style sheet whose name is of its content, so that caches may keep it."""

    body: bytes
    suffix: str

    @property
    def media_type(self) -> str:
        """As its `Content-Type`."""
        return {".js": "text/javascript", ".css": "text/css"}[self.suffix]

    @cached_property
    def name(self) -> str:
        """Under assets/."""
        return f"page-{hashlib.blake2b(self.body, digest_size=8).hexdigest()}{self.suffix}"

    @cached_property
    def gzipped(self) -> bytes:
        """Compressed, once."""
        return gzip.compress(self.body, compresslevel=9, mtime=0)


class PageFiles:
    """What a browser gets of the page whose sources lie in one folder."""

    def __init__(self, folder: Path, plotly: Plotly) -> None:
        self._folder = folder
        self._plotly = plotly
        self._version: tuple[tuple[str, int, int], ...] = ()
        self._html = ""
        self._files: OrderedDict[str, PageFile] = OrderedDict()

    def html(self, *, as_modules: bool = False) -> str:
        """index.html with the address of Plotly, and of one script and one style sheet.

        Args:
            as_modules: leave the modules and styles as they are in the sources, for who looks for
                a line in them.

        Raises:
            UnknownForm: a module can't be put together with the others.
        """
        if as_modules:
            return self._source()
        version = tuple(self._stamps())
        if version != self._version:
            self._html = self._joined()
            self._version = version
        return self._html

    def file(self, name: str) -> PageFile | None:
        """What `html` named, now or lately."""
        return self._files.get(name)

    def make_ready(self) -> None:
        """Puts together and compresses what the first visitor asks for."""
        self.html()
        for file in list(self._files.values()):
            _ = file.gzipped

    def _source(self) -> str:
        html = (self._folder / "index.html").read_text("utf-8")
        return html.replace(PLOTLY, f"assets/{self._plotly.name}")

    def _stamps(self) -> Iterator[tuple[str, int, int]]:
        """Name, time of change and size of every file that the page is made of."""
        for pattern in ("index.html", "js/**/*.js", "css/*.css"):
            for file in sorted(self._folder.glob(pattern)):
                found = file.stat()
                yield str(file), found.st_mtime_ns, found.st_size

    def _joined(self) -> str:
        html = self._source()
        if SCRIPT.search(html):
            address = self._keep(bundle(self._folder, ENTRY), ".js")
            html = SCRIPT.sub(f'<script type="module" src="{address}"></script>', html)
        links = list(STYLE.finditer(html))
        if links:
            style = "\n".join((self._folder / link[1]).read_text("utf-8") for link in links)
            link = f'<link rel="stylesheet" href="{self._keep(style, ".css")}">'
            html = html[: links[0].start()] + link + html[links[-1].end() :]
        return html

    def _keep(self, text: str, suffix: str) -> str:
        file = PageFile(text.encode(), suffix)
        self._files[file.name] = file
        self._files.move_to_end(file.name)
        while len(self._files) > KEPT:
            self._files.popitem(last=False)
        return f"assets/{file.name}"
