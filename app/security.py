"""Who may use this server: Host and Origin are checked before anything else happens."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Refusal, refusal
from app.logs import SESSION
from app.metrics import Metrics
from app.settings import Settings

log = logging.getLogger("app")

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
EVERY_NETWORK = {"0.0.0.0", "::"}
DEFAULT_PORTS = {"http": 80, "https": 443}
SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}

Place = tuple[str, str, int]  # scheme, host, port


@dataclass(frozen=True)
class Policy:
    """The hosts this server answers to, and the foreign origins it lets in."""

    bind_host: str
    allowed_hosts: frozenset[str]
    allowed_origins: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """The policy that `settings` describe. Raises ValueError for an origin that is none."""
        for origin in settings.allow_origin:
            if origin != "null" and parse_origin(origin) is None:
                raise ValueError(
                    f"allow_origin is not an origin: got '{origin}'; expected scheme://host or "
                    "scheme://host:port, or null. Leave out any path and the closing slash."
                )
        hosts = frozenset(host.lower() for host in settings.allowed_host)
        return cls(settings.host.lower(), hosts, frozenset(settings.allow_origin))

    def is_trusted_host(self, header: str) -> bool:
        """Whether the Host header names this server: defeats DNS rebinding.

        An attack rebinds a name, so addresses are trusted where every network is listened to.
        """
        place = _parse_authority(header, "http")
        if place is None:
            return False
        host = place[1]
        if host in LOOPBACK or host == self.bind_host:
            return True
        if self.bind_host in EVERY_NETWORK and _is_address(host):
            return True
        return host in self.allowed_hosts or "*" in self.allowed_hosts

    def is_allowed_origin(self, origin: str, scheme: str, host_header: str) -> bool:
        """Whether `origin` is this server's own (scheme, host and port) or expressly allowed."""
        if self.is_foreign_but_allowed(origin):
            return True
        own = _parse_authority(host_header, SCHEMES.get(scheme, "http"))
        return own is not None and parse_origin(origin) == own

    def is_foreign_but_allowed(self, origin: str) -> bool:
        """Whether `origin` is one of --allow-origin."""
        if origin in self.allowed_origins:
            return True
        place = parse_origin(origin)
        return place is not None and any(
            place == parse_origin(allowed) for allowed in self.allowed_origins
        )


def parse_origin(origin: str) -> Place | None:
    """(scheme, host, port) of a web origin, or None if it is anything else."""
    scheme, separator, authority = origin.partition("://")
    if not separator or scheme.lower() not in DEFAULT_PORTS:
        return None
    return _parse_authority(authority, scheme.lower())


def _parse_authority(authority: str, scheme: str) -> Place | None:
    if not authority or any(sign in authority for sign in "/?#@\\ \t,"):
        return None
    try:
        parts = urlsplit(f"//{authority}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    return scheme, host, DEFAULT_PORTS[scheme] if port is None else port


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Guard:
    """ASGI middleware: refuses foreign hosts and origins, adds the headers, shapes all errors."""

    def __init__(
        self, app: ASGIApp, policy: Policy, headers: Mapping[str, str], metrics: Metrics
    ) -> None:
        self.app = app
        self.policy = policy
        self._headers = headers
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        answer = _Answer(scope, send, self._headers, self._shared_with(origin))
        refused = self._refusal(scope, headers, origin)
        if refused is not None:
            error = refused.error
            self._metrics.turned_away("host" if error.code == "forbidden_host" else "origin")
            log.info("turned away", extra={"code": error.code, "got": error.got})
            await _refuse(refused, scope, receive, answer.send)
        elif scope["type"] == "http" and scope["method"] == "OPTIONS" and answer.shared_with:
            await _preflight()(scope, receive, answer.send)
        else:
            await self._answer(scope, receive, answer)

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            await self.app(scope, receive, answer.send)
        except Exception:
            if scope["type"] == "websocket" or answer.has_started:
                raise
            log.exception("a request failed")
            await error_response(internal())(scope, receive, answer.send)

    def _refusal(self, scope: Scope, headers: Headers, origin: str | None) -> Refusal | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.policy.is_trusted_host(hosts[0]):
            return refusal(
                "forbidden_host",
                "the Host header",
                "does not name this server",
                got=", ".join(hosts) or None,
                expected="localhost or the address it listens on",
                advice="Start the server with --allowed-host NAME to serve it under that name.",
            )
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return None
        origins: Iterable[str] = headers.getlist("origin")
        if all(self.policy.is_allowed_origin(o, scope["scheme"], hosts[0]) for o in origins):
            return None
        return refusal(
            "forbidden_origin",
            "the Origin header",
            "is foreign",
            got=origin,
            expected="the address this server was opened at",
            advice="Start the server with --allow-origin ORIGIN to let another page use it.",
        )

    def _shared_with(self, origin: str | None) -> str | None:
        """The foreign origin that may read the answer."""
        if origin is not None and self.policy.is_foreign_but_allowed(origin):
            return origin
        return None


class _Answer:
    """Adds the headers to whatever is sent, and remembers whether anything was."""

    def __init__(
        self, scope: Scope, send: Send, headers: Mapping[str, str], shared_with: str | None
    ) -> None:
        self._scope = scope
        self._send = send
        self._headers = headers
        self.shared_with = shared_with
        self.has_started = False

    async def send(self, message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            self.has_started = True
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
            if self.shared_with is not None:
                headers.setdefault("Access-Control-Allow-Origin", self.shared_with)
                headers.add_vary_header("Origin")
        await self._send(message)


def error_response(refused: Refusal) -> JSONResponse:
    """The HTTP answer to something refused."""
    return JSONResponse(refused.error.model_dump(), status_code=refused.status)


def internal() -> Refusal:
    """The `Refusal` for a fault of the server itself; it names the log's lines about it."""
    of = SESSION.get()
    return refusal(
        "internal",
        "the server",
        "met a fault of its own",
        expected="an answer",
        advice=f"The server's log has the details{f', under session {of}' if of else ''}.",
    )


async def _refuse(refused: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await error_response(refused)(scope, receive, send)
    elif "websocket.http.response" in scope.get("extensions", {}):
        body = refused.error.model_dump_json().encode()
        start = {"status": refused.status, "headers": [(b"content-type", b"application/json")]}
        await send({"type": "websocket.http.response.start", **start})
        await send({"type": "websocket.http.response.body", "body": body})
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": refused.error.code})


def _preflight() -> Response:
    allowed = {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "Content-Type",
        "Access-Control-Max-Age": "600",
    }
    return Response(status_code=204, headers=allowed)
