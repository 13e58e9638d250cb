"""Runs read back: what was measured comes out of the file as it went in, whatever happened to the file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from afterglow.conductor import Lane, Role
from afterglow.delay import Interval, Verdict
from afterglow.measurement import (
    Absent,
    layer_result,
)
from afterglow.readings import Answer, Reading, State
from afterglow.record import VERSION, RunFile, lanes_json, moments_json, reading_json
from afterglow.redaction import Redactor
from afterglow.runs import NotARun, RunState, StoredRun, read_run
from afterglow.schedule import Schedule
from afterglow.watch import LayerWatch, Patience
from cli import app, main
from tests.instrument.made_up_runs import (
    GONE,
    MOMENTS,
    PATIENCE,
    STARTED,
    STILL_IN,
    Line,
    Never,
    Written,
    delays,
    lane,
    lanes_of_a_run,
    measured,
    summed_up,
    watch_lines,
    written,
)
from tests.instrument.simulated import World, run, watch_of, worlds

# What a run has written comes back


def ways_to_watch() -> st.SearchStrategy[dict[str, Any]]:
    """All that a watch is told."""
    return st.fixed_dictionaries(
        {
            "window_s": st.sampled_from([4.0, 10.0, 1800.0]),
            "quiet_s": st.sampled_from([0.5, 2.0]),
            "grace_s": st.sampled_from([1.0, 4.0]),
            "chance": st.sampled_from([0.001, 0.05]),
            "assumed_edges": st.integers(1, 6),
        }
    )


@given(worlds(), ways_to_watch(), st.one_of(st.just(1.0), st.floats(0, 1)))
@settings(max_examples=80)
def test_what_is_read_back_equals_what_the_run_had_found(
    world: World, way: dict[str, Any], share: float
) -> None:
    """The interval, the flaps, the verdict and all the rest, to the last bit.

    For sites of every kind and every way to watch them, also if the run was killed on the way.
    """
    watched = run(world, watch_of(world, **{**way, "window_s": 10.0})).watch
    readings = watched.readings[: max(1, round(share * len(watched.readings)))]
    watch = replace(watch_of(world, **way), moments=world.moments, readings=readings)
    lanes = [Lane(watch, Never())]
    stored = written(
        ("watch", {"watch": 1, "action": "log out one", "window_s": way["window_s"]}),
        ("lanes", {"watch": 1, "lanes": lanes_json(lanes)}),
        ("log-out", {"watch": 1, "utc": STARTED, **moments_json(world.moments)}),
        *(("reading", {"watch": 1, **reading_json(reading)}) for reading in readings),
    ).read()
    [measurement] = stored.measurements
    assert measurement.layers == (layer_result(watch),)
    assert measurement.moments == world.moments


def test_a_whole_run_is_read_back_with_all_that_is_known_of_it() -> None:
    """Doors, clocks, controls, gaps, ages, requests: the rebuilt measurement says what the run had said."""
    lanes = lanes_of_a_run()
    live = measured(lanes)
    stored = written(*watch_lines(lanes), summed_up(live)).read()
    assert stored.measurements == (live,)
    assert (stored.state, stored.target, stored.window_s) == (RunState.COMPLETE, "replica", 8.0)
    assert (stored.notes, stored.damaged, stored.truncated) == ((), (), False)
    [watch] = stored.watches
    assert (watch.action, watch.started) == ("log out one", STARTED)
    assert watch.readings == sum(len(each.watch.readings) for each in lanes)


def test_a_rehearsals_readings_are_no_watch() -> None:
    stored = written(("reading", {"watch": 0, **reading_json(Reading("a", "b", 1, 2, State.ALIVE))})).read()
    assert stored.watches == ()


def test_a_lane_that_joined_later_is_read_back_too() -> None:
    """A control that was made after the log-out."""
    lanes = lanes_of_a_run()
    late = lane("fresh", "session", "aaar" + 30 * "r", Role.CONTROL)
    lines = list(watch_lines(lanes))
    late_lines: list[Line] = [("lanes", {"watch": 1, "lanes": lanes_json([late])})]
    late_lines += [("reading", {"watch": 1, **reading_json(each)}) for each in late.watch.readings]
    [measurement] = written(*lines, *late_lines).read().measurements
    assert [control.session for control in measurement.controls] == ["primary", "fresh"]
    assert measurement.undermined == "the control fresh was signed out too, although nobody ended it"


class Listening:
    """A probe that nobody listens to."""

    def follow(self) -> AsyncIterator[Answer]:
        """What came."""
        raise AssertionError("nobody listens")


@pytest.mark.parametrize(
    ("told", "why"),
    [("aaau", "the connection broke (http_503)"), ("aar", None), ("rr", "it had ended before the log-out")],
)
def test_a_connection_that_ended_by_itself_is_no_door_after_the_kill_either(
    told: str, why: str | None
) -> None:
    """That it broke says nothing of the session; only one that was refused since the log-out is a door."""
    stream = replace(lane("secondary", "stream", told), probe=Listening())
    stream.watch.patience = Patience(0.0, 2.0, chance=None, refusals=1)
    [measurement] = written(*watch_lines([*lanes_of_a_run(), stream])).killed().read().measurements
    assert stream.gone == next((each.why for each in measurement.absent), None)
    assert (stream.gone is None) == (why is None) == ("stream" in {x.layer for x in measurement.layers})
    assert (stream.gone or "").startswith(why or "")


def test_a_layer_that_was_lost_on_the_way_is_no_door() -> None:
    """Its tab died with the browser: noted at once, and so known however the run ends."""
    gone = {"watch": 1, "session": "secondary", "layer": "access", "why": "its tab was lost"}
    [measurement] = written(*watch_lines(lanes_of_a_run()), ("lost", gone)).killed().read().measurements
    assert [layer.layer for layer in measurement.layers] == ["session"]
    assert measurement.absent == (Absent("secondary", "access", "its tab was lost"),)


def test_readings_that_no_lane_claims_are_told() -> None:
    stray = Reading("tertiary", "session", 11.0, 11.1, State.ALIVE)
    lines = [*watch_lines(lanes_of_a_run()), ("reading", {"watch": 1, **reading_json(stray)})]
    [note] = written(*lines).read().notes
    assert "1 readings of tertiary session are left out" in note


# A run that was killed


def test_a_killed_run_is_interrupted_and_open_where_nothing_had_settled() -> None:
    """What had settled has its interval; the rest outlived the log-out until it was last seen alive."""
    lanes = lanes_of_a_run()
    stored = written(*watch_lines(lanes)).killed().read()
    assert stored.state is RunState.INTERRUPTED
    assert "has no end" in stored.notes[0]
    last_alive_s = max(r.sent_s for r in lanes[1].watch.readings if r.state is State.ALIVE)
    assert delays(stored) == {
        "session": lanes[0].watch.interval,
        "access": Interval(last_alive_s - MOMENTS.acknowledged_s, math.inf),
    }
    [measurement] = stored.measurements
    assert measurement.interrupted
    assert measurement.verdict is Verdict.UNDETERMINED
    assert math.isfinite(delays(stored)["session"].upper_s)


@given(st.floats(0, 1))
@settings(max_examples=60)
@example(0.0)
@example(1.0)
def test_a_file_cut_anywhere_says_what_its_whole_lines_say(share: float) -> None:
    """Killed at any byte: readable, interrupted, nothing made up, and at most the torn line lost."""
    whole = WITHOUT_SUM.killed()
    cut = Written(whole.content[: round(share * len(whole.content))])
    stored = cut.read()
    assert stored.state is RunState.INTERRUPTED
    assert (stored.damaged, stored.id == "0123abcd") == ((), b"\n" not in cut.content)
    lines = [json.loads(line) for line in cut.content.split(b"\n")[:-1]]
    if not any(line["kind"] == "log-out" for line in lines):
        assert stored.measurements == ()
        return
    for layer, delay in delays(stored).items():
        assert delay == expected(layer, (line for line in lines if line["kind"] == "reading"))


def expected(layer: str, readings: Iterable[dict[str, Any]]) -> Interval:
    """The delay of one layer of the secondary session, worked out from some lines."""
    watch = LayerWatch("secondary", layer, Schedule(8.0, 0.1), PATIENCE, MOMENTS)
    for line in readings:
        if (line["session"], line["layer"]) == ("secondary", layer):
            fields = {name: line[name] for name in ("session", "layer", "sent_s", "received_s", "code")}
            watch.take(Reading(**fields, state=State(line["state"])))
    return watch.interval


LIVE = measured(lanes_of_a_run())
WHOLE = written(*watch_lines(lanes_of_a_run()), summed_up(LIVE))
WITHOUT_SUM = written(*watch_lines(lanes_of_a_run()))


def test_a_run_that_was_stopped_by_its_user_is_no_complete_one(tmp_path: Path) -> None:
    """Ctrl-C lets a run close its file; what it measured is still cut short."""
    file = RunFile(tmp_path, Redactor())
    file.close("interrupted")
    stored = read_run(file.path)
    assert (stored.state, stored.notes) == (RunState.INTERRUPTED, ())


def test_a_run_that_goes_on_is_told_from_a_killed_one(tmp_path: Path) -> None:
    """As long as its process holds the file."""
    file = RunFile(tmp_path, Redactor())
    for kind, fields in watch_lines(lanes_of_a_run()):
        file.append(kind, fields)
    stored = read_run(file.path)
    assert (stored.state, stored.notes) == (RunState.RUNNING, ())
    assert not stored.measurements[0].interrupted
    file.close()
    assert read_run(file.path).state is RunState.COMPLETE


def test_a_run_that_was_killed_before_its_first_line_is_known_by_its_name() -> None:
    stored = Written(b"").read()
    assert (stored.id, stored.state, stored.measurements) == ("0123abcd", RunState.INTERRUPTED, ())
    assert stored.started.isoformat() == "2026-11-21T15:04:01+00:00"


# A file that was damaged


@given(st.data())
@settings(max_examples=200)
def test_no_damage_makes_a_file_unreadable(data: st.DataObject) -> None:
    """Bytes changed, lost or put in: the file is read as far as it goes, or refused in one line."""
    content = bytearray(WHOLE.content)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    readable(bytes(content))


ODD: tuple[object, ...] = (0, -1, 1.7e308, -1.7e308, 10**30, 1.5, "1", None, [], {}, math.nan, math.inf)


@pytest.mark.parametrize("kind", sorted({json.loads(line)["kind"] for line in WHOLE.content.splitlines()}))
def test_no_value_in_a_line_makes_a_file_unreadable(kind: str) -> None:
    """JSON as it should be, with a number or a word that nobody would write: anywhere in every such line."""
    lines = [json.loads(line) for line in WHOLE.content.splitlines()]
    odd = next(line for line in lines if line["kind"] == kind)
    as_they_are = {number: json.dumps(line) for number, line in enumerate(lines) if line["kind"] != kind}
    for path in list(_places(odd)):
        for value in ODD:
            changed = [
                as_they_are.get(number) or json.dumps(_with(line, path, value))
                for number, line in enumerate(lines)
            ]
            readable("\n".join(changed).encode())


Place = tuple[str | int, ...]


def _places(value: object, path: Place = ()) -> Iterator[Place]:
    """Where within a line a value can be put."""
    items: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value[:1])  # its neighbours are read alike
    for key, item in items:
        yield (*path, key)
        yield from _places(item, (*path, key))


def _with(line: Any, path: Place, value: object) -> Any:
    """The line with another value in one place; as it is if it has no such place."""
    changed = deepcopy(line)
    within = changed
    for key in path[:-1]:
        within = within[key]
    within[path[-1]] = value
    return changed


def readable(content: bytes) -> None:
    """Make sure that a file is read and can be shown, or is refused in one line."""
    try:
        stored = Written(content).read()
    except NotARun as error:
        refused = str(error)
    else:
        refused = ""
        shown(stored)
    assert "\n" not in refused


def shown(stored: StoredRun) -> None:
    """Make sure that what was read can be written down."""
    for measurement in stored.measurements:
        json.dumps(measurement.to_json(STARTED), allow_nan=False)
        assert str(measurement.all_devices)


def test_a_damaged_line_in_the_middle_is_counted_and_named() -> None:
    """And costs no more than itself."""
    lanes = lanes_of_a_run()
    whole = written(*watch_lines(lanes), summed_up(measured(lanes)))
    number = whole.number_of('"reading"')
    stored = whole.without(number, number + 1).read()
    assert stored.damaged == (number, number + 1)
    assert stored.notes == (f"2 lines are damaged and left out: {number}, {number + 1}",)
    assert [len(layer.readings) for layer in stored.measurements[0].layers] == [len(GONE) - 2, len(STILL_IN)]


def test_a_lost_reading_that_changes_the_result_is_told() -> None:
    """The rebuilt delay says what the readings say; the reader learns that the run had known more."""
    lanes = lanes_of_a_run()
    whole = written(*watch_lines(lanes), summed_up(measured(lanes)))
    [number] = [
        n
        for n, line in enumerate(whole.content.split(b"\n"), 1)
        if b'"access"' in line and b'"sent_s": 11.80' in line
    ]
    stored = whole.without(number).read()
    assert any("the run had found over 1.70 s for secondary access" in note for note in stored.notes)
    assert delays(stored)["access"].lower_s < lanes[1].watch.interval.lower_s


@pytest.mark.parametrize("kind", ["settings", "watch", "log-out", "measurement"])
def test_a_whole_kind_of_lines_may_be_lost_without_losing_the_delay(kind: str) -> None:
    """The others tell most of it."""
    whole = written(*watch_lines(lanes_of_a_run()), summed_up(LIVE))
    stored = whole.without(whole.number_of(f'"kind": "{kind}"')).read()
    [measurement] = stored.measurements
    known = [layer.delay.rounded(4) for layer in measurement.layers]
    assert known == [layer.delay.rounded(4) for layer in LIVE.layers]
    assert measurement.window_s == 8.0


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 300, b"hello\n", b"[1, 2]\n", b'{"kind": "reading"}\n', b'{"kind": "run"}\n']
)
def test_a_foreign_file_is_refused_in_one_line(content: bytes) -> None:
    with pytest.raises(NotARun, match=r"^\S+notes\.jsonl is not the file of a run: "):
        Written(content).read("notes.jsonl")


def test_a_newer_format_is_refused_in_one_line() -> None:
    content = f'{{"kind": "run", "v": {VERSION + 1}, "whatever": 1}}\n'.encode()
    told = rf"is of format {VERSION + 1}, and this Afterglow knows those up to {VERSION}: .* newer one$"
    with pytest.raises(NotARun, match=told):
        Written(content).read()


def test_a_file_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(NotARun, match=r"gone\.jsonl cannot be read \(No such file or directory\)$"):
        read_run(tmp_path / "gone.jsonl")


# The first format


def first_format(content: Written) -> Written:
    """The same run as the first version wrote it: rounded readings, and nothing on how it watched."""
    lines = [json.loads(line) for line in content.content.splitlines()]
    for line in lines:
        line.pop("lanes", None)
        line.pop("state" if line["kind"] == "end" else "", None)
        if line["kind"] == "run":
            line["v"] = 1
        if line["kind"] == "reading":
            line |= {name: round(line[name], 6) for name in ("sent_s", "received_s")}
    return Written("".join(json.dumps(line) + "\n" for line in lines).encode())


def test_a_run_of_the_first_format_says_what_its_run_had_found() -> None:
    lanes = [each for each in lanes_of_a_run() if each.role is not Role.CLOCK]
    stored = first_format(written(*watch_lines(lanes), summed_up(measured(lanes)))).read()
    assert (stored.version, stored.state, stored.notes) == (1, RunState.COMPLETE, ())
    known = {layer: delay.rounded(4) for layer, delay in delays(stored).items()}
    assert known == {each.watch.layer: each.watch.interval.rounded(4) for each in lanes if not each.control}
    [measurement] = stored.measurements
    assert [layer.flaps for layer in measurement.layers] == [0, 2]
    assert [len(layer.readings) for layer in measurement.layers] == [len(GONE), len(STILL_IN)]
    assert [control.seen_alive for control in measurement.controls] == [4]


def test_a_killed_run_of_the_first_format_is_open_everywhere_and_contains_the_truth() -> None:
    """Nobody knows any more what would have settled it; rounding must not lift the lower end."""
    lanes = [each for each in lanes_of_a_run() if each.role is not Role.CLOCK]
    stored = first_format(written(*watch_lines(lanes)).killed()).read()
    assert any("none is taken as settled" in note for note in stored.notes)
    for each in lanes[:2]:
        found = delays(stored)[each.watch.layer]
        assert found.lower_s <= each.watch.interval.lower_s < found.lower_s + 2e-6
        assert math.isinf(found.upper_s)


# The command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of reports with a complete run and a killed one."""
    monkeypatch.setenv("REPORTS_DIR", str(tmp_path))
    runs = tmp_path / "runs"
    runs.mkdir()
    live = replace(LIVE, absent=(), pattern="all")
    whole = written(*watch_lines(lanes_of_a_run()), summed_up(live)).content
    named = whole.replace(whole.split(b'"id": "')[1][:8], b"aaaa1111")
    (runs / "20261121T150401Z-aaaa1111.jsonl").write_bytes(named)
    (runs / "20261122T150401Z-aaaa2222.jsonl").write_bytes(
        Written(named.replace(b"aaaa1111", b"aaaa2222")).killed().without(7).content[:-40]
    )
    return runs


