"""The page, its modules and styles, and Plotly."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import os
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from app.assets import PAGE_SUFFIXES
from app.embed_options import read_options
from app.embed_page import embedded, with_card
from app.house import house_of

# A sandboxed frame has the origin null, and asks for modules as a stranger would.
SHARED = {"Access-Control-Allow-Origin": "*"}
FRESH = {"Cache-Control": "no-cache"}  # ask each time; the answer is mostly 304
TEXTS = {".css", ".js", ".svg", ".json", ".webmanifest"}
SMALL = 512  # bytes that no compression makes fewer packets of
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


def routes(frontend: Path) -> list[Route]:
    """The routes of the page whose files lie in `frontend`."""
    folders = [entry for entry in sorted(frontend.iterdir()) if entry.is_dir()]
    return [
        Route("/", _page),
        Route("/embed", _embed),
        Route("/assets/{name}", _asset),
        *(Route(f"/{folder.name}/{{name:path}}", _files(folder)) for folder in folders),
        Route("/{name}", _files(frontend)),
    ]


async def _page(request: Request) -> Response:
    page = house_of(request).page.html(as_modules="modules" in request.query_params)
    return _fresh(request, with_card(page, str(request.base_url)))


async def _embed(request: Request) -> Response:
    options, problems = read_options(request.query_params.multi_items())
    page = with_card(house_of(request).page.html(), str(request.base_url), options.title)
    return _fresh(request, embedded(page, options, problems))


def _fresh(request: Request, page: str) -> Response:
    html = page.encode()
    etag = f'"{hashlib.blake2b(html, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag} | FRESH
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(html, headers=headers)


def _files(folder: Path) -> Callable[[Request], Awaitable[Response]]:
    """Serves the files of one folder from memory; Starlette keeps every path inside it."""
    files = StaticFiles(directory=folder)
    kept: dict[str, _Kept] = {}

    async def answer(request: Request) -> Response:
        name = request.path_params["name"]
        if Path(name).suffix not in PAGE_SUFFIXES:
            raise HTTPException(404)
        try:
            path, found = files.lookup_path(name)
            if found is None or not stat.S_ISREG(found.st_mode):
                raise HTTPException(404)
            file = kept.get(path)
            if file is None or file.version != (found.st_mtime_ns, found.st_size):
                file = kept[path] = _Kept.of(Path(path), found)
        except (OSError, ValueError):  # a name too long, or none that a file can have
            raise HTTPException(404) from None
        headers = SHARED | FRESH | {"ETag": file.etag, "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304, headers=headers)
        body = file.body
        if file.gzipped and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = file.gzipped
        return Response(body, media_type=file.media_type, headers=headers)

    return answer


@dataclass(frozen=True)
class _Kept:
    """One file as it was when it was last read."""

    version: tuple[int, int]  # when it was changed, in ns, and its size
    body: bytes
    gzipped: bytes  # empty where that would save nothing
    etag: str
    media_type: str

    @classmethod
    def of(cls, path: Path, found: os.stat_result) -> Self:
        body = path.read_bytes()
        is_text = path.suffix in TEXTS
        return cls(
            version=(found.st_mtime_ns, found.st_size),
            body=body,
            gzipped=gzip.compress(body, 6, mtime=0) if is_text and len(body) > SMALL else b"",
            etag=f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"',
            media_type=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
        )


async def _asset(request: Request) -> Response:
    """What is named by its content or version: no browser asks for it twice."""
    house, name = house_of(request), request.path_params["name"]
    is_gzipped = "gzip" in request.headers.get("accept-encoding", "")
    headers = SHARED | FOR_EVER | {"Vary": "Accept-Encoding"}
    if is_gzipped:
        headers["Content-Encoding"] = "gzip"
    if name == house.plotly.name:
        if not is_gzipped:
            return FileResponse(house.plotly.file, media_type="text/javascript", headers=headers)
        return Response(house.plotly.gzipped, media_type="text/javascript", headers=headers)
    file = house.page.file(name)
    if file is None:
        raise HTTPException(404)
    body = file.gzipped if is_gzipped else file.body
    return Response(body, media_type=file.media_type, headers=headers)
