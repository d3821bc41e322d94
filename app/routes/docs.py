"""/docs: Swagger UI from an installed package, without inline scripts and without a CDN."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from app.assets import package_folder
from app.schema import published_schema

FILES = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}

# Addresses are relative, so that a proxy may put a prefix before all of them.
HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Rhoscope: the API</title>
<link rel="icon" href="icon.svg">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({ url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true });
"""


def routes() -> list[Route]:
    """The page of the API's documentation, and its files."""
    folder = package_folder("fastapi_offline") / "static"

    async def page(request: Request) -> Response:
        return HTMLResponse(HTML)

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name == "start.js":
            return Response(START, media_type="text/javascript")
        if name not in FILES:
            raise HTTPException(404)
        return FileResponse(folder / name, media_type=FILES[name])

    return [Route("/docs", page), Route("/docs/{name}", file)]


def describe(app: FastAPI) -> None:
    """Makes the app's OpenAPI document carry the published schema of the Experiment."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                servers=[{"url": "."}],  # where this document lies, under whichever prefix
            )
            published = published_schema("#/components/schemas/{model}")
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas.update(published["$defs"])
            app.openapi_schema = json.loads(json.dumps(document))
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way
