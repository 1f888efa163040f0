"""One's own task on the pilot page: proposed, changed, told what is wrong, tried, sent, checked."""

from __future__ import annotations

import json
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.records import RunState
from engine.settings import Settings
from engine.store import Store
from engine.tasks.kinds import KINDS
from pages.shared import scorer_form, wizard
from tests.pages import filled

TICKETS = (Path(__file__).parents[1] / "data" / "tickets.jsonl").read_bytes()
HOSTILE = "<img src=x onerror=alert(1)> **bold** $x$"


def opened(app: AppTest, content: bytes = TICKETS, name: str = "tickets.jsonl") -> AppTest:
    """The pilot form with examples of one's own and the form of a task."""
    form = app.switch_page("pages/pilot/new.py")
    form.session_state["pilot_source"] = "My own file"
    form.session_state["pilot_task"] = "My own task, in a form"
    form.run()
    form.file_uploader(key="pilot_file").set_value((name, content, "text/plain")).run()
    assert not form.exception
    return form


def labelled(elements: Any, label: str) -> Any:
    return next(element for element in elements if element.label == label)


def errors(form: AppTest) -> str:
    assert not form.exception
    waits = [info for info in form.info if info.icon == ":material/edit:"]
    return "\n".join(str(box.value) for box in (*form.error, *waits)).replace("\\", "")


def plan(form: AppTest) -> dict[str, Any]:
    return dict(json.loads(form.session_state["pilot_shown"]))


def task(form: AppTest) -> dict[str, Any]:
    return tomllib.loads(Path(plan(form)["task"]).read_text())


def rows_of(form: AppTest, columns: set[str]) -> list[dict[str, Any]]:
    """The table that has these columns."""
    found = next(table.value for table in form.dataframe if columns <= set(table.value.columns))
    return [dict(row) for row in found.to_dict("records")]


