import re
from pathlib import Path

import pytest

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


def test_the_public_names_are_those_of_the_readme():
    assert rnncore.__all__ == sorted(set(rnncore.__all__), key=_in_ruffs_order)
    table = README.read_text(encoding="utf-8").split("## The public names")[1].split("\n## ")[0]
    assert set(re.findall(r"`(\w+)`", table)) == set(rnncore.__all__)


@pytest.mark.parametrize("name", [name for name in rnncore.__all__ if name.islower()])
def test_every_public_function_is_described_and_tested(name):
    assert getattr(rnncore, name).__doc__
    others = [file for file in Path(__file__).parent.glob("*.py") if file != Path(__file__)]
    tests = "\n".join(file.read_text(encoding="utf-8") for file in others)
    source = "\n".join(file.read_text(encoding="utf-8") for file in README.parent.rglob("*.py"))
    doctests = "\n".join(re.findall(r"^ *>>> .*$", source, re.MULTILINE))
    assert re.search(rf"\b{name}\b", tests + doctests), f"no test uses {name}"


def _in_ruffs_order(name):
    """Constants, then classes, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
