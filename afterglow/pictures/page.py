"""The one page of all nights: words first, then pictures and a table; it needs no server and loads nothing.

All that was measured is worked out here and given to the page as data; its script chooses and draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from random import Random
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from afterglow.history.past import Night, PastLogOut
from afterglow.history.read import History
from afterglow.pictures import doors_of_night, over_time, survival, table, token_age
from afterglow.pictures.drawing import Picture, time_params
from afterglow.pictures.palette import DARK, LIGHT
from afterglow.statistics.findings import Finding, find
from afterglow.statistics.groups import Answer, Question, questions
from afterglow.statistics.npmle import Distribution
from afterglow.timeline import many, printable

FOLDER = Path(__file__).parent
TEMPLATE, STYLE, SCRIPT = "page.html.jinja", "page.css", "page.js"

Site = tuple[str, str | None]


def propagation_html(
    history: History,
    *,
    reports: Path,
    window_s: float | None = None,
    chance: Random,
) -> str:
    """The whole page, about the site of the newest run.

    A night's link is relative to the reports folder, in which the page belongs. window_s: what the newest
    log-out was judged by, if not given.
    """
    site = history.latest_site
    nights = history.of(*site).nights if site else []
    return propagation_page(history, studied(nights, chance, window_s), site=site, reports=reports)


def propagation_page(history: History, studies: Sequence[Study], *, site: Site | None, reports: Path) -> str:
    """The same about any site of the history, whose nights have been studied."""
    here = history.of(*site) if site else History()
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(
        headings=[study for study in studies if not is_narrowed(study.question)],
        nights=here.nights,
        runs=len(here.runs),
        site=site_told(site) if site else None,
        others=other_sites(history, site),
        passed_over=[printable(line) for line in history.passed_over],
        data=_data(here.nights, studies, reports),
        style=Markup((FOLDER / STYLE).read_text("utf-8")),  # noqa: S704 - our own
        script=Markup((FOLDER / SCRIPT).read_text("utf-8")),  # noqa: S704 - our own
        library=Markup(library()) if studies else "",  # noqa: S704 - Vega's
        light=LIGHT,
        dark=DARK,
        many=many,
        day=over_time.day,
    )


def site_told(site: Site) -> str:
    """A site as a person reads it: the target, and its address where it is not the target's own."""
    target, address = site
    return printable(f"{target} at {address}" if address and address != target else target)


def other_sites(history: History, chosen: Site | None) -> list[str]:
    """The sites that the history has runs of, but for the chosen one."""
    sites = dict.fromkeys((run.target or "unknown target", run.site) for run in history.runs)
    return [site_told(site) for site in sites if site != chosen]


@dataclass(frozen=True)
class Study:
    """One question with all that is shown of it."""

    question: Question
    nights: Sequence[Night]
    finding: Finding
    estimate: Distribution
    window_s: float | None

    @property
    def through(self) -> str:
        """What the log-outs are seen through: a door, a product, a browser."""
        asked = self.question
        return printable(asked.layer or asked.surface or asked.engine or "all doors")

    @property
    def group(self) -> str:
        """The kind of that."""
        asked = self.question
        return "door" if asked.layer else "product" if asked.surface else "browser" if asked.engine else ""

    @property
    def told(self) -> list[str]:
        """What was found, in sentences."""
        return [printable(sentence) for sentence in self.finding.told]

    @property
    def answers(self) -> Sequence[Answer]:
        """What it rests on."""
        return self.finding.answers

    @cached_property
    def left_out(self) -> list[str]:
        """The nights that have no answer, though they should have one."""
        answered = {answer.night.name for answer in self.answers}
        return [night.name for night in self.nights if night.name not in answered and self._asked_in(night)]

    def _asked_in(self, night: Night) -> bool:
        engine = self.question.engine
        return engine is None or any(run.engine in (None, engine) for run in night.runs)

    @cached_property
    def time(self) -> Mapping[str, Any]:
        """The numbers of the pictures' axis of time."""
        return time_params([each for answer in self.answers for each in answer.intervals], self.window_s)

    @cached_property
    def pictures(self) -> dict[str, Picture]:
        """What is drawn of it."""
        found = self.finding
        nights = over_time.picture(
            self.answers, self.nights, self.left_out, found.change_points, self.window_s, self.time
        )
        return {
            "survival": survival.picture(self.estimate, self.window_s, self.time),
            "nights": nights,
            "ages": token_age.picture(nights.datasets["bars"], self.window_s),
        }

    def captions(self) -> dict[str, str]:
        """What each of the pictures shows, in words."""
        found, ages = self.finding, self.pictures["ages"].datasets["ages"]
        return {
            "survival": survival.told(self.estimate, self.window_s),
            "beyond": survival.documented_beyond(self.time["to_s"]),
            "nights": over_time.told(self.answers, self.left_out, found.change_points, found.change),
            "ages": token_age.told(self.answers, ages),
        }


