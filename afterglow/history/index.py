"""What is known of the runs' files, kept beside their folder so that no large file is read twice.

The index is derived: it may be deleted at any time, and where it cannot be written there is none. One line a
file: a checksum, then JSON. A line counts only if its checksum is right, which also tells the lines of this
version from another's, and if the file is still the very one that the line was made of. The index is replaced
in one step: of two who write it at once, one leaves a whole index, and what that one lacks is read anew.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import blake2b
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from pydantic import ConfigDict, TypeAdapter

from afterglow.history.past import PastRun
from afterglow.record import VERSION
from afterglow.runs import RunState

MADE_BY = 1
"""One more whenever the same file would be read differently: lines made before then count no longer."""

CHECKSUM_BYTES = 8


class Stamp(NamedTuple):
    """What tells one state of a file from another. Unlike the others, nobody sets `changed_ns` back."""

    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> Stamp | None:
        """The file as it is now; None if it cannot be told."""
        try:
            now = path.stat()
        except OSError:
            return None
        return cls(now.st_size, now.st_mtime_ns, now.st_ctime_ns)


@dataclass(slots=True)
class Index:
    """The index of one folder: of each file its stamp, its run, and the line that says so."""

    path: Path
    _rows: dict[str, tuple[Stamp, PastRun, bytes]]
    _kept: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> Index:
        """Read the index of a folder of runs; empty if there is none, or it is good for nothing."""
        whole = folder.resolve()
        path = whole.parent / f"{whole.name}-index.jsonl"
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError:
            lines = []
        found = (_read(line) for line in lines)
        return cls(path, {str(row[1].path): row for row in found if row is not None})

    def get(self, path: Path, stamp: Stamp | None) -> PastRun | None:
        """The run of this file in this state, if it is known."""
        was, run, line = self._rows.get(path.name, (None, None, b""))
        if run is None or stamp is None or was != stamp:
            return None
        self._kept[path.name] = line
        return replace(run, path=path)

    def put(self, run: PastRun, stamp: Stamp | None) -> None:
        """Note what was read of a file whose stamp was this before it was read.

        Not of a run that goes on, nor of a file that has changed while it was read.
        """
        if stamp is not None and run.state != RunState.RUNNING and Stamp.of(run.path) == stamp:
            with suppress(ValueError):  # a name that is no text cannot be written down
                self._kept[run.path.name] = _line(stamp, run)

    def save(self) -> None:
        """Write down what was asked for and noted, if that is news. Files that are gone are forgotten."""
        if self._kept == {name: line for name, (_, _, line) in self._rows.items()}:
            return
        with suppress(OSError):
            self._write(b"".join(line + b"\n" for line in self._kept.values()))

    def _write(self, content: bytes) -> None:
        with NamedTemporaryFile(dir=self.path.parent, prefix=".runs-index-", delete=False) as file:
            new = Path(file.name)
            try:
                file.write(content)
                file.close()
                new.replace(self.path)
            finally:
                new.unlink(missing_ok=True)


# One line


def _line(stamp: Stamp, run: PastRun) -> bytes:
    content = _json().dump_json((stamp, replace(run, path=Path(run.path.name))))
    return _checksum(content) + b" " + content


def _read(line: bytes) -> tuple[Stamp, PastRun, bytes] | None:
    checksum, _, content = line.partition(b" ")
    if checksum != _checksum(content):
        return None
    return (*_json().validate_json(content), line)


def _checksum(content: bytes) -> bytes:
    return blake2b(content, digest_size=CHECKSUM_BYTES, key=_version()).hexdigest().encode()


@cache
def _json() -> TypeAdapter[tuple[Stamp, PastRun]]:
    return TypeAdapter(tuple[Stamp, PastRun], config=ConfigDict(ser_json_inf_nan="constants"))


@cache
def _version() -> bytes:
    """What the lines are made by: another set of fields, or another format of runs, is another version."""
    made_by = [MADE_BY, VERSION, _json().json_schema()]
    return blake2b(json.dumps(made_by).encode(), digest_size=32).digest()
