"""Files without a server: what is recorded is what the server computes, in the bytes allowed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from typer.testing import CliRunner

from app import cli
from app.assets import Plotly, frontend_folder
from app.bundle import UnknownForm, bundle
from app.compared import KINDS, compared_experiment
from app.device import chosen_device
from app.engine import RunEngine
from app.errors import Refusal
from app.experiment import Experiment
from app.frames import Frame
from app.grid import GRIDS, at_radius, at_value, grid, over_from, radii_from, with_own
from app.lecture import Lecture, lecture, source_of, wants_of
from app.limits import Cost
from app.link import differing, nested, read_link
from app.offline_page import shell_of
from app.packing import DIGITS, few_digits, packed
from app.plan import AnyPlan, Plan
from app.protocol import Done
from app.recording import Wish
from app.server import create_app
from app.settings import Settings
from rnncore import Cancelled

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = Settings()
RACE = {"starts": 3, "start_distance": "near"}
ALONE = {"starts": 1, "start_distance": "far"}
SHELL = shell_of(frontend_folder(), Plotly().file)
SMALL = "#rho=0.9&H=8&T=20&input=noise"
ELEMENT = re.compile(r'<script type="text/plain" id="packed-([^"]+)">([^<]*)</script>')
DTYPES = {"F32": "<f4", "F64": "<f8"}


def made(link: str, *, radii: str | None = None, over: str = "", **options: Any) -> Lecture:
    source = source_of(link)
    second = with_own(over_from(over), source.scenes[0].experiment) if over else None
    wish = Wish(source.scenes, radii_from(radii) if radii else None, second)
    device = chosen_device("cpu")
    engine = RunEngine(device, 0)

    def compute(experiment: Experiment, plan: AnyPlan, cost: Cost) -> Any:
        return engine.run(experiment, plan, lambda: False)

    return lecture(source, wish, compute, SETTINGS, device, SHELL, **options)


def elements(content: bytes) -> dict[str, str]:
    """What the file has packed, by name."""
    return {found[1]: found[2] for found in ELEMENT.finditer(content.decode())}


def unpacked(text: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A blob's header, and all tensors of its frames."""
    raw = gzip.decompress(base64.b64decode(text))
    length = int.from_bytes(raw[:4], "little")
    header = json.loads(raw[4 : 4 + length])
    start, tensors = 4 + length, {}
    for frame in header["frames"]:
        for name, dtype, shape in frame["tensors"]:
            size = np.dtype(DTYPES[dtype]).itemsize
            count = int(np.prod(shape))
            planes = np.frombuffer(raw, np.uint8, count * size, start).reshape(size, count)
            tensors[name] = np.ascontiguousarray(planes.T).view(DTYPES[dtype]).reshape(shape)
            start += count * size
    assert start == len(raw)
    return header, tensors


def index_of(content: bytes) -> dict[str, Any]:
    text = elements(content)["recording"]
    index: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(text)))
    return index


def computed(experiment: Experiment) -> dict[str, np.ndarray]:
    tensors: dict[str, np.ndarray] = {}
    plan = Plan.whole(experiment.steps)
    for item in RunEngine(chosen_device("cpu"), 0).run(experiment, plan, lambda: False):
        if not isinstance(item, Done):
            tensors |= item.tensors
    return tensors


# What is packed


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=True), min_size=1, max_size=50))
def test_few_digits_read_the_same_as_all_of_them(numbers: list[float]) -> None:
    values = np.array(numbers, np.float32)
    short = few_digits(values)
    assert short.dtype == values.dtype
    for before, after in zip(values.tolist(), short.tolist(), strict=True):
        assert f"{after:.{DIGITS}g}" == f"{before:.{DIGITS}g}"


def test_few_digits_leave_most_of_the_last_bits_empty() -> None:
    values = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    assert not np.any(few_digits(values).view(np.uint32) & 0xFF)
    assert few_digits(np.array([np.nan, -np.inf], np.float32)).tolist()[1] == -np.inf


def test_a_blob_gives_every_bit_back() -> None:
    h = np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)
    logs = np.array([-np.inf, 0.1, 1e-300])
    blob = packed([Frame("states", 0, 3, {"h": h, "log10_norm_h": logs})], {"done": {"id": None}})
    header, tensors = unpacked(base64.b64encode(blob).decode())
    assert header["done"] == {"id": None}
    assert tensors["h"].tobytes() == h.tobytes()
    assert tensors["log10_norm_h"].tobytes() == logs.tobytes()


