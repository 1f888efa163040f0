"""Every page, light and dark, 1440 and 390 px wide, into the ignored folder screenshots/.

Run by `make screenshots`. Pass page names (`evidence method`) to take only those.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page

from engine.records import RunState
from engine.store import Store
from tests.browser import app
from tests.pages import filled

OUT = app.ROOT / "screenshots"
PAGES = {
    "advice": "/",
    "advice-price-unknown": "/?budget=Money",
    "advice-money": "/?budget=Money&usd=150&usd_in=0.6&usd_out=2.4&tokens_in=400&tokens_out=300&augmenter=Weak",
    "advice-structured": "/?task=Label+or+JSON+record&seeds=800&queries=20000",
    "pilot": "/pilot",
    "runs": "/runs",
    "run-none": "/run",
    "run-done": "/run?run=20261121-090000-done",
    "run-running": "/run?run=20261121-100000-busy",
    "run-failed": "/run?run=20261121-080000-fail",
    "evidence": "/evidence",
    "method": "/method",
}
"""Name of the picture -> path and query of the page."""


def take(page: Page, path: Path) -> None:
    """The whole page: the window is made as tall as what scrolls inside it."""
    app.settle(page)
    width = page.viewport_size["width"] if page.viewport_size else 1440
    height = page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")
    page.set_viewport_size({"width": width, "height": max(800, min(int(height) + 40, 8000))})
    page.wait_for_timeout(700)
    page.screenshot(path=path)


def fill(home: Path) -> None:
    """Runs in three states, so that the pages about runs have something to show."""
    store = Store(home / "seedpilot.sqlite")
    filled.run(store, "20261121-080000-fail", RunState.FAILED, "The disk is full: 0 bytes free, 12 MB needed.")
    filled.run(store, "20261121-090000-done")
    filled.run(store, "20261121-100000-busy", RunState.RUNNING)
    # Its worker's last word lies an hour ahead, so that the run is not taken for lost while pictures are made.
    store._update("20261121-100000-busy", heartbeat_at=time.time() + 3600)


def main(names: list[str]) -> None:
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, app.dashboard(Path(home)) as url, app.chromium() as browser:
        fill(Path(home))
        for scheme in ("light", "dark"):
            for width in (1440, 390):
                context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
                for name, where in PAGES.items():
                    if names and name not in names:
                        continue
                    page = context.new_page()
                    page.goto(url + where)
                    take(page, OUT / f"{name}-{scheme}-{width}.png")
                    page.close()
                context.close()
    print(f"{len(list(OUT.glob('*.png')))} pictures in {OUT}")


if __name__ == "__main__":
    main(sys.argv[1:])
