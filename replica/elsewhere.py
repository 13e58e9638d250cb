"""Hosts that are not the site's, to which a hurdle may lead: nothing of a test account may be typed there.

What is typed there all the same is counted, never kept. The truth tells the count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from replica.flows import ENTRY, PASSWORD, Flow
from replica.world import TEMPLATES

if TYPE_CHECKING:
    from starlette.requests import Request

    from replica.world import World

_REFUSAL = "Incorrect email address or password"


class Elsewhere:
    """A look-alike of the sign-in pages, and an identity provider. Neither lets anybody in."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def look_alike(self) -> list[Route]:
        """The two pages that ask for an address and a password, as far as one sees the site's own."""
        return [
            self._noted,
            Route(ENTRY, self.email),
            Route(ENTRY, self.take_address, methods=["POST"]),
            Route(PASSWORD, self.password, methods=["GET", "POST"]),
        ]

    @property
    def identity_provider(self) -> list[Route]:
        """One page, with a form of its own."""
        return [self._noted, Route("/saml/{request_id}", self.provider, methods=["GET", "POST"])]

    @property
    def _noted(self) -> Route:
        return Route("/noted", self.note, methods=["POST"])

    async def note(self, _: Request) -> Response:
        """Something was typed into a field; the page's script says no more than that."""
        self._world.typed_elsewhere += 1
        return Response(status_code=204)

    async def email(self, request: Request) -> Response:
        """Look like the page that asks for the address."""
        return _page(request, "email")

    async def take_address(self, _: Request) -> Response:
        """Take a form, whoever's it was, and go on."""
        self._world.typed_elsewhere += 1
        return RedirectResponse(PASSWORD, 303)

    async def password(self, request: Request) -> Response:
        """Look like the page that asks for the password."""
        return self._never_right(request, "password")

    async def provider(self, request: Request) -> Response:
        """Ask for what this host knows somebody by."""
        return self._never_right(request, "provider")

    def _never_right(self, request: Request, name: str) -> Response:
        if request.method == "GET":
            return _page(request, name)
        self._world.typed_elsewhere += 1
        return _page(request, name, _REFUSAL)


def _page(request: Request, name: str, error: str = "") -> Response:
    context = {"flow": Flow("/"), "error": error, "is_elsewhere": True}
    return TEMPLATES.TemplateResponse(request, f"auth/{name}.html", context)
