"""Three servers on the loopback, in one process and on one event loop: app, sign-in pages, control port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Host, Mount, Route
from starlette.staticfiles import StaticFiles

from replica.api import Api
from replica.api_platform import Platform
from replica.captured import routes_of
from replica.challenge import Challenged
from replica.chat import Chat
from replica.control import Control, TokenOnly
from replica.credentials import Credentials
from replica.elsewhere import Elsewhere
from replica.front import FrontDoor, NoStore, Storable
from replica.gate import Gate
from replica.hurdles import IDENTITY_PROVIDER, LOOK_ALIKE
from replica.oauth import OAuth
from replica.propagation import Edges
from replica.refusals import Refused, refuse
from replica.signin import SignIn
from replica.site import Site
from replica.state import read_state, write_state
from replica.tokens import Mint
from replica.weather import Noisy
from replica.world import STATIC, World

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

    from replica.accounts import Accounts
    from replica.behaviour import Behaviour
    from replica.mail import Post
    from replica.state import State

_LOOPBACK = "127.0.0.1"
_AUTH_HOST = "localhost"
"""Another host name than the app's: cookies know no ports, so one name would be one cookie jar."""
_POLL_S = 0.25
"""How often the parent is looked for: a replica outlives it by this at most, plus the stop itself."""
_GRACE_S = 1
"""How long a stop waits for requests under way; streams end by themselves within one word."""
_KEEP_ALIVE_S = 75
"""How long an idle connection is kept: longer than any sensible pause between two polls, for whoever polls
over a connection that is being closed sees an error that says nothing about the session."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. A port of 0 lets the system choose."""

    port: int
    auth_port: int
    control_port: int
    control_token: str
    edges: int
    seed: int
    accounts: Accounts
    behaviour: Behaviour
    public_url: str | None = None
    """Where the app is reached, if not where it listens."""
    post: Post | None = None
    """What delivers the site's mail."""
    captured: dict[str, Any] | None = None
    """The face that was captured elsewhere."""
    state_file: Path | None = None
    """What keeps the sessions over a restart."""
    note: str = ""
    """Told on stderr once the replica is ready."""


class PortTaken(Exception):
    """A port cannot be had; `option` names who asked for it."""

    def __init__(self, option: str, port: int) -> None:
        super().__init__(f"{option} {port}: cannot listen there; choose a free port, or 0 for any")


class _Server(uvicorn.Server):
    """A server that leaves the signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def serve(plan: Plan) -> None:
    """Run until told to stop, or until the parent process is gone.

    Raises PortTaken or BadState before anything is up, and BadState if the state cannot be kept at the end.
    """
    parent = os.getppid()
    state = read_state(plan.state_file, plan.accounts, plan.edges) if plan.state_file else None
    with contextlib.ExitStack() as sockets:
        asyncio.run(
            _serve(
                plan,
                parent,
                state,
                app=sockets.enter_context(_listen("--port", plan.port)),
                auth=sockets.enter_context(_listen("--auth-port", plan.auth_port)),
                control=sockets.enter_context(_listen("--control-port", plan.control_port)),
            )
        )


async def _serve(
    plan: Plan,
    parent: int,
    state: State | None,
    *,
    app: socket.socket,
    auth: socket.socket,
    control: socket.socket,
) -> None:
    world = _world(plan, state, listen_url=_url(_LOOPBACK, app), auth_url=_url(_AUTH_HOST, auth))
    servers = {
        app: _server(_app(world, plan.captured)),
        auth: _server(_auth(world)),
        control: _server(TokenOnly(_pages(Control(world).routes), plan.control_token)),
    }
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, world.stopping.set)
    async with asyncio.TaskGroup() as tasks:
        for listening, server in servers.items():
            tasks.create_task(server.serve([listening]))
        while not all(server.started for server in servers.values()):
            await asyncio.sleep(0.01)
        _tell_ready(world, plan, _url(_LOOPBACK, control))
        await _until_stopped(world.stopping, parent)
        for server in servers.values():
            server.should_exit = True
    if plan.state_file:
        # only now: the last requests have been answered
        write_state(plan.state_file, world)


def _world(plan: Plan, state: State | None, listen_url: str, auth_url: str) -> World:
    world = World(
        accounts=plan.accounts,
        behaviour=plan.behaviour,
        edges=Edges(plan.edges, plan.seed),
        app_url=plan.public_url or listen_url,
        auth_url=auth_url,
        listen_url=listen_url,
        post=plan.post,
        mint=Mint(state.key) if state else Mint(),
    )
    if state:
        state.restore(world)
    return world


async def _until_stopped(stopping: asyncio.Event, parent: int) -> None:
    while os.getppid() == parent and not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _POLL_S)
    # also when it is the parent that went: open streams look at this
    stopping.set()


def _tell_ready(world: World, plan: Plan, control_url: str) -> None:
    ready = {
        "event": "ready",
        "base_url": world.app_url,
        "auth_url": world.auth_url,
        "control_url": control_url,
        "window_s": plan.behaviour.window_s,
        "edges": plan.edges,
        "seed": plan.seed,
        "pid": os.getpid(),
    }
    sys.stderr.write(plan.note)
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


def _app(world: World, captured: dict[str, Any] | None) -> ASGIApp:
    gate = Gate(world)
    parts = [part(world, gate) for part in (Site, Api, Chat, Credentials, OAuth, Platform)]
    routes = [route for part in parts for route in part.routes] + routes_of(captured)
    return Noisy(FrontDoor(Storable(_pages([*routes, _static()]), world), world), world)


def _auth(world: World) -> ASGIApp:
    elsewhere = Elsewhere(world)
    other_hosts = {LOOK_ALIKE: elsewhere.look_alike, IDENTITY_PROVIDER: elsewhere.identity_provider}
    hosts = [
        Host(f"{name}.{_AUTH_HOST}", _pages([*routes, _static()])) for name, routes in other_hosts.items()
    ]
    return Challenged(_pages([*hosts, *SignIn(world).routes, _static()]), world)


def _pages(routes: Sequence[BaseRoute | Route]) -> Starlette:
    return Starlette(
        routes=list(routes), middleware=[Middleware(NoStore)], exception_handlers={Refused: refuse}
    )


def _static() -> Mount:
    return Mount("/static", StaticFiles(directory=STATIC), name="static")


def _server(app: ASGIApp) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            access_log=False,
            log_level="error",
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
    )


def _listen(option: str, port: int) -> socket.socket:
    # The protocol is named because asyncio sends small answers at once (TCP_NODELAY) only where it is;
    # otherwise each waits some 40 ms for the client's delayed acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # a port whose last connections are still winding down is free all the same
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_LOOPBACK, port))
        listening.listen()
    except OSError as taken:
        listening.close()
        raise PortTaken(option, port) from taken
    return listening


def _url(host: str, listening: socket.socket) -> str:
    return f"http://{host}:{listening.getsockname()[1]}"
