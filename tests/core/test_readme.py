from pathlib import Path

import rnncore

README = Path(rnncore.__file__).parent / "README.md"


def test_example_of_the_readme_runs(capsys):
    example = README.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    exec(example, {})
    printed = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert printed[:3] == [["0", "32"], ["32", "160"], ["160", "200"]]
    assert printed[3:] == [["168", "200"], ["40", "168"], ["0", "40"]]


def test_readme_names_every_module():
    text = README.read_text(encoding="utf-8")
    modules = {path.stem for path in README.parent.glob("*.py")} - {"__init__"}
    assert not {name for name in modules if f"`{name}`" not in text}


def test_public_names_exist_and_are_sorted():
    assert all(hasattr(rnncore, name) for name in rnncore.__all__)
    assert len(set(rnncore.__all__)) == len(rnncore.__all__)
