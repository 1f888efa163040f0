"""A worker lets the dashboard go first where both want the processor."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.worker import BEHIND

LOOK = """
import os, subprocess, sys
from pathlib import Path
from engine.worker import give_way
give_way()
child = subprocess.run([sys.executable, "-c", "import os; print(os.nice(0))"], capture_output=True, text=True).stdout
group = Path("/proc/self/autogroup")
print(os.nice(0), child.strip(), group.read_text().split()[-1] if group.exists() else "none")
"""


def test_a_worker_and_what_it_starts_stand_behind_everything_else() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, check=True, start_new_session=True
    )
    own, child, group = ran.stdout.split()
    assert (int(own), int(child)) == (BEHIND, BEHIND)
    if not Path("/proc/self/autogroup").exists():
        pytest.skip("sessions do not share the processor on this system")
    assert int(group) == BEHIND
