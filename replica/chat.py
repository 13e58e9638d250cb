"""Messages and their answers, streamed word by word until the answering edge hears of a log-out."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from replica.refusals import problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from replica.gate import Gate
    from replica.sessions import Session
    from replica.world import World

_WORD_S = 0.1
"""One word each: a stream that is to be cut is cut at most this late."""

# How a message begins whose answer is to be under way for long; in any case of letters.
_ASKS_FOR_MUCH = "write a long"

_WORDS = ("This", "answer", "has", "nothing", "to", "say", "and", "takes", "its", "time", "to", "say", "it.")


class _Content(BaseModel):
    parts: Annotated[list[str], Field(min_length=1)]


class _Message(BaseModel):
    content: _Content


class _Prompt(BaseModel):
    messages: Annotated[list[_Message], Field(min_length=1)]


class Chat:
    """The two conversation routes: one for bearers, one for guests."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    @property
    def routes(self) -> list[Route]:
        """Both of them."""
        return [
            Route("/backend-api/conversation", self.converse, methods=["POST"]),
            Route("/backend-anon/conversation", self.converse_as_guest, methods=["POST"]),
        ]

    async def converse(self, request: Request) -> Response:
        """Answer somebody who is signed in."""
        return await self._answer(request, self._gate.bearer(request))

    async def converse_as_guest(self, request: Request) -> Response:
        """Answer anybody."""
        return await self._answer(request, None)

    async def _answer(self, request: Request, session: Session | None) -> Response:
        try:
            prompt = _Prompt.model_validate_json(await request.body())
        except ValidationError:
            return problem(422, "invalid_body")
        asked = prompt.messages[-1].content.parts[-1]
        return StreamingResponse(self._stream(request, asked, session), media_type="text/event-stream")

    async def _stream(self, request: Request, asked: str, session: Session | None) -> AsyncIterator[str]:
        """Say the answer so far, ever longer. Only an answer that was not cut ends with `[DONE]`."""
        began_s = time.monotonic()
        said = f"You wrote: \u201c{asked}\u201d."
        count = max(1, round(self._length_s(asked) / _WORD_S))
        for word in itertools.islice(itertools.cycle(_WORDS), count):
            if not self._may_go_on(request, session, began_s):
                return
            said = f"{said} {word}"
            yield _event({"message": {"author": {"role": "assistant"}, "content": {"parts": [said]}}})
            await asyncio.sleep(_WORD_S)
        yield "data: [DONE]\n\n"

    def _may_go_on(self, request: Request, session: Session | None, began_s: float) -> bool:
        if self._world.stopping.is_set():
            return False
        return session is None or self._gate.may_stream(request, session, began_s)

    def _length_s(self, asked: str) -> float:
        behaviour = self._world.behaviour
        return behaviour.long_stream_s if asked.casefold().startswith(_ASKS_FOR_MUCH) else behaviour.stream_s


def _event(data: object) -> str:
    return f"data: {json.dumps(data)}\n\n"
