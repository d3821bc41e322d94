"""Files that were brought along, kept by the hash of their contents in a bounded folder.

A restart loses nothing, and several servers may share the folder: a name says what is in the file,
a file appears whole or not at all, and whoever is over the bound removes what was used least
recently.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import platformdirs

from app.errors import Refusal, refusal

DIGEST = re.compile(r"[0-9a-f]{64}")
KEPT = ".rhoscope"  # suffix of a file that is kept: whatever else is in the folder stays there
ARRIVING = ".arriving.rhoscope"  # of one that is being written
STALE_S = 3600


class Uploads:
    """The folder."""

    def __init__(self, folder: Path | None, largest_total: int) -> None:
        self._folder = folder or default_folder()
        self._largest_total = largest_total

    def keep(self, content: bytes) -> str:
        """Keeps a file; its SHA-256. Raises a `Refusal` (no_storage) where that can't be."""
        digest = hashlib.sha256(content).hexdigest()
        target = self._path(digest)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if self.find(digest) is None:
                self._write(target, content)
            self._remove_oldest(besides=digest)
        except OSError as error:
            raise _no_storage(error) from None
        return digest

    def find(self, digest: str) -> bytes | None:
        """The file with this hash, or None where it is not here, or no longer what it was."""
        if not DIGEST.fullmatch(digest):
            return None
        target = self._path(digest)
        try:
            if not target.is_file():
                return None
            content = target.read_bytes()
        except OSError:
            return None
        self.touch(digest)
        return content if hashlib.sha256(content).hexdigest() == digest else None

    def touch(self, digest: str) -> None:
        """Says that a file was used now, where this server may."""
        with suppress(OSError):
            os.utime(self._path(digest))

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}{KEPT}"

    def _write(self, target: Path, content: bytes) -> None:
        handle, arriving = tempfile.mkstemp(suffix=ARRIVING, dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(arriving, target)
        except OSError:
            with suppress(OSError):
                os.unlink(arriving)
            raise

    def _remove_oldest(self, *, besides: str) -> None:
        """Keeps to the bound. Another server may be doing the same: what is gone is gone."""
        found = []
        for entry in os.scandir(self._folder):
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                name, _, suffix = entry.name.partition(".")
                if f".{suffix}" == KEPT and DIGEST.fullmatch(name):
                    found.append((status.st_mtime, status.st_size, entry.name))
                elif entry.name.endswith(ARRIVING) and status.st_mtime < time.time() - STALE_S:
                    os.unlink(entry.path)  # its writer is gone
        total = sum(size for _, size, _ in found)
        for _, size, name in sorted(found):
            if total <= self._largest_total:
                return
            if name != f"{besides}{KEPT}":
                with suppress(OSError):
                    os.unlink(self._folder / name)
                total -= size


def default_folder() -> Path:
    """The user's own cache folder, by the custom of the operating system."""
    return Path(platformdirs.user_cache_dir("rhoscope", appauthor=False)) / "uploads"


def _no_storage(error: OSError) -> Refusal:
    return refusal(
        "no_storage",
        "the folder of uploads",
        "can't take the file",
        got=error.strerror or type(error).__name__,
        expected="a folder that the server may write to",
        advice="Start the server with --upload-folder.",
    )
