"""What `afterglow doctor` found: one finding for everything that a run needs, kept on the disk as it comes.

`doctor.json` is this model, whole after every finding, so that a check that is cut off leaves what it had.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from afterglow.redaction import Redactor

FILE, PAGE = "doctor.json", "doctor.html"
"""Where the findings are, for machines and for people, in the reports."""

READY, NOT_READY, MISCONFIGURED = 0, 2, 3
"""The exit codes of `afterglow doctor`. 1 is left to a promise that was broken: a doctor judges none."""


LEFT_OUT = "not looked at, because of"
"""What is said of an area that needs another one, which could not be gone through."""


ALL_OF_IT = "all of it"

STOPPED = "stopped with Ctrl-C before it was looked at"


class Status(StrEnum):
    """How a thing was found.

    missing: it is not there; wrong: it is there, and not as it must be; unknown: it could not be looked at.
    Any of these three, and a run is not ready. not looked at: on purpose, with the reason.
    """

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    NOT_LOOKED_AT = "not looked at"


IN_THE_WAY = (Status.MISSING, Status.WRONG, Status.UNKNOWN)


class Area(StrEnum):
    """What is looked at together, in this order; the value is its heading."""

    SETTINGS = "settings"
    BROWSER = "browser"
    NETWORK = "network and clock"
    SIGNED_OUT = "the guest's home and the sign-in page"
    SIGN_IN = "sign-in"
    APP = "the app, signed in"
    VIEW = "Settings > Security > Active sessions"
    ROWS = "the rows of the view"
    TWIN = "what the site tells the view (JSON)"
    PROBES = "probes"
    ELSEWHERE = "locators that only a run, or another account, gets to see"


CUT_OFF_S = {
    Area.SETTINGS: 15,
    Area.BROWSER: 60,
    Area.NETWORK: 60,
    Area.SIGNED_OUT: 60,
    Area.SIGN_IN: 100,
    Area.APP: 45,
    Area.VIEW: 75,
    Area.ROWS: 60,
    Area.TWIN: 45,
    Area.PROBES: 100,
}
"""An area that takes longer, in seconds, hangs. Each takes a few seconds where all is well; the limits of the
pages (10 s for what is to be seen, 30 s for an address) are within. The last one signs out, too."""


class Tried(BaseModel):
    """One way to find an element: how it is told, how well it is known, and whether it found something.

    found: None if nobody looked.
    """

    model_config = ConfigDict(frozen=True)

    told: str
    known: str
    found: bool | None = None


class Subject(BaseModel):
    """What is to be looked at: its name for people and, of an element, its name in `pages/locators`."""

    model_config = ConfigDict(frozen=True)

    area: Area
    what: str
    locator: str | None = None


class Finding(Subject):
    """What was found of it. seen: what was on the screen instead, as an ARIA snapshot."""

    status: Status
    detail: str = ""
    remedy: str = ""
    seen: str = ""
    ways: tuple[Tried, ...] = ()

    @property
    def subject(self) -> tuple[Area, str, str | None]:
        """What it is about."""
        return self.area, self.what, self.locator


class Diagnosis(BaseModel):
    """All findings, oldest first.

    expected: what must have a finding in the end. looking_at: the area under way. closed: the areas that
    could not be gone through, and why. interrupted: why it was stopped; None if it was not. ended: None as
    long as it goes on.
    """

    v: int = 1
    target: str
    site: str | None = None
    started: datetime = Field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    looking_at: Area | None = None
    interrupted: str | None = None
    closed: dict[Area, str] = {}
    expected: list[Subject] = []
    findings: list[Finding] = []

    @property
    def in_the_way(self) -> list[Finding]:
        """What a run must wait for."""
        return [finding for finding in self.findings if finding.status in IN_THE_WAY]

    @property
    def ready(self) -> bool:
        """Whether a run may begin."""
        return self.ended is not None and self.interrupted is None and not self.in_the_way

    @property
    def exit_code(self) -> int:
        """What the command says to whoever called it."""
        if any(each.area is Area.SETTINGS and each.status is Status.WRONG for each in self.findings):
            return MISCONFIGURED
        return READY if self.ready else NOT_READY

    @property
    def took_s(self) -> float:
        """How long it took, in seconds."""
        return ((self.ended or datetime.now(UTC)) - self.started).total_seconds()

    @property
    def by_area(self) -> list[tuple[Area, list[Finding]]]:
        """The findings of each area that has any, in the order of the areas."""
        order = list(Area)
        known = sorted(self.findings, key=lambda finding: order.index(finding.area))
        return [(area, list(found)) for area, found in groupby(known, key=lambda finding: finding.area)]

    def expect(self, subjects: Iterable[Subject]) -> None:
        """From now on these must have a finding in the end."""
        self.expected += subjects

    def in_other_words(self, words: str) -> Area | None:
        """The area that was told the same already."""
        return next((each.area for each in self.findings if words == each.detail), None)

    def end(self, interrupted: str | None = None) -> None:
        """Say of everything that has no finding that it has none, and why."""
        self.interrupted, self.looking_at, self.ended = interrupted, None, datetime.now(UTC)
        self.findings += self._unseen()

    def _unseen(self) -> Iterator[Finding]:
        seen = {finding.subject for finding in self.findings}
        told = {finding.area for finding in self.findings}
        for subject in self.expected:
            told.add(subject.area)
            if (subject.area, subject.what, subject.locator) not in seen:
                yield self._unknown(subject)
        for area in Area:
            if area not in told:
                yield self._unknown(Subject(area=area, what=ALL_OF_IT))

    def _unknown(self, subject: Subject) -> Finding:
        why = self.closed.get(subject.area) or self.interrupted or "was passed over"
        return Finding(**subject.model_dump(), status=Status.UNKNOWN, detail=why)

    def write(self, path: Path, redact: Redactor) -> None:
        """Replace the file in one step, so that a reader never meets half of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        told = redact.data({**self.model_dump(mode="json"), "ready": self.ready})
        new = path.with_suffix(".new")
        new.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        new.replace(path)


