"""How an element is named and found: several ways, best first, because the site drifts by rollout."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from playwright.sync_api import Locator, Page

Root = Page | Locator
Way = Callable[[Root], Locator]


def role(role: Any, name: str | re.Pattern[str] | None = None, *, exact: bool = True) -> Way:
    """By ARIA role and accessible name. A text must match exactly, a pattern as it says."""
    if name is None:
        return lambda root: root.get_by_role(role)
    if isinstance(name, re.Pattern):
        return lambda root: root.get_by_role(role, name=name)
    return lambda root: root.get_by_role(role, name=name, exact=exact)


def label(text: str) -> Way:
    """By the label of a form field."""
    return lambda root: root.get_by_label(text, exact=True)


def test_id(value: str) -> Way:
    """By `data-testid`."""
    return lambda root: root.get_by_test_id(value)


test_id.__test__ = False  # type: ignore[attr-defined]  # pytest takes every test_* it meets for a test


def css(selector: str) -> Way:
    """By selector, where nothing that a person perceives tells the element."""
    return lambda root: root.locator(selector)


def text(content: str | re.Pattern[str]) -> Way:
    """By what it says; last resort."""
    return lambda root: root.get_by_text(content)


def without(way: Way, inside: Way) -> Way:
    """Those that have nothing of the other kind inside."""
    return lambda root: way(root).filter(has_not=inside(_page(root)))


def beside(content: str | re.Pattern[str], way: Way) -> Way:
    """In the smallest part of the page that also says this."""

    def found(root: Root) -> Locator:
        page = _page(root)
        parts = root.locator("*").filter(has=page.get_by_text(content, exact=True)).filter(has=way(page))
        return way(parts.last)  # of parts within each other, the innermost comes last

    return found


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
