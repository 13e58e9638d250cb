"""Reads the JSON bodies of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from starlette.requests import Request

_Model = TypeVar("_Model", bound=BaseModel)


async def read_body(request: Request, model: type[_Model]) -> _Model | None:
    """What a call says; None if that makes no sense."""
    try:
        return model.model_validate_json(await request.body())
    except ValidationError:
        return None
