"""A text as input: how it is taken apart, what it drives, what is refused, what names the steps."""

import csv
import io
import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load
from starlette.testclient import TestClient

from app.errors import Refusal
from app.experiment import Experiment, TokenKind
from app.frames import Frame, encode
from app.link import read_link, write_link
from app.notebook import load as load_link
from app.tokens import tokens_in, tokens_of
from tests.server.scripted import metadata, reader_of

SENTENCE = "The cat that chased the mouse was hungry."
FAMILY = "\N{WOMAN}\u200d\N{WOMAN}\u200d\N{GIRL}\u200d\N{BOY}"


def tokens(text: str, kind: TokenKind = "word") -> list[str]:
    found = tokens_in(text, kind)
    return [found.labels[k] for k in found.spellings]


def document(**changes: Any) -> dict[str, Any]:
    return {"cell": {"hidden_size": 6, "input_size": 8}, "input": {"kind": "text"}, "steps": 9} | (
        changes
    )


def posted(client: TestClient, wish: dict[str, Any]) -> dict[str, np.ndarray]:
    answer = client.post("/api/run", content=json.dumps(wish))
    assert answer.status_code == 200, answer.text
    arrays: dict[str, np.ndarray] = load(answer.content)
    return arrays


def refused(client: TestClient, wish: dict[str, Any], path: str = "/api/run") -> dict[str, Any]:
    answer = client.post(path, content=json.dumps(wish))
    assert answer.status_code == 422, answer.text
    error: dict[str, Any] = answer.json()
    return error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SENTENCE, ["The", "cat", "that", "chased", "the", "mouse", "was", "hungry", "."]),
        ("don’t stop\nthe state-of-the-art!", ["don’t", "stop", "the", "state-of-the-art", "!"]),
        ("- a - 'b' -c-", ["-", "a", "-", "'", "b", "'", "-", "c", "-"]),
        ("3.14 and 1,000. Or 4.", ["3.14", "and", "1,000", ".", "Or", "4", "."]),
        ("größer, été", ["größer", ",", "été"]),
        ("猫が鼠を コンピュータ", ["猫", "が", "鼠", "を", "コンピュータ"]),
        ("שלום, עולם", ["שלום", ",", "עולם"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        (f"my {FAMILY} and \U0001f44d\U0001f3fd", ["my", FAMILY, "and", "\U0001f44d\U0001f3fd"]),
        ("a\u200bb \u0007 \u202ec \x00", ["a", "b", "c"]),
    ],
)
def test_words_are_what_a_reader_takes_for_one(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat.", ["c", "a", "t", "."]),
        ("a b\tc\r\nd", ["a", " ", "b", "\t", "c", "\n", "d"]),
        (f"{FAMILY}\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", None),
        ("e\u0301te\u0301", ["\u00e9", "t", "\u00e9"]),
        ("a\u200b\u202eb", ["a", "b"]),
    ],
)
def test_characters_are_what_a_reader_sees_as_one(text: str, expected: list[str] | None) -> None:
    flags = [FAMILY, "\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7"]
    assert tokens(text, "character") == (expected or flags)


def test_a_word_is_the_same_word_whether_written_large_or_small() -> None:
    found = tokens_in(SENTENCE, "word")
    assert found.indices.tolist() == [0, 1, 2, 3, 0, 4, 5, 6, 7]
    assert found.labels == ("The", *SENTENCE[4:-1].replace(" the", "").split(), ".", "the")
    assert found.vocabulary_size == 8
    assert tokens_in("Tt", "character").vocabulary_size == 2
    assert tokens_in("\u00e9 e\u0301", "word").vocabulary_size == 1


@given(st.text(max_size=60), st.sampled_from(["word", "character"]))
@settings(deadline=None)
def test_any_text_has_tokens_whose_vocabulary_fits_them(text: str, kind: TokenKind) -> None:
    found = tokens_in(text, kind)
    assert len(found.indices) == len(found.spellings) <= max(len(text), 1) * 3
    assert sorted(set(found.indices.tolist())) == list(range(found.vocabulary_size))
    firsts = [found.indices.tolist().index(v) for v in range(found.vocabulary_size)]
    assert firsts == sorted(firsts)
    assert [found.labels[found.spellings[k]] for k in firsts] == list(
        found.labels[: found.vocabulary_size]
    )
    assert set(found.spellings.tolist()) == set(range(len(found.labels)))


def test_one_hot_tokens_drive_the_components_of_their_places(client: TestClient) -> None:
    run = posted(client, document(steps=11, batch_size=2))
    expected = np.zeros((11, 8), np.float32)
    expected[np.arange(9), [0, 1, 2, 3, 0, 4, 5, 6, 7]] = 1
    assert np.array_equal(run["x"], np.stack([expected] * 2))
    assert run["token_index"].tolist() == [0, 1, 2, 3, 8, 4, 5, 6, 7]


