"""Tokens as vectors: which component, which draw, which size."""

import pytest
import torch
from torch import nn

from rnncore import EMBEDDINGS, ArgumentError, embedded_sequence

SENTENCE = [0, 1, 2, 3, 0, 4, 5, 6, 7]


def test_one_hot_picks_columns_of_the_input_weights() -> None:
    x = embedded_sequence(SENTENCE, 9, 10, amplitude=-2.5)
    W_xh = torch.randn(4, 10, dtype=torch.float64, generator=torch.manual_seed(0))
    assert torch.equal(x @ W_xh.T, -2.5 * W_xh.T[SENTENCE])
    assert torch.equal(x[:, 8:], torch.zeros(9, 2, dtype=torch.float64))


@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_the_same_token_is_the_same_vector_and_another_one_another(embedding: str) -> None:
    x = embedded_sequence(SENTENCE, 9, 8, embedding=embedding)  # type: ignore[arg-type]
    assert torch.equal(x[0], x[4])
    assert len(torch.unique(x, dim=0)) == 8


@pytest.mark.parametrize("D", [1, 3, 16, 64])
def test_a_drawn_token_is_as_long_as_a_one_hot_one_in_the_mean_square(D: int) -> None:
    count = 40_000 // D
    x = embedded_sequence(list(range(count)), count, D, embedding="random", amplitude=3.0)
    square = x.square().sum(-1)
    # Σ of D squares of N(0, A²/D): mean A², variance 2A⁴/D; five standard errors.
    assert abs(square.mean() - 9.0) < 5 * (2 * 81 / D / count) ** 0.5


def test_the_scale_beside_that_of_pytorch() -> None:
    D, count = 32, 4000
    torch.manual_seed(0)
    theirs = nn.Embedding(count, D).weight.detach().double()
    ours = embedded_sequence(
        list(range(count)), count, D, embedding="random", amplitude=D**0.5, seed=3
    )
    assert abs(theirs.std() / ours.std() - 1) < 0.02


@pytest.mark.parametrize("D", [1, 5, 16, 40])
def test_another_word_leaves_the_vectors_of_those_before_it(D: int) -> None:
    short = embedded_sequence([0, 1, 2], 3, D, embedding="random", seed=9)
    long = embedded_sequence([0, 1, 2, 3, 40], 5, D, embedding="random", seed=9)
    assert torch.equal(long[:3], short)
    assert not torch.equal(short, embedded_sequence([0, 1, 2], 3, D, embedding="random", seed=8))


@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_a_longer_run_ends_in_silence_and_a_shorter_one_in_the_middle(embedding: str) -> None:
    whole = embedded_sequence(SENTENCE, 9, 8, embedding=embedding)  # type: ignore[arg-type]
    long = embedded_sequence(SENTENCE, 12, 8, embedding=embedding)  # type: ignore[arg-type]
    short = embedded_sequence(SENTENCE, 1, 8, embedding=embedding)  # type: ignore[arg-type]
    assert torch.equal(long[:9], whole) and not long[9:].any()
    assert torch.equal(short, whole[:1])


def test_every_sequence_of_a_batch_reads_the_same() -> None:
    x = embedded_sequence([0, 1], 3, 2, batch_size=3)
    assert x.shape == (3, 3, 2)
    assert torch.equal(x[2], embedded_sequence([0, 1], 3, 2))
    x[0] = 7  # no two share memory
    assert not (x[1] == 7).any()


@pytest.mark.parametrize(
    ("tokens", "options", "argument", "said"),
    [
        ([0, 2], {"input_size": 2}, "input_size", "3 or more"),
        ([], {}, "tokens", "at least one"),
        ([[0]], {}, "tokens", "wrong shape"),
        ([0, -1], {}, "tokens", "out of range"),
        ([0.0], {}, "tokens", "no indices"),
        ([True], {}, "tokens", "no indices"),
        (["cat"], {}, "tokens", "no numbers"),
        ([0], {"embedding": "learned"}, "embedding", "one_hot"),
        ([0], {"steps": 0}, "steps", "out of range"),
        ([0], {"input_size": 0}, "input_size", "out of range"),
        ([0], {"amplitude": float("nan")}, "amplitude", "finite"),
        ([0], {"seed": -1}, "seed", "out of range"),
        ([0], {"batch_size": 0}, "batch_size", "out of range"),
    ],
)
def test_what_cannot_be_embedded_is_refused(
    tokens: object, options: dict, argument: str, said: str
) -> None:
    arguments = {"steps": 2, "input_size": 3} | options
    with pytest.raises(ArgumentError, match=said) as caught:
        embedded_sequence(tokens, **arguments)
    assert caught.value.argument == argument
