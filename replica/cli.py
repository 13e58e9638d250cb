"""The command line of the replica: options in, one READY line out."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import AnyHttpUrl, TypeAdapter, ValidationError

from replica.accounts import Accounts, demo_account, read_accounts
from replica.behaviour import Behaviour, explain
from replica.captured import BadCapture, read_capture
from replica.defects import Defect
from replica.hurdles import Hurdle, what_is_missing
from replica.mail import Post
from replica.noise import Noise
from replica.server import Plan, PortTaken, serve
from replica.skins import Skin
from replica.state import BadState
from replica.switches import Switch

ACCOUNTS = "REPLICA_ACCOUNTS"
CONTROL_TOKEN = "REPLICA_CONTROL_TOKEN"  # noqa: S105 - the name of a variable

_BAD_USAGE = 2
_DEFAULTS = Behaviour()
# What typer raises for every kind of bad option; it has no public name of its own there.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]

_SWITCHES: dict[str, type[Switch]] = {
    "--defects": Defect,
    "--noise": Noise,
    "--hurdles": Hurdle,
    "--skin": Skin,
}

Port = Annotated[int, typer.Option(min=0, max=65535, help="0 lets the system choose.")]

cli = typer.Typer(add_completion=False)


class BadSetting(Exception):
    """An option or variable that cannot be used: names it, says why and what to do."""


@cli.command()
def run(
    port: Port = 0,
    auth_port: Port = 0,
    control_port: Port = 0,
    edges: Annotated[int, typer.Option(min=1, max=64, help="Edges behind the one address.")] = 3,
    seed: Annotated[
        int | None, typer.Option(help="For the edges' choices and delays; random if absent.")
    ] = None,
    window_s: Annotated[float, typer.Option(help="No edge learns of a log-out later.")] = _DEFAULTS.window_s,
    delay_min_s: Annotated[float, typer.Option(help="Earliest that an edge learns.")] = _DEFAULTS.delay_min_s,
    delay_max_s: Annotated[float, typer.Option(help="Latest that an edge learns.")] = _DEFAULTS.delay_max_s,
    token_life_s: Annotated[float, typer.Option(help="Life of an access token.")] = _DEFAULTS.token_life_s,
    stream_s: Annotated[float, typer.Option(help="Length of a streamed answer.")] = _DEFAULTS.stream_s,
    defects: Annotated[str, typer.Option(help="Broken promises, by name, with commas between them.")] = "",
    noise: Annotated[str, typer.Option(help="Trouble that is no broken promise, by name.")] = "",
    hurdles: Annotated[str, typer.Option(help="What stands before automation, by name.")] = "",
    maildir: Annotated[
        Path | None, typer.Option(help="Where mailed codes are delivered, a Maildir; made if absent.")
    ] = None,
    skin: Annotated[str, typer.Option(help="Face of the Active sessions view.")] = _DEFAULTS.skin,
    capture: Annotated[
        Path | None, typer.Option(help="What `afterglow capture` kept elsewhere, for the skin `captured`.")
    ] = None,
    behaviour: Annotated[
        str, typer.Option(help="JSON object of any tunables; wins over the options.")
    ] = "{}",
    public_url: Annotated[
        str | None, typer.Option(help="Where the app is reached, if a proxy stands before it.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Keeps the sessions over a restart; written at a stop. Holds secrets.")
    ] = None,
    list_switches: Annotated[
        bool,
        typer.Option("--list-switches", is_eager=True, help="Print all defects, noise, hurdles and skins."),
    ] = False,
) -> None:
    """Serve the replica on the loopback until SIGTERM, SIGINT, or the end of the parent process.

    Accounts come from REPLICA_ACCOUNTS, a JSON list of {"email", "password", "totp_secret", "name"}; without
    it there is one demo account, told on stderr. The control port wants REPLICA_CONTROL_TOKEN as bearer;
    without it the control port refuses everybody. When all is up, one line of JSON on stdout tells the
    addresses.
    """
    if list_switches:
        _print_switches()
        return
    accounts, note = _accounts()
    tunables: dict[str, Any] = {
        "defects": _named("--defects", defects, Defect),
        "noise": _named("--noise", noise, Noise),
        "hurdles": _named("--hurdles", hurdles, Hurdle),
        "skin": (_named("--skin", skin, Skin) or [Skin.LIST])[0],
        "window_s": window_s,
        "delay_min_s": delay_min_s,
        "delay_max_s": delay_max_s,
        "token_life_s": token_life_s,
        "stream_s": stream_s,
    }
    chosen, post = _behaviour(tunables, behaviour), _post(maildir)
    if missing := what_is_missing(chosen.hurdles, accounts, post):
        raise BadSetting(f"--hurdles: {missing}")
    if chosen.skin is Skin.CAPTURED and capture is None:
        raise BadSetting("--skin captured: there is nothing to show; give --capture FILE")
    serve(
        Plan(
            port=port,
            auth_port=auth_port,
            control_port=control_port,
            # an empty variable is no token: the control port must not open to an empty bearer
            control_token=os.environ.get(CONTROL_TOKEN) or secrets.token_urlsafe(32),
            edges=edges,
            seed=secrets.randbits(32) if seed is None else seed,
            accounts=accounts,
            behaviour=chosen,
            post=post,
            captured=_captured(capture),
            public_url=_origin(public_url) if public_url else None,
            state_file=state,
            note=note,
        )
    )


def main() -> None:
    """Run the command; a bad option or variable ends it with status 2 and one line on stderr."""
    try:
        sys.exit(cli(standalone_mode=False))
    except (BadSetting, PortTaken, BadState) as bad:
        _complain(str(bad))
    except _UsageError as bad:
        message: str = bad.format_message()  # type: ignore[attr-defined]
        _complain(f"{message} See --help.")


def _complain(message: str) -> None:
    sys.stderr.write(f"replica: {' '.join(message.split())}\n")
    sys.exit(_BAD_USAGE)


def _accounts() -> tuple[Accounts, str]:
    text = os.environ.get(ACCOUNTS)
    if text is not None:
        try:
            return read_accounts(text), ""
        except ValueError as bad:
            raise BadSetting(
                f"{ACCOUNTS}: {bad}; give a JSON list of "
                '{"email": ..., "password": ..., "totp_secret": base32 or null, "name": ...}'
            ) from None
    demo = demo_account()
    password = demo.password.get_secret_value()
    return Accounts([demo]), f"replica: {ACCOUNTS} is not set; sign in as {demo.email} with {password}\n"


def _named(option: str, text: str, switches: type[Switch]) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in list(switches):
            raise BadSetting(f"{option}: there is no {name!r}; --list-switches prints those there are")
    return names


def _print_switches() -> None:
    for option, switches in _SWITCHES.items():
        typer.echo(option)
        for switch in switches:
            typer.echo(f"  {switch:30}{switch.about}")


def _post(folder: Path | None) -> Post | None:
    try:
        return Post(folder) if folder else None
    except OSError as bad:
        raise BadSetting(f"--maildir {folder}: {bad.strerror}; choose another folder") from None


def _captured(path: Path | None) -> dict[str, Any] | None:
    try:
        return read_capture(path) if path else None
    except BadCapture as bad:
        raise BadSetting(f"--capture {path}: {bad}") from None


def _origin(url: str) -> str:
    # pydantic writes it as a browser does, without the port that a scheme has anyway: so the two compare
    try:
        written = TypeAdapter(AnyHttpUrl).validate_python(url)
    except ValidationError as bad:
        raise BadSetting(f"--public-url: {explain(bad)}; give one like http://127.0.0.1:8080") from None
    if written.path != "/" or written.query or written.fragment or written.username:
        raise BadSetting("--public-url: more than an address; give scheme, host and port alone")
    return str(written).rstrip("/")


def _behaviour(tunables: dict[str, Any], overlay: str) -> Behaviour:
    try:
        changes = TypeAdapter(dict[str, Any]).validate_json(overlay)
    except ValidationError as bad:
        raise BadSetting(f"--behaviour: {explain(bad)}; give a JSON object") from None
    try:
        return Behaviour.model_validate(tunables | changes)
    except ValidationError as bad:
        raise BadSetting(f"{explain(bad)}; mend that option, or see --help") from None
