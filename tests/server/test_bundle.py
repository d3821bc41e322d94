"""All modules of the page put together into one script."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from app.assets import frontend_folder
from app.bundle import UnknownForm, bundle
from app.compared import KINDS, compared_experiment
from app.experiment import Experiment
from app.link import differing, nested
from tests.server.lectures import ROOT


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
