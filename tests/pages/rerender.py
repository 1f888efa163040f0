"""How long the advice page takes to re-render when an input moves: `python -m tests.pages.rerender`.

The script run in the real app frame (AppTest: no browser, no network), median and 95th percentile of 15
runs with 15 different budgets, after three runs to warm up. Wall time, and processor time, which says the
same on a busy machine. AppTest compiles the scripts anew each time; a server does that once.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
RUNS = 15


def milliseconds() -> tuple[list[float], list[float]]:
    """Wall and processor time of each rerun."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    app.query_params["budget"] = "Queries"
    app.run()
    wall, processor = [], []
    for run in range(RUNS + 3):
        app.number_input(key="queries").set_value(1000 + 500 * run)
        start, busy = time.perf_counter(), time.process_time()
        app.run()
        wall.append(1000 * (time.perf_counter() - start))
        processor.append(1000 * (time.process_time() - busy))
        assert not app.exception
        assert app.metric
    return wall[3:], processor[3:]


if __name__ == "__main__":
    for name, times in zip(("wall", "processor"), milliseconds(), strict=True):
        p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
        print(f"advice page, {RUNS} reruns, {name} time: median {statistics.median(times):.0f} ms, p95 {p95:.0f} ms")
