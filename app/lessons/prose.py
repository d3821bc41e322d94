"""Prose: the HTML that a lesson may hold, MathML included; what is in it, and what is wrong.

Whatever is not on the list is a problem with its line, never left out in silence. What passes goes
through nh3 as well, a sanitiser that parses as browsers do: no script, handler or foreign address
can be in what it gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

import nh3

from app.lessons.problems import Place, Problem


def _bare(names: str) -> dict[str, set[str]]:
    """Tags without attributes of their own."""
    return {name: set() for name in names.split()}


MATHML = {
    "math": {"display"},
    "mi": {"mathvariant"},
    "mo": {
        "stretchy",
        "fence",
        "separator",
        "form",
        "lspace",
        "rspace",
        "largeop",
        "movablelimits",
    },
    "mspace": {"width", "height", "depth"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mfrac": {"linethickness"},
    "mpadded": {"width", "height", "depth", "lspace", "voffset"},
    "mover": {"accent"},
    "munder": {"accentunder"},
    "munderover": {"accent", "accentunder"},
    "mtable": {"columnalign", "rowspacing", "columnspacing"},
    "mtd": {"columnalign", "columnspan", "rowspan"},
} | _bare("mn ms mtext mrow msqrt mroot merror mphantom msub msup msubsup mtr")
INLINE = {
    "a": {"href"},
    "data": {"value", "data-at"},
} | _bare("b strong i em var code kbd samp sub sup small q br span abbr mark")
BLOCKS = {
    "th": {"colspan", "rowspan", "scope"},
    "td": {"colspan", "rowspan"},
    "ol": {"start"},
} | _bare("p ul li h3 h4 pre blockquote hr dl dt dd table caption thead tbody tr")
EVERYWHERE = {"title", "lang", "dir"}
VOID = {"br", "hr", "mspace"}


@dataclass
class Word:
    """A link in the prose: what it sets, and where it stands."""

    href: str
    place: Place


@dataclass
class Claim:
    """A number that the prose says is the run's: `<data value="rho">1.2</data>`."""

    reading: str
    at: str  # a change of the step's Experiment, of which it is said; may be empty
    place: Place
    text: str = ""


@dataclass
class Prose:
    """Clean HTML, and what of it is more than text."""

    html: str
    words: list[Word] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def prose(html: str, place: Place, *, is_inline: bool = False) -> Prose:
    """What `html`, which begins at `place`, says; `is_inline`: within a line, without blocks."""
    allowed = MATHML | INLINE | ({} if is_inline else BLOCKS)
    reader = _Reader(allowed, place)
    reader.feed(html)
    reader.close()
    reader.end()
    found = reader.found
    if not found.problems:
        found.html = nh3.clean(
            html.strip(),
            tags=set(allowed),
            attributes={tag: names | EVERYWHERE for tag, names in allowed.items()},
            url_schemes=set(),
            link_rel=None,
        )
    return found


class _Reader(HTMLParser):
    def __init__(self, allowed: dict[str, set[str]], place: Place) -> None:
        super().__init__(convert_charrefs=True)
        self.found = Prose("")
        self._allowed = allowed
        self._usual = "p, ul, table, b" if "p" in allowed else "b, i, sub, a, without paragraphs"
        self._start = place
        self._open: list[tuple[str, Place]] = []
        self._claim: Claim | None = None

    @property
    def _here(self) -> Place:
        return self._start.below(self.getpos()[0] - 1)

    def _say(self, message: str, place: Place | None = None) -> None:
        self.found.problems.append(Problem(place or self._here, message))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self._allowed:
            self._say(
                f"<{tag}> cannot stand here: expected prose, such as {self._usual}, or MathML"
            )
            return
        given = {name: value or "" for name, value in attrs}
        for name in given:
            if name not in self._allowed[tag] | EVERYWHERE:
                expected = ", ".join(sorted(self._allowed[tag] | EVERYWHERE))
                self._say(f"<{tag}> cannot have {name}: expected one of {expected}")
        if tag == "a":
            self._word(given.get("href", ""))
        if tag == "data":
            self._claim = Claim(given.get("value", ""), given.get("data-at", ""), self._here)
        if tag not in VOID:
            self._open.append((tag, self._here))

    def _word(self, href: str) -> None:
        if href.startswith("#") and len(href) > 1:
            self.found.words.append(Word(href, self._here))
        else:
            self._say(
                f"<a> leads elsewhere: got '{href[:60]}'; expected a change such as #rho=1.2, "
                "or #lesson=NAME. Write other addresses as text."
            )

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID or tag not in self._allowed:
            return
        if not self._open or self._open[-1][0] != tag:
            inner = (
                f"<{self._open[-1][0]}> of line {self._open[-1][1].line} is open"
                if self._open
                else "nothing is open"
            )
            self._say(f"</{tag}> closes what is not open: {inner}")
            while any(name == tag for name, _ in self._open):
                if self._open.pop()[0] == tag:
                    break
            return
        self._open.pop()
        if tag == "data" and self._claim:
            self.found.claims.append(self._claim)
            self._claim = None

    def handle_data(self, data: str) -> None:
        if self._claim:
            self._claim.text += data

    def handle_decl(self, decl: str) -> None:
        self._say("a fragment has no <!…>: write only what stands in the step")

    def unknown_decl(self, data: str) -> None:
        self.handle_decl(data)

    def handle_pi(self, data: str) -> None:
        self._say("a fragment has no <?…>")

    def end(self) -> None:
        """What was opened must have been closed."""
        for tag, place in self._open:
            self._say(f"<{tag}> is never closed", place)
