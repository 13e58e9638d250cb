"""A capture: what one walk through the Active sessions view showed, as a zip that may be given away.

    manifest.json                 format, when, which site, browser, window; the steps, each with its address
    <step>/page.html              the page's elements, without scripts, styles, and all that is personal
    <step>/aria.yaml              the same as assistive technology is told it
    <step>/found.json             which of our locators found something, and by which way
    <step>/answers.json           what the site's API answered since the step before, with nobody's values

The same value has the same stand-in in all of them, so that a row can still be told by its JSON twin. Nothing
is written before the walk is over: what is learned late is taken out of what was kept early.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from afterglow.redaction import Redactor
from afterglow.stand_ins import StandIns

FORMAT = 1
"""Raise it with whatever an older replica could not read."""

HEEDED = re.compile(r"/backend-api/accounts/.+|/api/auth/session")
"""The paths whose answers are kept. All others may hold what somebody wrote."""

SECRET_COOKIE = 16
"""Characters. A cookie with a shorter value is a choice of language or of colours, and no secret."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered; `body` is None if that was no JSON."""

    method: str
    path: str
    status: int
    body: object


@dataclass(frozen=True, slots=True)
class Look:
    """What a page was like at one step. private: what somebody wrote in it, each with its kind."""

    address: str
    html: str
    aria: str
    private: tuple[tuple[str, str], ...]
    found: dict[str, dict[str, list[str]]]
    window: dict[str, Any]


@dataclass(slots=True)
class Kept:
    """A step that was taken, as it was."""

    step: str
    look: Look
    answers: list[Answer]


@dataclass(slots=True)
class Capture:
    """What was kept so far. `about` goes into the manifest as it is."""

    about: dict[str, Any]
    kept: list[Kept] = field(default_factory=list)
    _redactor: Redactor = field(default_factory=Redactor)
    _stand_ins: StandIns = field(default_factory=StandIns)

    def keep(self, step: str, look: Look, answers: list[Answer]) -> None:
        """Keep one step."""
        self.kept.append(Kept(step, look, answers))

    def learn_secrets(self, values: Iterable[str]) -> None:
        """Learn what lets somebody in, so that it is in nothing that is written."""
        self._redactor.learn(*(value for value in values if len(value) >= SECRET_COOKIE))

    def zipped(self) -> bytes:
        """All of it without anything personal, as the file that may be given away."""
        self._learn()
        packed = BytesIO()
        with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
            archive.writestr("manifest.json", self._json(self._manifest()))
            for kept in self.kept:
                for name, content in self._files(kept).items():
                    archive.writestr(f"{kept.step}/{name}", content)
        return packed.getvalue()

    def _learn(self) -> None:
        """Whatever is personal in any step, before a word of any of them is written."""
        for kept in self.kept:
            for answer in kept.answers:
                if answer.path == "/api/auth/session":
                    self._learn_person(answer.body)
                self._stand_ins.answer(answer.body)
                self._stand_ins.path(answer.path)
            for kind, value in kept.look.private:
                self._stand_ins.learn(kind, value)

    def _learn_person(self, session: object) -> None:
        for name, value in _texts(session):
            if name == "email":
                self._stand_ins.learn("e-mail", value)
                self._redactor.learn(value)
            elif name == "name":
                self._stand_ins.learn_name(value)
            elif "token" in name.lower():
                self._redactor.learn(value)

    def _manifest(self) -> dict[str, Any]:
        steps = {kept.step: self._stand_ins(kept.look.address) for kept in self.kept}
        return {"format": FORMAT, **self.about, **self.kept[-1].look.window, "steps": steps}

    def _files(self, kept: Kept) -> dict[str, str]:
        say = self._stand_ins
        answers = [
            {
                "method": each.method,
                "path": say.path(each.path),
                "status": each.status,
                "body": say.answer(each.body),
            }
            for each in kept.answers
        ]
        return {
            "page.html": self._redactor(say.markup(kept.look.html)) + "\n",
            "aria.yaml": self._redactor(_by_line(say, kept.look.aria)) + "\n",
            "found.json": self._json(kept.look.found),
            "answers.json": self._json(answers),
        }

    def _json(self, value: object) -> str:
        return json.dumps(self._redactor.data(value), indent=2, ensure_ascii=False) + "\n"


def _by_line(say: Callable[[str], str], text: str) -> str:
    return "\n".join(map(say, text.splitlines()))


def _texts(value: object, name: str = "") -> Iterable[tuple[str, str]]:
    """Every text in an answer, with the name of its field."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, name)
    elif isinstance(value, str):
        yield name, value
