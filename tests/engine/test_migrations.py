"""A store of the first schema, written by the SeedPilot of then (`tests/data/first_store.sql`, commit 9c1331c: a real
sandbox pilot and a run with priced, unknown, released and open queries), opened by the one of today.

`first_store.json` is what the code of then read from it.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from engine.errors import StoreError
from engine.ledger import account
from engine.migrations import STEPS
from engine.records import CellRow
from engine.runs import plan_of, summary
from engine.store import Store

DATA = Path(__file__).parents[1] / "data"
SANDBOX_RUN, OWN_RUN = "20261121-122408-999a", "20261121-040000-beef"


def at_home(name: str, home: Path) -> str:
    return (DATA / name).read_text(encoding="utf-8").replace("@HOME@", str(home))


@pytest.fixture
def first(own_home: Path) -> Path:
    """The file of then, before anybody of today has opened it."""
    own_home.mkdir()
    with sqlite3.connect(own_home / "seedpilot.sqlite") as connection:
        connection.executescript(at_home("first_store.sql", own_home))
    return own_home / "seedpilot.sqlite"


def read(row: CellRow) -> dict[str, Any]:
    m = row.measurement
    return {
        "key": row.cell.key,
        "state": row.state,
        "message": row.message,
        "measured": None if m is None else [m.correct, m.scored, m.not_scored, m.examples, m.mean_value],
        "outcomes": list(row.outcomes),
        "detail": dict(row.detail),
        "folder": row.folder,
    }


def test_runs_cells_pools_and_ledger_sums_of_the_first_schema_read_the_same(first: Path):
    store = Store(first)
    then = json.loads(at_home("first_store.json", first.parent))
    assert [run.id for run in store.runs()] == list(then)
    for run in store.runs():
        expected = then[run.id]
        assert {name: getattr(run, name) for name in ("name", "state", "message", "created_at", "finished_at")} == {
            name: expected[name] for name in ("name", "state", "message", "created_at", "finished_at")
        }
        assert [read(row) for row in store.cells(run.id)] == expected["cells"]
        assert [[pool.name, dict(pool.counts), pool.folder] for pool in store.pools(run.id)] == expected["pools"]
        assert asdict(account(store, run.id)) == expected["account"]
    with store.reading() as connection:
        charged = connection.exec_driver_sql("SELECT run_id, queries, round(usd, 6) FROM charges ORDER BY 1").all()
    assert charged == [(OWN_RUN, 4, 0.034), (SANDBOX_RUN, 20, 0.0)], "the ceiling counts what it counted then"


def test_a_plan_of_then_is_read_by_the_plan_of_now(first: Path):
    store = Store(first)
    own = plan_of(store.run(OWN_RUN))
    assert own.seeds.map == {"question": "q", "answer": "a"}, "two settings of then are one of now"
    assert (own.teacher.usd_per_million_output, own.ceiling.usd) == (0.6, 2.0)
    assert plan_of(store.run(SANDBOX_RUN)).grid.budgets == (4, 8)


def test_a_run_of_then_is_shown_whole(first: Path):
    told = summary(Store(first), SANDBOX_RUN)
    assert [cell["state"] for cell in told["cells"]] == ["done"] * 7
    assert told["queries"]["settled"] == 20
    assert told["advice"]["after"]["basis"] == "measured"


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(first: Path):
    Store(first)
    with sqlite3.connect(first) as connection:
        connection.execute("UPDATE meta SET version = ?", (len(STEPS) + 3,))
    before = first.read_bytes()
    with pytest.raises(StoreError) as refused:
        Store(first)
    assert f"{first} was written by a newer SeedPilot (it has version {len(STEPS) + 3}, this one knows" in str(
        refused.value
    )
    assert "take a newer SeedPilot" in str(refused.value)
    assert first.read_bytes() == before
