"""The faces of the Active sessions view: the same site with another DOM, as rollouts bring it about."""

from __future__ import annotations

from replica.switches import Switch


class Skin(Switch):
    """A face: `value` is its name, `about` says in one line what differs."""

    LIST = "list", "A list of rows, each with its buttons; a confirm dialog; test ids."
    TABLE = "table", "A table with a header row."
    CARDS = "cards", "Cards that show their details and buttons only when they are expanded."
    KEBAB = "kebab", "Each row's actions are in a menu behind a button with three dots."
    NESTED = "nested", "The sessions are in a dialog of their own, behind a button of the Security tab."
    NO_TEST_IDS = "no_test_ids", "No element has a test id."
    CHANGED_TEST_IDS = "changed_test_ids", "Every test id is another one."
    SECURITY = "security", "The tab is called Security."
    UPPER_CASED = "upper_cased", "All labels are in capitals, in the text itself."
    NO_CONFIRM = "no_confirm", "Nothing is asked back before a session is ended."
    ONBOARDING = "onboarding", "An onboarding dialog lies over the app when it is opened."
    BILLING = "billing", "A renewal dialog lies over the app when it is opened."
    UNMATCHED = "unmatched", "Other words, other roles: nothing that anybody could have guessed."
    CAPTURED = "captured", "As it was captured on another site; needs --capture."
