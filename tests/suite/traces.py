"""What Playwright's viewer needs of a trace in order to open it, and the viewer itself."""

from __future__ import annotations

import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import playwright
from playwright.sync_api import Browser

VIEWER = Path(playwright.__file__).parent / "driver" / "package" / "lib" / "vite" / "traceViewer"


def trace_zips(results: Path) -> Iterator[Path]:
    """The traces among the Allure results."""
    for path in sorted(results.glob("*-attachment.zip")):
        with zipfile.ZipFile(path) as trace:
            if "trace.trace" in trace.namelist():
                yield path


def has_a_click(path: Path) -> bool:
    """Whether somebody pressed something in it."""
    with zipfile.ZipFile(path) as trace:
        return any(event.get("method") == "click" for event in _lines(trace, "trace.trace"))


def what_does_not_fit(path: Path) -> Iterator[str]:
    """Lines that are no JSON, bodies that are referred to and are not there, and bodies that are empty."""
    with zipfile.ZipFile(path) as trace:
        bad = trace.testzip()
        if bad is not None:
            yield f"{path.name}: {bad} is damaged"
        events = _lines(trace, "trace.trace")
        if not {"context-options", "frame-snapshot"} <= {event["type"] for event in events}:
            yield f"{path.name} shows no page"
        for resource in _lines(trace, "trace.network"):
            content = resource["snapshot"]["response"]["content"]
            name, size = content.get("_file"), content.get("size", 0)
            if name is not None and name not in trace.namelist():
                yield f"{path.name}: {name} is not there"
            elif name is not None and size > 0 and trace.getinfo(name).file_size == 0:
                yield f"{path.name}: {name} is empty"


def _lines(trace: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in trace.read(name).decode("utf-8").splitlines()]


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, format: str, *_arguments: object) -> None:  # noqa: A002 - it is called so
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder as a site, for the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def shown_by_the_viewer(trace: Path, browser: Browser, folder: Path) -> tuple[str, str]:
    """What Playwright's viewer, set up in the folder, shows: all around, and the page at the last click."""
    shutil.copytree(VIEWER, folder)
    shutil.copy(trace, folder / "trace.zip")
    page = browser.new_page()
    try:
        with served(folder) as site:
            page.goto(f"{site}/index.html?trace={site}/trace.zip")
            page.get_by_text("Click", exact=True).last.click()
            snapshot = page.frame_locator("iframe[name=snapshot]").first.locator("body")
            snapshot.get_by_text("Active sessions").first.wait_for()
            return page.title() + page.locator("body").inner_text(), snapshot.inner_text()
    finally:
        page.close()
