"""A view as it was captured on another site: which elements it has, and where in them the sessions are.

A capture is a zip: `manifest.json`, and for each step of a walk `<step>/page.html` and `<step>/answers.json`.
Of it come the list with its rows, a row's menu, and what is asked before a log-out. All else of the site
is this one's own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, TreeBuilder, tostring
from zipfile import BadZipFile, ZipFile

from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

FORMAT = 1
LARGEST = 20_000_000
"""Bytes of one file: far more than any page has."""

LISTING = "/backend-api/accounts/sessions"
TAB, LIST, MENU, ONE, ALL = "security", "active-sessions", "row-menu", "question-one", "question-all"
"""The steps that are looked at."""

NAMES = ("display_name", "human_readable_description", "device_model", "platform")
"""What may name a session in its row, best first."""
PLACE = ("last_signed_in_city", "last_signed_in_country")

VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)
ACTIVE = frozenset(
    ("base", "embed", "iframe", "link", "meta", "noscript", "object", "script", "style", "template")
)
"""Elements that do something by themselves: none comes from a capture."""
LEADING = frozenset(("src", "srcset", "srcdoc", "href", "action", "formaction", "style"))
"""Attributes that lead somewhere: none does."""

LOG_OUT = re.compile(r"\b(log|sign)[ -]?out\b", re.I)
EVERYWHERE = re.compile(r"\b(all|every\w*)\b", re.I)
CANCEL = re.compile(r"^(cancel|no\b.*|close|back|keep\b.*|not now|\W)$", re.I)

MARK = "data-captured"
"""How an element is shown to the page's script, which takes the mark away."""


class BadCapture(Exception):
    """A capture cannot be used; the message names what is missing in it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One captured page, with the way from every element to its parent."""

    body: Element
    parents: dict[Element, Element]

    def above(self, element: Element) -> Iterator[Element]:
        """The element, and whatever it is in, innermost first."""
        yield element
        while (parent := self.parents.get(element)) is not None:
            yield parent
            element = parent

    def is_shown(self, element: Element) -> bool:
        """Whether a person saw it."""
        return all(each.get("hidden") is None for each in self.above(element))

    def shown(self, root: Element) -> Iterator[Element]:
        """All elements in one that a person saw."""
        return (each for each in root.iter() if self.is_shown(each))


def routes_of(capture: dict[str, Any] | None) -> list[Route]:
    """Where the page's script fetches what was captured, if something was."""

    async def captured(_request: Request) -> Response:
        return JSONResponse(capture)

    return [Route("/captured.json", captured)] if capture else []


def read_capture(path: Path) -> dict[str, Any]:
    """What the page's script needs of a capture. Raises BadCapture."""
    try:
        with ZipFile(path) as archive:
            return _parts(archive)
    except (OSError, BadZipFile):
        raise BadCapture("is no zip that can be read") from None
    except (KeyError, ValueError, TypeError, AttributeError, AssertionError):
        raise BadCapture("is no capture, or a damaged one") from None


def _parts(archive: ZipFile) -> dict[str, Any]:
    manifest = json.loads(_file(archive, "manifest.json"))
    if manifest["format"] != FORMAT:
        raise BadCapture(f"has format {manifest['format']}, and only {FORMAT} can be read")
    steps = list(manifest["steps"])
    if LIST not in steps:
        raise BadCapture(f"has no list: the step {LIST} was not taken")
    devices = _devices(archive, steps)
    pages = {
        step: _page(_file(archive, f"{step}/page.html"))
        for step in steps
        if step in (TAB, LIST, MENU, ONE, ALL)
    }
    # before the list is taken to pieces, by which they are told from what was there already
    questions = {step: _question(pages[step], pages[LIST]) for step in (ONE, ALL) if step in pages}
    view, whose = _view(pages[LIST], devices)
    return {
        "locale": manifest["locale"],
        "time_zone": manifest["time_zone"],
        "view": _html(view),
        "is_dialog": _is_dialog(view),
        "way_in": _way_in(pages.get(TAB), view) if _is_dialog(view) else None,
        "whose": whose,
        "menu": _menu(pages[MENU]) if MENU in pages else None,
        "questions": questions,
    }


def _file(archive: ZipFile, name: str) -> str:
    if archive.getinfo(name).file_size > LARGEST:
        raise BadCapture(f"has a file of more than {LARGEST} bytes: {name}")
    return archive.read(name).decode("utf-8")


