"""Another site, on another origin: pages that a test writes, and reveal.js from node_modules."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.serving import ROOT

REVEAL = ROOT / "node_modules" / "reveal.js"

DECK = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>a deck</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/reveal/dist/reveal.css"></head>
<body style="margin: 0"><div class="reveal"><div class="slides">{slides}</div></div>
<script src="/reveal/dist/reveal.js"></script>
<script>Reveal.initialize({{transition: "none", hash: true, controls: false}});</script>
</body></html>"""

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>a page</title>
<link rel="icon" href="data:,"></head><body style="margin: 0">{body}</body></html>"""


class Elsewhere:
    """Serves `pages`, path → HTML, on a free port."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self.pages))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        # By another name than the product's server: another site, not another port alone.
        self.url = f"http://localhost:{self._server.server_address[1]}"

    def page(self, body: str) -> str:
        """The address of a page with this body."""
        return self._add(PAGE.format(body=body))

    def deck(self, *slides: str) -> str:
        """The address of a reveal.js deck of these slides."""
        return self._add(DECK.format(slides="".join(slides)))

    def _add(self, html: str) -> str:
        path = f"/{len(self.pages)}"
        self.pages[path] = html
        return self.url + path

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, pages: dict[str, str], *arguments: Any) -> None:
        self.pages = pages
        super().__init__(*arguments, directory=str(REVEAL))

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/reveal/"):
            self.path = path.removeprefix("/reveal")
            super().do_GET()
            return
        body = self.pages.get(path, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def there(package: Path = REVEAL) -> bool:
    """Whether the package of development is installed."""
    return (package / "dist" / "reveal.js").is_file()
