"""`share`: the evidence of a run in one file that was searched for secrets; or nothing, and where one is."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from afterglow.redaction import Redactor
from afterglow.runs import files_of_run, run_files
from afterglow.scrub import Leak, leaks
from afterglow.settings import Settings
from afterglow.states import credentials_in
from cli.place import ROOT, Stop, reports_folder, setting
from cli.report import REPORT

LAST = "last"

BESIDE = ("summary.json", "metrics.txt", "junit.xml", "doctor.json", "doctor.html")
"""What the last run left beside its report; those that there are."""

Run = Annotated[str, typer.Argument(metavar="[RUN]", help="A run's id, or the begin of it.")]
To = Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Where to write the zip.")]


def main(run: Run = LAST, to: To = None) -> None:
    """Pack the evidence of a run into one zip, if nothing secret is in it."""
    reports = reports_folder()
    file = _run_file(reports / "runs", run)
    packed, names = _packed(reports, list(_evidence(reports, file)))
    if found := list(leaks("", packed, _all_that_is_secret())):
        raise Stop(_refusal(found))
    target = to or reports / f"afterglow-{file.stem}.zip"
    _write(target, packed)
    typer.echo(f"evidence: {target} ({_size(len(packed))}, {len(names)} files, searched: nothing secret)")
    if str(REPORT) not in names:
        typer.echo("its report was replaced by that of a later run: only its readings are in there")


def _run_file(folder: Path, run: str) -> Path:
    """The file of a run. Raises Stop."""
    found = run_files(folder)[:1] if run == LAST else files_of_run(folder, run.lower())
    if not found:
        raise Stop(
            f"no runs in {folder} yet: run `python -m cli scenario` first"
            if run == LAST
            else f"no run {run} in {folder}: `python -m cli runs` lists those there are"
        )
    if len(found) > 1:
        raise Stop(f"{len(found)} runs begin with {run}: give more of the id")
    return found[0]


def _evidence(reports: Path, run_file: Path) -> Iterator[Path]:
    """The files to share: the run's own, and the report with what is beside it, if it is of that run."""
    yield run_file
    summary = reports / "summary.json"
    if not summary.exists() or _named_in(summary) != run_file.name:
        return
    report = reports / REPORT
    if not report.exists() or report.stat().st_mtime < summary.stat().st_mtime:
        raise Stop(f"{report} is not of the last run: run `python -m cli report` first")
    yield from sorted(path for path in report.parent.rglob("*") if path.is_file())
    yield from (path for name in BESIDE if (path := reports / name).exists())


def _named_in(summary: Path) -> Any:
    try:
        return json.loads(summary.read_text(encoding="utf-8")).get("run_file")
    except (OSError, ValueError, AttributeError):
        return None


def _packed(reports: Path, files: list[Path]) -> tuple[bytes, list[str]]:
    """All of it as a zip, and the names in it. Raises Stop."""
    out = io.BytesIO()
    names = [str(path.relative_to(reports)) for path in files]
    try:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, name in zip(files, names, strict=True):
                archive.writestr(name, path.read_bytes())
    except OSError as error:
        raise Stop(f"{error.filename} cannot be read ({error.strerror}): nothing was written") from None
    return out.getvalue(), names


def _refusal(found: list[Leak]) -> str:
    where = found[0].where.removeprefix("/")
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{where} holds a secret ({found[0].kind}){more}: nothing was written"


def _write(target: Path, content: bytes) -> None:
    new = target.with_name(f"{target.name}.tmp")
    try:
        new.write_bytes(content)
        new.replace(target)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise Stop(f"--to: {target} cannot be written ({error.strerror}): choose another place") from None


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


# What is secret


def _all_that_is_secret() -> Redactor:
    """What looks like a secret, the secret settings, and what the kept sign-ins hold. Raises Stop."""
    redact = Redactor()
    for name, field in Settings.model_fields.items():
        if "SecretStr" in str(field.annotation) and (value := setting(name.upper())):
            redact.learn(value, kind=name.upper())
    folder = ROOT / (setting("STATE_DIR") or ".auth")
    for path in sorted(folder.rglob("*.json")):
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Stop(
                f"{path} cannot be read ({type(error).__name__}), so that nobody can search for its secrets: "
                "mend or remove it"
            ) from None
        redact.learn(*credentials_in(state), kind="of a kept sign-in")
    return redact
