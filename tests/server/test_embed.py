"""/embed: its options, what stands in its HTML, and what a preview of a link is told."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from app.assets import frontend_folder
from app.embed_options import (
    BottomView,
    EmbedOptions,
    Network,
    SideView,
    TopView,
    options_table,
    read_options,
)
from app.embed_page import CARD, CARD_SIZE
from app.link import SHORT_NAMES

ROOT = Path(__file__).resolve().parents[2]


class Head(HTMLParser):
    """The attributes of <html>, the meta properties, the title and the data of the embed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root: dict[str, str | None] = {}
        self.said: dict[str, str | None] = {}
        self.title = self.data = ""
        self._inside = ""
        self.scripts: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self.root = given
        if tag == "meta" and "property" in given:
            self.said[str(given["property"])] = given["content"]
        if tag == "script":
            self.scripts.append(given)
        self._inside = "data" if given.get("id") == "embed" else tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data
        if self._inside == "data":
            self.data += data


def told(client: TestClient, query: str) -> dict[str, Any]:
    answer = client.get(f"/embed?{query}")
    assert answer.status_code == 200
    found: dict[str, Any] = json.loads(Head(answer.text).data)
    return found


def test_without_options_everything_is_at_its_default(client: TestClient) -> None:
    found = told(client, "")
    assert found == {"options": EmbedOptions().model_dump(mode="json"), "problems": []}


def test_lists_may_be_written_in_any_way_and_twice(client: TestClient) -> None:
    for query in ("view=top,time", "view=top+time", "view=top%20time", "view=top&view=time"):
        assert told(client, query)["options"]["view"] == ["top", "time"]


@pytest.mark.parametrize(
    ("query", "option", "value"),
    [
        ("autoplay", "autoplay", "always"),
        ("autoplay=0", "autoplay", "never"),
        ("loop=false", "loop", False),
        ("speed=0.5", "speed", 0.5),
        ("t=84", "t", 84),
        ("lesson=vanishing-1&step=3", "step", 3),
        ("controls=min,phi", "controls", ["min", "phi"]),
        ("lock=all", "lock", ["all"]),
        ("title=%3C/script%3E%3Cb%3E", "title", "</script><b>"),
    ],
)
def test_an_option_reaches_the_page(
    client: TestClient, query: str, option: str, value: object
) -> None:
    found = told(client, query)
    assert found["options"][option] == value
    assert found["problems"] == []


@pytest.mark.parametrize(
    ("query", "field", "rest"),
    [
        ("view=top,nonsense", "view", {"view": ["top"]}),
        ("view=nonsense", "view", {}),
        ("scale=9", "scale", {}),
        ("scale=nan", "scale", {}),
        ("speed=inf", "speed", {}),
        ("t=0", "t", {}),
        ("t=1.5", "t", {}),
        ("theme=neon", "theme", {}),
        ("loop=perhaps&theme=dark", "loop", {"theme": "dark"}),
        ("lesson=../secret", "lesson", {}),
        ("utm_source=mail", "utm_source", {}),
        ("title=" + "x" * 201, "title", {}),
        ("%00=1", "\0", {}),
    ],
)
def test_a_wrong_value_falls_back_and_is_said(
    client: TestClient, query: str, field: str, rest: dict[str, object]
) -> None:
    found = told(client, query)
    assert found["options"] == EmbedOptions().model_dump(mode="json") | rest
    [problem] = found["problems"]
    assert problem["field"] == field
    assert "got" in problem["message"] and "expected" in problem["message"]
    assert len(problem["message"]) < 700


def test_a_hundred_wrong_items_are_a_bounded_number_of_problems() -> None:
    options, problems = read_options([("hide", ",".join(f"x{k}" for k in range(1000)))])
    assert options == EmbedOptions()
    assert len(problems) == 64


def test_the_first_paint_has_no_chrome_and_the_theme_asked_for(client: TestClient) -> None:
    assert "data-embed" not in Head(client.get("/").text).root
    assert Head(client.get("/embed").text).root == {"lang": "en", "data-embed": None}
    dark = Head(client.get("/embed?theme=dark").text).root
    assert dark == {"lang": "en", "data-embed": None, "data-theme": "dark"}


def test_no_script_is_inline_but_data(client: TestClient) -> None:
    scripts = Head(client.get("/embed?title=%3C!--%3Cscript%3E").text).scripts
    assert scripts
    for script in scripts:
        assert "src" in script or script["type"] == "application/json"
    assert "script-src 'self';" in client.get("/embed").headers["content-security-policy"]


def test_a_preview_is_told_title_and_picture(client: TestClient) -> None:
    page = Head(client.get("/").text)
    assert page.said["og:image"] == f"http://127.0.0.1/{CARD}"
    title = "Does <it> vanish & why"
    embed = Head(client.get("/embed", params={"title": title}).text)
    assert embed.title == embed.said["og:title"] == title


def test_the_picture_is_there_and_as_large_as_it_says() -> None:
    head = (frontend_folder() / CARD).read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(head[16:20]), int.from_bytes(head[20:24])) == CARD_SIZE


def test_another_query_is_another_page_to_a_cache(client: TestClient) -> None:
    first = client.get("/embed?theme=dark")
    known = {"If-None-Match": first.headers["etag"]}
    assert client.get("/embed?theme=dark", headers=known).status_code == 304
    assert client.get("/embed?theme=light", headers=known).status_code == 200


def test_the_documentation_has_the_options_as_the_model_has_them() -> None:
    text = (ROOT / "docs" / "embedding.md").read_text("utf-8")
    assert options_table() in text, f"docs/embedding.md needs this table:\n\n{options_table()}"


def test_the_views_are_the_pages_own() -> None:
    text = (frontend_folder() / "js" / "state" / "linked_view.js").read_text("utf-8")
    known = [name for view in (TopView, BottomView, SideView) for name in get_args(view)]
    for place in ("TOP", "BOTTOM", "SIDE"):
        found = re.search(rf"{place}_VIEWS = .*\((\[.*\])\)", text)
        assert found is not None
        assert set(json.loads(found[1])) <= set(known), f"{place}_VIEWS has another view"


def test_fields_are_named_as_in_links() -> None:
    known = set(SHORT_NAMES)
    for option in ("controls", "lock", "hide"):
        schema = EmbedOptions.model_json_schema()["properties"][option]
        named = set(schema["items"]["enum"]) & known
        assert set(get_args(Network)) <= named
        others = set(schema["items"]["enum"]) - known
        assert not {name for name in others if name[0].isupper()}


def test_the_element_is_a_module_for_other_origins() -> None:
    from app.server import create_app
    from app.settings import Settings

    client = TestClient(create_app(Settings()), base_url="http://127.0.0.1")
    answer = client.get("/rho-scope.js", headers={"Origin": "https://elsewhere.example"})
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "import " not in re.sub(r"/\*.*?\*/", "", answer.text, flags=re.DOTALL)
