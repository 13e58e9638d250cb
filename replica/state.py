"""What a site keeps over a restart, as a file: sessions, their ends, trusted devices, tokens, used codes.

Sign-ins under way, proofs of identity, an outage, what edges remember of their own answers, the tokens of
other apps, API keys, and passwords and second factors that were changed end with the process. Moments are
CLOCK_MONOTONIC seconds, so a file is worth nothing once the machine was started again.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from replica.behaviour import explain
from replica.propagation import Revocation
from replica.sessions import TOKENS_KEPT, Session
from replica.tokens import KEY_BYTES, AccessToken

if TYPE_CHECKING:
    from pathlib import Path

    from replica.accounts import Account, Accounts
    from replica.world import World

_OWNER_ONLY = 0o600
"""The file holds cookies, tokens and the key that signs them."""


class BadState(Exception):
    """The file of `--state` cannot be used: says why, and what to do. Never quotes it."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"--state {path}: {why}")


class _Saved(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_bytes="base64", val_json_bytes="base64")


class _SavedSession(_Saved):
    email: str
    device_id: str
    user_agent: str
    id: str
    cookie: str
    created_monotonic_s: float
    created_wall: datetime
    apps: list[str]
    tokens: list[AccessToken]
    tokens_minted: int
    last_honoured_monotonic_s: dict[str, float]

    @classmethod
    def of(cls, session: Session) -> Self:
        """What is kept of a session."""
        names = cls.model_fields.keys() - {"email"}
        return cls(email=session.account.email, **{name: getattr(session, name) for name in names})

    def session(self, account: Account) -> Session:
        """The session again."""
        told = {name: getattr(self, name) for name in type(self).model_fields.keys() - {"email", "tokens"}}
        return Session(account, tokens=deque(self.tokens, TOKENS_KEPT), **told)


class State(_Saved):
    """All that is kept."""

    version: Literal[1] = 1
    edges: int
    key: Annotated[bytes, Field(min_length=KEY_BYTES)]
    used_codes: list[tuple[str, int]]
    trusted: list[tuple[str, str]]
    sessions: list[_SavedSession]
    revocations: list[Revocation]

    @classmethod
    def of(cls, world: World) -> Self:
        """What is kept of a world."""
        return cls(
            edges=world.edges.count,
            key=world.mint.key,
            used_codes=sorted(world.accounts.used_codes),
            trusted=sorted(world.authority.trusted),
            sessions=[_SavedSession.of(session) for session in world.authority.sessions],
            revocations=list(world.authority.revocations),
        )

    def restore(self, world: World) -> None:
        """Make a new world know it. Its accounts and edges are those that `read_state` was given."""
        sessions = [
            saved.session(account) for saved in self.sessions if (account := world.accounts.find(saved.email))
        ]
        world.accounts.used_codes.update(self.used_codes)
        world.authority.restore(sessions, self.revocations, self.trusted)


def read_state(path: Path, accounts: Accounts, edges: int) -> State | None:
    """What was kept; None if there is no file yet. Raises BadState, also if none could be written."""
    if not os.access(path.parent, os.W_OK):
        raise BadState(path, "its directory cannot be written to; choose another")
    try:
        state = State.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as bad:
        raise BadState(path, f"cannot be read ({bad.strerror}); choose another file") from None
    except ValidationError as bad:
        raise BadState(path, f"is damaged ({_first(explain(bad))}); remove it to start afresh") from None
    if state.edges != edges:
        raise BadState(path, f"was written with --edges {state.edges}; start with as many, or remove it")
    if not all(accounts.find(session.email) for session in state.sessions):
        raise BadState(path, "has sessions of an unknown account; give the same accounts, or remove it")
    return state


def write_state(path: Path, world: World) -> None:
    """Keep what is to be kept: at once or not at all, and for the owner alone. Raises BadState."""
    new = path.with_name(f"{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        new.touch(_OWNER_ONLY, exist_ok=False)
        new.write_text(State.of(world).model_dump_json(), "utf-8")
        new.replace(path)
    except OSError as bad:
        raise BadState(path, f"cannot be written ({bad.strerror}); the sessions are lost") from None
    finally:
        # nothing secret stays behind; where not even that can be done, what was said above says why
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)


def _first(explanation: str) -> str:
    return explanation.partition(";")[0]
