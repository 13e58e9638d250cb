"""What is on a page, for somebody who has no access to the site: its elements, without what is somebody's."""

from __future__ import annotations

from types import ModuleType
from urllib.parse import urlsplit

from playwright.sync_api import Error, Page

from afterglow.capture import Look
from pages.locators import active_sessions, overlays, shell
from pages.marks import Mark

SEEN = """() => {
    const NO_CONTENT = "script, style, link, meta, base, noscript, template, iframe, object, embed, canvas,"
        + "video, audio, xmp, plaintext, noembed, noframes";
    const TYPED = "input, textarea, [contenteditable]:not([contenteditable=false])";
    const KEPT = new Set(("id class role name type for href title alt placeholder autocomplete datetime lang"
        + " dir hidden inert disabled open tabindex colspan rowspan scope checked selected contenteditable"
        + " popover value").split(" "));
    const WORDS = /^[a-z]+([-_ ][a-z]+)*$/i;
    const BUTTONS = ["button", "submit", "reset", "radio", "checkbox"];
    const somebodys = [];
    const note = (kind, text) => {
        if (text?.trim()) somebodys.push([kind, text.trim().replace(/\\s+/g, " ")]);
    };
    const noteAll = (kind, element) => {
        const texts = document.createNodeIterator(element, NodeFilter.SHOW_TEXT);
        for (let text = texts.nextNode(); text; text = texts.nextNode()) note(kind, text.data);
    };

    const copy = document.body.cloneNode(true);
    const copies = copy.querySelectorAll("*");
    document.body.querySelectorAll("*").forEach((element, number) => {
        // what a style hides must stay hidden without the style
        if (!element.checkVisibility({ visibilityProperty: true })) copies[number].setAttribute("hidden", "");
        if (!element.matches(TYPED) || BUTTONS.includes(element.type)) return;
        note("typed", element.value);
        noteAll("typed", element);
        copies[number].removeAttribute("value");
        copies[number].replaceChildren();
    });
    copy.querySelectorAll(NO_CONTENT).forEach((element) => element.remove());
    copy.querySelectorAll("svg > :not(title)").forEach((drawn) => drawn.remove());

    const isDeep = (link) => {
        const { origin, pathname } = new URL(link.href, location.href);
        return origin === location.origin && pathname.split("/").filter(Boolean).length > 1;
    };
    const replaced = (element, kind) => {
        noteAll(kind, element);
        element.textContent = kind;
        for (const name of ["aria-label", "title"]) {
            note(kind, element.getAttribute(name));
            if (element.hasAttribute(name)) element.setAttribute(name, kind);
        }
    };
    copy.querySelectorAll("[data-message-author-role]").forEach((message) => replaced(message, "message"));
    // one conversation, one project: its address has a part of its own
    [...copy.querySelectorAll("a[href]")].filter(isDeep).forEach((link) => replaced(link, "title"));

    const shortened = (address) => {
        const { origin, pathname } = new URL(address, location.href);
        const [, first = "", ...rest] = pathname.split("/");
        return (origin === location.origin ? "" : origin) + "/" + first + (rest.length ? "/\\u2026" : "");
    };
    for (const element of copy.querySelectorAll("*")) {
        for (const { name, value } of [...element.attributes]) {
            if (name === "href") element.setAttribute(name, shortened(value));
            else if (name === "data-testid" || name.startsWith("aria-") || KEPT.has(name)) continue;
            else if (!name.startsWith("data-")) element.removeAttribute(name);
            else if (!WORDS.test(value)) element.setAttribute(name, "");
        }
    }
    return {
        html: copy.innerHTML,
        private: somebodys,
        window: {
            viewport: { width: innerWidth, height: innerHeight },
            locale: navigator.language,
            time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        },
    };
}"""
"""Works on a copy: the page itself is left as it is. Kept are the attributes by which elements are found."""

VIEWS = (active_sessions, shell, overlays)
"""Whose locators are tried."""


def seen(page: Page) -> Look:
    """What is on the page now. Raises Playwright's Error if it is just being left."""
    told = page.evaluate(SEEN)
    parts = urlsplit(page.url)
    return Look(
        address=f"/{parts.path.split('/')[1]}{'#' if parts.fragment else ''}{parts.fragment}",
        html=told["html"],
        aria=page.locator("body").aria_snapshot(),
        private=tuple((kind, value) for kind, value in told["private"]),
        found={view.__name__.rpartition(".")[2]: _found(page, view) for view in VIEWS},
        window=told["window"],
    )


def _found(page: Page, view: ModuleType) -> dict[str, list[str]]:
    """By which ways each mark of a view finds something that can be seen, best first."""
    marks = (each for each in vars(view).values() if isinstance(each, Mark))
    return {mark.name: _ways(page, mark) for mark in marks}


def _ways(page: Page, mark: Mark) -> list[str]:
    try:
        return [way.told for way in mark.found_by(page)]
    except Error as error:  # a way that cannot be tried here is worth knowing too
        return [f"could not be tried: {error.message.splitlines()[0]}"]
