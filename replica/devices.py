"""What a user agent says of a device, in the words of a session list: "Chrome on Windows"."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ua_parser import parse

_BROWSERS = {
    "HeadlessChrome": "Chrome",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Mobile Safari": "Safari",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Edge Mobile": "Edge",
}
_SYSTEMS = {"Mac OS X": "macOS"}
# The only models that are worth more to a person than the system's name.
_MODELS = {"iPhone", "iPad"}


@dataclass(frozen=True, slots=True)
class Device:
    """A device as a row may show it. What is not known is None: real rows are incomplete too."""

    display_name: str
    description: str
    platform: str | None
    os_version: str | None
    model: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """An approximate location."""

    city: str
    region_code: str
    country: str


# Made up: every device of a replica sits on the loopback. They differ so that rows can be told apart.
_PLACES = (
    Place("Lisbon", "11", "Portugal"),
    Place("Toronto", "ON", "Canada"),
    Place("Osaka", "27", "Japan"),
    Place("Nairobi", "30", "Kenya"),
)


def describe_device(user_agent: str) -> Device:
    """Name the device behind a user agent string; "Unknown device" when it says nothing."""
    found = parse(user_agent)
    browser = _BROWSERS.get(found.user_agent.family, found.user_agent.family) if found.user_agent else None
    system = _SYSTEMS.get(found.os.family, found.os.family) if found.os else None
    model = found.device.family if found.device and found.device.family in _MODELS else None
    browser_version = found.user_agent.major if found.user_agent else None
    os_version = ".".join(filter(None, (found.os.major, found.os.minor))) if found.os else None
    return Device(
        display_name=_joined(browser, model or system),
        description=_joined(_spaced(browser, browser_version), _spaced(system, os_version)),
        platform=system,
        os_version=os_version or None,
        model=model,
    )


def place_of(device_id: str) -> Place:
    """Where a device seems to be: always the same place for the same device."""
    return _PLACES[hashlib.sha256(device_id.encode()).digest()[0] % len(_PLACES)]


def _spaced(name: str | None, version: str | None) -> str | None:
    return f"{name} {version}" if name and version else name


def _joined(browser: str | None, where: str | None) -> str:
    return " on ".join(filter(None, (browser, where))) or "Unknown device"