def test_random_tokens_have_any_size_and_the_same_word_the_same_vector(client: TestClient) -> None:
    wish = document(input={"kind": "text", "embedding": "random", "seed": 5}, cell={})
    run = posted(client, wish)
    assert run["x"].shape == (9, 1)
    assert run["x"][0] == run["x"][4] != run["x"][1]


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u0007", "\u3164"])
@pytest.mark.parametrize("kind", ["word", "character"])
def test_a_text_without_anything_to_see_is_refused(
    client: TestClient, text: str, kind: str
) -> None:
    error = refused(client, document(input={"kind": "text", "text": text, "tokens": kind}))
    assert (error["code"], error["field"]) == ("invalid_field", "input.text")
    assert "visible sign" in error["message"]
    answer = client.post("/api/tokens", json={"text": text, "tokens": kind})
    assert answer.json() == {"type": "token_count", "count": 0, "vocabulary_size": 0}


def test_a_vocabulary_that_does_not_fit_is_refused_with_both_numbers(client: TestClient) -> None:
    error = refused(client, document(cell={"input_size": 7}))
    assert (error["code"], error["field"], error["got"]) == ("invalid_field", "cell.input_size", 7)
    assert "8 or more" in error["message"] and "random" in error["message"]


def test_a_hundred_thousand_characters_run_and_twice_as_many_and_one_do_not(
    client: TestClient,
) -> None:
    text = (SENTENCE + " ") * 2400
    part = {"kind": "text", "text": text[:100_000], "tokens": "character"}
    run = posted(client, document(input=part, steps=20_000, cell={"input_size": 18}))
    assert run["token_index"].shape == (20_000,)
    for path, wish in (
        ("/api/run", document(input={"kind": "text", "text": "x" * 200_001})),
        ("/api/tokens", {"text": "x" * 200_001}),
    ):
        error = refused(client, wish, path)
        assert (error["code"], error["field"], error["got"]) == (
            "over_limit",
            "input.text",
            200_001,
        )
        assert "--max-text" in error["message"]
    counted = client.post("/api/tokens", json={"text": text[:100_000]}).json()
    assert (counted["count"], counted["vocabulary_size"]) == (21_428, 8)


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"text": 3}, "input.text"),
        ({"text": None}, "input.text"),
        ({"tokens": "syllable"}, "input.tokens"),
        ({"embedding": "learned"}, "input.embedding"),
        ({"values": [[1]]}, "input.values"),
    ],
)
def test_what_is_no_text_is_refused_by_field(
    client: TestClient, part: dict[str, Any], field: str
) -> None:
    error = refused(client, document(input={"kind": "text", **part}))
    assert (error["code"], error["field"]) == ("invalid_field", field)


@pytest.mark.parametrize("body", ['{"text": "\\ud800"}', '{"text": ', "[]", "{}", '{"text": 3}'])
def test_what_cannot_be_counted_is_refused_in_the_one_shape(client: TestClient, body: str) -> None:
    error = client.post("/api/tokens", content=body)
    assert error.status_code == 422
    assert list(error.json()) == ["type", "id", "code", "message", "field", "got", "expected"]


def test_half_a_sign_is_no_text() -> None:
    with pytest.raises(ValueError, match="is no text"):
        Experiment.model_validate({"input": {"kind": "text", "text": "a\ud800"}})


def frames_of(socket: Any, number: int, experiment: dict[str, Any], *omit: str) -> list[bytes]:
    wish = {"type": "run", "id": number, "experiment": experiment, "omit": omit}
    socket.send_json(wish)
    frames, done = reader_of(socket).until_end(number)
    assert done["status"] == "complete"
    return [frame for frame in frames if metadata(frame)["kind"] in ("tokens", "inputs")]


def test_names_of_steps_come_once_and_whatever_else_is_left_out(client: TestClient) -> None:
    with client.websocket_connect("ws://127.0.0.1/api/stream") as socket:
        socket.receive_text()
        (first,) = frames_of(socket, 1, document(), "x", "h_0")
        assert json.loads(metadata(first)["token_labels"])[0] == "The"
        assert metadata(first)["vocabulary_size"] == "8"
        assert load(first)["token_index"].shape == (9,)
        # A changed ρ sends no names, another text does.
        changed = document(recurrent={"spectral_radius": 0.5})
        assert not frames_of(socket, 2, changed, "x", "h_0")
        other = document(input={"kind": "text", "text": "a a"})
        (second,) = frames_of(socket, 3, other, "x", "h_0")
        assert load(second)["token_index"].tolist() == [0, 0]
        assert not frames_of(socket, 4, document(), "x", "h_0", "token_index")


