"""The document: defaults, strictness, and every refusal by field."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnncore
from app.errors import Refusal
from app.experiment import Experiment
from app.house import capabilities
from app.protocol import read_experiment, read_message

DEFAULTS = {
    "version": 1,
    "cell": {
        "kind": "elman",
        "activation": "tanh",
        "input_size": 1,
        "hidden_size": 64,
        "output_size": 1,
        "layers": 1,
    },
    "recurrent": {
        "ensemble": "gaussian",
        "seed": 0,
        "spectral_radius": None,
        "gain": None,
        "edits": [],
    },
    "weights": {"file": None, "layer": 0},
    "input_weights": {"scale": 1.0, "seed": 1, "edits": []},
    "bias": {"scale": 0.0, "seed": 3, "forget": 0.0, "edits": []},
    "readout": {"scale": 1.0, "seed": 4, "edits": []},
    "output_bias": {"edits": []},
    "output": {"kind": "values", "temperature": 1.0},
    "generation": {"after": None, "seed": 7},
    "input": {"amplitude": 1.0, "seed": 2, "kind": "impulse"},
    "initial_state": {"kind": "zeros"},
    "loss": {"at": "last", "kind": "linear"},
    "steps": 200,
    "batch_size": 1,
    "dtype": "float32",
}


def refused(document: Any) -> Any:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(Refusal) as caught:
        read_experiment(text.encode())
    error = caught.value.error
    assert list(error.model_dump()) == [
        "type",
        "id",
        "code",
        "message",
        "field",
        "got",
        "expected",
    ]
    assert ": got " in error.message
    assert "; expected " in error.message
    assert error.message.endswith(".")
    json.dumps(error.model_dump(), allow_nan=False)
    return error


def test_an_empty_document_is_the_default_picture() -> None:
    assert read_experiment(b"{}").model_dump() == DEFAULTS


def test_empty_parts_take_the_first_of_every_choice() -> None:
    parts = {name: {} for name, value in DEFAULTS.items() if isinstance(value, dict)}
    assert read_experiment(json.dumps(parts).encode()).model_dump() == DEFAULTS


def test_a_whole_document_comes_back_as_it_was() -> None:
    document = {
        **DEFAULTS,
        "recurrent": {
            "ensemble": "orthogonal",
            "seed": 7,
            "spectral_radius": 0.5,
            "gain": None,
            "edits": [{"op": "set", "i": 63, "j": 0, "value": -2.5}],
        },
        "input": {"kind": "sine", "amplitude": 0.5, "seed": 2, "period": 12.5},
        "initial_state": {"kind": "random", "seed": 9, "scale": 2.0},
        "loss": {"kind": "mse", "at": "every", "target": [[0.5]] * 200},
    }
    assert json.loads(read_experiment(json.dumps(document).encode()).model_dump_json()) == document


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"colour": 1}, "colour"),
        ({"cell": {"size": 3}}, "cell.size"),
        ({"input": {"kind": "impulse", "period": 3}}, "input.period"),
        ({"input": {"kind": "sine", "wave": 3}}, "input.wave"),
        ({"steps": "200"}, "steps"),
        ({"steps": 200.0}, "steps"),
        ({"steps": True}, "steps"),
        ({"steps": None}, "steps"),
        ({"steps": 0}, "steps"),
        ({"steps": -1}, "steps"),
        ({"batch_size": 0}, "batch_size"),
        ({"cell": {"hidden_size": 0}}, "cell.hidden_size"),
        ({"cell": {"kind": "transformer"}}, "cell.kind"),
        ({"cell": {"activation": "sigmoid"}}, "cell.activation"),
        ({"cell": []}, "cell"),
        ({"recurrent": {"ensemble": "spiral"}}, "recurrent.ensemble"),
        ({"recurrent": {"seed": -1}}, "recurrent.seed"),
        ({"recurrent": {"seed": 2**53}}, "recurrent.seed"),
        ({"recurrent": {"spectral_radius": -0.1}}, "recurrent.spectral_radius"),
        ({"recurrent": {"spectral_radius": "1"}}, "recurrent.spectral_radius"),
        ({"recurrent": {"spectral_radius": 1, "gain": 1}}, "recurrent.gain"),
        ({"recurrent": {"edits": {}}}, "recurrent.edits"),
        ({"recurrent": {"edits": [{"op": "scale"}]}}, "recurrent.edits.0.op"),
        ({"recurrent": {"edits": [{"i": 0, "j": 0}]}}, "recurrent.edits.0.value"),
        ({"recurrent": {"edits": [{"i": 64, "j": 0, "value": 1}]}}, "recurrent.edits.0.i"),
        ({"recurrent": {"edits": [{"i": 0, "j": 64, "value": 1}]}}, "recurrent.edits.0.j"),
        ({"recurrent": {"edits": [{"i": -1, "j": 0, "value": 1}]}}, "recurrent.edits.0.i"),
        ({"input": {"kind": "square"}}, "input.kind"),
        ({"input": {"kind": None}}, "input.kind"),
        ({"input": {"kind": ["impulse"]}}, "input.kind"),
        ({"input": "impulse"}, "input"),
        ({"input": {"kind": "sine", "period": 0}}, "input.period"),
        ({"input": {"kind": "values"}}, "input.values"),
        ({"input": {"kind": "values", "values": [[1]]}}, "input.values"),
        ({"steps": 2, "input": {"kind": "values", "values": [[1], [1, 2]]}}, "input.values.1"),
        ({"steps": 1, "input": {"kind": "values", "values": [1]}}, "input.values.0"),
        ({"steps": 1, "input": {"kind": "values", "values": [["1"]]}}, "input.values.0.0"),
        ({"initial_state": {"kind": "values", "values": [1, 2]}}, "initial_state.values"),
        ({"initial_state": {"kind": "ones"}}, "initial_state.kind"),
        ({"bias": {"scale": -1}}, "bias.scale"),
        ({"loss": {"kind": "huber"}}, "loss.kind"),
        ({"loss": {"kind": "cross_entropy", "target": 1}}, "loss.target"),
        ({"loss": {"kind": "cross_entropy", "target": -1}}, "loss.target"),
        ({"loss": {"kind": "cross_entropy", "target": 0.5}}, "loss.target"),
        ({"loss": {"kind": "cross_entropy", "target": [0]}}, "loss.target"),
        ({"loss": {"kind": "cross_entropy", "target": [0, 1]}, "steps": 2}, "loss.target.1"),
        ({"output": {"temperature": -1}}, "output.temperature"),
        ({"generation": {"after": 0}}, "generation.after"),
        ({"generation": {"after": 1}, "cell": {"output_size": 2}}, "cell.output_size"),
        ({"generation": {"after": 1}, "cell": {"layers": 2}}, "generation.after"),
        ({"generation": {"after": 1}, "cell": {"kind": "attention"}}, "generation.after"),
        ({"cell": {"kind": "attention", "layers": 2}}, "cell.layers"),
        ({"cell": {"layers": 0}}, "cell.layers"),
        ({"loss": {"kind": "mse", "target": [1, 2]}}, "loss.target"),
        ({"loss": {"kind": "mse", "target": []}}, "loss.target"),
        ({"loss": {"kind": "mse", "target": [[1]]}}, "loss.target"),
        ({"loss": {"kind": "linear", "target": [1]}}, "loss.target"),
        ({"loss": {"at": "first"}}, "loss.at"),
        ({"version": 2}, "version"),
        ({"version": True}, "version"),
        ({"dtype": "float16"}, "dtype"),
        ([], None),
        (3, None),
        ("null", None),
    ],
)
def test_what_is_wrong_is_refused_by_field(document: Any, field: str | None) -> None:
    error = refused(document)
    assert (error.code, error.field) == ("invalid_field", field)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ('{"steps": 1, "input": {"kind": "values", "values": [[NaN]]}}', "input.values.0.0"),
        ('{"steps": 1, "input": {"kind": "values", "values": [[-Infinity]]}}', "input.values.0.0"),
        ('{"input": {"amplitude": 1e999}}', "input.amplitude"),
        ('{"input": {"amplitude": 1e39}}', "input.amplitude"),
        ('{"recurrent": {"gain": 1e39}}', "recurrent.gain"),
        ('{"recurrent": {"edits": [{"i":0,"j":0,"value":-4e38}]}}', "recurrent.edits.0.value"),
        ('{"bias": {"scale": 1e300}}', "bias.scale"),
        ('{"steps":1,"input":{"kind":"values","values":[[1e40]]}}', "input.values.0.0"),
        ('{"cell":{"hidden_size":2},"initial_state":{"kind":"values","values":[0,1e40]}}',
         "initial_state.values.1"),
        ('{"loss": {"kind": "mse", "target": [1e40]}}', "loss.target.0"),
    ],
)  # fmt: skip
def test_numbers_that_the_dtype_cannot_hold_are_refused(document: str, field: str) -> None:
    error = refused(document)
    assert (error.code, error.field) == ("invalid_field", field)


def test_a_number_too_large_for_float32_is_welcome_in_float64() -> None:
    document = b'{"dtype": "float64", "input": {"amplitude": 1e39}}'
    assert read_experiment(document).input.amplitude == 1e39


@pytest.mark.parametrize(
    "text", ["", "{", "hello", "{'a': 1}", "[" * 10_000, '{"a":' * 10_000, '"\\ud800"', "9" * 5000]
)
def test_what_is_not_json_or_nests_too_deep_is_refused(text: str) -> None:
    assert refused(text).code == "invalid_json"


def test_an_unknown_ensemble_is_refused_with_a_list_of_what_is_here() -> None:
    error = refused({"recurrent": {"ensemble": "spiral"}})
    for name in rnncore.ENSEMBLES:
        assert name in error.message


def test_a_million_mistakes_cost_little_and_answer_once() -> None:
    values = "[" + ",".join(['["x"]'] * 200_000) + "]"
    error = refused('{"input": {"kind": "values", "values": ' + values + "}}")
    assert error.field == "input.values.0.0"
    many = "{" + ",".join(f'"k{n}":0' for n in range(20_000)) + "}"
    assert "20000" in refused(many).message


def test_a_long_wrong_value_is_shortened_in_the_answer() -> None:
    error = refused({"dtype": "x" * 100_000})
    assert len(error.message) < 400
    assert len(str(error.got)) < 200


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*DEFAULTS, "kind", "values", "amplitude", "x"]), inner, max_size=4
            )
        ),
        max_leaves=8,
    )
)
def test_anything_is_either_an_experiment_or_one_error(document: Any) -> None:
    text = json.dumps(document)
    try:
        experiment = read_experiment(text.encode())
    except Refusal:
        refused(text)
    else:
        again = read_experiment(experiment.model_dump_json().encode())
        assert again == experiment


@pytest.mark.parametrize(
    ("view", "field"),
    [
        ({"t0": 0, "t1": 201, "columns": 5}, "view.t1"),
        ({"t0": 5, "t1": 5, "columns": 5}, "view.t0"),
        ({"t0": 0, "t1": 5, "columns": 0}, "view.columns"),
        ({"t0": 0, "t1": 5}, "view.columns"),
        ({"t0": -1, "t1": 5, "columns": 1}, "view.t0"),
    ],
)
def test_a_view_lies_inside_the_run(view: dict[str, int], field: str) -> None:
    message = {"type": "run", "id": 3, "experiment": {}, "view": view}
    with pytest.raises(Refusal) as caught:
        read_message(json.dumps(message))
    assert caught.value.error.field == field
    assert caught.value.error.id == 3


def test_documents_are_immutable() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Experiment().steps = 3


def test_every_choice_of_the_document_is_one_that_the_mathematics_has() -> None:
    here = capabilities()
    assert here.activations == list(rnncore.ACTIVATIONS)
    assert here.ensembles == list(rnncore.ENSEMBLES)
    # A file gives values, and a text is embedded.
    assert here.inputs == [*rnncore.INPUTS, "file", "text"]
    assert here.initial_states == list(rnncore.INITIAL_STATES)
