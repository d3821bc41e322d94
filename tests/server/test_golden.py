"""What the page fills in and what the server fills in is one and the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.experiment import Experiment

GOLDEN = Path(__file__).parent.parent / "golden" / "experiment_defaults.json"
CASES: list[dict[str, Any]] = json.loads(GOLDEN.read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: json.dumps(case["document"]))
def test_defaults_are_the_golden_ones(case: dict[str, Any]) -> None:
    filled = Experiment.model_validate_json(json.dumps(case["document"]))
    assert filled.model_dump(mode="json") == case["filled"]
