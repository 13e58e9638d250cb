"""Results as a run leaves them, made by hand, and what the report that is built of them carries within."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from cli.node import find_node
from cli.place import ROOT
from cli.report import REPORT, RESULTS, build
from cli.running import quietly

BEGAN_MS = 1_795_300_000_000
NUMBERS = count()
LABELS = {"feature": "Made by hand", "host": "a-machine", "thread": "1-MainThread"}


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def in_node(module: str, call: str, cwd: Path) -> Any:
    """What a function of a module in `reports/` returns, or says if it fails: sooner than a whole report."""
    node = find_node()
    assert node is not None
    script = f"""
        import * as module from {json.dumps(str(ROOT / "reports" / module))};
        let told;
        try {{ told = module.{call}; }} catch (error) {{ told = error.message; }}
        console.log(JSON.stringify(told));
    """
    return json.loads(quietly(node.node, "--input-type=module", "-e", script, limit_s=60, cwd=cwd))


@dataclass(frozen=True)
class Folder:
    """A folder of reports."""

    path: Path

    @property
    def results(self) -> Path:
        """Where a run leaves its results."""
        return self.path / RESULTS

    @property
    def html(self) -> Path:
        """The report, if it was built."""
        return self.path / REPORT

    @property
    def history(self) -> Path:
        """What Allure keeps of earlier runs."""
        return self.path / "history.jsonl"

    def add(self, test: str, status: str, message: str = "", **more: Any) -> Path:
        """A result, later than those before it. The title is the name of the test."""
        start = BEGAN_MS + next(NUMBERS) * 3000
        name = f"tests.made#{test}"
        result: dict[str, Any] = {
            "uuid": str(uuid4()),
            "name": test,
            "fullName": name,
            "testCaseId": md5(name),
            "historyId": md5(name),
            "status": status,
            "start": start,
            "stop": start + 2000,
            "labels": [{"name": name, "value": value} for name, value in LABELS.items()],
            **more,
        }
        if message:
            result["statusDetails"] = {"message": message, "trace": f"{message}\n at tests/made.py:1"}
        self.results.mkdir(parents=True, exist_ok=True)
        file = self.results / f"{result['uuid']}-result.json"
        file.write_text(json.dumps(result), encoding="utf-8")
        return file

    def write(self, name: str, content: Any) -> None:
        """Another file, as JSON unless it is a text."""
        text = content if isinstance(content, str) else json.dumps(content)
        (self.path / name).write_text(text, encoding="utf-8")

    def runs(self) -> list[dict[str, Any]]:
        """The history's entries."""
        return [json.loads(line) for line in self.history.read_text(encoding="utf-8").splitlines()]

    def build(self) -> Report:
        """The report, built anew."""
        return Report(build(self.path).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Report:
    """A report, and the data that its page shows."""

    html: str

    def data(self, name: str) -> Any:
        """A JSON file that the report carries within."""
        found = re.search(rf'd\("{re.escape(name)}","([^"]*)"\)', self.html)
        assert found, f"the report carries no {name}"
        return json.loads(base64.b64decode(found[1]))

    @property
    def tests(self) -> list[dict[str, Any]]:
        """The tests that the page lists."""
        leaves = self.data("widgets/default/tree.json")["leavesById"].values()
        return sorted(leaves, key=lambda leaf: leaf["start"])

    @property
    def categories(self) -> dict[str, list[str]]:
        """The names of the tests in each category, in the order of the page."""
        told = self.data("widgets/categories.json")
        return {
            told["nodes"][root]["name"]: sorted(self._leaves(told["nodes"], root)) for root in told["roots"]
        }

    def _leaves(self, nodes: dict[str, Any], node_id: str) -> set[str]:
        node = nodes[node_id]
        below: set[str] = set().union(*(self._leaves(nodes, each) for each in node.get("childrenIds") or []))
        return {node["name"]} if node["type"] == "tr" else below

    @property
    def gate(self) -> dict[str, dict[str, Any]]:
        """What the report shows of the gate, by rule."""
        return {result["rule"]: result for result in self.data("widgets/quality-gate.json")["default"]}
