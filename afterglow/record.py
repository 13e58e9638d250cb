"""The run's file: everything that was read, appended as it comes, one JSON object a line."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO
from uuid import uuid4

from afterglow.redaction import Redactor

VERSION = 1
"""The format of a run's file; a reader of a newer one must still understand this."""

SYNC_EVERY_S = 0.5
"""How long a line may stay in the machine's memory only; a line is handed to the system at once."""


class RunFile:
    """Appends lines to `runs/<UTC time>-<id>.jsonl`. Safe to call from any thread.

    Every line goes through `redact`, so that no caller can forget to.
    Times ending in `_s` are readings of the monotonic clock; the first line ties them to UTC.
    """

    def __init__(self, folder: Path, redact: Redactor) -> None:
        """Create the folder and the file, and write the first line. Raises OSError if that is impossible."""
        folder.mkdir(parents=True, exist_ok=True)
        started = datetime.now(UTC)
        self.id = uuid4().hex[:8]
        self.path = folder / f"{started:%Y%m%dT%H%M%SZ}-{self.id}.jsonl"
        self._redact = redact
        self._lock = threading.Lock()
        self._file: TextIO = self.path.open("x", encoding="utf-8")
        self._synced_s = time.monotonic()
        self.append(
            "run", {"v": VERSION, "id": self.id, "utc": started.isoformat(), "clock_s": self._synced_s}
        )

    def append(self, kind: str, fields: Mapping[str, object]) -> None:
        """Write one line of the given kind, and see to it that it reaches the disk soon."""
        line = json.dumps(self._redact.data({"kind": kind, **fields}), ensure_ascii=False, allow_nan=False)
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()
            if time.monotonic() - self._synced_s >= SYNC_EVERY_S:
                self._sync()

    def close(self) -> None:
        """Write the last line and put everything on the disk."""
        self.append("end", {"clock_s": time.monotonic()})
        with self._lock:
            self._sync()
            self._file.close()

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced_s = time.monotonic()
