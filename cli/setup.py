"""`setup`: everything that a run needs and pip does not bring. A second time it only looks."""

from __future__ import annotations

from rich.console import Console

from cli.browser import ensure_browser
from cli.node import ALLURE, ensure_allure, ensure_node


def main() -> None:
    """Find or install the browser, Node and Allure 3."""
    console = Console()
    with console.status("looking for a browser, installing one if there is none"):
        path, version = ensure_browser()
    _tell(console, "browser", version, path)
    with console.status("looking for Node, installing it if there is none"):
        node = ensure_node()
    _tell(console, "node", node.version, node.node)
    with console.status("looking for Allure, installing it if it is not there"):
        version = ensure_allure(node)
    _tell(console, "allure", version, ALLURE)


def _tell(console: Console, what: str, version: str, path: object) -> None:
    console.print(f"[green]ready[/] {what:8} {version:14} [dim]{path}[/]", highlight=False, soft_wrap=True)
