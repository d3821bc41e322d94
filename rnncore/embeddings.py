"""Tokens as inputs: each a vector of its own, one-hot or drawn."""

from typing import Final, Literal

import torch
from torch import Tensor

from rnncore.checks import ArgumentError, checked_choice, checked_count, checked_number
from rnncore.ensembles import checked_seed, seeded_generator

Embedding = Literal["one_hot", "random"]
EMBEDDINGS: Final[tuple[Embedding, ...]] = ("one_hot", "random")


def embedded_sequence(
    tokens: object,
    steps: int,
    input_size: int,
    *,
    embedding: Embedding = "one_hot",
    amplitude: float = 1.0,
    seed: int = 2,
    batch_size: int | None = None,
) -> Tensor:
    """The input sequence of some tokens, x_t = E[token_t], (T, D) float64, or (B, T, D).

    With A the amplitude, row v of E is A times the v-th unit vector (one_hot), or drawn from
    N(0, A²/D) (random), so that the tokens' norms are A in the mean square either way. PyTorch's
    nn.Embedding draws from N(0, 1): that is A = √D. A token's row depends on the seed, on D and on
    its place in the vocabulary, not on how many others there are. After the last token there is
    silence.

    Args:
        tokens: (N,) whole numbers from 0, each token's place in the vocabulary.
        steps: T; of more tokens than that the first T are taken.
        input_size: D, of one_hot at least the size of the vocabulary, which is the largest of
            `tokens` and one more.
        embedding: one of the above.
        amplitude: A, any finite number.
        seed: of the draw; one_hot draws nothing.
        batch_size: B; None for no batch axis. Every sequence is the same.

    Raises:
        ValueError: an unknown embedding, a size below 1, a number out of range, tokens that are
            no such numbers, or a vocabulary that does not fit into D.

    >>> embedded_sequence([0, 1, 0], 4, 2).tolist()
    [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]
    """
    checked_choice("embedding", embedding, EMBEDDINGS)
    checked_count("steps", steps)
    checked_count("input_size", input_size)
    checked_number("amplitude", amplitude)
    generator = seeded_generator(checked_seed("seed", seed))
    indices = _indices(tokens)
    vocabulary_size = int(indices.max()) + 1
    shown = indices[:steps]
    x = torch.zeros((steps, input_size), dtype=torch.float64)
    if embedding == "one_hot":
        if vocabulary_size > input_size:
            raise ArgumentError(
                "input_size",
                "is too small for one-hot tokens",
                got=input_size,
                expected=f"{vocabulary_size} or more, a component for each of as many tokens",
            )
        x[torch.arange(len(shown)), shown] = amplitude
    else:
        # One draw a token: a single large draw is laid out differently for every size.
        rows = [
            torch.randn(input_size, generator=generator, dtype=torch.float64)
            for _ in range(int(shown.max()) + 1)
        ]
        x[: len(shown)] = amplitude / input_size**0.5 * torch.stack(rows)[shown]
    if batch_size is None:
        return x
    checked_count("batch_size", batch_size)
    return x.expand(batch_size, steps, input_size).clone()


def _indices(tokens: object) -> Tensor:
    expected = "a list of whole numbers from 0, at least one"
    try:
        indices = torch.as_tensor(tokens)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError("tokens", "are no numbers", got=error, expected=expected) from error
    if indices.ndim != 1 or len(indices) == 0:
        shape = tuple(indices.shape)
        raise ArgumentError("tokens", "have the wrong shape", got=shape, expected=expected)
    if indices.is_floating_point() or indices.is_complex() or indices.dtype == torch.bool:
        raise ArgumentError("tokens", "are no indices", got=indices.dtype, expected=expected)
    if int(indices.min()) < 0:
        raise ArgumentError("tokens", "are out of range", got=int(indices.min()), expected=expected)
    return indices.long()
