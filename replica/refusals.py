"""How API calls are refused: the codes, and the shapes of the bodies that carry them.

Bodies vary on the real site as they do here; whoever reads them must know all three shapes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.requests import Request


class Code(StrEnum):
    """Why a bearer is refused."""

    UNAUTHORIZED = "Unauthorized"
    EXPIRED = "token_expired"
    REVOKED = "token_revoked"
    INVALIDATED = "token_invalidated"


_MESSAGES = {
    Code.EXPIRED: "The access token has expired.",
    Code.REVOKED: "The access token was revoked.",
    Code.INVALIDATED: "The session was ended by the server.",
}

# Calls under this path wrap their refusals in "error", all others in "detail".
_ERROR_SHAPED = "/backend-api/wham/"


class Refused(Exception):
    """The bearer of a call is not honoured."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code = code


def refuse(request: Request, refusal: Exception) -> JSONResponse:
    """The 401 that answers a refused call."""
    if not isinstance(refusal, Refused):
        raise refusal
    if refusal.code is Code.UNAUTHORIZED:
        return JSONResponse({"detail": "Unauthorized"}, 401)
    about = {"code": refusal.code, "message": _MESSAGES[refusal.code]}
    wrapper = "error" if request.url.path.startswith(_ERROR_SHAPED) else "detail"
    return JSONResponse({wrapper: about}, 401)


def problem(status: int, code: str) -> JSONResponse:
    """Any other refusal of an API call."""
    return JSONResponse({"detail": {"code": code}}, status)