def said(*arguments: str, columns: int = 100) -> str:
    """What the command prints when all is well."""
    ended = CliRunner().invoke(app, ["runs", *arguments], env={"COLUMNS": str(columns)})
    assert ended.exit_code == 0, ended.output
    return ended.output


@pytest.mark.usefixtures("folder")
def test_the_runs_are_listed_newest_first_with_every_log_out() -> None:
    rows = [line.split() for line in said(columns=80).splitlines()[2:]]
    assert [row[2:] for row in rows[::2]] == [
        ["aaaa2222", "replica", "interrupted"],
        ["aaaa1111", "replica", "complete"],
    ]
    assert rows[1] == rows[3] == ["log", "out", "one", "over", "1.70", "s", "undetermined"]


@pytest.mark.usefixtures("folder")
def test_only_the_last_runs_are_listed_if_there_are_many() -> None:
    listed = said("--last", "1")
    assert "aaaa2222" in listed
    assert "aaaa1111" not in listed
    assert listed.splitlines()[-1] == "1 older ones: --last 2 lists them too"


def test_a_file_that_is_no_run_does_not_hide_the_others(folder: Path) -> None:
    (folder / "notes.jsonl").write_text("hello\n")
    listed = said()
    assert "aaaa1111" in listed
    assert "notes.jsonl is not the file of a run" in listed


