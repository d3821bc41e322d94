"""The benchmarks run, and their arithmetic is right; how fast anything is, no test says."""

import json
import math
import time

import pytest
import torch

from tests.benchmarks import atlas, core, gated, report, server
from tests.benchmarks.interleaved import Line, interleaved, ratio


def test_contenders_take_turns_and_the_ratio_is_that_of_each_round():
    calls = []
    spent = interleaved({name: lambda name=name: calls.append(name) for name in "ab"}, seconds=0)
    assert calls == ["a", "b", "a", "b", "b", "a", "a", "b"], "one round uncounted, then three"
    assert {name: len(each) for name, each in spent.items()} == {"a": 3, "b": 3}
    assert ratio({"a": [1, 2, 4], "b": [3, 4, 40]}, "a", "b") == 3


def test_everybody_computes_the_same_states_and_gradients():
    network = core.Network(8, 30)
    states = network.states().trajectory.h(1, 31)[:, 0]
    for work in (network.nn_rnn(), network.rnn_cell_loop(), network.numpy_loop()):
        torch.testing.assert_close(torch.as_tensor(work()), states, rtol=1e-5, atol=1e-6)
    scan = network.jax_scan()
    if scan is not None:
        torch.testing.assert_close(torch.tensor(scan().tolist()), states, rtol=1e-5, atol=1e-6)
    norms = network.autograd()().double()
    torch.testing.assert_close(network.gradients(), norms, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", gated.KINDS)
def test_gated_contenders_compute_the_same_gradients(kind):
    network = gated.GatedNetwork(kind, 8, 30)
    norms = network.autograd()().double()
    torch.testing.assert_close(network.gradients(), norms, rtol=1e-5, atol=1e-5)


def test_every_part_gives_lines_that_can_be_printed_and_read(monkeypatch, tmp_path):
    monkeypatch.setattr(core, "SIZES", ((4, 10),))
    monkeypatch.setattr(core, "GRADIENT_SIZES", ((4, 10, "4×"),))
    monkeypatch.setattr(core, "FAN_SIZES", ((4, 10),))
    monkeypatch.setattr(core, "RADII", 3)
    monkeypatch.setattr(gated, "SIZES", ((4, 10, "4×"),))
    monkeypatch.setattr(server, "SIZES", ((4, 10),))
    monkeypatch.setattr(server, "SOCKETS", (2,))
    monkeypatch.setattr(server, "IDLE_SOCKETS", 3)
    monkeypatch.setattr(atlas, "COMPUTED", (4, 10))
    monkeypatch.setattr(atlas, "STREAMED", (8, 20))
    monkeypatch.setattr(atlas, "RADII", 3)
    threads = torch.get_num_threads()
    lines = [*core.lines(0), *gated.lines(0), *server.lines(0.05), *atlas.lines(0)]
    assert torch.get_num_threads() == threads
    assert {line.section.split(",")[0] for line in lines} == {
        "Forward",
        "Forward and all gradient norms",
        "A fan of 3 radii",
        "GRU forward and all gradient norms",
        "LSTM forward and all gradient norms",
        "Server",
        "Atlas of 3 radii",
    }
    assert all(math.isfinite(line.value) for line in lines)
    text = report.table([*lines, Line("S", "what", 1.5, "ms", "other", 2.0, "3×")])
    assert "1.5 ms  2.00× faster than other" in text
    assert text.endswith("(goal: 3×)")
    file = tmp_path / "new" / "found.json"
    report.write(file, lines, {"date": time.strftime("%Y")})
    read = json.loads(file.read_text(encoding="utf-8"))
    assert read["lines"] == [line.as_json() for line in lines]


def test_the_atlas_is_timed_as_the_page_asks_for_it(monkeypatch):
    monkeypatch.setattr(atlas, "RADII", 5)
    message = atlas.question(4, 10, 7)
    assert set(message["experiment"]["recurrent"]) == {"spectral_radius"}
    *frames, done = atlas.analysis(4, 10)()
    assert done.status == "complete"
    radii = [radius for frame in frames for radius in frame.tensors["radii"]]
    assert sorted(radii) == [0, 0.5, 1, 1.5, 2]
    assert all(frame.tensors["log10_grad_h"].shape[1] == 10 for frame in frames)


@pytest.mark.parametrize("goal", ["", "1.5×"])
def test_a_line_without_comparison_has_no_ratio(goal):
    assert "faster" not in report.table([Line("S", "what", 1.0, "ms", goal=goal)])