def studied(
    nights: Sequence[Night],
    chance: Random,
    window_s: float | None = None,
    asked: Iterable[Question] | None = None,
) -> list[Study]:
    """What was asked; by default every question that the nights answer, the most important first."""
    found = (
        find(nights, question, chance=chance) for question in (questions(nights) if asked is None else asked)
    )
    return [
        Study(each.question, nights, each, each.distribution, _window_s(each, window_s))
        for each in found
        if each.distribution is not None
    ]


def _window_s(found: Finding, given_s: float | None) -> float:
    """What the newest log-out was judged by, if nothing was given."""
    return found.answers[-1].log_outs[-1].window_s if given_s is None else given_s


def is_narrowed(question: Question) -> bool:
    """Whether it is not about all doors in all browsers."""
    return bool(question.layer or question.surface or question.engine)


# What the page's script is given


def _data(nights: Sequence[Night], studies: Sequence[Study], reports: Path) -> dict[str, Any]:
    if not nights:
        return {}
    return {
        "specs": specs(),
        "frame": over_time.frame(nights),
        "nights": [printable(night.name) for night in nights],
        "links": table.links(nights, reports),
        "studies": [study_json(study) for study in studies],
        "doors": list(_doors(nights)),
        "logOuts": packed(table.rows_of(nights)),
        "colours": {"light": LIGHT, "dark": DARK},
    }


@cache
def specs() -> dict[str, Any]:
    """The pictures without data."""
    return {
        "survival": survival.spec(),
        "nights": over_time.spec(),
        "ages": token_age.spec(),
        "doors": doors_of_night.spec(),
    }


def study_json(study: Study) -> dict[str, Any]:
    """A question, what was found, and what is drawn of it."""
    found = study.finding
    return {
        "action": printable(study.question.action),
        "through": study.through,
        "group": study.group,
        "told": study.told,
        "captions": study.captions(),
        "glance": {
            "nights": found.n_nights,
            "logOuts": found.n_log_outs,
            "median": str(found.quantiles[0.5][0]),
            "p95": str(found.quantiles[0.95][0]),
            "late": found.promise.late,
            "undetermined": found.promise.undetermined,
        },
        "pictures": {
            "survival": picture_json(study.pictures["survival"]),
            "nights": picture_json(study.pictures["nights"]),
            # its rows are among the nights' bars, and ten years of them need not be told twice
            "ages": picture_json(Picture({}, study.pictures["ages"].params)),
        },
    }


def picture_json(picture: Picture) -> dict[str, Any]:
    """Its data, column by column, as a long table of rows would say every name again and again."""
    return {
        "datasets": {name: packed(rows) for name, rows in picture.datasets.items()},
        "params": dict(picture.params),
    }


def packed(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows as columns: one value alone is told once; words are told as those there are, and which it is."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _column([row.get(name) for row in rows]) for name in names}


def _column(values: list[Any]) -> Any:
    if all(value == values[0] for value in values):
        return {"all": values[0], "times": len(values)}
    words = [value for value in values if isinstance(value, str)]
    if len(words) < len(values) or not words:
        return values
    number = {word: index for index, word in enumerate(dict.fromkeys(words))}
    return {"of": list(number), "is": [number[value] for value in values]}


def _doors(nights: Sequence[Night]) -> Iterable[dict[str, Any]]:
    shown = doors_of_night.log_outs_to_show(nights)
    if shown is None:
        return
    night, log_outs = shown
    for log_out in log_outs:
        yield {
            "name": _door_name(log_out),
            "action": printable(log_out.action),
            "night": printable(night.name),
            "is_last": night is nights[-1],
            "told": doors_of_night.told(log_out),
            "picture": picture_json(doors_of_night.picture(log_out)),
        }


def _door_name(log_out: PastLogOut) -> str:
    return f"{printable(log_out.action)}, {log_out.clicked:%H:%M:%S} UTC: {log_out.verdict}"


@cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, made to stand within a page; it takes a second."""
    import vl_convert

    return (
        str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
        .replace("</script", "<\\/script")
        .replace("<!--", "<\\!--")
    )
