"""Report, plan and log on a run's page."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.records import RunState
from engine.store import Store
from pages.shared.run_outcome import TAIL_BYTES, tail
from tests.pages import filled
from tests.pages.look import opened

KEY = "sk-test-very-secret-123"


def test_a_run_offers_its_report_and_its_plan(app: AppTest, store: Store) -> None:
    page = opened(app, filled.run(store))
    labels = [button.proto.label for button in page.get("download_button")]
    assert {"Report (HTML)", "Report (JSON)", "Plan (TOML)"} <= set(labels)


def test_the_tail_of_the_log_stands_on_the_page_without_any_key(
    app: AppTest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    teacher = filled.OWN["teacher"] | {"key_env": "SOME_KEY"}
    run_id = filled.run(store, state=RunState.FAILED, message="no", **(filled.OWN | {"teacher": teacher}))
    (store.folder(run_id) / "worker.log").write_text(f"began\nsent Bearer {KEY}\n\u202eend\n")
    app.session_state["run_log"] = True
    page = opened(app, run_id)
    [log] = [block.value for block in page.code if "began" in block.value]
    assert log == "began\nsent Bearer [a key was here]\n‹U+202E›end"


def test_an_adapter_is_chosen_by_what_it_is_and_the_best_of_the_largest_stands_first(
    app: AppTest, store: Store
) -> None:
    run_id = filled.run(store)
    for row in store.cells(run_id):
        if row.cell.budget:
            (Path(str(row.folder)) / "adapter").mkdir()
            (Path(str(row.folder)) / "adapter" / "adapter_model.safetensors").touch()
    page = opened(app, run_id)
    box = next(box for box in page.selectbox if box.label == "Adapter")
    assert box.options[0].startswith("New questions, 1,600 queries, 100 seeds, replicate ")
    assert len(box.options) == 12
    assert any("Adapter with its card" in button.proto.label for button in page.get("download_button"))


def test_a_run_without_a_log_shows_none(app: AppTest, store: Store) -> None:
    page = opened(app, filled.run(store))
    assert not any("Log of the worker" in block.label for block in page.expander)


def test_of_a_long_log_the_last_whole_lines_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    path.write_text("".join(f"line {number} with an umlaut ü\n" for number in range(20_000)))
    lines = tail(path, ()).splitlines()
    assert lines[-1] == "line 19999 with an umlaut ü"
    assert all(line.startswith("line ") for line in lines)
    assert 400 < len(lines) < TAIL_BYTES / 20
