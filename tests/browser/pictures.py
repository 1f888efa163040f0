"""The pictures of the README and of docs/atlas.md, from the real app: `make pictures` writes them into docs/pictures/.

They are committed, so that the README shows something; taken anew whenever a page that they show changes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.browser import app
from tests.browser.screenshots import PAGES, fill

OUT = app.ROOT / "docs" / "pictures"
TAKEN = ("advice-money", "run-adaptive", "map-money", "atlas")
"""Names of `tests.browser.screenshots.PAGES`."""
SIZE = {"width": 1280, "height": 860}


def main() -> None:
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))  # before the browser, whose event loop no worker could share
        with app.dashboard(Path(folder)) as url, app.chromium() as browser:
            for name in TAKEN:
                page = browser.new_page(viewport=SIZE, color_scheme="light")
                page.goto(url + PAGES[name])
                app.settle(page)
                # Grey boxes stand for what the browser has not drawn yet.
                page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
                app.settle(page)
                page.screenshot(path=OUT / f"{name}.png")
                page.close()
    print(f"{len(TAKEN)} pictures in {OUT}")


if __name__ == "__main__":
    main()
