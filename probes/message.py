"""A message: does the site still take one from the held access token?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import uuid4

import httpx

from afterglow.readings import Answer, State
from probes.asking import Copy, body_of, client, exchange, failed, refusal_code, unknown

MESSAGE = "Afterglow asks whether this session may still send a message."


@dataclass(slots=True)
class MessageProbe:
    """Posts one message to `/backend-api/conversation` and reads no further than the first line.

    It leaves a conversation behind on the account, so it is asked once, not watched. The site may want
    more than a token with a message (a challenge): that is unknown.
    """

    copy: Copy
    layer: ClassVar[str] = "message"

    async def ask(self) -> Answer:
        """Ask once."""
        body = {
            "action": "next",
            "model": "auto",
            "parent_message_id": str(uuid4()),
            "messages": [
                {
                    "id": str(uuid4()),
                    "author": {"role": "user"},
                    "content": {"content_type": "text", "parts": [MESSAGE]},
                }
            ],
        }
        headers = {
            "Authorization": f"Bearer {self.copy.access_token}",
            "Accept": "text/event-stream",
        }
        try:
            async with (
                client(self.copy) as asking,
                asking.stream("POST", "/backend-api/conversation", json=body, headers=headers) as response,
            ):
                return await _read(response)
        except httpx.HTTPError as error:
            return failed(error)


async def _read(response: httpx.Response) -> Answer:
    """Alive if an answer starts to stream, revoked if the token is refused, else unknown."""
    if "text/event-stream" in response.headers.get("content-type", ""):
        async for line in response.aiter_lines():
            if line.startswith("data:"):
                return Answer(State.ALIVE)
        return Answer(State.UNKNOWN, "empty_stream")
    await response.aread()
    if response.status_code == 401 and isinstance(body_of(response), dict):
        return Answer(State.REVOKED, refusal_code(body_of(response)), exchange=exchange(response))
    return unknown(f"http_{response.status_code}", response)
