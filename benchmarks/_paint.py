"""When the sentence of advice stands on the screen of a visitor, measured in their browser."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = "/usr/bin/chromium"
WATCH = """
new MutationObserver((_, watcher) => {
  const said = document.querySelector("[data-testid=stMain] h2");
  if (!said || said.textContent.trim().length < 10) return;
  watcher.disconnect();
  // The second frame from now begins when the first, which holds the sentence, has been painted.
  requestAnimationFrame(() => requestAnimationFrame(() => { window.paintedAt = performance.now(); }));
}).observe(document, {childList: true, subtree: true, characterData: true});
"""
"""Asked from outside, the page answers when its script has a pause: hundreds of milliseconds after it was painted."""


def paints(browser: Browser, url: str, visits: int) -> list[dict[str, Any]]:
    """Milliseconds from the request to the sentence: the first visitor of a new server, and `visits` later ones.

    Each has an empty cache, and is alone.
    """
    found = [_painted(browser, url) for _ in range(visits + 1)]
    first, *others = found
    rows: list[dict[str, Any]] = [{"what": "first paint, first visitor of a new server", "median_ms": round(first)}]
    if others:
        rows.append(
            {"what": "first paint, later visitors, empty browser cache", "visits": len(others)}
            | {"median_ms": round(statistics.median(others)), "worst_ms": round(max(others))}
        )
    return rows


def _painted(browser: Browser, url: str) -> float:
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.add_init_script(WATCH)
    page = context.new_page()
    page.goto(url, wait_until="commit")
    at = float(page.wait_for_function("window.paintedAt", timeout=120_000).json_value())
    context.close()
    return at
