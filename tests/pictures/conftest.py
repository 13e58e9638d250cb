"""Pages about nights that never were, and a browser that opens them from the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from afterglow.history.past import PastRun
from afterglow.history.read import History
from afterglow.pictures.page import propagation_html
from pages.guard import SHOWN_WITHIN_MS
from tests.pictures.histories import Made, history

HOSTILE = (
    "</script><script>document.title='taken'</script>"
    "<img src=x onerror=\"document.title='taken'\">'\"&{{7*7}}\n\u2028"
)
"""What a run's file may say that somebody wrote who means no good."""

MANY = Made(
    90,
    life_s=600,
    worse=2.8,
    late=(30,),
    open=(44,),
    unusable=(20, 22),
    blocked=(50,),
    worse_from=60,
    doors=("page", "access", "codex"),
)

REPORTED = 5
"""The night that has a report."""


@dataclass
class Visit:
    """An open page, and what it should not have done."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


Looks = tuple[Literal["light", "dark"], int]
Open = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="session")
def histories() -> dict[str, History]:
    """What the pages are about, by their names."""
    return {
        "empty": History(),
        "blocked": history(Made(2, blocked=(0, 1))),
        "one": history(Made(1)),
        "many": replace(history(MANY), passed_over=("runs/cut.jsonl: cut short at line 3",)),
        "hostile": History(tuple(_hostile(run) for run in history(Made(9)).runs), (HOSTILE,)),
    }


def _hostile(run: PastRun) -> PastRun:
    """The same run, whose file somebody has written who means no good."""
    log_outs = tuple(
        replace(
            each,
            run=HOSTILE,
            action=f"{each.action} {HOSTILE}",
            why=HOSTILE,
            doors=tuple(replace(door, layer=HOSTILE, session=HOSTILE) for door in each.doors),
        )
        for each in run.log_outs
    )
    names = {"id": HOSTILE, "machine": HOSTILE, "browser": HOSTILE, "night": f"{HOSTILE}/../{run.night}"}
    return replace(run, log_outs=log_outs, site=HOSTILE, **names)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, histories: dict[str, History]) -> Path:
    """A reports folder with a page of each history, and the report of one night."""
    folder = tmp_path_factory.mktemp("reports")
    night = histories["many"].nights[REPORTED].name
    (folder / "nights" / night).mkdir(parents=True)
    (folder / "nights" / night / "index.html").write_text("<title>the report of a night</title>")
    for name, past in histories.items():
        keep_page(folder / f"{name}.html", past)
    return folder


def keep_page(path: Path, past: History) -> Path:
    """Write the page of a history into its reports folder."""
    html = propagation_html(past, reports=path.parent, chance=Random(1))  # noqa: S311 - permutations
    path.write_text(html, encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Browser, folder: Path) -> Open:
    """Opens a page from the disk, as a double click does, and waits until its pictures are there."""

    @contextmanager
    def opened(
        name: str, scheme: Literal["light", "dark"] = "light", width: int = 1200, *, scripts: bool = True
    ) -> Iterator[Visit]:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        try:
            context.set_default_timeout(SHOWN_WITHIN_MS)
            visit = Visit(context.new_page())
            watch(visit)
            visit.page.goto((folder / f"{name}.html").as_uri())
            if scripts:
                visit.page.wait_for_function(
                    "() => [...document.querySelectorAll('figure .chart')].every((chart) =>"
                    " chart.closest('[hidden]') || chart.querySelector('svg, canvas'))"
                )
            yield visit
        finally:
            context.close()

    return opened


def watch(visit: Visit) -> None:
    """Note what a page complains of, and what it asks for beside itself."""
    page = visit.page
    page.on("console", lambda said: visit.complaints.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("request", lambda request: visit.requests.append(request.url))
