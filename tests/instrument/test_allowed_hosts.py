"""Credentials are typed on the hosts that a person allowed, and over https."""

from __future__ import annotations

import pytest

from afterglow.outcomes import NeedsPerson
from pages.guard import require_allowed

HOSTS = frozenset({"chatgpt.com", "auth.openai.com", "127.0.0.1", "localhost"})


@pytest.mark.parametrize(
    "address",
    [
        "https://chatgpt.com/auth/login",
        "https://auth.openai.com:8443/log-in?state=x",
        "https://CHATGPT.com/",
        "http://127.0.0.1:8080/",
        "http://localhost:9/log-in",
    ],
)
def test_an_allowed_address_lets_a_sign_in_go_on(address: str) -> None:
    """Whatever its port; on the loopback nobody listens in on plain http."""
    require_allowed(address, HOSTS)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://chatgpt.com.example.test/", "leads to chatgpt.com.example.test"),
        ("https://chatgpt.com@example.test/log-in", "leads to example.test"),
        ("https://evil-chatgpt.com/", "leads to evil-chatgpt.com"),
        ("https://sub.chatgpt.com/", "leads to sub.chatgpt.com"),
        ("https://xn--chtgpt-cta.com/", "leads to xn--chtgpt-cta.com"),
        ("http://chatgpt.com/auth/login", "without https"),
        ("about:blank", "no host at all"),
        ("data:text/html,<input name=email>", "no host at all"),
        ("chrome-error://chromewebdata/", "chromewebdata"),
    ],
)
def test_any_other_address_stops_it_and_its_host_is_named(address: str, told: str) -> None:
    """Before a key is pressed. What else is in the address is not repeated."""
    with pytest.raises(NeedsPerson, match="nothing was typed there") as stopped:
        require_allowed(address, HOSTS)
    assert told in str(stopped.value)
    assert "name=email" not in str(stopped.value)
