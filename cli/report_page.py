"""What is mended in the page that Allure makes, since no option of it does."""

from __future__ import annotations

import re
from pathlib import Path

TELLTALE = re.compile(
    r"<script[^>]*googletagmanager[^>]*></script>\s*<script>[^<]*gtag\([^<]*</script>", re.DOTALL
)
"""Allure's usage statistics: evidence must not tell a third party who reads it."""

KEEP_TO_ITSELF = """<meta http-equiv="Content-Security-Policy" content="\
default-src data: blob: 'unsafe-inline' 'unsafe-eval'; frame-src data: blob: https://trace.playwright.dev; \
form-action 'none'">"""
"""What is attached may be a page with pictures from elsewhere. Only the viewer of traces is on the network,
for whoever opens one."""

AT_THE_TOP = """<script>
if (!location.hash) {
  const up = ({ target }) => { target.scrollTop = 0; };
  addEventListener("scroll", up, { capture: true, once: true });
  for (const hand of ["wheel", "touchstart", "pointerdown", "keydown"])
    addEventListener(hand, () => removeEventListener("scroll", up, true), { once: true });
}
</script>"""
"""Allure scrolls to the first test when it opens, past what the run comes to. This takes the first scrolling
back, unless it was the reader's own."""

ON_A_PHONE = """<style>
@media (max-width: 600px) {
  [data-testid="test-result-attachment-header"] > div > div > span { display: none; }
}
</style>"""
"""The type and the size of an attachment would leave its name no room."""


def mend(report: Path) -> None:
    """Let the page keep to itself, open at its top, and fit a phone. Raises FileNotFoundError."""
    html = TELLTALE.sub("", report.read_text(encoding="utf-8"))
    begin = (
        f"<head>{KEEP_TO_ITSELF}{AT_THE_TOP}{ON_A_PHONE}"  # before all that it is to keep from the network
    )
    report.write_text(html.replace("<head>", begin, 1), encoding="utf-8")
