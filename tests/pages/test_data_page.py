"""The data browser: every example with what became of it, where it came from, and changes by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine import hand_edits
from engine.items import write_jsonl
from engine.records import RunState
from engine.settings import Settings
from engine.store import Store
from tests.pages import filled

HOSTILE = "<img src=x onerror=alert(1)> **bold** [link](javascript:alert(1)) $x$"
POOL = "new_question-s100"


@pytest.fixture
def store(app: AppTest) -> Store:
    return Store(Settings().store_path)


def run_with_rows(store: Store, state: RunState = RunState.DONE) -> str:
    """A run whose new questions are sixty kept and two left out; the first was written by somebody hostile."""
    run_id = filled.run(store, state=state)
    folder = store.folder(run_id) / "pools" / POOL
    rows = [
        {
            "messages": [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "x"}],
            "question": f"How many is {n} and {n}?" if n else HOSTILE, "answer": "x", "seed_id": f"s{n % 7}",
            "strategy": "new_question", "sample_index": n // 7, "query_ids": [n + 1], "teacher": "some-model",
            "usd": None, "sampling": {"temperature": 1.0}, "prompts": "abc",
        }
        for n in range(60)
    ]  # fmt: skip
    write_jsonl(folder / "examples.jsonl", rows)
    lost = {"strategy": "new_question", "seed_id": "s1", "visit": 70, "query_ids": [3]}
    write_jsonl(
        folder / "rejected.jsonl",
        [lost | {"reason": "duplicate", "question": "Again?"}, lost | {"reason": "unparsable", "visit": 71}],
    )
    store.record_pool(run_id, POOL, {"kept": 60, "duplicate": 1, "unparsable": 1}, str(folder))
    return run_id


def opened(app: AppTest, run_id: str, **asked: str) -> AppTest:
    app.switch_page("pages/pilot/data.py")
    for name, value in {"run": run_id, **asked}.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def shown(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value["Question"])


def test_rows_come_a_page_at_a_time_and_are_filtered(app: AppTest, store: Store) -> None:
    page = opened(app, run_with_rows(store), data_pool="New questions, 100 seeds")
    assert len(shown(page)) == 25
    assert any(caption.value.startswith("1 to 25 of 62") for caption in page.caption)
    page.selectbox(key="data_reason").set_value("Repeats another").run()
    assert shown(page) == ["Again?"]
    page.selectbox(key="data_reason").set_value("All").run()
    page.text_input(key="data_words").set_value("IS 41 AND").run()
    assert shown(page) == ["How many is 41 and 41?"]
    page.text_input(key="data_words").set_value("nobody said this").run()
    assert any("No example is like this" in info.value for info in page.info)


def test_what_a_teacher_wrote_is_text_and_nothing_else(app: AppTest, store: Store) -> None:
    page = opened(app, run_with_rows(store), data_pool="New questions, 100 seeds")
    assert HOSTILE in [block.value for block in page.code]
    assert not any("onerror" in element.value for kind in (page.markdown, page.caption) for element in kind)


def test_a_row_is_dropped_and_put_back_and_counts_follow(app: AppTest, store: Store) -> None:
    run_id = run_with_rows(store)
    page = opened(app, run_id, data_words="is 41 and")
    page.button(key="data_drop").click().run()
    assert any("0 edited, 1 dropped" in text.value for text in page.markdown)
    assert any("dropped by hand 1" in caption.value for caption in page.caption)
    assert list(page.dataframe[0].value["What became of it"]) == ["Dropped by hand"]
    [change] = hand_edits.standing(store.folder(run_id)).values()
    assert (change.seed_id, change.visit, change.action) == ("s6", 5, hand_edits.DROP)
    page.button(key="data_restore").click().run()
    assert hand_edits.standing(store.folder(run_id)) == {}


def test_all_that_a_search_lists_is_dropped_with_one_press(app: AppTest, store: Store) -> None:
    run_id = run_with_rows(store)
    page = opened(app, run_id, data_words="is 1")
    page.button(key="data_drop_all").click().run()
    assert len(hand_edits.standing(store.folder(run_id))) == 11, "1 and 10 to 19"
    page.button(key="data_restore_all").click().run()
    assert hand_edits.standing(store.folder(run_id)) == {}


def test_an_edit_is_a_new_version_beside_what_was_bought(app: AppTest, store: Store) -> None:
    run_id = run_with_rows(store)
    page = opened(app, run_id, data_words="is 41 and")
    page.button(key="data_edit").click().run()
    next(box for box in page.text_area if box.label == "Answer").set_value("82")
    page.button(key="data_keep").click().run()
    [change] = hand_edits.standing(store.folder(run_id)).values()
    assert (change.action, change.answer) == (hand_edits.EDIT, "82")
    page = opened(app, run_id, data_words="82")
    assert any("edited by hand" in head.value for head in page.subheader)
    lines = (store.folder(run_id) / "pools" / POOL / "examples.jsonl").read_text().splitlines()
    assert {json.loads(line)["answer"] for line in lines} == {"x"}


def test_a_run_under_way_is_read_and_not_changed(app: AppTest, store: Store) -> None:
    page = opened(app, run_with_rows(store, RunState.RUNNING), data_words="is 41 and")
    assert not [button.key for button in page.button if button.key.startswith("data_drop")]
    assert any("pause it first" in caption.value for caption in page.caption)


def test_a_run_without_examples_and_no_run_at_all_are_told(app: AppTest, store: Store, tmp_path: Path) -> None:
    run_id = filled.run(store, "20261121-110000-none", RunState.QUEUED)
    page = opened(app, run_id)
    assert any("has made no examples yet" in info.value for info in page.info)
    app.switch_page("pages/pilot/data.py").run()
    del app.query_params["run"]
    assert any("No run is chosen" in info.value for info in app.run().info)
