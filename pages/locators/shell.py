"""The frame around every page of the app, and what tells on it whether somebody is signed in."""

from __future__ import annotations

import re

from pages.marks import Mark, css, role, test_id, text

PROFILE_MENU = Mark(
    "profile menu",
    (
        test_id("accounts-profile-button").seen_in(12),
        test_id("profile-button").reported(),
        role("button", "Open profile menu").reported(),
    ),
    "chatgpt-web.md, signed-in shell; missing for some signed-in users in August 2026 (1)",
)
SIGNED_IN_SIDEBAR = Mark(
    "signed-in sidebar",
    (
        css('nav[aria-label="Chat history"]').seen_in(1),
        role("link", "Library").seen_in(1),
        role("link", "Scheduled").seen_in(1),
    ),
    "chatgpt-web.md, proof of sign-in when the profile button is missing",
)
SETTINGS_ITEM = Mark(
    "menu item Settings",
    (test_id("settings-menu-item").seen_in(5), role("menuitem", re.compile("^settings$", re.I))),
    "chatgpt-web.md, menu items",
)
LOG_OUT_ITEM = Mark(
    "menu item Log out",
    (test_id("log-out-menu-item").seen_in(2), role("menuitem", re.compile("^log out$", re.I))),
    "chatgpt-web.md, menu items",
)
COMPOSER = Mark(
    "composer",
    (css("#prompt-textarea").official(), role("textbox", "Chat with ChatGPT").seen_in(1)),
    "chatgpt-web.md: shipped bundle; shown to guests too",
)
ANSWER = Mark(
    "answer",
    (css('[data-message-author-role="assistant"]'),),
    "from public page scripts",
)
EXPIRED = Mark(
    "expired-session dialog",
    (css("#modal-expired-session").seen_in(5), text("Your session has expired").seen_in(5)),
    "chatgpt-web.md, dead session",
)
GUEST = Mark(
    "guest home",
    (
        css("#modal-no-auth-login").seen_in(9),
        test_id("login-button").seen_in(9),
        test_id("signup-button").seen_in(9),
        test_id("login-form").seen_in(1),
        role("button", re.compile("^log in$", re.I)),
        role("link", re.compile("^log in$", re.I)),
    ),
    "chatgpt-web.md, dead session; login-button was gone in August 2026 (1)",
)
SIGN_IN_WALL = Mark(
    "sign-in page",
    (css("input[name=email]").reported(), css('input[autocomplete="username"]')),
    "chatgpt-web.md, sign-in pages",
)
CHALLENGE = Mark(
    "challenge",
    (
        css('iframe[src*="challenges.cloudflare.com"]').reported(),
        css('input[name="cf-turnstile-response"]').reported(),
        text("Just a moment...").reported(),
    ),
    "chatgpt-web.md, how automation is stopped",
)
ACCOUNT_EMAIL = Mark(
    "account's e-mail",
    (test_id("account-email"), text(re.compile(r"[^\s@]+@[^\s@]+\.[a-z]{2,}", re.I))),
    "used only to cover the address in screenshots",
)
TYPED = Mark(
    "what was typed into a field",
    (css('input[type=email], input[type=password], input[autocomplete="one-time-code"], input[name=email]'),),
    "used only to cover it in screenshots",
)
