"""What a page asks for when it asks for an offline file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.document import Document
from app.experiment import Experiment
from app.link import MAX_HASH_CHARS
from app.settings import LECTURE_BYTES

LARGEST = 64_000_000
Text = Annotated[str, Field(max_length=4000)]


class LectureWish(Document):
    """What an offline file is to hold."""

    experiment: Experiment
    hash: Annotated[str, Field(max_length=MAX_HASH_CHARS)] = ""
    """The link of what is on the screen: what it says of the view is recorded too."""
    rho_values: Text = ""
    """ρ to record, `0.5,0.9,1` or `start:end:step`; empty, as many as fit."""
    over: Text = ""
    """A second parameter, `phi=tanh,relu`; empty, none."""
    views: Text = ""
    """Views to record beside those that are open: influence, powers, …"""
    title: Text = ""
    """Title of the page; empty, the Experiment in short."""
    live: Text = ""
    """Address of the live page, for what isn't recorded."""
    max_bytes: int = Field(LECTURE_BYTES, ge=1, le=LARGEST)
    """The largest file, in bytes."""
