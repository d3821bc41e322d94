"""POST /api/tokens: how many tokens a text has, before anything is run on it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import ValidationError
from starlette.requests import Request

from app.house import House, house_of
from app.limits import check_text
from app.refusals import from_validation
from app.routes.api import REFUSALS
from app.routes.bodies import body_of
from app.token_count import TextToCount, TokenCount
from app.tokens import tokens_in

Served = Annotated[House, Depends(house_of)]
BODY = {"$ref": "#/components/schemas/TextToCount"}


def add_to(app: FastAPI) -> None:
    """Adds the route to `app`."""
    app.add_api_route(
        "/api/tokens",
        count,
        methods=["POST"],
        responses=REFUSALS,
        openapi_extra={"requestBody": {"content": {"application/json": {"schema": BODY}}}},
    )


async def count(request: Request, house: Served) -> TokenCount:
    """Counts the tokens of a text as a run of it would; refused as that would be."""
    with house.seats.seat():
        body = await body_of(request, house.settings, limit="max_message_bytes")
        try:
            wish = TextToCount.model_validate_json(body)
        except ValidationError as error:
            raise from_validation(error) from None
        check_text(wish.text, house.settings)
        tokens = tokens_in(wish.text, wish.tokens)
        return TokenCount(count=len(tokens.indices), vocabulary_size=tokens.vocabulary_size)