# The axes


def test_grids_are_fine_around_one_and_hold_what_a_lecture_stops_at() -> None:
    for radii in GRIDS:
        assert {0.0, 1.0, 2.0} <= set(radii)
        assert radii == tuple(sorted(set(radii)))
    assert {0.9, 0.95, 0.99, 1.01, 1.1, 1.5} <= set(grid(0.05, 0.01))


def test_radii_are_typed_as_a_list_or_a_range() -> None:
    assert radii_from("1.5, 0.5,0.5") == (0.5, 1.5)
    assert radii_from("0:1:0.25") == (0.0, 0.25, 0.5, 0.75, 1.0)
    for text in ("", "a", "-1", "0:2", "0:2:0", "nan", "0:2:0.0001", "1,inf"):
        with pytest.raises(Refusal, match="the values of ρ"):
            radii_from(text)


@pytest.mark.parametrize("text", ["phi", "phi=", "nonsense=1", "rho=1,2", "recurrent.edits=1"])
def test_what_is_no_second_parameter_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="the second parameter"):
        over_from(text)


def test_a_second_parameter_that_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(Refusal, match=r"the second parameter phi: cell.activation"):
        at_value(Experiment(), over_from("phi=nonsense"), "nonsense")


def test_another_kind_leaves_behind_what_only_the_first_one_has() -> None:
    sine = read_link("#input=sine&period=7&amplitude=2")
    noise = at_value(sine, over_from("input=noise"), "noise")
    assert noise.input.kind == "noise" and noise.input.amplitude == 2
    assert at_value(noise, over_from("input=sine"), "sine").input.kind == "sine"


def test_what_was_made_by_hand_is_rescaled_as_it_is() -> None:
    edit = {"op": "set", "i": 0, "j": 1, "value": 0.5}
    hand = Experiment.model_validate({"recurrent": {"edits": [edit]}})
    twice = at_radius(at_radius(hand, 0.5), 0.7)
    assert [each.op for each in twice.recurrent.edits] == ["set", "radius"]
    assert at_radius(read_link("#gain=2"), 0.7).recurrent.gain is None


# The file


def test_every_run_of_the_file_is_the_servers_own_to_the_bit() -> None:
    content = made(SMALL, radii="0.5,0.9,1.5").content
    index, packs = index_of(content), elements(content)
    assert [run["rho"] for run in index["runs"]] == [0.9, 0.5, 1.5]
    for run in index["runs"]:
        tensors: dict[str, np.ndarray] = {}
        for number in run["blobs"]:
            header, found = unpacked(packs[f"blob-{number}"])
            tensors |= found
        expected = computed(at_radius(read_link(SMALL), run["rho"]))
        for name in ("h", "log10_norm_h", "log10_grad_h", "eigenvalues", "W_xh", "x"):
            assert tensors[name].tobytes() == expected[name].tobytes(), name
        scaled = tensors["W_hh_scale"][0] * tensors["W_hh_drawn"]
        assert scaled.astype(np.float32).tobytes() == expected["W_hh"].tobytes()
        assert header["done"]["status"] == "complete"


def test_what_all_runs_share_is_kept_once() -> None:
    index = index_of(made(SMALL, radii="0.5,0.9,1.5").content)
    first, *others = (set(run["blobs"]) for run in index["runs"])
    for other in others:
        assert len(first & other) == len(first) - 1  # all but the run itself


def test_a_second_parameter_has_every_radius_at_each_of_its_values() -> None:
    index = index_of(made(SMALL, radii="0.5,1", over="phi=relu,linear").content)
    assert index["over"] == {"path": "cell.activation", "values": ["tanh", "relu", "linear"]}
    places = sorted((run["row"][1], run["rho"]) for run in index["runs"])
    assert places == [(k, rho) for k in range(3) for rho in (0.5, 0.9, 1.0)]