def _devices(archive: ZipFile, steps: list[str]) -> list[dict[str, Any]]:
    """What the page was told of the sessions when it showed them."""
    told: list[dict[str, Any]] = []
    for step in steps[: steps.index(LIST) + 1]:
        for answer in json.loads(_file(archive, f"{step}/answers.json")):
            if answer["path"] == LISTING and answer["status"] == 200:
                told = answer["body"]["devices"]
    if not told:
        raise BadCapture(f"has no answer of {LISTING}: nothing tells which texts are a session's")
    return told


# HTML, as a tree


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tree = TreeBuilder()
        self.tree.start("div", {})
        self._skipped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ACTIVE and tag not in VOID:
            self._skipped += 1
        if self._skipped or tag in ACTIVE:
            return
        harmless = {n: v or "" for n, v in attrs if not n.startswith("on") and n not in LEADING and n != MARK}
        self.tree.start(tag, harmless)
        if tag in VOID:
            self.tree.end(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if tag in ACTIVE:
            self._skipped = max(0, self._skipped - 1)
        elif not self._skipped:
            self.tree.end(tag)

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.tree.data(data)


def _page(html: str) -> Page:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.tree.end("div")
    body = reader.tree.close()
    return Page(body, {child: parent for parent in body.iter() for child in parent})


def _html(element: Element) -> str:
    tail, element.tail = element.tail, None
    try:
        return tostring(element, encoding="unicode", method="html")
    finally:
        element.tail = tail


def _text(element: Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def _own_text(element: Element) -> str:
    return " ".join(filter(None, (element.text, *(child.tail for child in element))))


def _role(element: Element) -> str:
    return element.get("role") or element.tag


def _is_dialog(element: Element) -> bool:
    return _role(element) in ("dialog", "alertdialog")


def _label(element: Element) -> str:
    return element.get("aria-label") or _text(element)


def _controls(page: Page, root: Element) -> list[Element]:
    return [each for each in page.shown(root) if _role(each) in ("button", "menuitem", "link", "a")]


# The list


def _view(page: Page, devices: list[dict[str, Any]]) -> tuple[Element, dict[str, Any]]:
    """The part of the page that shows the sessions, with what is in it marked; and whose the rows are."""
    rows = _rows(page, devices)
    whose = _whose(rows, devices)
    current = next((row for row in rows if whose[row]["is_current_device"] is True), None)
    others = [row for row in rows if row is not current]
    if current is None or not others:
        raise BadCapture("needs two rows in its list, the browser's own and another: it has not both")
    view = _around(page, rows)
    log_out = _log_out_of(page, others[0], current)
    _mark(current, "current")
    _mark(others[0], "other")
    for row in others[1:]:
        page.parents[row].remove(row)
    if log_out is not None:
        _mark(log_out, "log-out")
    for more in _controls(page, view):
        if more.get("aria-haspopup") == "menu" and any(each in rows for each in page.above(more)):
            _mark(more, "more")
    if (log_out_all := _log_out_all_of(page, view, rows)) is not None:
        _mark(log_out_all, "log-out-all")
    return view, {"current": whose[current], "other": whose[others[0]]}


def _rows(page: Page, devices: list[dict[str, Any]]) -> list[Element]:
    """For each session the largest element that has its name, and no other session's."""
    for field in NAMES:
        names = [str(device.get(field) or "").casefold() for device in devices]
        if not all(names):
            continue
        named = [
            each
            for each in page.shown(page.body)
            if any(name in _own_text(each).casefold() for name in names)
        ]
        if named and len(named) % len(devices) == 0:
            return _largest(page, named, each_holds=len(named) // len(devices))
    raise BadCapture(
        f"has no rows: the page does not name the {len(devices)} sessions that it was told of, each as often"
    )


def _largest(page: Page, named: list[Element], each_holds: int) -> list[Element]:
    rows: list[Element] = []
    for each in named:
        fits = [e for e in page.above(each) if sum(1 for inner in e.iter() if inner in named) == each_holds]
        if fits and fits[-1] not in rows:
            rows.append(fits[-1])
    return rows


def _whose(rows: list[Element], devices: list[dict[str, Any]]) -> dict[Element, dict[str, Any]]:
    """Whose each row is: of the sessions that are left the one whose details it has, else the next."""
    left = list(devices)
    whose: dict[Element, dict[str, Any]] = {}
    for row in rows:
        if not left:
            raise BadCapture(f"has {len(rows)} rows, and was told of {len(devices)} sessions")
        whose[row] = max(left, key=lambda device: _alike(row, device))
        left.remove(whose[row])
    return whose


def _alike(row: Element, device: dict[str, Any]) -> int:
    text = _text(row).casefold()
    told = [str(device[field]).casefold() for field in (*NAMES, *PLACE) if device.get(field)]
    when = device.get("last_signed_in_timestamp_second")
    dated = any(_is_at(each.get("datetime", ""), when) for each in row.iter())
    return sum(each in text for each in told) + 10 * dated


def _is_at(written: str, when: float | None) -> bool:
    try:
        return when is not None and int(datetime.fromisoformat(written).timestamp()) == int(when)
    except ValueError:
        return False


def _around(page: Page, rows: list[Element]) -> Element:
    """The largest element around all rows, within their dialog, that is not also around the tabs."""
    around = [each for each in page.above(rows[0]) if all(row in each.iter() for row in rows)]
    dialog = next((number for number, each in enumerate(around) if _is_dialog(each)), None)
    main = next((number for number, each in enumerate(around) if _role(each) == "main"), None)
    end = dialog if dialog is not None else main if main is not None else len(around) - 1
    without_tabs = [
        each for each in around[: end + 1] if not any(_role(inner) == "tablist" for inner in each.iter())
    ]
    return without_tabs[-1]


def _way_in(page: Page | None, dialog: Element) -> str:
    """The panel with the control that opens the list's own dialog: the one beside the dialog's title."""
    title = next((each for each in dialog.iter() if _role(each) in ("heading", "h1", "h2", "h3")), None)
    if page is None or title is None:
        raise BadCapture(f"has no way to its list: the step {TAB} was not taken, or the list has no heading")
    panel = next((each for each in page.shown(page.body) if _role(each) == "tabpanel"), page.body)
    beside = [each for each in page.shown(panel) if _text(title) in _text(each) and _controls(page, each)]
    if not beside:
        raise BadCapture(f"has no way to its list: nothing in the step {TAB} leads to “{_text(title)}”")
    _mark(_controls(page, beside[-1])[-1], "way-in")  # of what is within each other, the innermost comes last
    return _html(panel)


def _log_out_of(page: Page, row: Element, current: Element) -> Element | None:
    """The control by its words, else the last that the browser's own row has not."""
    controls = _controls(page, row)
    worded = [each for each in controls if LOG_OUT.search(_label(each))]
    of_all_rows = {_label(each) for each in _controls(page, current)}
    different = [each for each in controls if _label(each) not in of_all_rows]
    return next(reversed(worded or different), None)


def _log_out_all_of(page: Page, view: Element, rows: list[Element]) -> Element | None:
    """The control by its words, else the last behind the rows."""
    order = list(view.iter())
    in_rows = {each for row in rows for each in row.iter()}
    last = max(order.index(each) for each in in_rows if each in order)
    outside = [each for each in _controls(page, view) if each not in in_rows]
    worded = [each for each in outside if LOG_OUT.search(_label(each)) and EVERYWHERE.search(_label(each))]
    return next(reversed(worded or [each for each in outside if order.index(each) > last]), None)


# What comes over it


def _menu(page: Page) -> str | None:
    """A row's menu, if the step shows one."""
    menus = [each for each in page.shown(page.body) if _role(each) == "menu"]
    if not menus:
        return None
    items = _controls(page, menus[-1])
    worded = [each for each in items if LOG_OUT.search(_label(each))] or items
    if worded:
        _mark(worded[-1], "log-out")
    menu_id = menus[-1].get("id")
    if menu_id and any(each.get("aria-controls") == menu_id for each in page.body.iter()):
        menus[-1].set(f"{MARK}-named", "")
    return _html(menus[-1])


def _question(page: Page, before: Page) -> str | None:
    """The dialog that was not there before; None if nothing was asked."""
    known = {_text(each) for each in before.body.iter() if _is_dialog(each)}
    dialogs = [each for each in page.shown(page.body) if _is_dialog(each) and _text(each) not in known]
    small = [each for each in dialogs if not any(_role(inner) == "tablist" for inner in each.iter())]
    if not small:
        return None
    controls = _controls(page, small[-1])
    declining = [each for each in controls if CANCEL.match(_label(each))]
    for each in declining:
        _mark(each, "no")
    agreeing = [each for each in controls if each not in declining]
    worded = [each for each in agreeing if LOG_OUT.search(_label(each))] or agreeing
    if worded:
        _mark(worded[-1], "yes")
    return _html(small[-1])


def _mark(element: Element, what: str) -> None:
    element.set(MARK, what)
