"""Rows changed by hand after a real run: in the data set that is written and taken away, and counted."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from pyarrow import parquet

from engine import hand_edits, worker
from engine.full_prepare import prepare_full
from engine.full_report import report_of
from engine.hand_edits import DROP, DROPPED, EDIT, Change
from engine.plan import check_plan
from engine.row_index import Filter, RowIndex
from engine.run_export import export
from engine.runs import file_full
from engine.store import Store
from engine.trainer_configs import FILES, MESSAGES

NEW = "new_question-s100"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str, Path]:
    """A sandbox full run that has ended, and its folder; one row is edited and two are dropped."""
    home = tmp_path_factory.mktemp("home")
    store, folder = Store(home / "seedpilot.sqlite"), home / "data"
    plan = check_plan({"full": {"spending": {"new_question": 120}, "folder": str(folder)}})
    run_id = file_full(prepare_full(plan), store, lambda _: None)
    worker.run(run_id, store)
    index = RowIndex(store.folder(run_id), store.pools(run_id))
    one, two, three = index.page(Filter(reason="kept"), 0, 3)
    at = hand_edits.now()
    index.change(
        [
            Change(NEW, str(one.seed_id), int(one.visit or 0), EDIT, at, None, "What is two and two?", "#### 4"),
            *(Change(NEW, str(row.seed_id), int(row.visit or 0), DROP, at) for row in (two, three)),
        ]
    )
    return store, run_id, folder


def test_the_data_set_that_is_taken_away_has_them(made: tuple[Store, str, Path], tmp_path: Path) -> None:
    store, run_id, _ = made
    with zipfile.ZipFile(export(store, run_id)) as file:
        file.extractall(tmp_path)
    folder = tmp_path / run_id
    card = (folder / "README.md").read_text()
    assert "1 example was edited by hand and 2 examples were dropped by hand" in card
    rows = parquet.read_table(folder / "provenance.parquet").to_pylist()
    [edited] = [row for row in rows if row["edited_at"]]
    chats = [json.loads(line) for line in (folder / FILES[MESSAGES]).read_text().splitlines()]
    assert "What is two and two?" in chats[edited["row"]]["messages"][-2]["content"]
    assert edited["query_ids"], "what it came from stays known"
    reasons = [row["reason"] for row in parquet.read_table(folder / "rejected.parquet").to_pylist()]
    assert reasons.count(DROPPED) == 2


def test_a_full_run_that_goes_on_writes_and_counts_them(made: tuple[Store, str, Path]) -> None:
    store, run_id, folder = made
    before = report_of(store, run_id)
    assert store.reopen(run_id, store.run(run_id).plan)
    worker.run(run_id, store)
    after = report_of(store, run_id)
    assert before is not None
    assert after is not None
    counts = after["counts"]["new_question"]
    assert counts[DROPPED] == 2
    assert sum(counts.values()) == sum(before["counts"]["new_question"].values())
    assert after["settled"] == before["settled"], "nothing is bought again"
    assert "What is two and two?" in (folder / FILES[MESSAGES]).read_text()
