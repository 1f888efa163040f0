"""While a real pilot runs on the sandbox: how old what its page shows is, and whether other pages wait for it.

The pilot's worker is a process of its own. Beside it one thread looks at the store 50 times a second and notes when
each state of the progress was written; the page of the run notes when it showed it. What is shown is as old as the
first state that is written and not yet shown.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import launch, runs
from engine.plan import check_plan
from engine.records import HELD, RunState
from engine.settings import Settings
from engine.store import Store
from pages.shared import run_words

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PLAN: dict[str, Any] = {
    "name": "small", "seeds": {"path": "sandbox", "count": 40}, "test": {"count": 60, "teacher_items": 20},
    "student": "sandbox", "teacher": {"kind": "sandbox"}, "ceiling": {"queries": 4000},
    "grid": {"budgets": [200], "replicates": 1}, "training": {"epochs": 1, "min_steps": 60},
}  # fmt: skip
STEP_S, LONGEST_S = 0.02, 1200.0
WATCH = """
window.shown = [];
new MutationObserver(() => {
  const bar = document.querySelector("[data-testid=stProgress]");
  const text = bar ? bar.textContent : "";
  const last = window.shown[window.shown.length - 1];
  if (text && (!last || last[1] !== text)) window.shown.push([Date.now() / 1000, text]);
}).observe(document, {childList: true, subtree: true, characterData: true});
"""


@contextmanager
def pilot(home: Path) -> Iterator[str]:
    """The id of a pilot that runs; waited for at the end."""
    settings = Settings(home=home)
    store = Store(settings.store_path)
    run_id = runs.file_pilot(check_plan(PLAN), store)
    launch.start(run_id, settings)
    try:
        yield run_id
    finally:
        _until(lambda: store.run(run_id).state not in (RunState.QUEUED, *HELD))


def progress(browser: Browser, url: str, home: Path, run_id: str) -> dict[str, Any]:
    """Seconds by which the run's page lagged behind the store, over all states that it showed, until the run ended."""
    store, written, over = Store(Settings(home=home).store_path), list[tuple[float, str]](), threading.Event()

    def look() -> None:
        while not over.wait(STEP_S):
            state = _key(run_words.progress(store.run(run_id))[1])
            if not written or written[-1][1] != state:
                written.append((time.time(), state))

    looking = threading.Thread(target=look)
    looking.start()
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.add_init_script(WATCH)
    page = context.new_page()
    page.goto(f"{url}/run?run={run_id}")
    page.locator("[data-testid=stProgress]").wait_for(timeout=120_000)
    _until(lambda: store.run(run_id).state not in (RunState.QUEUED, *HELD), page.wait_for_timeout)
    shown: list[tuple[float, str]] = page.evaluate("window.shown")
    context.close()
    over.set()
    looking.join()
    ages = lags(written, [(at, _key(text)) for at, text in shown])
    return {
        "what": "progress of a running pilot, age of what is shown",
        "states": len(ages),
        "median_ms": round(1000 * statistics.median(ages)),
        "p95_ms": round(1000 * statistics.quantiles(ages, n=20, method="inclusive")[-1]),
        "worst_ms": round(1000 * max(ages)),
    }


def lags(written: Sequence[tuple[float, str]], shown: Sequence[tuple[float, str]]) -> list[float]:
    """How old what was shown had become, at each moment when it was replaced.

    Both are states in order, each with the time from which it was written or seen. What was never shown counts
    through the state that came after it; a state that comes back, as a stage does, is the latest one written.
    """
    found, place = list[float](), -1
    for at, state in shown:
        here = [k for k, (since, one) in enumerate(written) if k >= place and one == state and since <= at]
        if not here:
            continue
        if 0 <= place < here[-1]:
            found.append(at - written[place + 1][0])
        place = here[-1]
    return found


def _key(text: str) -> str:
    """What the sentence beside the bar says of the work: the time left and the rate change by themselves."""
    return text.split(", ")[0].strip()


def _until(done: Any, wait: Any = lambda ms: time.sleep(ms / 1000)) -> None:
    deadline = time.monotonic() + LONGEST_S
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the pilot still runs after {LONGEST_S:.0f} s; look at its worker.log")
        wait(200)
