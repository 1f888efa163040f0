"""Real questions in the form of a pilot, and what a task's form rules out in the form of a data set."""

from __future__ import annotations

import json
from pathlib import Path

from streamlit.testing.v1 import AppTest

from engine.determined import NOT_APPLICABLE
from engine.plan import check_plan
from engine.records import RunState
from engine.runs import file_pilot
from engine.settings import Settings
from engine.store import Store
from pages.shared import pilot_examples
from tests.pilots import TICKETS


def uploaded_tickets(form: AppTest) -> AppTest:
    form.radio(key="pilot_source").set_value(pilot_examples.OWN).run()
    form.file_uploader(key="pilot_file").set_value(
        ("tickets.jsonl", (TICKETS / "tickets.jsonl").read_bytes(), "text/plain")
    ).run()
    form.radio(key="pilot_task").set_value(pilot_examples.TASK_FILE).run()
    toml = (TICKETS / "tickets.toml").read_bytes()
    return form.file_uploader(key="pilot_task_file").set_value(("tickets.toml", toml, "text/plain")).run()


def test_a_pilot_measures_real_questions_of_the_sandbox(app: AppTest) -> None:
    form = app.switch_page("pages/pilot/new.py").run()
    form.pills(key="pilot_strategies").set_value(["Answers", "Real questions"]).run()
    assert not form.exception
    asked = json.loads(form.session_state["pilot_shown"])
    assert asked["unlabelled"] == {"path": "sandbox"}
    assert asked["grid"]["strategies"] == ["answer_augmentation", "real_question"]
    assert "unlabelled" not in json.loads(
        form.pills(key="pilot_strategies").set_value(["Answers"]).run().session_state["pilot_shown"]
    )


def test_answers_to_tickets_are_shown_as_not_applicable_and_left_out_of_a_data_set(app: AppTest) -> None:
    form = uploaded_tickets(app.switch_page("pages/pilot/generate.py").run())
    assert not form.exception
    said = [caption.value.replace("\\", "") for caption in form.caption]
    assert any(NOT_APPLICABLE in text for text in said)
    assert list(json.loads(form.session_state["generate_shown"])["full"]["spending"]) == ["new_question"]
    form.pills(key="generate_strategies").set_value(["Answers"]).run()
    assert "not applicable here; choose another" in form.error[0].value
    assert form.button(key="generate_start").disabled


def test_a_new_plan_from_an_old_one_takes_its_inputs_over(app: AppTest, tmp_path: Path) -> None:
    inputs, seeds = tmp_path / "inputs.jsonl", tmp_path / "seeds.jsonl"
    inputs.write_text("".join(json.dumps({"asked": f"How much is {n} and {n}?"}) + "\n" for n in range(30)))
    seeds.write_text("".join(json.dumps({"question": f"{n} + 1?", "answer": str(n + 1)}) + "\n" for n in range(120)))
    store = Store(Settings().store_path)
    plan = {
        "seeds": {"path": str(seeds)},
        "task": "math",
        "student": "some-org/some-model",
        "unlabelled": {"path": str(inputs), "map": {"question": "asked"}},
        "grid": {"strategies": ["real_question", "new_question"], "budgets": [20]},
    }
    run_id = file_pilot(check_plan(plan), store)
    store.finish(run_id, RunState.DONE)
    app.switch_page("pages/pilot/runs.py").run()
    app.checkbox(key=f"runs_pick_{run_id}").check().run()
    page = app.button(key="runs_new").click().run()
    assert not page.exception
    asked = json.loads(page.session_state["pilot_shown"])
    assert asked["unlabelled"]["map"] == {"question": "asked"}
    assert Path(asked["unlabelled"]["path"]).read_text() == inputs.read_text()
    assert set(asked["grid"]["strategies"]) == {"real_question", "new_question"}
