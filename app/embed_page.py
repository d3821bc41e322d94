"""The page as /embed serves it, and what its head tells those who only show a link to it.

The options are validated here and reach the page as JSON in a script that is not run, so the page
judges nothing a second time, and as attributes of <html>, so the first paint has no chrome.
"""

from __future__ import annotations

import html
import json
import re

from app.embed_options import EmbedOptions
from app.errors import Error

CARD = "card.png"
CARD_SIZE = (1200, 630)
CARD_SAYS = "Rhoscope at work: hidden states, gradients and eigenvalues of a recurrent network"


def with_card(page: str, base: str, title: str = "") -> str:
    """The page with the address of its picture for previews (Open Graph), which must be absolute.

    Args:
        page: HTML with one `</head>`.
        base: where this server was asked, with the slash at its end.
        title: what stands in the place of the page's own title.
    """
    if title:
        title = html.escape(title)
        page = re.sub(r"(<title>).*?(</title>)", lambda tag: tag[1] + title + tag[2], page)
        page = re.sub(
            r'(<meta property="og:title" content=").*?(">)',
            lambda tag: tag[1] + title + tag[2],
            page,
        )
    width, height = CARD_SIZE
    said = {
        "og:image": base + CARD,
        "og:image:width": str(width),
        "og:image:height": str(height),
        "og:image:alt": CARD_SAYS,
    }
    lines = [f'<meta property="{name}" content="{html.escape(v)}">' for name, v in said.items()]
    return page.replace("</head>", "\n".join([*lines, "</head>"]), 1)


def embedded(page: str, options: EmbedOptions, problems: list[Error]) -> str:
    """The page without chrome, as `options` say."""
    told = {
        "options": options.model_dump(mode="json"),
        "problems": [problem.model_dump(mode="json") for problem in problems],
    }
    # Nothing in a script may look like its end; in JSON < has another spelling.
    text = json.dumps(told, ensure_ascii=False).replace("<", "\\u003c")
    script = f'<script type="application/json" id="embed">{text}</script>\n'
    theme = "" if options.theme == "auto" else f' data-theme="{options.theme}"'
    page = page.replace('<html lang="en"', f'<html lang="en" data-embed{theme}', 1)
    return page.replace("</head>", f"{script}</head>", 1)
