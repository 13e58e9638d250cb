"""Messages over HTTP: what is sent with the held token, and what comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx

from afterglow.budget import Budget
from afterglow.readings import Answer
from probes.asking import Copy, Got, not_understood, refused
from probes.wire import is_loopback, trust

CONVERSATION = "/backend-api/conversation"
DATA = "data:"
DONE = "[DONE]"


@asynccontextmanager
async def posted(copy: Copy, budget: Budget, message: str) -> AsyncIterator[httpx.Response]:
    """Post one message with the held token; the answer is still to be read, for however long it takes."""
    budget.spend()
    headers = {
        "User-Agent": copy.user_agent,
        "Authorization": f"Bearer {copy.access_token}",
        "Accept": "text/event-stream",
    }
    async with (
        httpx.AsyncClient(
            base_url=copy.base_url,
            verify=trust(),
            timeout=None,  # noqa: S113 - an answer may pause; the watch ends what never ends
            trust_env=not is_loopback(copy.base_url),
        ) as client,
        client.stream("POST", CONVERSATION, json=_body(message), headers=headers) as response,
    ):
        yield response


def is_streaming(response: httpx.Response) -> bool:
    """Whether an answer has begun."""
    return response.status_code == 200 and "text/event-stream" in response.headers.get("content-type", "")


async def not_streaming(response: httpx.Response) -> Answer:
    """What it says where no answer has begun: refused, or nothing."""
    await response.aread()
    headers = tuple(response.headers.multi_items())
    got = Got(response.status_code, headers, response.text, str(response.url), "POST")
    return refused(got) if got.status == 401 and isinstance(got.body, dict) else not_understood(got)


def _body(message: str) -> dict[str, object]:
    """As several public projects send it."""
    return {
        "action": "next",
        "model": "auto",
        "parent_message_id": str(uuid4()),
        "messages": [
            {
                "id": str(uuid4()),
                "author": {"role": "user"},
                "content": {"content_type": "text", "parts": [message]},
            }
        ],
    }
