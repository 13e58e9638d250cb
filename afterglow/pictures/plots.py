"""The pictures of all nights as SVGs, for a report that shows no page of ours."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from afterglow.history.read import History
from afterglow.pictures import over_time, survival
from afterglow.pictures.drawing import Picture, static_svg
from afterglow.pictures.page import Study, is_narrowed, studied
from afterglow.statistics.groups import questions


def run_level_svgs(history: History, chance: Random) -> Iterator[tuple[str, str]]:
    """Title and SVG of every picture worth showing beside a run: of each action, by all doors.

    They are about the site of the newest run. Without a night there is none.
    """
    site = history.latest_site
    nights = history.of(*site).nights if site else []
    for study in studied(nights, chance, asked=[each for each in questions(nights) if not is_narrowed(each)]):
        yield from _svgs(study)


def _svgs(study: Study) -> Iterator[tuple[str, str]]:
    action, frame = study.question.action, over_time.frame(study.nights)
    captions = study.captions()
    for name, title, spec in (
        ("survival", f"How likely a session still lives: {action}", survival.spec()),
        ("nights", f"Night by night: {action}", over_time.spec()),
    ):
        picture = study.pictures[name]
        full = Picture(picture.datasets, {**frame, **picture.params})
        yield title, static_svg(spec, full, title, captions[name])
