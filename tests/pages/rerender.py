"""How long the advice page takes to re-render when an input moves: `python -m tests.pages.rerender`.

Wall time of the script run in the real app frame (AppTest: no browser, no network), median and 95th
percentile of 15 runs with 15 different budgets, after three runs to warm up.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
RUNS = 15


def milliseconds(clock=time.perf_counter) -> list[float]:
    """One figure for each rerun."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    taken = []
    for run in range(RUNS + 3):
        app.number_input(key="queries").set_value(1000 + 500 * run)
        start = clock()
        app.run()
        taken.append(1000 * (clock() - start))
        assert not app.exception
    return taken[3:]


if __name__ == "__main__":
    times = sorted(milliseconds())
    print(f"advice page, {RUNS} reruns: median {statistics.median(times):.0f} ms, p95 {times[-1]:.0f} ms")