def test_other_names_are_another_frame() -> None:
    index = {"token_index": np.zeros(1, np.float32)}
    one, two = (Frame("tokens", 0, 1, index, texts={"token_labels": label}) for label in "ab")
    assert one.digest != two.digest
    assert b'"token_labels":"b"' in encode(two, "7")


def test_a_network_that_writes_writes_tokens(client: TestClient) -> None:
    wish = document(
        cell={"hidden_size": 6, "input_size": 9, "output_size": 9},
        steps=40,
        batch_size=2,
        output={"kind": "classes"},
        generation={"after": 11},
    )
    run = posted(client, wish)
    assert run["token_index"].shape == (2, 40)
    given = [0, 1, 2, 3, 8, 4, 5, 6, 7, -1, -1]
    assert run["token_index"][:, :11].tolist() == [given, given]
    drawn = run["x"][:, 11:].argmax(-1)
    # Component 9 is no token's, label 8 is "the": another spelling, which no class is.
    assert np.array_equal(run["token_index"][:, 11:], np.where(drawn < 8, drawn, -1))
    assert set(np.unique(drawn)) > {8}
    as_numbers = posted(client, wish | {"output": {"kind": "values"}, "batch_size": 1})
    assert as_numbers["token_index"].tolist() == given[:9]


@pytest.mark.parametrize(
    "changes",
    [
        {"cell": {"kind": "attention", "hidden_size": 4, "input_size": 8}},
        {"cell": {"kind": "lstm", "layers": 2, "hidden_size": 4, "input_size": 8}},
        {"loss": {"kind": "cross_entropy", "at": "every", "target": [0] * 9}},
        {"steps": 1, "cell": {"hidden_size": 1, "input_size": 8}},
        {"dtype": "float64", "input": {"kind": "text", "amplitude": 1e300}},
    ],
)
def test_every_network_reads(client: TestClient, changes: dict[str, Any]) -> None:
    run = posted(client, document() | changes)
    assert np.isfinite(run["log10_norm_h"]).all()


def test_a_run_that_leaves_carries_its_tokens(client: TestClient) -> None:
    text = 'He said: "no", twice'
    wish = document(input={"kind": "text", "text": text}, steps=10, batch_size=2)
    content = client.post("/api/export/run.csv", json=wish).text
    rows = list(csv.DictReader(io.StringIO(content)))
    expected = [*tokens(text), *[""] * 2]
    assert [row["token"] for row in rows] == expected * 2
    arrays = np.load(io.BytesIO(client.post("/api/export/run.npz", json=wish).content))
    assert json.loads(str(arrays["token_labels"]))[:2] == ["He", "said"]
    assert arrays["token_index"].shape == (8,)


def test_the_metadata_of_a_whole_run_names_its_tokens(client: TestClient, tmp_path: Any) -> None:
    file = tmp_path / "run.safetensors"
    file.write_bytes(client.post("/api/run", json=document()).content)
    with safe_open(file, "numpy") as run:
        assert json.loads(run.metadata()["token_labels"])[7] == "."


def test_pasted_code_reads_the_same_text(client: TestClient) -> None:
    code = client.post("/api/export/pytorch-minimal.py", json=document()).text
    scope: dict[str, Any] = {}
    exec(code, scope)  # asserts the same states
    assert torch.equal(scope["x"], torch.from_numpy(posted(client, document())["x"]))


def test_a_notebook_reads_the_text_of_a_link() -> None:
    run = load_link("#D=3&H=4&T=3&input=text&text=%E7%8C%AB%20%F0%9F%91%8D%20%E7%8C%AB")
    assert run.experiment["input"]["text"] == "猫 \U0001f44d 猫"
    assert run.arrays["x"].argmax(-1).tolist() == [0, 1, 0]
    with pytest.raises(Refusal, match="3 or more"):
        load_link("#D=2&H=4&input=text&text=a%20b%20c")


def test_tokens_are_those_of_the_input_alone() -> None:
    experiment = Experiment.model_validate(document())
    assert tokens_of(experiment) is tokens_in(SENTENCE, "word")


def test_the_same_input_as_numbers_is_the_same_run(client: TestClient) -> None:
    run = posted(client, document())
    again = posted(client, document(input={"kind": "values", "values": run["x"].tolist()}))
    assert np.array_equal(again["h"], run["h"])
    assert "token_index" not in again


@pytest.mark.parametrize("text", ["猫が鼠を 100% & #1 = 'x' + 1!", "word " * 400, "42", "\n"])
def test_a_link_carries_any_text(text: str) -> None:
    experiment = Experiment.model_validate(document(input={"kind": "text", "text": text}))
    link = write_link(experiment)
    assert read_link(link) == experiment
    assert link.startswith("#v1.") == (len(text) > 1000)
    assert len(link) < 1100
