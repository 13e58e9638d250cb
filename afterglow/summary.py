"""The run in one file for machines: summary.json, rewritten whole after every measurement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from afterglow.delay import Verdict
from afterglow.measurement import Json, Measurement
from afterglow.redaction import Redactor
from afterglow.telemetry import Telemetry

VERSION = 1

WORST_FIRST = (Verdict.LATE, Verdict.UNDETERMINED, Verdict.WITHIN)


def overall(measurements: Sequence[Measurement]) -> Verdict | None:
    """The worst verdict of a run; None if nothing was measured."""
    verdicts = {measurement.verdict for measurement in measurements}
    return next((verdict for verdict in WORST_FIRST if verdict in verdicts), None)


@dataclass(slots=True)
class Summary:
    """What a run has measured so far, and the file that says so.

    state: "running" until the run has ended by itself, then "complete"; "interrupted" if it was stopped.
    """

    path: Path
    redact: Redactor
    target: str
    window_s: float
    started: str
    run_file: str
    state: str = "running"
    measured: list[tuple[Measurement, str]] = field(default_factory=list)
    observed: dict[str, str] = field(default_factory=dict)
    telemetry: Telemetry = field(default_factory=Telemetry)

    @property
    def measurements(self) -> list[Measurement]:
        """The measurements, in order."""
        return [measurement for measurement, _ in self.measured]

    def add(self, measurement: Measurement, started: str) -> None:
        """Add a measurement and write the file. `started` is the click in UTC, ISO 8601."""
        self.measured.append((measurement, started))
        self.write()

    def observe(self, what: str, seen: str) -> None:
        """Add something that is recorded and not judged, and write the file."""
        self.observed[what] = seen
        self.write()

    def write(self) -> None:
        """Replace the file by what is known now."""
        content = json.dumps(self.redact.data(self.to_json()), indent=2, ensure_ascii=False, allow_nan=False)
        replace_whole(self.path, content + "\n")

    def to_json(self) -> Json:
        """The whole file. Every delay is [lower, upper] in seconds; a null upper end was never seen.

        measurements: every door. clocks: what was timed beside them and counts for nothing, so without a
        verdict. not_applicable: the doors and clocks that could not be watched, and why. log_outs: each
        log-out whole, with its moments, the order in which its doors closed, its gaps and what it cost.
        observed: what was recorded and not judged. telemetry: what the run has cost until the last
        measurement, or whole once it has ended.
        """
        verdict = overall(self.measurements)
        return {
            "v": VERSION,
            "target": self.target,
            "window_s": self.window_s,
            "started": self.started,
            "state": self.state,
            "verdict": verdict.value if verdict else None,
            "run_file": self.run_file,
            "measurements": [
                {"action": measurement.action, **measurement.layer_json(layer)}
                for measurement in self.measurements
                for layer in measurement.layers
            ],
            "clocks": [
                {"action": measurement.action, **clock}
                for measurement in self.measurements
                for clock in measurement.clocks_json()
            ],
            "not_applicable": [
                {"action": measurement.action, **absent.to_json()}
                for measurement in self.measurements
                for absent in measurement.absent
            ],
            "all_devices": [measurement.all_devices_json() for measurement in self.measurements],
            "log_outs": [measurement.to_json(started) for measurement, started in self.measured],
            "observed": self.observed,
            "telemetry": self.telemetry.to_json(),
        }


def replace_whole(path: Path, content: str) -> None:
    """Write a file in one step, so that a reader never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(content, encoding="utf-8")
    new.replace(path)