def jsonl(*rows: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def test_json_answers_propose_a_task_that_is_sound_as_it_stands(app: AppTest) -> None:
    form = opened(app)
    assert not form.error
    assert any("look like JSON with the keys category, urgency and order" in info.value for info in form.info)
    made = task(form)
    assert made["columns"] == {"question": "message", "answer": "record"}
    assert made["scorer"] == {"kind": "json_fields", "fields": {"category": "text", "urgency": "text", "order": "text"}}
    assert "category (account, billing, " in made["teacher"].replace("billing, account", "account, billing") or (
        "category (" in made["teacher"]
    )
    assert plan(form)["seeds"].get("map") is None
    assert not form.button(key="pilot_start").disabled


@pytest.mark.parametrize(
    ("rows", "kind", "said"),
    [
        ([{"text": f"t{n}", "label": "ab"[n % 2]} for n in range(60)], "labels", "2 labels: a and b"),
        ([{"question": f"{n} + 1?", "answer": str(n + 1)} for n in range(60)], "numeric", "are numbers"),
        ([{"question": f"q{n}", "answer": f"name {n}"} for n in range(60)], "exact", "short texts"),
        ([{"question": f"q{n}", "answer": f"{n} " + "long " * 30} for n in range(60)], "judge", "only a judge"),
        (
            [{"question": f"Who wrote {n * 37} of {n}?", "choices": [f"x{n}", "y"], "answerKey": "A"}
             for n in range(60)], "choice", "choices",
        ),
        (
            [{"messages": [{"role": "user", "content": f"u{n}"},
                           {"role": "assistant", "content": f'{{"name": "f", "arguments": {{"a": {n}}}}}'}]}
             for n in range(60)], "tool_call", "tool calls: f",
        ),
    ],
)  # fmt: skip
def test_what_the_answers_look_like_chooses_the_scorer(app: AppTest, rows: list, kind: str, said: str) -> None:
    form = opened(app, jsonl(*rows), "rows.jsonl")
    assert any(said in info.value for info in form.info)
    if kind == "choice":  # a column answerKey is no guess of the form's: it is asked for
        labelled(form.selectbox, "Column of the answer").set_value("answerKey").run()
    assert not form.error, errors(form)
    assert task(form)["scorer"]["kind"] == kind


def test_every_scorer_of_the_engine_is_in_the_form_and_no_other() -> None:
    assert set(scorer_form.KINDS) == set(scorer_form.WHAT_IT_DOES) == set(KINDS)


def test_every_scorer_can_be_chosen_and_what_it_lacks_is_said(app: AppTest) -> None:
    form = opened(app)
    needs = {
        "labels": "Labels: write two or more, one a line.",
        "json_fields": "",
        "regex": "scorer.pattern = '': is no regular expression",
        "choice": "columns.choices is missing",
        "tests": "columns.tests is missing",
        "judge": "Rubric: write what a right reply does.",
    }
    for kind in KINDS:
        labelled(form.selectbox, "How an answer is compared").set_value(kind).run()
        assert needs.get(kind, "") in errors(form)
        if kind not in needs:
            assert "Your task" not in errors(form)


def test_all_faults_of_a_task_are_told_at_once_below_its_form(app: AppTest) -> None:
    form = opened(app)
    labelled(form.text_input, "Name of the task").set_value("")
    labelled(form.text_area, "What the teacher is told").set_value("")
    labelled(form.text_area, "JSON schema (optional)").set_value('{"type": ')
    labelled(form.selectbox, "How an answer is compared").set_value("labels").run()
    told = errors(form)
    for said in (
        "Name of the task: it is missing.",
        "What the teacher is told: it is missing.",
        "schema: is no valid JSON",
        "Labels: write two or more, one a line.",
    ):
        assert said in told
    assert "Your task: 4 faults to put right" in told
    assert str(Settings().home) not in told
    assert form.button(key="pilot_start").disabled
    assert form.button(key="check_start").disabled


def test_what_was_typed_is_there_after_a_visit_to_another_page(app: AppTest) -> None:
    form = opened(app)
    labelled(form.text_area, "What the teacher is told").set_value("Reply with JSON, please.").run()
    form.switch_page("pages/learn/method.py").run()
    form.switch_page("pages/pilot/new.py").run()
    assert labelled(form.text_area, "What the teacher is told").value == "Reply with JSON, please."
    assert task(form)["teacher"] == "Reply with JSON, please."


def test_a_task_file_fills_the_form_and_comes_out_as_it_went_in(app: AppTest) -> None:
    file = (Path(__file__).parents[1] / "data" / "tickets.toml").read_bytes()
    form = opened(app)
    form.selectbox(key="task_start").set_value("A task file (task.toml)").run()
    assert "Upload the task file to start from" in errors(form)
    form.file_uploader(key="task_file").set_value(("tickets.toml", file, "text/plain")).run()
    assert not form.error
    wanted = tomllib.loads(file.decode())
    wanted["teacher"] = wanted["teacher"].strip()
    assert task(form) == wanted | {"rationale": "none"}
    form.file_uploader(key="task_file").set_value(("broken.toml", b"name = ", "text/plain")).run()
    assert "broken.toml: is no valid TOML" in errors(form)


def test_a_schema_with_null_lies_beside_the_task_file(app: AppTest) -> None:
    form = opened(app)
    made = task(form)
    assert made["schema"] == "answer.schema.json"
    schema = json.loads((Path(plan(form)["task"]).parent / made["schema"]).read_text())
    assert schema["properties"]["order"]["type"] == ["string", "null"]
    assert labelled(form.get("download_button"), "Download the task (ZIP)")


# --- the scorer tried -----------------------------------------------------------------------------------


def test_the_scorer_is_tried_on_five_rows_with_their_own_answers_and_a_typed_reply(app: AppTest) -> None:
    form = opened(app)
    form.text_area(key="try_reply").set_value('{"category": "billing", "urgency": "normal", "order": null}')
    form.button(key="try_scorer").click().run()
    assert any("takes 5 for right" in success.value for success in form.success)
    tried = rows_of(form, {"Your reply", "Gold"})
    assert len(tried) == 5
    assert tried[0]["Your reply"] == "Right"
    assert {row["Your reply"] for row in tried} == {"Right", "Wrong"}
    assert all(bool(row["Why of your reply"]) == (row["Your reply"] == "Wrong") for row in tried)
    form.text_area(key="try_reply").set_value("another").run()
    assert any("changed since: try again" in caption.value for caption in form.caption)


def test_a_scorer_that_takes_no_right_answer_for_right_is_told(app: AppTest) -> None:
    form = opened(app)
    labelled(form.selectbox, "How an answer is compared").set_value("regex").run()
    labelled(form.text_input, "Pattern").set_value(r"code (\d+)").run()
    form.button(key="try_scorer").click().run()
    assert any("takes 0 for right" in warning.value for warning in form.warning)
    assert {row["Why"] for row in rows_of(form, {"Right answer", "Why"})} == {"the pattern is not in the reply"}


# --- the prompts ----------------------------------------------------------------------------------------


def at_the_teacher(form: AppTest) -> AppTest:
    """The form with the teacher's step open."""
    form.session_state[wizard.TAB] = wizard.LABELS[wizard.TEACHER]
    return form.run()


def test_the_prompts_of_each_strategy_are_shown_as_text_and_nothing_else(app: AppTest) -> None:
    rows = [{"question": f"What of {n * 37} and {n}?", "answer": "ab"[n % 2]} for n in range(80)]
    rows = [{"question": f"{HOSTILE} {n}", "answer": "a"} for n in range(40)] + rows
    form = opened(app, jsonl(*rows), "rows.jsonl")
    assert not form.error, errors(form)
    at_the_teacher(form)
    shown = [code.value for code in form.code]
    assert any(HOSTILE in text for text in shown)
    assert all(code.language in ("", "plaintext", None) for code in form.code)
    assert not any("onerror" in element.value for kind in (form.markdown, form.caption) for element in kind)
    form.number_input(key="prompts_few_shot").set_value(2).run()
    assert max(code.value.count("\nAnswer: ") for code in form.code) == 2
    assert plan(form)["prompts"] == {"few_shot": 2, "questions_per_call": 1}


def test_prompts_and_check_wait_for_seeds_task_and_teacher_and_for_nothing_after_them(app: AppTest) -> None:
    form = at_the_teacher(app.switch_page("pages/pilot/new.py").run())
    form.radio(key="pilot_student").set_value("A model of mine").run()
    form.text_input(key="pilot_budgets").set_value("0").run()
    assert form.button(key="pilot_start").disabled
    assert form.code
    assert not form.button(key="check_start").disabled
    form.radio(key="pilot_source").set_value("My own file").run()
    assert not form.code
    assert form.button(key="check_start").disabled
    assert any("appear here once seeds, task and teacher are complete" in caption.value for caption in form.caption)


# --- the check ------------------------------------------------------------------------------------------


def test_the_check_runs_in_a_worker_and_its_findings_come_to_the_page(app: AppTest, store: Store) -> None:
    form = app.switch_page("pages/pilot/new.py").run()
    form.number_input(key="check_seeds").set_value(12).run()
    form.text_input(key="pilot_budgets").set_value("0").run()  # a step after the teacher's
    form.button(key="check_start").click().run()
    assert not form.exception
    [run] = store.runs()
    assert run.id.startswith("check-")
    assert form.button(key="check_start").disabled
    deadline = time.monotonic() + 90
    while store.run(run.id).state in (RunState.QUEUED, RunState.RUNNING) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert store.run(run.id).state is RunState.DONE, store.run(run.id).message
    form.run()
    assert not form.exception
    assert any("Nothing stops a pilot" in success.value for success in form.success)
    assert any(metric.label == "Teacher right" for metric in form.metric)
    assert sum("An example of" in expander.label for expander in form.expander) == 3
    assert any("12 seeds asked" in caption.value for caption in form.caption)
    page = app.switch_page("pages/pilot/run.py")
    page.query_params["run"] = run.id
    page.run()
    assert not page.exception
    assert any(metric.label == "Teacher right" for metric in page.metric)


def test_a_check_that_stops_says_so_and_the_texts_of_others_stay_text(app: AppTest, store: Store) -> None:
    run_id = filled.check(store, "check-20261121-090000-aaaa", stopped=True, said=HOSTILE)
    page = app.switch_page("pages/pilot/run.py")
    page.query_params["run"] = run_id
    page.run()
    assert "**No pilot should follow.** The teacher is no better than the student" in errors(page)
    assert labelled(page.metric, "Teacher right").value == "41 % (32 to 50)"
    assert labelled(page.metric, "Different among 30 answers").value == "40 %"
    row = rows_of(page, {"Outcome", "Teacher"})[0]
    assert (row["Outcome"], row["Teacher"]) == ("Wrong", HOSTILE)
    assert not any("onerror" in element.value for kind in (page.markdown, page.caption, page.error) for element in kind)


def test_a_rerun_of_the_form_with_a_task_is_quick(app: AppTest) -> None:
    form = opened(app)
    taken = []
    for seeds in range(20, 36):
        form.number_input(key="check_seeds").set_value(seeds)
        before = time.process_time()
        form.run()
        taken.append(time.process_time() - before)
    assert sorted(taken[2:])[-2] < 0.3, taken


# --- the judge ------------------------------------------------------------------------------------------


def test_a_judge_of_its_own_stands_in_the_plan_and_its_agreement_beside_it(app: AppTest) -> None:
    rows = [{"question": f"Why {n * 37} and {n}?", "answer": f"{n} " + "long words again " * 8} for n in range(120)]
    form = opened(app, jsonl(*rows), "rows.jsonl")
    assert task(form)["scorer"]["kind"] == "judge"
    form.radio(key="judge_who").set_value("Another model").run()
    assert plan(form)["judge"] == "judge"
    assert plan(form)["teachers"] == {"judge": {"kind": "sandbox"}}
    assert not form.error, errors(form)
    said = [
        {"question": row["question"], "reply": "r", "label": "right" if n % 3 else "wrong",
         "verdict": json.dumps({"score": 5 if n % 2 else 1})}
        for n, row in enumerate(rows[:49])
    ]  # fmt: skip
    for labels, shown in ((said, False), ([*said, said[0] | {"question": rows[60]["question"]}], True)):
        form.file_uploader(key="judge_labels").set_value(("labels.jsonl", jsonl(*labels), "text/plain")).run()
        form.button(key="judge_compare").click().run()
        assert any("1 more labels are needed" in info.value for info in form.info) is not shown
        assert any(metric.label == "Kappa" for metric in form.metric) is shown
    form.file_uploader(key="judge_labels").set_value(("labels.jsonl", jsonl(said[0] | {"label": "?"}), "x")).run()
    form.button(key="judge_compare").click().run()
    assert "expected right or wrong" in errors(form)