def read(path: Path) -> Diagnosis:
    """What was written. Raises OSError or ValueError."""
    return Diagnosis.model_validate_json(path.read_text(encoding="utf-8"))


class Told(BaseModel):
    """Findings of one area that are told together: several with the same words, or a single one."""

    findings: list[Finding]
    seen: str

    @property
    def status(self) -> Status:
        """The status of all of them."""
        return self.findings[0].status

    @property
    def detail(self) -> str:
        """What was found."""
        return self.findings[0].detail

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return self.findings[0].remedy

    @property
    def several(self) -> bool:
        """Whether it is more than one."""
        return len(self.findings) > 1

    @property
    def names(self) -> str:
        """All of them by name."""
        return ", ".join(finding.what for finding in self.findings)

    @property
    def name(self) -> str:
        """What a heading calls them: by name, if it is short."""
        if not self.several or len(self.names) <= SHORT:
            return self.names
        return f"{len(self.findings)} {self._kind}"

    @property
    def _kind(self) -> str:
        if self.findings[0].locator:
            return "locators"
        return "probes" if self.findings[0].area is Area.PROBES else "areas"

    @property
    def in_short(self) -> str:
        """What was found, without the ways that were as they should be, or that nobody had to try."""
        numbers = [number for number, way in enumerate(self.findings[0].ways, 1) if way.found]
        if self.status is Status.OK and numbers:
            way = self.findings[0].ways[numbers[0] - 1]
            return f"way {numbers[0]} of {len(self.findings[0].ways)}, known from: {way.known}"
        named = self.names == self.name or self.status is Status.NOT_LOOKED_AT
        return self.detail if named else f"{self.detail}: {self.names}"


SHORT = 35
"""Letters of a heading: as many as the longest name of an element has, so that all columns agree."""


def sections(diagnosis: Diagnosis) -> list[tuple[str, list[Told]]]:
    """What a reader is shown: a heading and its lines for each area; one for all that were not looked at."""
    shown = [(area, told(findings)) for area, findings in diagnosis.by_area]
    passed_over = [
        Finding(area=area, what=area.value, status=Status.UNKNOWN, detail=lines[0].detail)
        for area, lines in shown
        if is_passed_over(lines)
    ]
    looked_at = [(area.value, lines) for area, lines in shown if not is_passed_over(lines)]
    return [*looked_at, *([("what was not looked at", told(passed_over))] if passed_over else [])]


def is_passed_over(lines: Sequence[Told]) -> bool:
    """Whether the lines of an area say no more than that it was not looked at."""
    return len(lines) == 1 and lines[0].status is Status.UNKNOWN


def told(findings: Sequence[Finding]) -> list[Told]:
    """The lines of an area. What was on the screen instead is told once, where it is first met."""
    lines = dict[object, Told]()
    shown = {""}
    for number, each in enumerate(findings):
        # where only one thing is to be said, it is said once for all that it holds for
        key = number if each.seen or any(way.found for way in each.ways) else (each.status, each.detail)
        if key in lines:
            lines[key].findings.append(each)
        else:
            lines[key] = Told(findings=[each], seen="" if each.seen in shown else each.seen)
        shown.add(each.seen)
    return list(lines.values())
