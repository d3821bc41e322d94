"""Every choice and limit of the server: a flag of the command, and an environment variable."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MEBIBYTE = 2**20
LECTURE_BYTES = 8_000_000  # of an offline file: what a mail, or a learning platform, surely takes
Size = Annotated[int, Field(ge=1)]
Texts = Annotated[tuple[str, ...], NoDecode]


def _processors() -> int:
    """How many this process may use; a container or a batch job may have fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Settings(BaseSettings):
    """What one server accepts and offers."""

    model_config = SettingsConfigDict(
        env_prefix="RHOSCOPE_", frozen=True, use_attribute_docstrings=True
    )

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every network of this machine."""
    port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Port to listen on; 0 takes any free one, and without it the first free one from 8000 on."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the networks run; auto takes a CUDA GPU if torch sees one."""
    open: bool | None = None
    """Open a browser; unsaid, only on a terminal, and never in CI, over SSH or in a container."""
    workers: Size = 1
    """Server processes on one port; they share the jobs out, each has its own memory and seats."""
    log_level: Literal["critical", "error", "warning", "info", "debug"] = "warning"
    """How much is logged."""
    log_format: Literal["text", "json"] = "text"
    """How it is logged: text, for people, or json, one object a line."""
    metrics: Literal["local", "all", "off"] = "local"
    """Who may read /metrics: this machine alone (local), whoever reaches the server, or nobody."""
    root_path: str = ""
    """Prefix under which a proxy serves this, such as /rhoscope; it may strip it or keep it."""
    frame_ancestors: Texts = ()
    """Who may frame the page: self, none, origins, https://*.school.example, file:; unsaid, all."""
    max_hidden: Size = 1024
    """Largest hidden_size, H."""
    max_steps: Size = 1_000_000
    """Largest steps, T."""
    max_input: Size = 16_384
    """Largest input_size, D."""
    max_output: Size = 16_384
    """Largest output_size, O."""
    max_batch: Size = 256
    """Largest batch_size, B."""
    max_attention_steps: Size = 8192
    """Largest steps of one sequence with attention, whose time grows as B · T²."""
    max_layers: Size = 16
    """Most layers on top of one another."""
    max_text: Size = 200_000
    """Longest text that is an input, in characters."""
    max_edits: Size = 10_000
    """Most edits of one matrix in one document."""
    max_message_bytes: Size = 16 * MEBIBYTE
    """Longest message or request, in bytes."""
    max_result_bytes: Size = 512 * MEBIBYTE
    """Largest answer to one run, in bytes."""
    max_memory_bytes: Size = 4096 * MEBIBYTE
    """Working memory of all runs together, in bytes; runs wait for their share."""
    max_sessions: Size = 256
    """Most sockets and requests served at once."""
    max_jobs: Size = Field(default_factory=_processors)
    """Most runs computing at the same moment, one thread each."""
    send_timeout_s: Annotated[float, Field(gt=0)] = 20.0
    """Seconds after which a client that takes nothing, or sends too slowly, is dropped."""
    cache_bytes: Annotated[int, Field(ge=0)] = 256 * MEBIBYTE
    """Memory for matrices, spectra and small results that are asked for again, in bytes."""
    upload_folder: Path | None = None
    """Where uploaded files are kept; unsaid, the user's cache folder."""
    max_upload_bytes: Size = 8 * MEBIBYTE
    """Largest file that may be uploaded, in bytes."""
    max_uploads_bytes: Size = 256 * MEBIBYTE
    """Size of all uploaded files together, in bytes; the least recently used go first."""
    lessons: Annotated[tuple[Path, ...], NoDecode] = ()
    """Folders with lessons of one's own: each holds lessons, or is one."""
    allow_origin: Texts = ()
    """Foreign origins that may use the API, exactly as the browser sends them; null is one."""
    allowed_host: Texts = ()
    """Further names under which this server is reached; * allows all (a proxy must check then)."""

    @field_validator("allow_origin", "allowed_host", "frame_ancestors", "lessons", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Accepts a text separated by commas, as an environment variable holds it."""
        texts = value.split(",") if isinstance(value, str) else value
        if isinstance(texts, list | tuple):
            # A folder comes from the command as a path.
            named = (text.strip() if isinstance(text, str) else text for text in texts)
            return tuple(text for text in named if text)
        return texts


def flag(field: str) -> str:
    """The command's flag for a setting: max_hidden is --max-hidden."""
    return "--" + field.replace("_", "-")


def variable(field: str) -> str:
    """The environment variable for a setting: max_hidden is RHOSCOPE_MAX_HIDDEN."""
    return "RHOSCOPE_" + field.upper()
