"""`make bench` finds its way around the page."""

import pytest

from tests.benchmarks import hands, page


def test_the_benchmark_of_the_page_measures_steps_drags_and_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page, "SIZES", ((4, 20, "50"),))
    for name, few in (("STEPS", 12), ("ANSWERS", 8)):
        monkeypatch.setattr(page, name, few)
    found = {line.what: line.value for line in page.lines(0.3)}
    assert found["one step, slider to paint, median"] > found["of it until the answer is whole"] > 0
    assert found["frames a second"] >= found["pictures a second"] > 0
    by_file = {what.rpartition(", ")[2] for what in found if what.startswith("main thread")}
    assert {"norms.js", "hidden_states.js"} & by_file, by_file
    assert found["main thread a picture, all JavaScript"] > 0


def test_the_benchmark_of_hands_types_weights_and_drags_eigenvalues(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hands, "SIZES", ((8, 20),))
    for name, few in (("EDITS", 3), ("EDITS_FROM_REST", 2), ("ANSWERS", 3), ("ROUNDS", 1)):
        monkeypatch.setattr(hands, name, few)
    lines = list(hands.lines(0.3))
    found = {line.what: line.value for line in lines}
    assert found["typed, 95th percentile"] >= found["typed, median"] > 0
    assert found["first after a rest, median"] > 0
    assert found["of it until the answer is whole"] > 0
    assert found["of a picture until the answer is whole"] > 0
    assert found["frames a second"] >= found["pictures a second"] > 0
    assert sum(line.ratio is not None for line in lines) == 2
    assert "main thread a picture, eigenvalue_hand.js" in found
