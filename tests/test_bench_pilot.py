"""`benchmarks/pilot.py` end to end: a pilot and a grid so small that they say nothing but that everything runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SMALL = [
    *("--budgets", "8", "16", "--replicates", "1", "--seeds", "10", "--items", "20", "--target", "200"),
    *("--turns", "1", "--batch-one", "2", "--min-steps", "4", "--epochs", "0.1", "--longest-answer", "16"),
]


@pytest.mark.slow
def test_a_pilot_and_a_grid_off_the_shelf_are_timed_counted_and_decide():
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.pilot", *SMALL], cwd=ROOT, capture_output=True, text=True, check=True
    )
    ours, grid, packs, ratio = json.loads(ran.stdout)
    # 6 cells, each with data of its own: 8 and 16 queries a strategy; ours asks the teacher on the 20 items too.
    assert grid["queries"] == grid["queries_if_replicates_share_data"] == 3 * (8 + 16)
    assert 20 < ours["queries"] <= 20 + 3 * 16
    assert grid["cells"] == 8
    assert grid["cells_timed"] == len(grid["trl_right"]) == len(packs["packs_right"]) == 4
    assert grid["extrapolated"]
    assert grid["seconds"] > grid["of_it_answering"] > 0
    assert packs["seconds"] > 0
    assert ratio["times_the_queries"] == round(grid["queries"] / ours["queries"], 2)
    for decision in (ours["decision"], packs["decision"], packs["decision_at_the_largest_budget"]):
        assert sum(one["p_best"] for one in decision["strategies"].values()) == pytest.approx(1, abs=0.01)
        assert decision["most_likely"] in decision["strategies"]