def test_open_views_are_recorded_at_every_radius_and_an_atlas_once() -> None:
    link = f"{SMALL}&bottom=powers&jacobian=1&t=7"
    index = index_of(made(link, radii="0.5,1").content)
    wants = [each["want"] for each in index["analyses"]]
    assert {want: wants.count(want) for want in wants} == {
        "matrix_powers": 3, "jacobian": 3, "atlas": 1, "conditions": 3
    }  # fmt: skip
    options = [each["options"] for each in index["analyses"] if each["want"] == "jacobian"]
    assert options == 3 * [{"t": 7}]


@pytest.mark.parametrize(
    ("view", "wants"),
    [
        ("side=lyapunov&bottom=race&starts=3near", {"lyapunov": {}, "race": RACE}),
        ("side=state_space&plane=2,5", {"state_space": {**ALONE, "plane": [1, 4]}}),
        ("side=state_space&plane=2,9", {"state_space": {**ALONE, "plane": None}}),
        ("top=unrolled&cone=4", {"influence": {}}),
        ("top=unrolled&bottom=norms", {}),
    ],
)
def test_analyses_are_asked_as_the_page_asks_for_them(
    view: str, wants: dict[str, dict[str, Any]]
) -> None:
    index = index_of(made(f"{SMALL}&{view}", radii="0.9").content)
    cheap = {"atlas", "conditions"}
    assert {
        each["want"]: each["options"] for each in index["analyses"] if each["want"] not in cheap
    } == wants


def test_fewer_radii_or_digits_are_recorded_where_there_is_less_room() -> None:
    link = "#H=16&T=200&input=noise"
    sizes = []
    for megabytes in (8, 4, 3):
        found = made(link, max_bytes=megabytes * 1_000_000)
        assert len(found.content) <= megabytes * 1_000_000
        sizes.append(len(index_of(found.content)["runs"]))
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > sizes[-1]


def test_what_does_not_fit_is_refused_with_what_to_leave_out() -> None:
    with pytest.raises(Refusal, match=r"too large: got .* MB.*expected at most .* MB.*would fit"):
        made("#H=256&T=1000&input=noise", radii="0.5,0.9,1,1.1", max_bytes=3_000_000)
    with pytest.raises(Refusal, match=r"expected at most 0\.0 MB beside the page"):
        made(SMALL, max_bytes=1_000_000)


def test_limits_hold_before_anything_is_computed() -> None:
    with pytest.raises(Refusal, match="max-hidden"):
        made("#H=2048", radii="1")


def test_a_compared_network_that_is_refused_is_recorded_as_refused() -> None:
    index = index_of(made("#T=9000&H=2&compare=attention", radii="1").content)
    refused = [run["error"]["code"] for run in index["runs"] if "error" in run]
    assert refused == ["over_limit"]


def test_scripts_of_the_file_are_those_that_its_policy_knows() -> None:
    content = made(SMALL, radii="1").content.decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', content)
    assert policy is not None
    allowed = re.findall(r"'sha256-([^']+)'", policy[1])
    packs = elements(content.encode())
    scripts = [re.search(r"<script>(.*?)</script>", content, re.DOTALL)[1]]  # type: ignore[index]
    scripts += [
        gzip.decompress(base64.b64decode(packs[name])).decode() for name in ("page", "plotly")
    ]
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    assert digests == allowed
    assert "unsafe-inline" not in policy[1].split("style-src")[0]


def test_the_file_names_nothing_outside_of_it() -> None:
    shell = made(SMALL, radii="1").content.decode().partition('<script type="text/plain"')[0]
    shell = re.sub(r"<script>.*?</script>", "", shell, flags=re.DOTALL)
    assert "http" not in re.sub(r"http-equiv|http://www\.w3\.org/\S+", "", shell)
    assert not re.findall(r'(?:src|href)="(?!data:)[^"]+"', shell)
    assert "{{" not in shell


# Put together


def test_modules_become_one_that_imports_nothing(tmp_path: Path) -> None:
    text = bundle(frontend_folder(), "js/main.js")
    file = tmp_path / "page.mjs"
    file.write_text(text)
    assert subprocess.run(["node", "--check", file], check=False).returncode == 0
    assert not re.search(r"^(?:import|export)\b", text, re.MULTILINE)


