"""Files without a server: what is recorded is what the server computes, in the bytes allowed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from typing import Any

import numpy as np
import pytest

from app.assets import Plotly
from app.errors import Refusal
from app.grid import at_radius
from app.link import read_link
from tests.server.lectures import ALONE, RACE, SMALL, computed, elements, index_of, made, unpacked


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


def test_the_shell_is_of_the_installed_plotly() -> None:
    packs = elements(made(SMALL, radii="1").content)
    script = gzip.decompress(base64.b64decode(packs["plotly"])).decode()
    assert f"plotly.js v{Plotly().version}" in script[:400]
