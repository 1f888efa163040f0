"""The list of runs: found again, compared, taken up in a new plan, deleted."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from engine.items import write_jsonl
from engine.plan import check_plan
from engine.records import RunState
from engine.runs import file_pilot
from engine.search_words import words_of
from engine.store import Store
from tests.pages import filled

ENDPOINT = {
    "kind": "openai_compatible",
    "base_url": "http://127.0.0.1:9/v1",
    "model": "some-teacher",
    "key_env": "SOME_KEY",
    "usd_per_million_input": 0.15,
    "usd_per_million_output": 0.6,
}


def listed(app: AppTest) -> AppTest:
    app.switch_page("pages/pilot/runs.py").run()
    assert not app.exception
    return app


def names(app: AppTest) -> list[str]:
    return [box.label.removeprefix("Pick ") for box in app.checkbox]


def pick(app: AppTest, *run_ids: str) -> AppTest:
    for run_id in run_ids:
        app.checkbox(key=f"runs_pick_{run_id}").check().run()
    return app


def filed(store: Store, run_id: str, **plan: object) -> str:
    """A run that is done and has nothing measured: what the list shows of it needs no more."""
    checked = check_plan({"name": run_id} | plan)
    store.file_run(run_id, checked.name, checked.model_dump(mode="json"), run_id)
    store.finish(run_id, RunState.DONE)
    return run_id


def test_a_retrieval_run_is_not_said_to_have_a_maths_task(app: AppTest, store: Store) -> None:
    filed(store, "retrieval-20261121-090000-aaaa", retrieval={})
    filed(store, "20261121-090000-bbbb")
    told = [caption.value for caption in listed(app).caption]
    assert [("task: math" in line) for line in told if "20261121" in line] == [True, False]


def test_runs_are_found_by_words_state_and_day(app: AppTest, store: Store) -> None:
    filed(store, "a", name="Tickets **of** spring", teacher=ENDPOINT, student="org/small")
    filed(store, "b", name="Sums")
    store.finish("b", RunState.FAILED, "the disk is full")
    page = listed(app)
    assert sorted(names(page)) == ["Sums", "Tickets **of** spring"]
    page.text_input(key="runs_words").set_value("some-teacher SPRING").run()
    assert names(page) == ["Tickets **of** spring"]
    assert any("student: org/small · teacher: some-teacher" in caption.value for caption in page.caption)
    page.text_input(key="runs_words").set_value("").run()
    page.multiselect(key="runs_states").set_value(["Failed"]).run()
    assert names(page) == ["Sums"]
    page.date_input(key="runs_until").set_value(date(2020, 1, 1)).run()
    assert names(page) == []
    assert any("Take a word or a filter away" in info.value for info in page.info)


def test_what_cannot_be_done_with_the_picked_runs_is_off(app: AppTest, store: Store) -> None:
    for run_id in "abc":
        filed(store, run_id)
    page = listed(app)

    def usable() -> list[str]:
        return [name for name in ("compare", "new", "delete") if not page.button(key=f"runs_{name}").disabled]

    assert usable() == []
    pick(page, "a")
    assert usable() == ["new", "delete"]
    pick(page, "b")
    assert usable() == ["compare", "delete"]


def test_two_runs_are_compared_side_by_side(app: AppTest, store: Store) -> None:
    for run_id, changes in (("one", {}), ("two", {"training": {"rank": 32}})):
        filled.run(store, run_id, name=f"Run {run_id}", **changes)
        for row in store.cells(run_id):  # a row for each outcome, so that the items are known
            rows = [{"question": f"{n}?", "gold": f"{n}"} for n in range(len(row.outcomes))]
            write_jsonl(Path(str(row.folder)) / "predictions.jsonl", rows)
    page = pick(listed(app), "one", "two")
    page.button(key="runs_compare").click().run()
    assert not page.exception
    assert page.query_params["run"] in (["one", "two"], ["two", "one"])
    settings = next(table.value for table in page.dataframe if "Setting" in table.value.columns)
    assert (list(settings["Setting"]), list(settings["Key in the plan"])) == (["Training: rank"], ["training.rank"])
    cells = next(table.value for table in page.dataframe if "A right" in table.value.columns)
    assert {"B right", "B 80 %"} <= set(cells.columns)
    assert cells["A right"].notna().all()


def test_runs_on_other_items_are_said_not_to_be_paired(app: AppTest, store: Store) -> None:
    filled.run(store, "one")
    filled.run(store, "two")
    app.switch_page("pages/pilot/compare.py")
    app.query_params["run"] = ["one", "two"]
    app.run()
    assert not app.exception
    assert any("not compared item by item: no predictions of one lie on the disk" in w.value for w in app.warning)
    assert any("No cell of these runs can be compared" in head.value for head in app.subheader)


def test_a_comparison_without_runs_leads_to_the_list(app: AppTest) -> None:
    app.switch_page("pages/pilot/compare.py").run()
    assert any("Pick two or more runs" in info.value for info in app.info)


def test_a_delete_asks_first_and_frees_the_folder(app: AppTest, store: Store) -> None:
    run_id = filled.run(store)
    page = pick(listed(app), run_id)
    page.button(key="runs_delete").click().run()
    said = " ".join(text.value for text in page.markdown)
    assert "**Frees " in said
    assert "**Keeps 4,900 paid replies** in the ledger" in said
    assert store.folder(run_id).exists()
    page.button(key="runs_delete_yes").click().run()
    assert not page.exception
    assert names(page) == []
    assert not store.folder(run_id).exists()


def test_a_run_that_is_alive_is_not_deleted(app: AppTest, store: Store) -> None:
    run_id = filled.run(store, state=RunState.RUNNING)
    page = pick(listed(app), run_id)
    page.button(key="runs_delete").click().run()
    assert any("cancel it first" in warning.value for warning in page.warning)
    assert not any(button.key == "runs_delete_yes" for button in page.button)


# --- a new plan from an old one ---------------------------------------------------------------------------


def poured(app: AppTest, run_id: str) -> AppTest:
    page = pick(listed(app), run_id)
    page.button(key="runs_new").click().run()
    assert not page.exception
    assert any("Filled from the run" in info.value for info in page.info)
    return page


def plan_on(page: AppTest) -> dict[str, object]:
    return check_plan(json.loads(page.session_state["pilot_shown"])).model_dump(mode="json")


def test_a_sandbox_plan_fills_the_form_whole(app: AppTest, store: Store) -> None:
    form = app.switch_page("pages/pilot/new.py").run()
    form.text_input(key="pilot_budgets").set_value("7, 9").run()
    form.number_input(key="pilot_rank").set_value(3).run()
    plan = {
        "name": "First one",
        "seeds": {"count": 40},
        "test": {"count": 60, "teacher_items": 10},
        "grid": {
            "budgets": [20, 80],
            "seed_sizes": [20, 40],
            "replicates": 1,
            "strategies": ["new_question", "question_rephrase"],
            "matched_steps": False,
            "adaptive": False,
        },
        "training": {"epochs": 2.0, "learning_rate": 0.001},
        "prompts": {"few_shot": 3},
        "ceiling": {"queries": 900},
        "variants": [{"name": "votes", "votes": 5}],
        "target": {"queries": 5000},
    }
    page = poured(app, filed(store, "first", **plan))
    old, new = store.run("first").plan, plan_on(page)
    assert {name for name in old["grid"] if old["grid"][name] != new["grid"][name]} == {"strategies", "matched_steps"}
    assert {name for name in old if old[name] != new[name]} == {"grid"}, "the order of strategies is no matter"
    assert sorted(old["grid"]["strategies"]) == sorted(new["grid"]["strategies"])
    [said] = [info.value for info in page.info if "Filled from" in info.value]
    assert "`grid.matched_steps`" in said
    assert "training" not in said


def test_a_plan_of_ones_own_files_brings_copies_of_them(app: AppTest, store: Store, tmp_path: Path) -> None:
    lines = "".join(f'{{"text": "{n} + 1?", "label": "{n + 1}"}}\n' for n in range(120))
    (tmp_path / "sums.jsonl").write_text(lines)
    plan = check_plan(
        {
            "name": "Own sums",
            "seeds": {"path": str(tmp_path / "sums.jsonl"), "map": {"question": "text", "answer": "label"}},
            "test": {"holdout": 30, "teacher_items": 5},
            "teacher": ENDPOINT,
            "student": "some-org/some-model",
            "grid": {"budgets": [20]},
        }
    )
    run_id = file_pilot(plan, store)
    store.finish(run_id, RunState.DONE)
    page = poured(app, run_id)
    assert not page.error
    new, old = plan_on(page), store.run(run_id).plan
    for table in ("teacher", "grid", "ceiling", "student", "name", "test"):
        assert new[table] == old[table], table
    assert new["seeds"]["map"] == old["seeds"]["map"]
    copy = Path(new["seeds"]["path"])
    assert copy.read_text() == lines
    assert (copy.name, store.folder(run_id) in copy.parents) == ("sums.jsonl", False)


def test_a_plan_whose_files_are_gone_is_told_and_nothing_is_filled(app: AppTest, store: Store) -> None:
    run_id = filed(store, "gone", seeds={"path": "/nowhere/0-seeds.jsonl"}, test={"path": "/nowhere/t.jsonl"})
    page = pick(listed(app), run_id)
    page.button(key="runs_new").click().run()
    assert any("/nowhere/0-seeds.jsonl: cannot be read" in error.value for error in page.error)
    assert "plan_came_from" not in page.session_state


# --- a thousand runs --------------------------------------------------------------------------------------


def test_of_a_thousand_runs_a_page_is_found_and_the_rest_counted(app: AppTest, store: Store) -> None:
    plan = check_plan({"grid": {"budgets": [200, 1600]}, "teacher": ENDPOINT}).model_dump(mode="json")
    rows = [
        {"id": f"r{n}", "name": f"run {n}", "plan": json.dumps(plan | {"name": f"run {n}"}), "at": 1e9 + n}
        for n in range(1000)
    ]
    with store.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO runs (id, name, plan, start_token, state, created_at, words) "
                "VALUES (:id, :name, :plan, :id, 'done', :at, :words)"
            ),
            [row | {"words": words_of(str(row["id"]), str(row["name"]), plan)} for row in rows],
        )
    page = listed(app)
    for word in ("run", "run 99", "some-teacher", "", "run 5", "r77", "nothing at all", "run 1", ""):
        page.text_input(key="runs_words").set_value(word).run()
        assert not page.exception
    assert len(names(page)) == 15
    assert any("15 of 1,000 runs" in caption.value for caption in page.caption)
    page.button(key="runs_more").click().run()
    assert len(names(page)) == 30
