"""What every part of the Experiment is made of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field

Index = Annotated[int, Field(ge=0)]


class Document(BaseModel):
    """Strict, closed and immutable: an unknown field or a wrong type is an error."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )


def tagged(key: str, default: str) -> Discriminator:
    """Chooses a union's member by `key`; a document without it gets the default member."""

    def tag(value: Any) -> str:
        if isinstance(value, dict):
            found = value.get(key, default)
        else:
            found = getattr(value, key, None)
        return found if isinstance(found, str) else "" if found is None else repr(found)

    return Discriminator(tag)
