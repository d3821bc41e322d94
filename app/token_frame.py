"""The tokens of a run, which name its steps."""

from __future__ import annotations

import json

import numpy as np
from torch import Tensor

from app.experiment import Experiment, TextInput
from app.frames import Array, Frame
from app.tokens import tokens_of

NONE = -1.0  # a step without a token: silence, or a class that is no token


def token_frame(experiment: Experiment, x: Tensor) -> Frame:
    """Which token every step has, as far as any has one, and the tokens' names.

    `token_index` [n], n ≤ T, or [B, T] where classes are drawn, counts in `token_labels`, a JSON
    list: the vocabulary in order, then other spellings of its entries. So label v is also the name
    of class v < `vocabulary_size`, where the tokens are one-hot.

    Args:
        experiment: one whose input is a text.
        x: its inputs (…, T, D), with what was drawn.
    """
    tokens, drive = tokens_of(experiment), experiment.input
    assert isinstance(drive, TextInput)
    after = experiment.generation.after if experiment.generates else None
    index: Array = tokens.spellings[: experiment.steps if after is None else after].astype("<f4")
    if after is not None and experiment.output.kind == "classes" and drive.embedding == "one_hot":
        drawn = x[..., after:, :].argmax(dim=-1).cpu().numpy().astype("<f4")
        drawn[drawn >= tokens.vocabulary_size] = NONE
        given = np.full(after, NONE, dtype="<f4")
        given[: len(index)] = index
        index = np.concatenate((np.broadcast_to(given, (*drawn.shape[:-1], after)), drawn), axis=-1)
    labels = json.dumps(tokens.labels, ensure_ascii=False, separators=(",", ":"))
    texts = {"token_labels": labels, "vocabulary_size": str(tokens.vocabulary_size)}
    return Frame("tokens", 0, experiment.steps, {"token_index": index}, texts=texts)
