"""The link: one with the page's, both ways; every document survives it; hostile text is refused."""

import base64
import json
import re
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.errors import Refusal
from app.experiment import Experiment
from app.link import SHORT_NAMES, VIEW_NAMES, read_link, write_link
from app.protocol import read_experiment

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "golden" / "links.json").read_text("utf-8")
)


def experiment_of(document: Any) -> Experiment:
    return read_experiment(json.dumps(document).encode())


def packed(text: str | bytes) -> str:
    document = text.encode() if isinstance(text, str) else text
    deflated = zlib.compress(document, 9, wbits=-15)
    return "#v1." + base64.urlsafe_b64encode(deflated).decode().rstrip("=")


def unpacked(link: str) -> Any:
    text = link.removeprefix("#v1.")
    return json.loads(zlib.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), -15))


def refused(link: str) -> Any:
    with pytest.raises(Refusal) as caught:
        read_link(link)
    error = caught.value.error
    assert re.fullmatch(r"(?s).+: got .*; expected .+\.", error.message)
    assert len(error.message) < 500
    return error


# --- One rule on both sides -----------------------------------------------------------------------


def test_short_names_are_the_pages_in_its_order() -> None:
    assert [list(pair) for pair in SHORT_NAMES.items()] == GOLDEN["names"]
    assert list(VIEW_NAMES) == GOLDEN["view"]


@pytest.mark.parametrize("case", GOLDEN["links"], ids=lambda case: case["hash"][:40])
def test_a_link_is_read_and_written_as_the_page_does(case: dict[str, Any]) -> None:
    experiment = experiment_of(case["experiment"])
    assert read_link(case["hash"]) == experiment
    written = write_link(experiment)
    if case["hash"].startswith("#v1."):  # deflate may choose other bytes than the page's
        assert re.fullmatch(r"#v1\.[\w-]+", written, re.ASCII)
        assert unpacked(written) == unpacked(case["hash"]) == case["experiment"]
    else:
        assert written == case["hash"]


@pytest.mark.parametrize("case", GOLDEN["readings"], ids=lambda case: case["hash"][:40])
def test_what_the_page_reads_but_does_not_write(case: dict[str, Any]) -> None:
    assert read_link(case["hash"]) == experiment_of(case["experiment"])


@pytest.mark.parametrize("link", GOLDEN["refused"])
def test_what_the_page_complains_of_is_refused(link: str) -> None:
    refused(link)


def test_the_golden_links_touch_every_short_name_and_every_operation() -> None:
    links = "&".join(case["hash"].removeprefix("#") for case in GOLDEN["links"])
    names = {part.split("=")[0] for part in links.split("&")}
    assert names >= SHORT_NAMES.keys() - {"cell"}  # which has one value, its default
    operations = set(re.findall(r'"op": "(\w+)"', json.dumps(GOLDEN["links"])))
    assert operations == {"set", "zero", "eigenvalue", "normality", "radius"}


# --- Addresses ------------------------------------------------------------------------------------


def test_the_default_picture_has_a_word_of_its_own() -> None:
    assert write_link(Experiment()) == "#rho=1"
    assert read_link("#rho=1") == experiment_of({"recurrent": {"spectral_radius": 1}})


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000/", "https://rho.example/a/b=c&d/?e=f", "HTTP://[::1]:1"]
)
@pytest.mark.parametrize("link", ["#H=3&rho=1.5&t=7", packed('{"steps": 7}') + "&t=7&bottom=atlas"])
def test_a_whole_address_is_read_like_its_hash(address: str, link: str) -> None:
    assert read_link(address + link) == read_link(link) == read_link(link[1:])
    assert read_link(address + link) != read_link(address)
    assert read_link(address) == read_link(address + "#") == read_link("#rho=1.03&phi=linear")


# --- Every document survives ----------------------------------------------------------------------

sizes = st.integers(1, 2**53 - 1)
seeds = st.integers(0, 2**53 - 1)
numbers = st.floats(-3e38, 3e38)
factors = st.floats(0, 3e38)
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with any of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


