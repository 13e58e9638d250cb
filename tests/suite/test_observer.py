"""Looking must not change what is seen; where it does, a user can find it out."""

from __future__ import annotations

import json

import allure
import pytest

from tests.suite.conftest import Ran, Suite, running_site

pytestmark = [allure.epic("The suite itself"), allure.feature("The observer"), pytest.mark.long]

ONE = ("tests/scenario", "-k", "invalidated")
QUICK = ("--edges", "1", "--window-s", "8", "--delay-min-s", "0.5", "--delay-max-s", "1")


def behaving(**tunables: float) -> tuple[str, ...]:
    """A site that is quick, behaves like this, and whose pages ask nothing by themselves."""
    return (*QUICK, "--behaviour", json.dumps({"heartbeat_s": 0, **tunables}))


def verdicts(ran: Ran) -> dict[str, str]:
    """The verdict of every layer."""
    return {each["layer"]: each["verdict"] for each in ran.summary["measurements"]}


def test_a_site_that_is_kept_alive_by_looking_gives_another_delay_when_looked_at_alone(suite: Suite) -> None:
    """A session that expires when nobody uses it for three seconds never does while all layers are watched.

    Watched by one layer, with steps longer than that, it ends in time: whoever compares the two knows.
    """
    with running_site(*behaving(slides_expiry_s=3)) as site:
        crowded = suite.run(*ONE, BASE_URL=site.base_url, **site.account)
        assert "late" in verdicts(crowded).values() or "undetermined" in verdicts(crowded).values()
        alone = suite.run(
            *ONE,
            BASE_URL=site.base_url,
            PROBE_PATTERN="alone",
            LAYERS="access",
            PROBE_FLOOR_S="3.7",
            **site.account,
        )
    assert verdicts(alone) == {"access": "within"}, alone.output
    assert alone.summary["log_outs"][0]["probe_pattern"] == "alone"


def test_a_cookie_that_is_renewed_by_looking_is_told(suite: Suite) -> None:
    """A cache cookie that every use renews keeps the page of a logged-out device open for ever.

    The report says whose cookie was set anew by being asked, because that may be why it lived on.
    """
    with running_site(*behaving(cache_cookie_s=2)) as site:
        ran = suite.run(*ONE, BASE_URL=site.base_url, LAYERS="page,session,access,replay", **site.account)
    assert verdicts(ran)["page"] == "late", ran.output
    assert verdicts(ran)["access"] == "within"
    [log_out] = ran.summary["log_outs"]
    assert any("cookie of the secondary session anew" in told for told in log_out["looking_changed"])
    assert "set the cookie of the secondary session anew" in " ".join(ran.output.split())


@pytest.mark.parametrize("transport", ["http", "browser"])
def test_a_silent_control_is_left_in_peace_until_all_is_over(suite: Suite, transport: str) -> None:
    """With PROBE_PATTERN=silent-control nobody asks for the control between log-out and end; then once."""
    with running_site(*behaving()) as site:
        ran = suite.run(
            *ONE,
            BASE_URL=site.base_url,
            PROBE_PATTERN="silent-control",
            PROBE_TRANSPORT=transport,
            LAYERS="page,session,access",
            **site.account,
        )
    assert ran.exit_code == pytest.ExitCode.OK, ran.output
    [control] = ran.summary["log_outs"][0]["controls"]
    assert control == {"session": "primary", "readings": 1, "alive": 1, "died": False}
    [path] = (suite.folder / "runs").glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    readings = [line for line in lines if line["kind"] == "reading" and line["watch"] == 1]
    [asked] = [line for line in readings if line["session"] == "primary"]
    doors = [line["received_s"] for line in readings if line["layer"] in {"page", "session", "access"}]
    doors.remove(asked["received_s"])
    assert asked["sent_s"] >= max(doors)


def test_a_layer_that_cannot_be_asked_by_a_page_is_not_applicable(suite: Suite) -> None:
    """With PROBE_TRANSPORT=browser the questions are fetched inside the page; what it cannot do is named."""
    with running_site(*QUICK) as site:
        ran = suite.run(*ONE, BASE_URL=site.base_url, PROBE_TRANSPORT="browser", **site.account)
    assert ran.exit_code == pytest.ExitCode.OK, ran.output
    [log_out] = ran.summary["log_outs"]
    absent = {each["layer"]: each["why"] for each in log_out["not_applicable"]}
    assert {"replay", "elsewhere", "platform", "stream"} == set(absent)
    assert all("PROBE_TRANSPORT=browser" in why for why in absent.values())
    assert {"page", "session", "access", "mint", "codex", "tab"} <= set(verdicts(ran))


def test_the_budget_of_requests_is_kept_and_told(suite: Suite) -> None:
    """A watch that would need more than REQUEST_BUDGET stops there: undetermined, and the report says why."""
    with running_site(*QUICK[:2], "--window-s", "8", "--delay-min-s", "6", "--delay-max-s", "7") as site:
        ran = suite.run(
            *ONE,
            BASE_URL=site.base_url,
            REQUEST_BUDGET="100",
            LAYERS="page,session,access,replay",
            **site.account,
        )
    assert ran.summary["verdict"] == "undetermined"
    [log_out] = ran.summary["log_outs"]
    assert log_out["request_budget"] == 100
    assert log_out["requests"] == {"secondary": 100}
    assert "the budget of 100 requests is spent" in " ".join(ran.output.split())
