"""`benchmarks/training.py` end to end on the smallest work that it takes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["--samples", "6", "--cells", "2", "--trl-cells", "1", "--rounds", "1", "--epochs", "1", "--batch", "2"]


@pytest.mark.slow
def test_every_contender_trains_the_cells_and_our_losses_are_those_of_the_loop_by_hand():
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.training", *SMALL], cwd=ROOT, capture_output=True, text=True, check=True
    )
    rows = {row["what"]: row for row in json.loads(ran.stdout)}
    assert {"ours, packs", "ours, one at a time", "tight loop", "tight loop, same batches"} <= set(rows)
    assert rows["ours, packs"]["adapters_at_once"] == 2
    for what in ("ours, packs", "ours, one at a time"):
        assert rows[what]["largest_loss_difference"] < 1e-4
    assert all(row["seconds_per_cell"] > 0 for row in rows.values())
