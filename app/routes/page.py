"""The page, its modules and styles, and Plotly."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from app.assets import PAGE_SUFFIXES, page_html
from app.embed_options import read_options
from app.embed_page import embedded, with_card
from app.house import house_of

# A sandboxed frame has the origin null, and asks for modules as a stranger would.
SHARED = {"Access-Control-Allow-Origin": "*"}
FRESH = {"Cache-Control": "no-cache"}  # ask each time; the answer is mostly 304
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


def routes(frontend: Path) -> list[Route]:
    """The routes of the page whose files lie in `frontend`."""
    folders = [entry for entry in sorted(frontend.iterdir()) if entry.is_dir()]
    return [
        Route("/", _page),
        Route("/embed", _embed),
        Route("/assets/{name}", _plotly),
        *(Route(f"/{folder.name}/{{name:path}}", _files(folder)) for folder in folders),
        Route("/{name}", _files(frontend)),
    ]


async def _page(request: Request) -> Response:
    house = house_of(request)
    page = page_html(house.frontend, house.plotly)
    return _fresh(request, with_card(page, str(request.base_url)))


async def _embed(request: Request) -> Response:
    house = house_of(request)
    options, problems = read_options(request.query_params.multi_items())
    page = page_html(house.frontend, house.plotly)
    page = with_card(page, str(request.base_url), options.title)
    return _fresh(request, embedded(page, options, problems))


def _fresh(request: Request, page: str) -> Response:
    html = page.encode()
    etag = f'"{hashlib.blake2b(html, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag} | FRESH
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(html, headers=headers)


def _files(folder: Path) -> Callable[[Request], Awaitable[Response]]:
    """Serves the files of one folder; Starlette keeps every path inside it."""
    files = StaticFiles(directory=folder)

    async def answer(request: Request) -> Response:
        name = request.path_params["name"]
        if Path(name).suffix not in PAGE_SUFFIXES:
            raise HTTPException(404)
        response = await files.get_response(name, request.scope)
        response.headers.update(SHARED | FRESH)
        return response

    return answer


async def _plotly(request: Request) -> Response:
    plotly = house_of(request).plotly
    if request.path_params["name"] != plotly.name:
        raise HTTPException(404)
    headers = SHARED | FOR_EVER | {"Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return FileResponse(plotly.file, media_type="text/javascript", headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(plotly.gzipped, media_type="text/javascript", headers=headers)
