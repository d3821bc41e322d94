"""The page put together: one script, one style sheet, named by their content."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.assets import Plotly, frontend_folder
from app.bundle import UnknownForm, bundle
from app.page_files import ENTRY, KEPT, PageFiles


def assets_in(html: str) -> list[str]:
    return re.findall(r'(?:src|href)="(assets/page-[^"]+)"', html)


@pytest.fixture
def sources(frontend: Path) -> Path:
    """A page of two modules and two style sheets."""
    page = (frontend / "index.html").read_text()
    links = '<link rel="stylesheet" href="css/a.css">\n<link rel="stylesheet" href="css/b.css">\n'
    (frontend / "index.html").write_text(page.replace("<script", f"{links}<script", 1))
    (frontend / "css").mkdir()
    (frontend / "css" / "a.css").write_text("a { color: red }\n")
    (frontend / "css" / "b.css").write_text("b { color: blue }\n")
    (frontend / "js" / "main.js").write_text('import { x } from "./other.js";\nconsole.log(x);\n')
    (frontend / "js" / "other.js").write_text("export const x = 1;\n")
    return frontend


def test_a_browser_asks_for_a_page_a_script_and_a_style_sheet() -> None:
    folder = frontend_folder()
    files = PageFiles(folder, Plotly())
    html = files.html()
    style, script = assets_in(html)
    assert 'src="js/' not in html and 'href="css/' not in html
    kept = files.file(script.removeprefix("assets/"))
    assert kept is not None
    assert kept.body.decode() == bundle(folder, ENTRY)
    sheets = sorted((folder / "css").glob("*.css"))
    text = files.file(style.removeprefix("assets/"))
    assert text is not None
    assert all(sheet.read_bytes() in text.body for sheet in sheets)


def test_styles_keep_the_order_of_their_links(sources: Path) -> None:
    files = PageFiles(sources, Plotly())
    style = files.file(assets_in(files.html())[0].removeprefix("assets/"))
    assert style is not None
    assert re.findall(r"color: \w+", style.body.decode()) == ["color: red", "color: blue"]


def test_script_and_style_are_kept_for_ever_and_shared(client: TestClient, sources: Path) -> None:
    assert sources.is_dir()
    for address in assets_in(client.get("/").text):
        answer = client.get(f"/{address}", headers={"Accept-Encoding": "gzip"})
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "Accept-Encoding"
        plain = client.get(f"/{address}", headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == answer.content
        kind = "text/javascript" if address.endswith(".js") else "text/css"
        assert answer.headers["content-type"].startswith(kind)


def test_a_changed_module_has_another_address_and_the_old_one_still_answers(
    client: TestClient, sources: Path
) -> None:
    style, script = assets_in(client.get("/").text)
    assert assets_in(client.get("/embed").text) == [style, script]
    (sources / "js" / "other.js").write_text("export const x = 23;\n")
    changed = assets_in(client.get("/").text)
    assert changed[0] == style
    assert changed[1] != script
    assert "x = 23" in client.get(f"/{changed[1]}").text
    assert "x = 1;" in client.get(f"/{script}").text


def test_old_scripts_are_let_go(sources: Path) -> None:
    files = PageFiles(sources, Plotly())
    first = assets_in(files.html())[1].removeprefix("assets/")
    for k in range(KEPT):
        (sources / "js" / "other.js").write_text(f"export const x = {'9' * (k + 2)};\n")
        files.html()
    assert files.file(first) is None
    assert files.file("page-../secret.js") is None


def test_who_looks_for_a_line_gets_the_modules_as_they_are(
    client: TestClient, sources: Path
) -> None:
    html = client.get("/?modules").text
    assert '<script type="module" src="js/main.js"></script>' in html
    assert 'href="css/a.css"' in html
    assert client.get("/js/main.js").text == (sources / "js" / "main.js").read_text()


def test_what_cannot_be_put_together_is_said(sources: Path) -> None:
    (sources / "js" / "main.js").write_text("export default 1;\n")
    with pytest.raises(UnknownForm, match=r"main\.js"):
        PageFiles(sources, Plotly()).html()


def test_what_the_first_visitor_asks_for_is_compressed_before(sources: Path) -> None:
    files = PageFiles(sources, Plotly())
    files.make_ready()
    for address in assets_in(files.html()):
        kept = files.file(address.removeprefix("assets/"))
        assert kept is not None
        assert "gzipped" in vars(kept)
        assert gzip.decompress(kept.gzipped) == kept.body