def test_a_run_is_shown_with_every_layer_and_what_its_file_lacks(folder: Path) -> None:
    """By the beginning of its id, or by its file."""
    output = said("show", "aaaa2")
    assert output == said("show", str(folder / "20261122T150401Z-aaaa2222.jsonl"))
    words = " ".join(output.split())
    for told in (
        "run aaaa2222",
        "replica, window 8 s: interrupted",
        "session 0.90 to 1.51",
        "access over 1.70",
        "undetermined",
        "has no end",
        "1 line is damaged and left out: 7",
        "the last line was cut short",
        "process not running",
    ):
        assert told in words, output


@pytest.mark.usefixtures("folder")
def test_a_run_is_shown_as_json_with_its_measurements() -> None:
    shown = json.loads(said("show", "aaaa1111", "--json"))
    assert (shown["id"], shown["state"]) == ("aaaa1111", "complete")
    live = replace(LIVE, absent=(), pattern="all")
    assert shown["measurements"] == [json.loads(json.dumps(live.to_json(STARTED)))]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("run_id", "complaint"),
    [
        ("ffff", r"no run ffff in \S+: `python -m cli runs` lists those there are"),
        ("aaaa", "2 runs begin with aaaa: give more of the id"),
        ("nowhere.jsonl", r"nowhere.jsonl cannot be read \(No such file or directory\)"),
    ],
)
def test_a_run_that_cannot_be_shown_is_one_line(
    run_id: str, complaint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    complained(capsys, monkeypatch, ["runs", "show", run_id], complaint)


def test_no_runs_at_all_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPORTS_DIR", str(tmp_path))
    complained(capsys, monkeypatch, ["runs"], r"no runs in \S+ yet: run `python -m cli scenario` first")


def complained(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str], complaint: str
) -> None:
    """Make sure that a command ends with this one line."""
    monkeypatch.setattr("sys.argv", ["afterglow", *command])
    with pytest.raises(SystemExit) as stop:
        main()
    captured = capsys.readouterr()
    assert (stop.value.code, captured.out) == (2, "")
    assert re.fullmatch(rf"afterglow: {complaint}\n", captured.err), captured.err
