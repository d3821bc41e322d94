"""`make bench` finds its way around the page."""

import pytest

from tests.benchmarks import page


def test_the_benchmark_of_the_page_measures_steps_drags_and_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page, "SIZES", ((4, 20, "50"),))
    found = {line.what: line.value for line in page.lines(0.3)}
    assert found["one step, slider to paint, median"] > found["of it until the answer is whole"] > 0
    assert found["frames a second"] >= found["pictures a second"] > 0
    by_file = {what.rpartition(", ")[2] for what in found if what.startswith("main thread")}
    assert {"norms.js", "hidden_states.js"} & by_file, by_file
    assert found["main thread a picture, all JavaScript"] > 0
