"""How an element is named and found: several ways, best first, because the site drifts by rollout."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Self

from playwright.sync_api import Locator, Page

Root = Page | Locator
Words = str | re.Pattern[str]

GUESSED = "a guess"
"""Nobody has published it; it follows from the wording, or from how the rest of the site is built."""

OFFICIAL = "OpenAI's own"
"""OpenAI's own text, or the web bundle that it shipped."""


@dataclass(frozen=True)
class Way:
    """One way to find an element, how a report tells it, and how well it is known."""

    told: str
    find: Callable[[Root], Locator]
    known: str = GUESSED

    def __call__(self, root: Root) -> Locator:
        """Every element that it finds."""
        return self.find(root)

    def official(self) -> Self:
        """The same, known from OpenAI itself."""
        return replace(self, known=OFFICIAL)

    def reported(self) -> Self:
        """The same, known from public projects that nobody has counted."""
        return replace(self, known="public projects")

    def seen_in(self, projects: int) -> Self:
        """The same, seen in so many independent public projects."""
        return replace(self, known=f"{projects} project{'' if projects == 1 else 's'}")


def role(role: Any, name: Words | None = None, *, exact: bool = True) -> Way:
    """By ARIA role and accessible name. A text must match exactly, a pattern as it says."""
    if name is None:
        return Way(f"role {role}", lambda root: root.get_by_role(role))
    told = f"role {role} named {_told(name)}"
    if isinstance(name, re.Pattern):
        return Way(told, lambda root: root.get_by_role(role, name=name))
    return Way(told, lambda root: root.get_by_role(role, name=name, exact=exact))


def label(text: str) -> Way:
    """By the label of a form field."""
    return Way(f"label {_told(text)}", lambda root: root.get_by_label(text, exact=True))


def test_id(value: str) -> Way:
    """By `data-testid`."""
    return Way(f"test id {value}", lambda root: root.get_by_test_id(value))


test_id.__test__ = False  # type: ignore[attr-defined]  # pytest takes every test_* it meets for a test


def css(selector: str) -> Way:
    """By selector, where nothing that a person perceives tells the element."""
    return Way(selector, lambda root: root.locator(selector))


def text(content: Words) -> Way:
    """By what it says; last resort."""
    return Way(f"text {_told(content)}", lambda root: root.get_by_text(content))


def within(outer: Way, way: Way) -> Way:
    """Inside of what another way finds."""
    return Way(f"{way.told} within {outer.told}", lambda root: way(outer(root)), outer.known)


def without(way: Way, inside: Way) -> Way:
    """Those that have nothing of the other kind inside."""
    return Way(
        f"{way.told} without a {inside.told}", lambda root: way(root).filter(has_not=inside(_page(root)))
    )


def beside(content: Words, way: Way) -> Way:
    """In the smallest part of the page that also says this."""

    def found(root: Root) -> Locator:
        page = _page(root)
        parts = root.locator("*").filter(has=page.get_by_text(content, exact=True)).filter(has=way(page))
        return way(parts.last)  # of parts within each other, the innermost comes last

    return Way(f"{way.told} beside {_told(content)}", found)


def _told(words: Words) -> str:
    return f"/{words.pattern}/" if isinstance(words, re.Pattern) else f"“{words}”"


def _page(root: Root) -> Page:
    return root if isinstance(root, Page) else root.page


@dataclass(frozen=True)
class Mark:
    """One element of the site: its name for people, the ways to find it, and where we know them from."""

    name: str
    ways: tuple[Way, ...]
    source: str

    def on(self, root: Root) -> Locator:
        """The element, by whichever way finds it; the first, if the ways find several."""
        return self.all_on(root).first

    def all_on(self, root: Root) -> Locator:
        """Every element that one of the ways finds, each once."""
        return reduce(lambda one, other: one.or_(other), (way(root) for way in self.ways))

    def visible_on(self, root: Root) -> Locator:
        """The element, if it can be seen."""
        return self.all_on(root).filter(visible=True).first

    def found_by(self, root: Root) -> list[Way]:
        """The ways that find something that can be seen now, best first."""
        return [way for way in self.ways if way(root).filter(visible=True).count()]