def test_a_bundle_runs_as_its_modules_do(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(
        'import "./d.js";\nimport { two as b } from "./b.js";\nimport * as c from "./c.js";\n'
        'const late = (await import("./b.js")).two;\nconsole.log(b() + c.one + late());\n'
    )
    (tmp_path / "b.js").write_text(
        'import { one } from "./c.js";\nexport function two() {\n  return 2 * one;\n}\n'
    )
    (tmp_path / "c.js").write_text("export const one = 1;\n")
    (tmp_path / "d.js").write_text('const b = "first";\nconsole.log(b);\n')
    (tmp_path / "out.mjs").write_text(bundle(tmp_path, "a.js"))
    done = subprocess.run(
        ["node", tmp_path / "out.mjs"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "first\n5\n"


@pytest.mark.parametrize(
    "text", ["export default 1;", 'export * from "./b.js";', 'import b from "./b.js";']
)
def test_a_form_that_is_not_known_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.js").write_text(f"{text}\n")
    with pytest.raises(UnknownForm, match=r"a\.js"):
        bundle(tmp_path, "a.js")


def test_a_circle_of_modules_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nexport const a = 1;\n')
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\nexport const b = 1;\n')
    with pytest.raises(UnknownForm, match=r"a\.js → b\.js → a\.js"):
        bundle(tmp_path, "a.js")


def test_compared_networks_are_those_of_the_page(tmp_path: Path) -> None:
    """Both sides make an Experiment of what is compared: they must make the same one."""
    hand = {"recurrent": {"edits": [{"op": "zero"}, {"op": "radius", "spectral_radius": 0.7}]}}
    documents = [
        {}, {"recurrent": {"gain": 2.0}, "cell": {"kind": "lstm", "layers": 2}}, hand,
        {"generation": {"after": 5}, "input_weights": {"edits": [{"op": "zero"}]}},
    ]  # fmt: skip
    script = tmp_path / "compare.mjs"
    script.write_text(
        f'import {{ comparedExperiment }} from "{ROOT}/frontend/js/state/compare.js";\n'
        f'import {{ difference, readDocument }} from "{ROOT}/frontend/js/state/experiment.js";\n'
        f"const [documents, kinds] = {json.dumps([documents, KINDS])};\n"
        "console.log(JSON.stringify(documents.map((each) => kinds.map((kind) => "
        "difference(comparedExperiment(readDocument(each).experiment, kind))))));\n"
    )
    done = subprocess.run(["node", script], capture_output=True, text=True, check=True)
    for document, theirs in zip(documents, json.loads(done.stdout), strict=True):
        experiment = Experiment.model_validate_json(json.dumps(document))
        ours = [nested(dict(differing(compared_experiment(experiment, kind)))) for kind in KINDS]
        assert ours == theirs


# The command


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.cli, ["export", *arguments])
    return result.exit_code, result.output


def test_the_command_says_the_size_and_writes_the_file(tmp_path: Path) -> None:
    output = tmp_path / "lecture.html"
    code, text = invoke(SMALL, "-o", str(output), "--rho-values", "0.5,1", "--title", "A <b> & c")
    assert code == 0, text
    size = output.stat().st_size
    assert f"{size / 1e6:.1f} MB" in text and "3 runs" in text
    assert "<title>A &lt;b&gt; &amp; c · Rhoscope, offline</title>" in output.read_text("utf-8")
    assert [file.name for file in tmp_path.iterdir()] == ["lecture.html"]
    code, text = invoke(SMALL, "-o", str(output))
    assert code == 2 and "--force" in text


def test_the_command_takes_a_document_as_a_file(tmp_path: Path) -> None:
    document = tmp_path / "mine.json"
    document.write_text('{"steps": 5, "cell": {"hidden_size": 2}}')
    output = tmp_path / "out.html"
    code, text = invoke(str(document), "-o", str(output), "--rho-values", "1")
    assert code == 0, text
    index = index_of(output.read_bytes())
    assert index["base"] == {"steps": 5, "cell": {"hidden_size": 2}}
    assert index["hash"] == "#H=2&T=5"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "expected a link"),
        (["#rho=a"], "spectral_radius"),
        (["gone.json"], "cannot be read"),
        (["", "--views", "nonsense"], "influence"),
        (["", "--over", "phi"], "FIELD=value"),
        (["", "-o", "no/such/folder/x.html"], "a file in a folder"),
    ],
)
def test_the_command_refuses_in_words(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, text = invoke(*arguments)
    assert code == 2 and words in " ".join(text.split())
    assert not list(tmp_path.glob("*.html"))


def test_a_link_with_a_host_that_others_reach_names_the_live_page() -> None:
    assert source_of("https://rho.example/x/#rho=1").live == "https://rho.example/x/"
    assert source_of("http://127.0.0.1:8000/#rho=1").live is None
    assert source_of("http://127.0.0.1:8000/").hash == source_of("").hash
    assert wants_of("powers, influence") == ("matrix_powers", "influence")


# From the page


@pytest.fixture
def real_client() -> Iterator[TestClient]:
    """A client of a server that has the real page."""
    with TestClient(create_app(SETTINGS), base_url="http://127.0.0.1:8000") as client:
        yield client


def asked(client: TestClient, **wish: Any) -> tuple[list[dict[str, Any]], bytes]:
    """What POST /api/lecture tells, line by line, and the bytes after the last line."""
    answer = client.post("/api/lecture", json=wish)
    assert answer.status_code == 200, answer.text
    lines, rest = [], answer.content
    while rest:
        line, _, rest = rest.partition(b"\n")
        lines.append(json.loads(line))
        if "size" in lines[-1]:
            break
    return lines, rest


def test_the_page_is_told_how_far_it_is_then_the_size_then_gets_the_file(
    real_client: TestClient,
) -> None:
    document = {"cell": {"hidden_size": 8}, "steps": 20}
    wish = {"experiment": document, "hash": "#H=8&T=20&bottom=powers", "rho_values": "0.5,1"}
    lines, file = asked(real_client, **wish, title="mine")
    assert [line["done"] for line in lines[:-1]] == [1, 2]
    assert {line["of"] for line in lines[:-1]} == {2}
    assert lines[-1]["size"] == len(file)
    index = index_of(file)
    assert (index["title"], index["hash"]) == ("mine", wish["hash"])
    assert {each["want"] for each in index["analyses"]} == {"matrix_powers", "atlas", "conditions"}


def test_a_file_that_does_not_fit_ends_in_an_error_of_the_house(real_client: TestClient) -> None:
    document = {"cell": {"hidden_size": 256}, "steps": 1000, "input": {"kind": "noise"}}
    wish = {"experiment": document, "rho_values": "0.5,1", "max_bytes": 3_000_000}
    lines, file = asked(real_client, **wish)
    assert not file
    assert set(lines[-1]) == {"type", "id", "code", "message", "field", "got", "expected"}
    assert (lines[-1]["code"], lines[-1]["field"]) == ("over_limit", "max_bytes")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({}, "experiment"),
        ({"experiment": {"steps": 0}}, "steps"),
        ({"experiment": {"steps": 10**7}}, "steps"),
        ({"experiment": {}, "rho_values": "x"}, "rho_values"),
        ({"experiment": {}, "over": "x=1"}, "over"),
        ({"experiment": {}, "max_bytes": 10**9}, "max_bytes"),
        ({"experiment": {}, "more": 1}, "more"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_anything_is_made(
    real_client: TestClient, wish: dict[str, Any], field: str
) -> None:
    answer = real_client.post("/api/lecture", json=wish)
    assert answer.status_code == 422
    assert answer.json()["field"] == field


def test_whoever_leaves_stops_the_work() -> None:
    """The recorder looks before every run whether it is still wanted."""
    runs: list[Experiment] = []
    engine = RunEngine(chosen_device("cpu"), 0)

    def compute(experiment: Experiment, plan: AnyPlan, cost: Cost) -> Any:
        runs.append(experiment)
        return engine.run(experiment, plan, lambda: False)

    source = source_of(SMALL)
    wish = Wish(source.scenes, radii_from("0:1:0.1"))
    with pytest.raises(Cancelled):
        lecture(
            *(source, wish, compute, SETTINGS, chosen_device("cpu"), SHELL),
            should_stop=lambda: len(runs) == 3,
        )
    assert len(runs) == 3


def test_the_shell_is_of_the_installed_plotly() -> None:
    packs = elements(made(SMALL, radii="1").content)
    script = gzip.decompress(base64.b64decode(packs["plotly"])).decode()
    assert f"plotly.js v{Plotly().version}" in script[:400]
