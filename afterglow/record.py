"""The run's file: everything that was read, appended as it comes, one JSON object a line.

Every line reaches the system at once, so that it survives the run, and the disk within a second, so that it
survives the machine. Times ending in `_s` are readings of `afterglow.clock.now_s`, written in full: a rounded
one could move an interval's end past the truth. The kinds of lines, with their fields:

run          v, id, utc, clock_s: what this file is
settings     the run's settings
machine      machine, system, afterglow: where the run runs, and by which version of this
browser      name, version: the browser that stands for the devices
watch        watch (its number), action, window_s, ended, controls, lanes, absent: what is about to be watched
lanes        watch, lanes: lanes that joined a watch later
lost         watch, session, layer, why: there is nothing left to look at
log-out      watch, utc, clicked_s, requested_s, acknowledged_s
reading      watch (0 in a rehearsal), session, layer, sent_s, received_s, state, code
gap          watch, from_s, to_s, why: nobody could look
measurement  watch and the fields of summary.json: what the run made of it
telemetry    the fields of `afterglow/telemetry.py`: what the run cost
end          clock_s, state: the run ended by itself
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from uuid import uuid4

from afterglow.clock import Gap, now_s
from afterglow.conductor import Lane, StreamProbe
from afterglow.outcomes import NotMeasured
from afterglow.readings import Moments, Reading
from afterglow.redaction import Redactor

if sys.platform != "win32":
    import fcntl

VERSION = 3
"""The format of a run's file; `afterglow/runs.py` reads this one and those before.

1: readings were rounded to microseconds, and nothing told how a layer was watched.
2: nothing told on which machine and in which browser, what the run cost, and which night it belongs to.
"""

SYNC_AFTER_S = 0.5
"""How long a line may stay in the machine's memory only. It is promised to be on the disk within a second:
this half of it spares the disk, the other half is the disk's own."""

COMPLETE, INTERRUPTED = "complete", "interrupted"
"""How a run ended: by itself, or because somebody stopped it."""


class NotRecorded(NotMeasured):
    """The run's file cannot be written any more. The message is one line, with the cause and the remedy."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path} cannot be written any more ({error.strerror or error}): make room, or set REPORTS_DIR "
            "to another folder; what was read until then is in it"
        )


class RunFile:
    """Appends lines to `runs/<UTC time>-<id>.jsonl`. Safe to call from any thread.

    Every line goes through `redact`, so that no caller can forget to. The first error of the disk is kept:
    whoever appends next, or closes the file, is told, on whatever thread it happened.
    """

    def __init__(self, folder: Path, redact: Redactor) -> None:
        """Create the folder and the file, and write the first line. Raises OSError if that is impossible."""
        folder.mkdir(parents=True, exist_ok=True)
        started = datetime.now(UTC)
        self.id = uuid4().hex[:8]
        self.path = folder / f"{started:%Y%m%dT%H%M%SZ}-{self.id}.jsonl"
        self._redact = redact
        self._lock = threading.Lock()
        self._error: OSError | None = None
        self._fresh, self._closing = threading.Event(), threading.Event()
        self._file = FileIO(self.path, "x")
        _hold(self._file)
        self.append("run", {"v": VERSION, "id": self.id, "utc": started.isoformat(), "clock_s": now_s()})
        _sync_name(folder)
        self._syncing = threading.Thread(target=self._keep_safe, name="run file", daemon=True)
        self._syncing.start()

    def append(self, kind: str, fields: Mapping[str, object]) -> None:
        """Write one line of the given kind; it is on the disk within a second. Raises NotRecorded."""
        line = json.dumps(self._redact.data({"kind": kind, **fields}), ensure_ascii=False, allow_nan=False)
        with self._lock:
            if self._file.closed:
                raise ValueError(f"{self.path} is closed: nothing can be added to it")
            self._complain()
            try:
                _write_all(self._file, line.encode() + b"\n")
            except OSError as error:
                self._error = error
            self._complain()
        self._fresh.set()

    def close(self, state: str = COMPLETE) -> None:
        """Write the last line and put everything on the disk. Raises NotRecorded if that was impossible."""
        try:
            self.append("end", {"clock_s": now_s(), "state": state})
        finally:
            self._closing.set()
            self._fresh.set()
            self._syncing.join()
            with self._lock:
                if not self._file.closed:
                    self._sync()
                    self._file.close()
        self._complain()

    def _keep_safe(self) -> None:
        """Put on the disk what has come, also when nothing more comes. A thread of its own waits for it."""
        while self._fresh.wait() and not self._closing.wait(SYNC_AFTER_S):
            self._fresh.clear()
            self._sync()

    def _sync(self) -> None:
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            self._error = self._error or error

    def _complain(self) -> None:
        if self._error is not None:
            raise NotRecorded(self.path, self._error)


def being_written(path: Path) -> bool:
    """Whether some process has the file open as its run's. The system takes the mark off a dead process.

    Where the system has no such marks, nothing is ever said to be written.
    """
    if sys.platform == "win32":
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


# What the lines say


def lanes_json(lanes: Iterable[Lane]) -> list[dict[str, object]]:
    """All that it takes to build the watches of these lanes anew."""
    return [
        {
            "session": lane.watch.session,
            "layer": lane.watch.layer,
            "role": lane.role.value,
            "window_s": lane.watch.schedule.window_s,
            "floor_s": lane.watch.schedule.floor_s,
            "informed": lane.watch.schedule.expectation is not None,
            "stream": isinstance(lane.probe, StreamProbe),
            "patience": asdict(lane.watch.patience),
        }
        for lane in lanes
    ]


def reading_json(reading: Reading) -> dict[str, object]:
    """A reading, to the last bit."""
    return {**asdict(reading), "state": reading.state.value}


def moments_json(moments: Moments) -> dict[str, object]:
    """The moments of a log-out, to the last bit."""
    return asdict(moments)


def gap_json(gap: Gap) -> dict[str, object]:
    """When nobody could look."""
    return asdict(gap)


# What the system does


def _write_all(file: FileIO, content: bytes) -> None:
    """Hand all of it to the system, which may take it in parts when the disk is nearly full."""
    while content:
        content = content[file.write(content) or 0 :]


def _hold(file: FileIO) -> None:
    """Mark the file as being written for as long as this process lives, however it ends."""
    if sys.platform != "win32":
        with suppress(OSError):  # a file system without such marks: the run goes on without
            fcntl.flock(file, fcntl.LOCK_EX)


def _sync_name(folder: Path) -> None:
    """Put the new file's name on the disk too; its content is found by nothing else."""
    if sys.platform != "win32":
        with suppress(OSError):  # some file systems cannot, and keep names safe by themselves
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
