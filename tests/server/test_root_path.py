"""Under a prefix: with --root-path a path with it and without it is the same."""

from collections.abc import Callable

import pytest
from safetensors.numpy import load
from starlette.testclient import TestClient

from app.root_path import prefix_of
from app.settings import Settings


@pytest.mark.parametrize("prefix", ["/rhoscope", "/a/b.c/", "/courses/rnn-2026"])
def test_both_ways_lead_to_the_same(client_of: Callable[..., TestClient], prefix: str) -> None:
    client = client_of(root_path=prefix)
    starts = before, _ = prefix.rstrip("/"), ""
    document = '{"steps": 2, "cell": {"hidden_size": 2}}'
    for path in ("/", "/embed", "/js/main.js", "/api/schema", "/docs", "/openapi.json"):
        kept, stripped = client.get(before + path), client.get(path)
        assert (kept.status_code, stripped.status_code) == (200, 200)
        assert kept.content == stripped.content
    runs = [load(client.post(f"{start}/api/run", content=document).content) for start in starts]
    assert runs[0]["h"].tobytes() == runs[1]["h"].tobytes()
    for start in starts:
        with client.websocket_connect(f"ws://127.0.0.1{start}/api/stream") as ws:
            assert ws.receive_json()["type"] == "hello"


def test_the_bare_prefix_leads_into_its_folder(client_of: Callable[..., TestClient]) -> None:
    answer = client_of(root_path="/rhoscope").get("/rhoscope", follow_redirects=False)
    assert answer.status_code == 307
    assert answer.headers["location"] == "/rhoscope/", "no host: the proxy's is not known here"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_another_name_that_begins_alike_is_another_name(
    client_of: Callable[..., TestClient],
) -> None:
    client = client_of(root_path="/rho")
    assert client.get("/rhoscope/").status_code == 404
    assert client.get("/rho/rho/").status_code == 404


def test_a_guard_stands_before_the_prefix_too(client_of: Callable[..., TestClient]) -> None:
    client = client_of(root_path="/rho")
    for path in ("/rho/api/run", "/api/run"):
        answer = client.post(path, content="{}", headers={"Origin": "http://evil.example"})
        assert answer.json()["code"] == "forbidden_origin"
    assert client.get("/rho/", headers={"Host": "evil.example"}).status_code == 403
    bare = client.get("/rho", headers={"Host": "evil.example"}, follow_redirects=False)
    assert bare.status_code == 403


@pytest.mark.parametrize(
    "given",
    ["rhoscope", "/a//b", "/a b", "/../x", "/a/./b", "/a?b", "/a#b", "//evil.example", "/ä"],
)
def test_what_is_no_path_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="root_path is not a path"):
        prefix_of(given, [])


@pytest.mark.parametrize("given", ["/api", "/js/x", "/docs", "/metrics"])
def test_a_prefix_like_a_path_of_its_own_is_refused(
    client_of: Callable[..., TestClient], given: str
) -> None:
    with pytest.raises(ValueError, match="root_path begins like a path of the server's own"):
        client_of(root_path=given)


def test_none_is_none() -> None:
    assert prefix_of(Settings().root_path, ["api"]) == prefix_of("/", ["api"]) == ""
