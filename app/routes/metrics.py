"""GET /metrics: counts for Prometheus, kept to this machine unless told otherwise."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from fastapi import Depends, FastAPI
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.errors import refusal
from app.house import House, house_of

Served = Annotated[House, Depends(house_of)]

# Whoever sends one of these stands in front of somebody else, who may be anywhere.
FORWARDING = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def add_to(app: FastAPI) -> None:
    """Adds this route to `app`."""
    app.add_api_route("/metrics", metrics, response_class=Response)


async def metrics(request: Request, house: Served) -> Response:
    """Counts of runs, bytes, sessions and refusals, in Prometheus' text format."""
    access = house.settings.metrics
    if access == "off":
        raise HTTPException(404)
    if access == "local" and not _is_local(request):
        raise refusal(
            "forbidden_client",
            "the client",
            "is not on this machine",
            expected="a request from here that no proxy hands on",
            advice="Start the server with --metrics all, and let the proxy keep /metrics private.",
        )
    return Response(house.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _is_local(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in FORWARDING):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
