"""What a report gets to show of a measurement, beside its pictures."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

from rich.console import Console

from afterglow.clock import Gap
from afterglow.delay import Interval, Verdict
from afterglow.measurement import Absent, Control, LayerResult, Measurement
from afterglow.progress import delays_table
from afterglow.readings import Exchange, Moments, Reading, State
from fixtures.evidence import attach_measurement, in_words, readings_csv, telling_exchanges
from fixtures.verdicts import told

MOMENTS = Moments(clicked_s=99.8, requested_s=99.9, acknowledged_s=100.0)


def exchange(status: int) -> Exchange:
    return Exchange("GET", "https://site.test/me", status, (), "")


def result(layer: str, upper_s: float = 4.2, *, sent_s: float = 103.0) -> LayerResult:
    """A layer with one reading, and every kind of exchange that can be kept of it."""
    delay = Interval(3.0, upper_s)
    return LayerResult(
        session="secondary",
        layer=layer,
        delay=delay,
        verdict=delay.verdict(30.0),
        first_refusal_s=4.2,
        confirmed_s=None,
        flaps=0,
        unknowns=0,
        codes=(),
        residual_chance=None,
        readings=(Reading("secondary", layer, sent_s, sent_s + 0.05, State.ALIVE),),
        last_alive=exchange(200),
        first_refused=exchange(401),
        last_unknown=exchange(503),
    )


MEASURED = Measurement("log out one", 30.0, MOMENTS, (result("access"), result("page", sent_s=101.0)))


def test_the_readings_of_doors_clocks_and_controls_are_all_in_the_table() -> None:
    """Oldest first, with what each was for: a clock's must not pass for a door's."""
    control = Control("primary", (Reading("primary", "session", 102.0, 102.1, State.ALIVE),), died=False)
    told = readings_csv(replace(MEASURED, clocks=(result("row", sent_s=100.5),), controls=(control,)))
    rows = [*csv.DictReader(io.StringIO(told))]
    assert [(row["layer"], row["role"], row["sent_s"]) for row in rows] == [
        ("row", "clock", "0.5000"),
        ("page", "door", "1.0000"),
        ("session", "control", "2.0000"),
        ("access", "door", "3.0000"),
    ]


def test_a_layer_that_never_settled_shows_what_kept_it_from_it() -> None:
    """Where no end was seen the last unknown answer is the evidence; elsewhere it would only distract."""
    assert [name for name, _ in telling_exchanges(result("access"))] == ["last alive", "first refusal"]
    endless = telling_exchanges(result("access", math.inf))
    assert [(name, kept.status) for name, kept in endless][-1] == ("last unknown", 503)


def test_a_few_doors_are_told_in_a_sentence_and_many_in_a_list() -> None:
    """A sentence about twenty-four doors is read by nobody."""
    heading, lines = next(in_words(MEASURED))
    assert heading.startswith("Closed: secondary access (3.00 to 4.20 s), then")
    assert lines == []
    many = replace(MEASURED, layers=tuple(result(f"door{each}") for each in range(9)))
    heading, lines = next(in_words(many))
    assert heading.startswith("The order in which the doors closed; where two intervals overlap")
    assert len(lines) == 9


def test_the_words_tell_the_clocks_and_everything_that_was_out_of_the_ordinary() -> None:
    """What is not there, when nobody looked, what looking did and cost; nothing is said of nothing."""
    plain = dict(in_words(MEASURED))
    assert len(plain) == 2
    assert "click → acknowledged: 200 ms" in plain["The clocks of this log-out; seconds count from it"]
    told = dict(
        in_words(
            replace(
                MEASURED,
                layers=(replace(result("mint"), renewals=2),),
                absent=(Absent("secondary", "codex", "none here"),),
                gaps=(Gap(103.0, 105.0, "machine suspended"),),
                requests={"secondary": 12},
                budget=100,
            )
        )
    )
    assert told["Not applicable here"] == ["secondary codex: none here"]
    assert told["Times in which nobody looked; seconds count from the log-out"] == [
        "Nobody looked from 3.0 to 5.0 s: machine suspended."
    ]
    assert "anew 2 times" in told["What looking itself did"][0]
    assert told["What looking cost, in requests"] == ["secondary 12; of 100 each"]


def test_a_log_out_of_which_no_door_was_left_is_still_told() -> None:
    """Every tab lost with its browser: no verdict, no picture that fails, and a reader learns why."""
    lost = replace(MEASURED, layers=(), absent=(Absent("secondary", "tab", "its tab was lost"),))
    attach_measurement(lost, "2026-06-02T12:00:00+00:00")
    assert told(lost) == "no door was left to watch"
    assert lost.verdict is Verdict.UNDETERMINED
    assert "no door was left to watch" in lost.why_undetermined()
    console = Console(width=80, file=io.StringIO())
    console.print(delays_table([lost]))
    assert "its tab was lost" in console.file.getvalue()  # type: ignore[attr-defined]
