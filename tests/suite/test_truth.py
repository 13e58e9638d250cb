"""What the suite reports is held against what the site knows: the replica's own truth."""

from __future__ import annotations

import allure

from tests.suite.conftest import Suite, running_site


@allure.epic("The suite itself")
@allure.feature("Truth")
def test_the_reported_delay_of_all_devices_contains_the_truth(suite: Suite) -> None:
    """The interval for all devices holds the last moment at which the site let any of them in.

    Its lower end is not beyond the moment at which the slowest edge learned of the log-out, and its upper
    end not before the last call that any edge served to an access token. Both moments come from the replica
    itself. A cookie that still gives tokens which nobody serves lets nobody in, and does not count.
    """
    with running_site("--window-s", "8", "--delay-min-s", "0.5", "--delay-max-s", "3") as site:
        ran = suite.run("tests/scenario", BASE_URL=site.base_url, **site.account)
        assert ran.exit_code == 0, ran.output
        truth = site.truth()
    honoured = {each["session_id"]: each["last_honoured_monotonic_s"] for each in truth["sessions"]}
    reported = {each["action"]: each["delay_s"] for each in ran.summary["all_devices"]}
    assert set(reported) == {"log out one", "log out all"}
    for action, (lower_s, upper_s) in reported.items():
        ended = [each for each in truth["revocations"] if f"log out {each['action']}" == action]
        assert len(ended) == (1 if action == "log out one" else 2)
        requested_s = min(each["requested_monotonic_s"] for each in ended)
        acknowledged_s = max(each["acknowledged_monotonic_s"] for each in ended)
        slowest_s = max(effect["at_monotonic_s"] for each in ended for effect in each["effects"])
        last_s = max(honoured[each["session_id"]]["access"] for each in ended)
        assert lower_s <= slowest_s - requested_s
        assert upper_s >= last_s - acknowledged_s
