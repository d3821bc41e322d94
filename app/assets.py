"""The files that are served: the page, and Plotly from its installed package."""

from __future__ import annotations

import gzip
import importlib.util
import re
from functools import cache
from pathlib import Path

PLOTLY = "{{plotly_url}}"  # in index.html, the address of the file below
OLDEST_PLOTLY = 4  # major version of plotly.js that the page is written for
PAGE_SUFFIXES = {".css", ".js", ".svg", ".png", ".ico", ".json", ".webmanifest", ".woff2"}


class MissingAsset(RuntimeError):
    """A file that the server needs is not installed; the message says what to do."""


def frontend_folder() -> Path:
    """Where the page's files are: in an installed package, else in a checkout beside it."""
    here = Path(__file__).parent
    for folder in (here / "_frontend", here.parent / "frontend"):
        if (folder / "index.html").is_file():
            return folder
    raise MissingAsset(
        f"the page is missing: got no index.html in {here / '_frontend'} or "
        f"{here.parent / 'frontend'}; expected one there. Install Rhoscope again."
    )


def package_folder(package: str) -> Path:
    """The folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    locations = spec.submodule_search_locations if spec else None
    if not locations:
        raise MissingAsset(
            f"the package {package} is missing: got none; expected it beside this one. "
            "Install Rhoscope again."
        )
    return Path(next(iter(locations)))


class Plotly:
    """plotly.js from the installed package: its version, its file, and that file gzipped once."""

    def __init__(self) -> None:
        self.file = package_folder("plotly") / "package_data" / "plotly.min.js"
        try:
            with self.file.open(encoding="utf-8") as script:
                banner = script.read(400)
        except OSError as error:
            raise MissingAsset(
                f"plotly.js is missing: got {error}; expected {self.file}. "
                "Install plotly again: pip install 'plotly>=7,<8'."
            ) from None
        found = re.search(r"plotly\.js v(\d+)\.(\d+\.\d+)", banner)
        if found is None or int(found[1]) < OLDEST_PLOTLY:
            got = f"{found[1]}.{found[2]}" if found else "no version in its first lines"
            raise MissingAsset(
                f"plotly.js is too old: got {got}; expected {OLDEST_PLOTLY}.0.0 or later. "
                "Install a newer one: pip install 'plotly>=7,<8'."
            )
        self.version = f"{found[1]}.{found[2]}"

    @property
    def name(self) -> str:
        """The file's name under assets/; it changes with the version, so caches may keep it."""
        return f"plotly-{self.version}.min.js"

    @property
    def gzipped(self) -> bytes:
        """The compressed file; a quarter of a second once, then kept."""
        return gzipped(self.file)


@cache
def gzipped(file: Path) -> bytes:
    """A file compressed, once for this process."""
    return gzip.compress(file.read_bytes(), compresslevel=9, mtime=0)
