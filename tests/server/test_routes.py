"""The page, its files, Plotly, the API's documentation."""

import gzip
import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app import assets
from app.assets import MissingAsset, Plotly
from app.schema import published_schema


@pytest.mark.parametrize("path", ["/", "/embed"])
def test_the_page_is_served_with_the_address_of_plotly(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    found = re.search(r'<script defer src="(assets/plotly-[\d.]+\.min\.js)">', answer.text)
    assert found is not None
    assert "{{" not in answer.text
    script = client.get(f"/{found[1]}")
    assert script.status_code == 200
    assert "plotly.js v" in script.text[:400]


def test_no_address_in_the_page_is_absolute(client: TestClient) -> None:
    assert not re.findall(r'(?:src|href)="(?:/|https?:)', client.get("/").text)
    assert not re.findall(r'(?:src|href|url)(?:="|: ")(?:/|https?:)', client.get("/docs").text)


def test_the_page_is_asked_for_again_each_time_and_mostly_unchanged(
    client: TestClient, frontend: Path
) -> None:
    first = client.get("/")
    assert first.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": first.headers["etag"]}
    assert client.get("/", headers=known).status_code == 304
    (frontend / "index.html").write_text("<!doctype html>new")
    assert client.get("/", headers=known).text == "<!doctype html>new"


def test_modules_are_shared_with_sandboxed_frames_and_stay_fresh(client: TestClient) -> None:
    answer = client.get("/js/main.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": answer.headers["etag"]}
    again = client.get("/js/main.js", headers=known)
    assert (again.status_code, again.headers["access-control-allow-origin"]) == (304, "*")
    assert client.get("/icon.svg").headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    "path",
    [
        "/README.md",
        "/js/",
        "/js",
        "/js/nothing.js",
        "/js/..%2findex.html",
        "/js/%2e%2e/%2e%2e/secret.js",
        "/..%2f..%2fsecret.js",
        "/js//etc/passwd.js",
        "/assets/plotly-0.0.0.min.js",
        "/assets/..%2f..%2fplotly.min.js",
        "/docs/..%2fapp.js",
        "/api",
    ],
)
def test_nothing_else_is_served(client: TestClient, frontend: Path, path: str) -> None:
    (frontend.parent / "secret.js").write_text("secret")
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_plotly_is_compressed_once_and_kept_for_ever(client: TestClient) -> None:
    plotly = Plotly()
    path = f"/assets/{plotly.name}"
    answer = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.content == plotly.file.read_bytes()
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == plotly.file.read_bytes()
    kept = client.app.state.house.plotly.gzipped
    assert gzip.decompress(kept) == plain.content
    assert client.app.state.house.plotly.gzipped is kept


@pytest.mark.parametrize("banner", ["* plotly.js v3.7.0", "nothing"])
def test_an_old_plotly_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, banner: str
) -> None:
    (tmp_path / "package_data").mkdir()
    (tmp_path / "package_data" / "plotly.min.js").write_text(banner)
    monkeypatch.setattr(assets, "package_folder", lambda _: tmp_path)
    with pytest.raises(MissingAsset, match="pip install"):
        Plotly()


def test_documentation_comes_from_here_and_runs_no_inline_script(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "<script>" not in page
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(addresses) == 4
    for address in addresses:
        assert client.get(f"/{address}").status_code == 200
    document = client.get("/openapi.json").json()
    body = document["paths"]["/api/run"]["post"]["requestBody"]["content"]["application/json"]
    name = body["schema"]["$ref"].rpartition("/")[2]
    assert document["components"]["schemas"][name]["properties"]["cell"]
    names = set(document["components"]["schemas"])
    assert set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document))) <= names


def test_health(client: TestClient) -> None:
    answer = client.get("/healthz")
    assert answer.json()["status"] == "ok"
    assert answer.json()["sessions"] == 0


def test_the_schema_describes_the_experiment_and_every_message(client: TestClient) -> None:
    schema = client.get("/api/schema").json()
    assert schema == published_schema()
    assert schema["$ref"] == "#/$defs/Experiment"
    definitions = schema["$defs"]
    for name in ("Run", "Cancel", "View", "Hello", "Done", "Error", "Diagnosis"):
        assert definitions[name]["description"]
    assert set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema))) <= set(definitions)
    assert "required" not in definitions["Experiment"]
    everything = definitions["CompleteExperiment"]
    assert set(everything["required"]) == set(everything["properties"])
    assert set(definitions["Error"]["required"]) == {
        "type",
        "id",
        "code",
        "message",
        "field",
        "got",
        "expected",
    }


def test_every_number_of_the_experiment_says_what_it_is(client: TestClient) -> None:
    for name, definition in published_schema()["$defs"].items():
        if not name.startswith("Complete") and name not in ("Limits", "Timings"):
            for field, schema in definition["properties"].items():
                if schema.get("type") in ("number", "integer") and field not in ("protocol", "id"):
                    assert schema.get("description"), f"{name}.{field}"
