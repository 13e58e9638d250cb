"""Named switches: what each is called, and what it does in one line."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Switch(StrEnum):
    """The name of a switch; `about` says in one line what the site does when it is on."""

    about: str

    def __new__(cls, name: str, about: str) -> Self:
        """A name that knows what it stands for."""
        switch = str.__new__(cls, name)
        switch._value_ = name
        switch.about = about
        return switch
