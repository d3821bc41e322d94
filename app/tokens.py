"""A text as tokens: words, or the characters that a reader sees."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import regex

from app.errors import refusal
from app.experiment import Experiment, TextInput, TokenKind

KEPT_TEXTS = 16  # a text comes again with every run of a drag

# What a reader sees as one character, an emoji of several people too: a grapheme cluster of the
# Unicode standard (UAX #29).
CHARACTER = r"\X"
# In a word: letters, digits and the marks on them, with the joiners that shape letters. Han and
# hiragana are written without spaces, and each sign stands for itself. Apostrophes and hyphens
# join what stands on both sides of them, points and commas only digits.
_LETTER = r"[[\p{L}\p{N}]--[\p{Han}\p{Hiragana}]][\p{M}\u200c\u200d]*+"
WORD = rf"(?:{_LETTER})++(?:['’‐‑-](?:{_LETTER})++|[.,](?=\p{{Nd}})(?<=\p{{Nd}}.)(?:{_LETTER})++)*+"
_PATTERNS = {
    "character": regex.compile(CHARACTER, regex.V1),
    "word": regex.compile(f"{WORD}|{CHARACTER}", regex.V1),
}
_INVISIBLE = regex.compile(r"[\p{Cc}\p{Cf}\p{Z}\p{Default_Ignorable_Code_Point}]*+", regex.V1)
_SPACE = regex.compile(r"[\p{Z}\n\t]++", regex.V1)


@dataclass(frozen=True, eq=False)
class Tokens:
    """The tokens of a text and their vocabulary, which is in order of first appearance."""

    indices: npt.NDArray[np.int64]  # (N,), each token's place in the vocabulary
    spellings: npt.NDArray[np.int64]  # (N,), how it was typed, as a place in the labels
    labels: tuple[str, ...]  # the vocabulary as first typed, then other spellings of its entries
    vocabulary_size: int


@lru_cache(maxsize=KEPT_TEXTS)
def tokens_in(text: str, kind: TokenKind) -> Tokens:
    """The tokens of a text.

    A word is a run of letters and digits; every other visible sign is a token of its own, and what
    lies between them is none. "The" and "the" are one word, as they are to a reader. Characters
    are tokens as they are, spaces and line breaks among them. What is equal by the Unicode
    standard (NFC) is one token, however it was typed; signs that nobody sees are none. Of a text
    without any visible sign there are none at all.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    found = [
        token
        for token in _PATTERNS[kind].findall(unicodedata.normalize("NFC", lines))
        if not _INVISIBLE.fullmatch(token) or (kind == "character" and _SPACE.fullmatch(token))
    ]
    if all(_SPACE.fullmatch(token) for token in found):
        found = []
    entry: Callable[[str], str] = str.lower if kind == "word" else str
    vocabulary: dict[str, int] = {}
    first: list[str] = []
    for token in found:
        if entry(token) not in vocabulary:
            vocabulary[entry(token)] = len(vocabulary)
            first.append(token)
    spelling = {token: k for k, token in enumerate(first)}
    for token in found:
        spelling.setdefault(token, len(spelling))
    return Tokens(
        np.array([vocabulary[entry(token)] for token in found], dtype=np.int64),
        np.array([spelling[token] for token in found], dtype=np.int64),
        tuple(spelling),
        len(vocabulary),
    )


def tokens_of(experiment: Experiment) -> Tokens:
    """The tokens of an Experiment whose input is a text.

    Raises a `Refusal` where there are none, or more different ones than D has components for.
    """
    drive = experiment.input
    assert isinstance(drive, TextInput)
    tokens, D = tokens_in(drive.text, drive.tokens), experiment.cell.input_size
    V = tokens.vocabulary_size
    if V == 0:
        raise refusal(
            "invalid_field",
            "input.text",
            "has no tokens",
            got=drive.text,
            expected="at least one visible sign",
            advice="Type a word, or choose another input.",
            field="input.text",
        )
    if drive.embedding == "one_hot" and V > D:
        raise refusal(
            "invalid_field",
            "cell.input_size",
            "is too small for one-hot tokens",
            got=D,
            expected=f"{V} or more, a component for each of {V} different tokens",
            advice=f"Set it to {V}, or input.embedding to random.",
            field="cell.input_size",
        )
    return tokens
