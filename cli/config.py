"""`config`: what a run would go by, here and now, and who has set it. Shows no secret."""

from __future__ import annotations

import json
import os
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from afterglow.origins import InForce, Origin, in_force
from afterglow.settings import SettingsError, load
from cli.place import ROOT, Stop

ENV_FILE = ROOT / ".env"

STYLES = {Origin.ENVIRONMENT: "bold magenta", Origin.FILE: "bold cyan", Origin.DEFAULT: "dim"}


def main(as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False) -> None:
    """Show every setting that a run would go by: its value, its unit, and who has set it."""
    try:
        settings = list(in_force(load(ENV_FILE), os.environ))
    except SettingsError as error:
        raise Stop(str(error)) from None
    if as_json:
        typer.echo(json.dumps([each.to_json() for each in settings], indent=2, ensure_ascii=False))
    else:
        _show(settings, ENV_FILE)


def _show(settings: list[InForce], env_file: Path) -> None:
    console = Console()
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    for group, members in groupby(settings, lambda each: each.group):
        _add(table, group, list(members))
    console.print(table)
    console.print(Text(_legend(env_file), "dim"))


def _add(table: Table, group: str, members: list[InForce]) -> None:
    """A group under its heading; of one that has nothing to do, the heading alone and why."""
    why = {each.idle for each in members}
    if None not in why and len(why) == 1:
        table.add_row(Text(group, "dim"), Text(f"not used: {why.pop()}", "dim"), "", end_section=True)
    else:
        table.add_row(Text(group, "bold"))
        for each in members:
            table.add_row(*_row(each))
    table.add_row()


def _row(setting: InForce) -> tuple[Text, Text, Text]:
    name = f"  {setting.name}"
    if setting.idle:
        return Text(name, "dim"), Text(f"not used: {setting.idle}", "dim"), Text()
    style = STYLES[setting.origin]
    by_hand = "" if setting.origin is Origin.DEFAULT else style
    return Text(name), Text(setting.shown, by_hand), Text(setting.origin.value, style)


def _legend(env_file: Path) -> str:
    there = f"{env_file} is read" if env_file.exists() else f"there is no {env_file}: copy .env.example to it"
    return f"The environment wins over .env, .env over the default; {there}. .env.example explains each."