def kind(name: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object of this kind with all of the fields."""
    return st.fixed_dictionaries({"kind": st.just(name), **fields})


short_documents = some(
    cell=some(
        activation=st.sampled_from(["tanh", "relu", "linear"]),
        input_size=sizes,
        hidden_size=sizes,
        output_size=sizes,
    ),
    recurrent=some(ensemble=st.sampled_from(["gaussian", "ring", "delay_line"]), seed=seeds)
    | some(spectral_radius=factors)
    | some(gain=factors),
    input_weights=some(scale=factors),
    bias=some(scale=factors),
    input=some(amplitude=numbers)
    | kind("sine", amplitude=numbers, period=st.floats(0, 3e38, exclude_min=True))
    | kind("noise"),
    initial_state=kind("random", scale=factors) | kind("zeros"),
    loss=some(at=st.sampled_from(["last", "every"]), kind=st.sampled_from(["linear", "mse"])),
    steps=sizes,
    batch_size=sizes,
    dtype=st.sampled_from(["float32", "float64"]),
)

index = st.integers(0, 2)
interval = st.none() | st.sampled_from([[0, 1], [1, 3], [0, 3]])
place = st.tuples(numbers, numbers)
set_weight = st.fixed_dictionaries({"op": st.just("set"), "i": index, "j": index, "value": numbers})
zero_block = st.fixed_dictionaries({"op": st.just("zero"), "rows": interval, "columns": interval})
matrix_edits = st.lists(set_weight | zero_block, min_size=1)
square_edits = st.lists(
    set_weight
    | zero_block
    | st.fixed_dictionaries(
        {"op": st.just("eigenvalue"), "at": place, "to": place},
        optional={"half_gap": factors, "keep": st.just("schur_vectors")},
    )
    | st.fixed_dictionaries({"op": st.just("normality"), "alpha": st.floats(0, 2)})
    | st.fixed_dictionaries({"op": st.just("radius"), "spectral_radius": factors}),
    min_size=1,
)
vector_edits = st.lists(
    st.fixed_dictionaries({"op": st.just("set"), "i": index, "value": numbers})
    | st.fixed_dictionaries({"op": st.just("zero"), "rows": interval}),
    min_size=1,
)
row = st.lists(numbers, min_size=3, max_size=3)
rows = st.lists(row, min_size=2, max_size=2)
seeded = st.integers(6, 2**53 - 1)  # past every default
# Each group alone already needs the long form.
long_groups = {
    "weights": some(file=hashes).map(lambda part: {**part, "layer": 1}),
    "recurrent": st.fixed_dictionaries({"edits": square_edits}),
    "input_weights": st.fixed_dictionaries({"edits": matrix_edits}, optional={"scale": factors}),
    "bias": st.fixed_dictionaries({"edits": vector_edits}, optional={"seed": seeds}),
    "readout": st.fixed_dictionaries({"edits": matrix_edits}, optional={"scale": factors}),
    "output_bias": st.fixed_dictionaries({"edits": vector_edits}),
    "input": kind("values", values=rows)
    | kind("file", file=hashes, amplitude=numbers)
    | kind("noise", seed=seeded),
    "initial_state": kind("values", values=row) | kind("random", seed=seeded),
    "loss": kind("mse", target=row | rows, at=st.sampled_from(["last", "every"])),
}
SIZED = {"cell": {"input_size": 3, "hidden_size": 3, "output_size": 3}, "steps": 2}


@given(short_documents)
def test_every_document_of_named_fields_survives_the_short_form(document: dict[str, Any]) -> None:
    experiment = experiment_of(document)
    link = write_link(experiment)
    assume(experiment != Experiment())
    assert re.fullmatch(r"#\w+=[\w.%-]+(&\w+=[\w.%-]+)*", link, re.ASCII)
    assert read_link(link) == experiment


@given(st.fixed_dictionaries({}, optional=long_groups))
def test_every_other_document_survives_the_long_form(groups: dict[str, Any]) -> None:
    experiment = experiment_of({**SIZED, **groups})
    link = write_link(experiment)
    assert link.startswith("#v1.") == bool(groups)
    assert read_link(link) == experiment
    if groups:
        assert unpacked(link).keys() == SIZED.keys() | groups.keys()


# --- Foreign text ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link, code, said",
    [
        ("#colour=red", "invalid_field", "'colour'; expected one of cell, phi, "),
        (packed("{}") + "&colour=red", "invalid_field", "'colour'; expected one of t, top, "),
        ("127.0.0.1:8000/#rho=1", "invalid_field", "the link has a part that is unknown"),
        ("#rho=1#H=3", "invalid_field", "got '1#H=3'"),
        ("##rho=1", "invalid_field", "got '#rho'"),
        ("#rho=1.2\n", "invalid_field", "expected a number"),
        ("#rho=1=2", "invalid_field", "expected a number"),
        ("#rho=" + "1" * 190_000 + "x", "invalid_field", "expected a number"),
        ("#rho=" + "1" * 190_000, "invalid_field", "spectral_radius is not finite"),
        ("#H=6.5", "invalid_field", "cell.hidden_size has the wrong type: got 6.5"),
        ("#H=1e300", "invalid_field", "expected an integer"),
        ("#seed=9007199254740993", "invalid_field", "recurrent.seed"),
        ("#phi=<img src=x onerror=alert(1)>", "invalid_field", "cell.activation"),
        ("#period=7", "invalid_field", "input.period is not a field"),
        ("#rho=1&gain=2", "invalid_field", "recurrent.gain cannot be given together"),
        ("#rho=1&H=3&rho=1", "invalid_field", "the link gives rho twice"),
        ("#rho=1&%72ho=2", "invalid_field", "the link gives rho twice"),
        ("#phi=%ff", "invalid_json", "the link is damaged"),
        ("#phi=tanh\u200b", "invalid_json", "the link is damaged"),
        ("#rho=\u0661", "invalid_json", "the link is damaged"),  # a digit to Python's \d
        ("#H=3&rho=\ud800", "invalid_json", "the link is damaged"),
        ("#" + "&".join(["t=1"] * 65), "over_limit", "got 65; expected at most 64"),
        ("#v2.q64FAA", "invalid_field", "another version: got '2'; expected 1"),
        ("#v01.q64FAA", "invalid_field", "another version: got '01'; expected 1"),
        ("#v1.", "invalid_json", "the link is damaged"),
        ("#v1.q64FA", "invalid_json", "the link is damaged"),
        ("#v1.q64FAA===", "invalid_json", "the link is damaged"),
        ("#v1.q64F\nAA", "invalid_json", "the link is damaged"),
        ("#v1." + "A" * 199_998, "over_limit", "got 200001; expected at most 200000"),
        (packed("{") + "&t=1", "invalid_json", "the link is damaged"),
        (packed(b'{"dtype": "\xff"}'), "invalid_json", "the link is damaged"),
        (packed(b"[" * 10_000 + b"]" * 10_000), "invalid_json", "the link is damaged"),
        (packed('{"steps":' + "9" * 1_900_000 + "}"), "invalid_json", "the link is damaged"),
        (packed("[]"), "invalid_field", "the document has the wrong type"),
        (packed('{"steps": "7"}'), "invalid_field", "steps has the wrong type"),
        (packed('{"version": 2}'), "invalid_field", "version is not available"),
        (packed('{"recurrent": {"gain": NaN}}'), "invalid_field", "gain is not finite"),
        (packed('{"cell": {"size": 3}}'), "invalid_field", "cell.size is not a field"),
        (packed("{}" + " " * 1_999_999), "over_limit", "the link inflates too far"),
    ],
    ids=lambda value: repr(value)[:48],
)
def test_a_broken_link_is_refused(link: str, code: str, said: str) -> None:
    error = refused(link)
    assert (error.code, said in error.message) == (code, True), error.message


def test_what_just_fits_is_read() -> None:
    assert read_link(packed("{}" + " " * 1_999_998)) == Experiment()
    assert read_link("#" + "&".join(["H=3", *["t=1"] * 63])).cell.hidden_size == 3
    assert read_link("#rho=0." + "1" * (200_000 - 6)).recurrent.spectral_radius == 1 / 9


def test_a_bomb_does_not_inflate() -> None:
    link = packed(b" " * 150_000_000)
    assert len(link) < 200_000
    tracemalloc.start()
    try:
        assert refused(link).code == "over_limit"
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_what_follows_the_packed_document_is_no_part_of_it() -> None:
    text = "#v1." + base64.urlsafe_b64encode(zlib.compress(b"{}", wbits=-15) + b"more").decode()
    assert refused(text).code == "invalid_json"


@given(st.data())
def test_a_link_cut_short_is_refused(data: st.DataObject) -> None:
    link = data.draw(st.sampled_from([case["hash"] for case in GOLDEN["links"]]))
    assume(link.startswith("#v1."))
    refused(link[: data.draw(st.integers(2, len(link) - 1))])


@given(
    st.text()
    | st.text("#&=%.+-0123456789eE")
    | st.lists(st.sampled_from(["#", "&", "=", "v1.", "t", *SHORT_NAMES, "1", "%"])).map("".join)
    | st.binary().map(lambda document: packed(document))
)
def test_any_text_is_an_experiment_or_refused(text: str) -> None:
    try:
        assert isinstance(read_link(text), Experiment)
    except Refusal:
        refused(text)


@pytest.mark.parametrize(
    "value, rows, said",
    [
        (lambda k: 0.0, 501, "got '2005079 bytes of JSON"),
        (lambda k: hash((k, 1)) / 2**61, 20, "characters'; expected at most 2000000 and 200000"),
    ],
    ids=["bytes", "characters"],
)
def test_what_no_link_can_carry_is_not_written(value: Any, rows: int, said: str) -> None:
    values = [[value(1000 * t + d) for d in range(1000)] for t in range(rows)]
    document = {"input": {"kind": "values", "values": values}, "steps": rows}
    experiment = experiment_of({"cell": {"input_size": 1000}, **document})
    with pytest.raises(Refusal, match=r"too long for a link: got .+; expected at most") as caught:
        write_link(experiment)
    assert caught.value.error.code == "over_limit"
    assert said in caught.value.error.message
