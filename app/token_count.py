"""What a text comes to: asked for and answered before anything is run on it."""

from __future__ import annotations

from typing import Literal

from app.document import Document
from app.experiment import TokenKind
from app.protocol import ServerMessage


class TextToCount(Document):
    """A text whose tokens are to be counted; the words are those of an Experiment's input."""

    text: str
    """What is read."""
    tokens: TokenKind = "word"
    """What a token is."""


class TokenCount(ServerMessage):
    """What T and D must be for every token of a text to have its step and its component."""

    type: Literal["token_count"] = "token_count"
    count: int
    """Tokens in the text: steps, T. 0 where there is nothing to see, which can't be run."""
    vocabulary_size: int
    """Different ones among them: with one_hot the least input_size, D."""
