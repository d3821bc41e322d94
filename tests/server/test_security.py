"""Who may use the server: Origin, Host, headers, and no way to run what is sent."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Mount, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse

import app
from app.headers import headers_of
from app.security import Policy, parse_origin
from app.settings import Settings

from .conftest import HERE

FOREIGN = [
    "http://evil.example",
    "https://127.0.0.1",  # the scheme counts
    "http://127.0.0.1:81",  # the port counts
    "http://127.0.0.1.evil.example",
    "http://evil.example/127.0.0.1",
    "http://127.0.0.1@evil.example",
    "http://127.0.0.1:80:80",
    "http://localhost",  # another name, another origin
    "file://",
    "null",
    "",
    "http://127.0.0.1/",
    "ws://127.0.0.1",
]


def all_routes(routes: list[BaseRoute]) -> Iterator[BaseRoute]:
    for route in routes:
        yield route
        yield from all_routes(list(getattr(route, "routes", None) or []))


def test_every_socket_refuses_a_foreign_origin_before_it_is_accepted(client: TestClient) -> None:
    routes = list(all_routes(client.app.router.routes))
    sockets = [route.path for route in routes if isinstance(route, WebSocketRoute)]
    assert sockets == ["/api/stream"]
    assert not [route for route in routes if isinstance(route, Mount)], "a mount may hide sockets"
    for path in [*sockets, "/js/main.js", "/nothing"]:
        for origin in FOREIGN:
            with (
                pytest.raises(WebSocketDenialResponse) as denied,
                client.websocket_connect(f"ws://127.0.0.1{path}", headers={"Origin": origin}),
            ):
                pass
            assert denied.value.status_code == 403
            assert denied.value.json()["code"] == "forbidden_origin"


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_origin_cannot_post(client: TestClient, origin: str) -> None:
    answer = client.post("/api/run", content="{}", headers={"Origin": origin})
    assert answer.status_code == 403
    assert answer.json()["code"] == "forbidden_origin"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("headers", [{}, {"Origin": HERE}, {"Origin": f"{HERE}:80"}])
def test_its_own_page_and_scripts_may(client: TestClient, headers: dict[str, str]) -> None:
    document = '{"steps": 2, "cell": {"hidden_size": 2}}'
    assert client.post("/api/run", content=document, headers=headers).status_code == 200
    with client.websocket_connect("ws://127.0.0.1/api/stream", headers=headers) as ws:
        assert ws.receive_json()["type"] == "hello"


def test_allowed_origins_may_and_can_read_the_answer(
    client_of: Callable[..., TestClient],
) -> None:
    client = client_of(allow_origin="null, https://school.example")
    for origin in ("null", "https://school.example", "https://school.example:443"):
        headers = {"Origin": origin}
        answer = client.post("/api/run", content='{"steps": 1}', headers=headers)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["vary"] == "Origin"
        asked = headers | {"Access-Control-Request-Method": "POST"}
        preflight = client.options("/api/run", headers=asked)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == origin
        with client.websocket_connect("ws://127.0.0.1/api/stream", headers=headers) as ws:
            assert ws.receive_json()["type"] == "hello"
    foreign = {"Origin": "https://other.example", "Access-Control-Request-Method": "POST"}
    assert client.options("/api/run", headers=foreign).status_code == 405


def test_an_allowed_origin_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="allow_origin is not an origin"):
        Policy.of(Settings(allow_origin="https://school.example/page"))


@pytest.mark.parametrize(
    ("bind", "host", "trusted"),
    [
        ("127.0.0.1", "127.0.0.1:8000", True),
        ("127.0.0.1", "localhost", True),
        ("127.0.0.1", "LOCALHOST:1", True),
        ("127.0.0.1", "[::1]:8000", True),
        ("127.0.0.1", "evil.example", False),
        ("127.0.0.1", "localhost.evil.example", False),
        ("127.0.0.1", "192.168.0.7", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "localhost:x", False),
        ("127.0.0.1", "evil.example\\@localhost", False),
        ("192.168.0.7", "192.168.0.7:8000", True),
        ("lab.example", "lab.example", True),
        ("0.0.0.0", "192.168.0.7:8000", True),
        ("::", "[fe80::1]:8000", True),
        ("0.0.0.0", "evil.example", False),
    ],
)
def test_the_host_header_names_this_server(bind: str, host: str, trusted: bool) -> None:
    assert Policy.of(Settings(host=bind)).is_trusted_host(host) is trusted


def test_a_rebound_name_is_refused_and_an_allowed_one_is_not(
    client_of: Callable[..., TestClient],
) -> None:
    client = client_of(allowed_host="rhoscope.school.example")
    for path in ("/", "/api/schema", "/js/main.js"):
        answer = client.get(path, headers={"Host": "evil.example"})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_host")
        assert client.get(path, headers={"Host": "rhoscope.school.example"}).status_code == 200


def test_every_answer_carries_the_headers(client: TestClient) -> None:
    answers = [
        client.get("/"),
        client.get("/js/main.js"),
        client.get("/nothing"),
        client.post("/api/run", content="nonsense"),
        client.post("/api/run", headers={"Origin": "http://evil.example"}),
        client.get("/", headers={"Host": "evil.example"}),
    ]
    for answer in answers:
        for name, value in headers_of(Settings()).items():
            assert answer.headers[name] == value
        assert "x-frame-options" not in answer.headers
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors" not in policy
        assert "script-src 'self';" in policy
        assert "connect-src 'self';" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "microphone=()" in answer.headers["permissions-policy"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("none", "'none'"),
        ("self, https://lms.school.example", "'self' https://lms.school.example"),
        ("https://*.school.example:8443, *, file:", "https://*.school.example:8443 * file:"),
        ("'self',HTTP://localhost:*", "'self' http://localhost:*"),
    ],
)
def test_who_may_frame_the_page_is_said_in_the_policy(
    client_of: Callable[..., TestClient], given: str, told: str
) -> None:
    client = client_of(frame_ancestors=given)
    for path in ("/", "/embed", "/nothing"):
        policy = client.get(path).headers["content-security-policy"]
        assert policy.endswith(f"; frame-ancestors {told}")


@pytest.mark.parametrize(
    "given",
    [
        "https://school.example/page",
        "school.example; script-src *",
        "school.example script-src",
        "*.*",
        "none, self",
        "null",
        "http://",
        "schöol.example",
    ],
)
def test_what_could_change_the_policy_is_refused_at_the_start(given: str) -> None:
    with pytest.raises(ValueError, match="frame_ancestors"):
        headers_of(Settings(frame_ancestors=given))


def test_origins_are_compared_whole() -> None:
    assert parse_origin("HTTP://Example.org") == ("http", "example.org", 80)
    assert parse_origin("https://[::1]:8443") == ("https", "::1", 8443)
    for text in ("example.org", "http://", "http://a b", "http://a/b", "http://a?b", "http://a:b"):
        assert parse_origin(text) is None


def modules() -> list[Path]:
    folder = Path(app.__file__).parent
    return sorted(folder.rglob("*.py"))


UNSAFE = {"pickle", "cPickle", "dill", "shelve", "marshal", "joblib", "yaml", "subprocess"}
OUTWARD = {"requests", "httpx", "httpx2", "aiohttp", "urllib3", "urllib.request", "http.client"}
CALLS = {"eval", "exec", "compile", "__import__", "load", "loads"}


@pytest.mark.parametrize("module", modules(), ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_nothing_is_unpickled_executed_or_fetched(module: Path) -> None:
    for node in ast.walk(ast.parse(module.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            assert name not in OUTWARD
            assert name.split(".")[0] not in UNSAFE
        if isinstance(node, ast.Call):
            assert called(node.func) not in {"torch.load", "numpy.load", "np.load"}
            if isinstance(node.func, ast.Name):
                assert node.func.id not in CALLS


def called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return ""
