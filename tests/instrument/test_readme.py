"""The README stays true: its commands, settings, files and links are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from afterglow.settings import Settings
from cli import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/checked.md",
    "docs/nightly/README.md",
    "reports/README.md",
    ".env.example",
)

OTHERS = frozenset({"CURRENT_SESSION", "ARGS"})
"""Words in capitals that are no settings."""


def text(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_that_is_named_exists(document: str) -> None:
    """Whoever copies a line gets what it says."""
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.M))
    named = re.findall(r"(?:`|^|\s)make ([a-z][a-z-]+)(?=[`\s;,:).])", code_of(text(document)), re.M)
    assert set(named) <= targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_that_is_named_exists(document: str) -> None:
    """`python -m cli …` and nothing else."""
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert set(re.findall(r"-m cli ([a-z]+)", text(document))) <= commands


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_setting_that_is_named_exists(document: str) -> None:
    """Words of capitals with an underscore are settings."""
    settings = {name.upper() for name in Settings.model_fields}
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", code_of(text(document))))
    assert {name for name in named - OTHERS if name.split("_")[0] in PREFIXES} <= settings


PREFIXES = {name.split("_")[0].upper() for name in Settings.model_fields}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_and_file_that_is_named_is_there(document: str) -> None:
    """Relative to the page."""
    folder = (ROOT / document).parent
    links = re.findall(r"\]\(([^)#:]+)\)", text(document))
    files = re.findall(
        r"`((?:pages|probes|fixtures|tests|cli|afterglow|replica|docs)/[\w./-]*)`", text(document)
    )
    assert [link for link in links if not (folder / link).exists()] == []
    assert [file for file in files if not (ROOT / file).exists()] == []


def code_of(document: str) -> str:
    """What stands in code, in a line or in blocks; comments and prose left out."""
    blocks = re.findall(r"```.*?\n(.*?)```", document, re.S)
    lines = [line.partition(" #")[0] for block in blocks for line in block.splitlines()]
    return "\n".join([*lines, *re.findall(r"`[^`\n]+`", document)])
