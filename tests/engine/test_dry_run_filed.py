"""A dry run that a page files: asked by the worker, measured once, and never taken for a pilot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import worker
from engine.cli import main
from engine.costs import queries_for
from engine.domain import Strategy
from engine.dry_run import VISITS
from engine.full_prepare import PreparedFull, prepare_full
from engine.ledger import account
from engine.plan import check_plan
from engine.query_pace import measured
from engine.records import DRY_RUN, RunState
from engine.runs import file_dry_run
from engine.settings import Settings
from engine.store import Store
from tests.openai_server import MODEL, OpenAIServer, serving

SPENDING = {"new_question": 20, "answer_augmentation": 10}
ASKED = sum(queries_for(VISITS, Strategy(name)) for name in SPENDING)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with serving(lambda _: "So it is.\n#### 4", key=None) as server:
        yield server


@pytest.fixture
def ready(server: OpenAIServer, own_home: Path) -> PreparedFull:
    plan = {
        "teacher": {"kind": "openai_compatible", "base_url": server.base_url, "model": MODEL},
        "full": {"spending": SPENDING, "folder": str(own_home / "data")},
    }
    return prepare_full(check_plan(plan))


def test_the_worker_asks_two_queries_of_each_strategy_and_nothing_else(server: OpenAIServer, ready: PreparedFull):
    store = Store(Settings().store_path)
    run_id = file_dry_run(ready, store)
    assert run_id.startswith(DRY_RUN)
    assert worker.run(run_id, store) is RunState.DONE
    found = measured(store, run_id)
    assert found is not None
    assert found.queries == server.answered == account(store, run_id).settled == ASKED
    assert store.cells(run_id) == []
    assert file_dry_run(ready, store) == run_id, "the same contents are measured once"
    assert store.run(run_id).state is RunState.DONE


def test_one_that_failed_is_asked_for_again_and_goes_on(server: OpenAIServer, ready: PreparedFull):
    store = Store(Settings().store_path)
    server.key = "sk-another"
    run_id = file_dry_run(ready, store)
    assert worker.run(run_id, store) is RunState.WAITING_FOR_KEY
    server.key = None
    assert file_dry_run(ready, store) == run_id
    assert worker.run(run_id, store) is RunState.DONE
    assert measured(store, run_id) is not None


def test_a_dry_run_is_not_resumed_as_a_pilot(
    server: OpenAIServer, ready: PreparedFull, capsys: pytest.CaptureFixture[str]
):
    store = Store(Settings().store_path)
    run_id = file_dry_run(ready, store)
    with pytest.raises(SystemExit) as ended:
        main(["resume", run_id])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "is a dry run" in said
    assert "seedpilot pilot PLAN.toml" in said
    assert (store.run(run_id).state, server.requests) == (RunState.QUEUED, 0)


def test_a_dry_run_of_a_pilot_that_broke_off_stays_a_dry_run_in_the_worker(server: OpenAIServer, own_home: Path):
    store = Store(Settings().store_path)
    plan = check_plan({"teacher": {"kind": "openai_compatible", "base_url": server.base_url, "model": MODEL}})
    store.file_run("dry-1", "dry run", plan.model_dump(mode="json"), "dry-1")
    assert worker.run("dry-1", store) is RunState.DONE
    assert store.cells("dry-1") == []
    assert server.answered == sum(queries_for(VISITS, strategy) for strategy in plan.grid.strategies)
    assert [run.id for run in store.runs()] == ["dry-1"]
