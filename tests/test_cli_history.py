"""`seedpilot runs --search`, `compare` and `delete`."""

from __future__ import annotations

import io
import json

import pytest

from engine.cli import main
from engine.records import RunState
from engine.settings import Settings
from engine.store import Store
from tests.pages import filled


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.fixture
def store() -> Store:
    store = Store(Settings().store_path)
    filled.run(store, "one", name="Word problems")
    filled.run(store, "two", name="Broken", state=RunState.FAILED, message="the disk is full")
    return store


def test_runs_are_searched_by_words_state_and_day(store: Store, capsys: pytest.CaptureFixture[str]):
    found = json.loads(ran(capsys, "runs", "--search", "word sandbox", "--json")[1])["runs"]
    assert [run["run"] for run in found] == ["one"]
    assert ran(capsys, "runs", "--state", "failed", "--state", "paused")[1].startswith("two  failed")
    assert "No run was found" in ran(capsys, "runs", "--until", "2001-01-01")[1]
    status, _, said = ran(capsys, "runs", "--since", "yesterday", "--until", "21.11.")
    assert status == 2
    assert said.count("expected a day like 2026-11-21") == 2


def test_runs_are_compared_as_text_and_as_json(store: Store, capsys: pytest.CaptureFixture[str]):
    filled.run(store, "three", name="Again", grid={"budgets": [200, 800], "replicates": 2})
    told = json.loads(ran(capsys, "compare", "one", "three", "--json")[1])
    assert [run["run"] for run in told["runs"]] == ["one", "three"]
    assert told["differ"] == {"grid.budgets": [[200, 1600], [200, 800]]}
    assert told["not_paired"][0]["why"].startswith("no predictions of one lie on the disk"), "the fixture has 3 rows"
    text = ran(capsys, "compare", "one", "three")[1]
    assert "A and B are not paired: no predictions" in text
    assert "new_question, 100 seeds, 1,600 queries" in text
    assert ran(capsys, "compare", "one")[0] == 2
    assert "run 'nope' is not in" in ran(capsys, "compare", "one", "nope")[2]


def test_a_delete_asks_first_and_says_what_goes_and_what_stays(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    status, _, said = ran(capsys, "delete", "one")
    assert status == 2, "nobody is there to answer"
    assert "Nobody is there to answer; give --yes" in said
    terminal = io.StringIO("no\ny\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    status, _, said = ran(capsys, "delete", "one")
    assert status == 1
    assert "stays: 4,900 paid replies in the ledger" in said
    assert "Nothing was deleted" in said
    assert store.run("one")
    status, out, _ = ran(capsys, "delete", "one")
    assert (status, out.startswith("one: deleted, ")) == (0, True)
    assert [run.id for run in store.runs()] == ["two"]


def test_a_delete_for_scripts_answers_itself(store: Store, capsys: pytest.CaptureFixture[str]):
    told = json.loads(ran(capsys, "delete", "two", "--yes", "--json")[1])
    assert (told["run"], told["kept_replies"]) == ("two", 2450)
    assert told["freed_bytes"] > 0
    assert "was deleted on" in ran(capsys, "show", "two")[2]
