"""Puts the server together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from threadpoolctl import threadpool_limits

from app import __version__
from app.assets import Plotly, frontend_folder
from app.device import chosen_device
from app.engine import RunEngine
from app.errors import Refusal, refusal
from app.files import Files
from app.headers import headers_of
from app.house import House
from app.lessons import shelf_of
from app.metrics import Metrics
from app.page_files import PageFiles
from app.root_path import RootPath, prefix_of
from app.routes import (
    api,
    docs,
    exports,
    lectures,
    lessons,
    metrics,
    page,
    posts,
    stream,
    tokens,
    uploads,
)
from app.security import Guard, Policy, error_response
from app.settings import Settings
from app.uploads import Uploads
from app.watch import Watch
from app.whole_run import ClientLeft
from app.workshop import Engine, Seats, Workshop

DESCRIPTION = """Every number of the page, for scripts: `POST /api/run` with an Experiment answers
with all tensors as one safetensors file. The socket at `/api/stream` sends the same step by step;
`/api/schema` describes its messages."""


def create_app(
    settings: Settings, *, frontend: Path | None = None, engine: Engine | None = None
) -> FastAPI:
    """The server as an ASGI application.

    Args:
        settings: what it accepts and offers.
        frontend: folder of the page's files; None for the installed ones.
        engine: what computes; None for the real one.

    Raises:
        ValueError: the device is not there, or an origin, a prefix or a place that may frame the
            page is none.
        MissingAsset: the page or Plotly is not installed.
    """
    device = chosen_device(settings.device)
    files, counts = files_of(settings), Metrics()
    folder, plotly = frontend or frontend_folder(), Plotly()
    house = House(
        settings=settings,
        device=device,
        frontend=folder,
        plotly=plotly,
        page=PageFiles(folder, plotly),
        workshop=Workshop(
            engine or RunEngine(device, settings.cache_bytes, files), settings, counts
        ),
        files=files,
        seats=Seats(settings.max_sessions, counts),
        metrics=counts,
        lessons=shelf_of(settings.lessons),
    )
    app = FastAPI(
        title="Rhoscope",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,  # FastAPI's own loads its scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name an address that a proxy may not know
        root_path_in_servers=False,  # `docs` names them relative to the document
        lifespan=_lifespan,
    )
    app.state.house = house
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(ClientLeft, _on_client_left)
    for part in (api, posts, uploads, exports, lectures, lessons, tokens, metrics):
        part.add_to(app)
    app.router.routes.extend([*stream.routes(), *docs.routes(), *page.routes(house.frontend)])
    docs.describe(app)
    _add_middleware(app, house)
    return app


def _add_middleware(app: FastAPI, house: House) -> None:
    """The last one added is the first that a request meets."""
    settings, routes = house.settings, app.router.routes
    own_names = {str(getattr(route, "path", "/")).split("/")[1] for route in routes}
    prefix = prefix_of(settings.root_path, own_names - {"", "{name}"})
    policy, headers = Policy.of(settings), headers_of(settings)
    app.add_middleware(RootPath, prefix=prefix)
    app.add_middleware(Guard, policy=policy, headers=headers, metrics=house.metrics)
    app.add_middleware(Watch, metrics=house.metrics, routes=routes, prefix=prefix)


def files_of(settings: Settings) -> Files:
    """The uploaded files of every server with these settings."""
    return Files(Uploads(settings.upload_folder, settings.max_uploads_bytes))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    house: House = app.state.house
    # Half a second of compressing: before the first visitor, not for him.
    compressing = asyncio.create_task(asyncio.to_thread(_compress, house))
    # The libraries behind NumPy have threads of their own; torch's are set in each worker.
    with threadpool_limits(limits=1):
        yield
    compressing.cancel()
    house.workshop.close()


def _compress(house: House) -> None:
    house.page.make_ready()
    _ = house.plotly.gzipped


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return error_response(error)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another")
        refused = refusal(
            "method_not_allowed",
            "the method",
            "is not allowed here",
            got=request.method,
            expected=allowed,
        )
    else:
        refused = refusal(
            "not_found",
            "the path",
            "is not known",
            got=request.url.path,
            expected="a path of this server",
            advice="/docs lists them.",
            status=error.status_code,
        )
    answer = error_response(refused)
    answer.headers.update(error.headers or {})
    return answer


async def _on_client_left(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it; the number is what proxies log
