"""An embed in a page of another site: what it shows, what it says, what it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any, get_args

import pytest
from playwright.sync_api import Frame, Page, expect

from app.embed_options import FieldControl, Unnamed
from tests.serving import Server
from tests.ui.elsewhere import Elsewhere

LATEST_MS = 20_000
PAINTED = "() => window.rhoscope?.picturesPainted > 0"

# The page around: keeps all it hears, and asks with an answer to be waited for.
LISTENING = """<script>
const heard = [];
addEventListener("message", ({ data }) => heard.push(data));
const frame = () => document.querySelector("iframe").contentWindow;
const said = (name) => heard.filter(({ type }) => type === `rhoscope:${name}`);
async function until(test) {
  for (;;) {
    const found = heard.find(test);
    if (found) return found;
    await new Promise((go) => addEventListener("message", go, { once: true }));
  }
}
const ask = (message) => {
  frame().postMessage({ version: 1, ...message }, "*");
  return until(({ id }) => id === message.id);
};
</script>"""


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as site:
        yield site


@pytest.fixture
def around(page: Page, server: Server, elsewhere: Elsewhere) -> Callable[..., Frame]:
    """Opens an embed in a page that listens; returns its frame once it is painted."""
    page.set_default_timeout(LATEST_MS)

    def opened(query: str = "", link: str = "#rho=1.2&T=50&H=16", more: str = "") -> Frame:
        source = f"{server.url}/embed?{query}{link}"
        frame = f'<iframe src="{source}" width="960" height="540" {more} title="it"></iframe>'
        page.goto(elsewhere.page(LISTENING + frame))
        return painted(page)

    return opened


def painted(page: Page, selector: str = "iframe") -> Frame:
    element = page.wait_for_selector(selector, state="attached")
    frame = element.content_frame()
    assert frame is not None
    frame.wait_for_function(PAINTED)
    return frame


def asked(page: Page, name: str, **content: Any) -> dict[str, Any]:
    """What the embed answers to a message."""
    message = {"type": f"rhoscope:{name}", "id": f"{name} {content}"} | content
    answer: dict[str, Any] = page.evaluate("message => ask(message)", message)
    return answer


SHOWN = """async () => {
  for (let k = 0; k < 2; k++) await new Promise(requestAnimationFrame);
  return [...document.querySelectorAll('main > section, main > aside')]
    .filter((each) => each.getClientRects().length)
    .map((each) => [`.${each.classList[0]}`, each.getBoundingClientRect().toJSON()]);
}"""


@pytest.mark.parametrize(
    ("query", "panels"),
    [
        ("", [".hidden-states", ".norms", ".time"]),
        ("view=bottom,side,corner", [".norms", ".eigenvalues", ".weights"]),
        ("view=powers&controls=none", [".powers"]),
        ("view=time,readout&theme=projector", [".time", ".readout"]),
    ],
)
def test_only_the_named_panels_fill_the_frame(
    page: Page, server: Server, subtests: pytest.Subtests, query: str, panels: list[str]
) -> None:
    page.goto(f"{server.url}/embed?{query}#rho=1.2&H=8&T=40")
    page.wait_for_function(PAINTED)
    expect(page.locator(".masthead")).to_be_hidden()
    for width, height in ((1280, 720), (960, 540), (800, 600), (480, 320), (390, 844)):
        with subtests.test(f"{width} × {height}"):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_function(f"() => innerWidth === {width} && innerHeight === {height}")
            shown = page.evaluate(SHOWN)
            assert {name for name, _ in shown} == set(panels)
            for _, box in shown:
                assert box["width"] > 100 and box["height"] > 20
                assert box["left"] >= 0 and box["right"] <= width
                assert box["top"] >= 0 and box["bottom"] <= height
            for (_, a), (_, b) in combinations(shown, 2):
                is_apart = a["right"] <= b["left"] or a["bottom"] <= b["top"]
                assert is_apart or b["right"] <= a["left"] or b["bottom"] <= a["top"]
            root = "(({scrollWidth: w, scrollHeight: h}) => [w, h])(document.documentElement)"
            assert page.evaluate(root) == [width, height]


def test_axes_are_there_without_plotly_which_comes_when_it_is_pointed_at(
    page: Page, server: Server
) -> None:
    page.goto(f"{server.url}/embed#rho=1.2&T=40")
    page.wait_for_function(PAINTED)
    expect(page.locator(".norms canvas.axes")).to_be_visible()
    assert page.evaluate("window.Plotly === undefined")
    page.locator(".norms .panel-body").hover()
    page.wait_for_function("() => document.querySelector('.norms .plot .main-svg')")
    expect(page.locator(".norms canvas.axes")).to_have_count(0)


def test_a_wrong_option_is_said_in_the_page_and_to_the_page_around(
    page: Page, around: Callable[..., Frame]
) -> None:
    frame = around("scale=99&view=top,nonsense")
    expect(frame.locator(".message-remark")).to_contain_text("view=nonsense, scale=99")
    first, second = page.evaluate("said('error')")
    assert [first["field"], second["field"]] == ["view", "scale"]
    assert first["code"] == "option" and "expected" in second["message"]
    expect(frame.locator(".hidden-states")).to_be_visible()


def test_ready_state_and_answers(page: Page, around: Callable[..., Frame]) -> None:
    frame = around("t=7&speed=3")
    ready = page.evaluate("until(({ type }) => type === 'rhoscope:ready')")
    assert (ready["version"], ready["hash"], ready["t"]) == (1, "#H=16&rho=1.2&T=50&t=7", 7)
    size = page.evaluate("said('resize')[0]")
    assert size["width"] == 960 and 300 < size["height"] < 1200
    frame.get_by_role("slider", name="spectral radius").fill("0.8")
    state = page.evaluate("until(({ type, hash }) => type === 'rhoscope:state')")
    assert state["experiment"]["recurrent"] == {"spectral_radius": 0.8}

    answer = asked(page, "set", fields={"rho": 1.5, "cell.activation": "relu"}, t=9)
    assert answer["type"] == "rhoscope:answer" and answer["result"]["t"] == 9
    frame.wait_for_function("() => rhoscope.painted.recurrent.spectral_radius === 1.5")
    assert asked(page, "get")["result"]["experiment"]["cell"]["activation"] == "relu"
    assert asked(page, "set", hash="#rho=0.5&H=8")["result"]["hash"] == "#H=8&rho=0.5"
    assert asked(page, "seek", t=30)["result"]["t"] == 30
    assert asked(page, "play")["result"]["isPlaying"] is True
    frames = page.evaluate("until(({ type, t }) => type === 'rhoscope:frame' && t > 32)")
    assert frames["steps"] == 200
    assert asked(page, "pause")["result"]["isPlaying"] is False


def test_a_screenshot_is_a_picture_of_what_was_just_set(
    page: Page, around: Callable[..., Frame]
) -> None:
    around("view=verdict,bottom,time&controls=none")
    page.evaluate("void ask({ type: 'rhoscope:set', fields: { rho: 0.5 }, id: 'first' })")
    shot = asked(page, "screenshot", scale=2)["result"]
    assert (shot["width"], shot["height"]) == (1920, 1080)
    blue = page.evaluate(
        """async (url) => {
          const picture = await createImageBitmap(await (await fetch(url)).blob());
          const canvas = new OffscreenCanvas(picture.width, picture.height);
          const context = canvas.getContext("2d");
          context.drawImage(picture, 0, 0);
          const { data } = context.getImageData(0, 0, picture.width, picture.height);
          let blue = 0;
          for (let k = 0; k < data.length; k += 4) blue += data[k + 2] - data[k] > 100;
          return blue;
        }""",
        shot["url"],
    )
    assert blue > 2000  # the lines and the verdict of what vanishes


MALFORMED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"type": "rhoscope:nonsense"}, "unknown_type"),
    ({"type": "rhoscope:constructor"}, "unknown_type"),
    ({"type": "rhoscope:get", "version": 2}, "unknown_version"),
    ({"type": "rhoscope:set"}, "nothing_to_set"),
    ({"type": "rhoscope:set", "hash": 7}, "invalid_field"),
    ({"type": "rhoscope:set", "fields": {"rho": "much"}}, "invalid_field"),
    ({"type": "rhoscope:set", "fields": {"__proto__x": 1}}, "invalid_field"),
    ({"type": "rhoscope:set", "fields": {"rho": 1, "H": 0}}, "invalid_field"),
    ({"type": "rhoscope:set", "fields": [1]}, "invalid_field"),
    ({"type": "rhoscope:seek", "t": "1"}, "invalid_field"),
    ({"type": "rhoscope:screenshot", "scale": 1e9}, "invalid_field"),
)


def test_a_malformed_message_is_answered_and_changes_nothing(
    page: Page, around: Callable[..., Frame], subtests: pytest.Subtests
) -> None:
    around()
    for number, (message, code) in enumerate(MALFORMED):
        with subtests.test(message=message):
            answer = page.evaluate("message => ask(message)", message | {"id": number})
            assert (answer["type"], answer["code"]) == ("rhoscope:error", code)
            assert asked(page, "get", n=number)["result"]["hash"] == "#H=16&rho=1.2&T=50"


def test_what_is_no_message_of_ours_is_ignored(page: Page, around: Callable[..., Frame]) -> None:
    around()
    answers = "heard.filter(({ type }) => /answer|error/.test(type)).length"
    before = page.evaluate(answers)
    page.evaluate(
        """() => {
          for (const data of [null, 7, "rhoscope:get", "{", [], {}, {type: 5}, {type: "other:get"}])
            frame().postMessage(data, "*");
        }"""
    )
    asked(page, "get")
    assert page.evaluate(answers) == before + 1


def test_only_the_parent_is_heard(page: Page, around: Callable[..., Frame]) -> None:
    around()
    page.evaluate(
        """() => {
          const sibling = document.createElement("iframe");
          sibling.srcdoc = `<script>parent.frames[0].postMessage(
            {type: "rhoscope:set", fields: {rho: 0.1}, id: 1}, "*"); parent.postMessage("done", "*")
          <\\/script>`;
          document.body.append(sibling);
        }"""
    )
    page.evaluate("until((data) => data === 'done')")
    assert asked(page, "get")["result"]["experiment"]["recurrent"] == {"spectral_radius": 1.2}


def test_what_is_locked_no_hand_changes(page: Page, around: Callable[..., Frame]) -> None:
    frame = around("lock=rho,weights&controls=rho,phi&view=side,corner")
    expect(frame.get_by_role("slider", name="spectral radius")).to_be_disabled()
    frame.locator(".weights .panel-body").click()
    page.keyboard.type("3")
    frame.locator(".weights .panel-head").click(position={"x": 150, "y": 5})
    frame.evaluate("document.activeElement.blur()")
    page.keyboard.press("]")
    frame.get_by_label("activation φ").select_option("relu")
    frame.wait_for_function("() => rhoscope.painted.cell.activation === 'relu'")
    now = asked(page, "get")["result"]
    assert now["experiment"]["recurrent"] == {"spectral_radius": 1.2}
    # The page that has made the frame may.
    asked(page, "set", fields={"rho": 0.4})
    frame.wait_for_function("() => rhoscope.painted.recurrent.spectral_radius === 0.4")


def test_every_control_that_can_be_named_is_there(page: Page, server: Server) -> None:
    names = [*get_args(FieldControl), *get_args(Unnamed)]
    page.set_viewport_size({"width": 1280, "height": 900})
    link = "#cell=lstm&input=sine&h0=random&y=classes&generate=10&loss=cross_entropy"
    page.goto(f"{server.url}/embed?view=top&controls={','.join(names)}{link}")
    page.wait_for_function(PAINTED)
    there = page.locator(".embed-bar > :is(.field, .rho-control, .clock, .normality-control)")
    assert there.count() == len(names)
    expect(page.locator(".message-remark")).to_be_hidden()


def test_it_plays_only_where_it_is_seen(page: Page, around: Callable[..., Frame]) -> None:
    frame = around("autoplay=always", more='style="margin-top: 3000px; display: block"')
    assert frame.locator(".clock-play").get_attribute("aria-label") == "play"
    page.evaluate("scrollTo(0, 3000)")
    expect(frame.get_by_role("button", name="pause")).to_be_visible()
    # What changes back before it was told is not told.
    page.wait_for_function("() => said('state').at(-1)?.isPlaying === true")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function("() => said('state').at(-1)?.isPlaying === false")
    t = asked(page, "get")["result"]["t"]
    assert asked(page, "get")["result"]["t"] == t


def test_a_sandboxed_frame_has_no_storage_and_works(
    page: Page, server: Server, elsewhere: Elsewhere
) -> None:
    page.set_default_timeout(LATEST_MS)
    with Server("--allow-origin", "null") as own:
        source = f'sandbox="allow-scripts" src="{own.url}/embed#rho=0.9&T=50"'
        page.goto(elsewhere.page(f'{LISTENING}<iframe {source} title="it" width="900"></iframe>'))
        frame = painted(page)
        assert frame.evaluate("origin") == "null"
        frame.get_by_role("slider", name="spectral radius").fill("1.3")
        frame.wait_for_function("() => rhoscope.painted.recurrent.spectral_radius === 1.3")
        frame.wait_for_function("() => location.hash.includes('rho=1.3')")
        assert asked(page, "get")["result"]["hash"] == "#rho=1.3&T=50"
        page.goto("about:blank")


def test_no_cookie_is_set(page: Page, around: Callable[..., Frame]) -> None:
    around()
    assert page.context.cookies() == []


def test_the_element_twice_on_a_page(page: Page, server: Server, elsewhere: Elsewhere) -> None:
    page.set_default_timeout(LATEST_MS)
    page.goto(
        elsewhere.page(
            f"""<script type="module" src="{server.url}/rho-scope.js"></script>
            <rho-scope id="a" src="#rho=1.2&amp;T=50" controls="none" loading="eager"></rho-scope>
            <rho-scope id="b" src="{server.url}/#rho=0.9&amp;T=50" aspect="2 / 1"
              view="norms" theme="dark" loading="eager"></rho-scope>"""
        )
    )
    a, b = painted(page, "#a iframe"), painted(page, "#b iframe")
    assert b.evaluate("document.documentElement.dataset.theme") == "dark"
    expect(a.locator(".embed-bar")).to_have_count(0)
    shape = page.locator("#b").bounding_box()
    assert shape is not None and abs(shape["width"] - 2 * shape["height"]) < 1
    # Without a shape it is as high as what it shows wants: and that is all of it.
    page.wait_for_function("() => document.querySelector('#a').style.height.endsWith('px')")

    state = page.evaluate("document.querySelector('#a').get()")
    assert state["hash"] == "#rho=1.2&T=50"
    told = page.evaluate(
        """async () => {
          const [a, b] = document.querySelectorAll("rho-scope");
          const heard = new Promise((go) => a.addEventListener("state", go, { once: true }));
          await a.set({ rho: 1.4 });
          const { detail } = await heard;
          await b.seek(20);
          const refused = await b.set({ rho: "x" }).catch(({ code, field }) => [code, field]);
          const { width } = await b.screenshot();
          return { hash: detail.hash, of: a.hash, other: b.hash, refused, width };
        }"""
    )
    assert told["hash"] == told["of"] == "#rho=1.4&T=50"
    assert told["refused"] == ["invalid_field", "recurrent.spectral_radius"]
    assert told["width"] == round(shape["width"])
    page.evaluate("document.querySelector('#b').setAttribute('theme', 'light')")
    page.wait_for_function("() => document.querySelector('#b iframe').src.includes('theme=light')")
