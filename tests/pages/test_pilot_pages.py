"""The pilot pages: what is typed becomes a plan, what a worker leaves behind is shown, and nothing is paid twice."""

from __future__ import annotations

import hashlib
import io
import json
import time
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine.plan import check_plan
from engine.records import RunState
from engine.settings import Settings
from engine.store import Store
from pages.shared import drafts, pair_parts, pilots, run_parts, run_words, words
from tests.pages import filled
from tests.pages.conftest import ROOT
from tests.pages.look import figure, opened, tables

SECRET = "sk-test-very-secret-123"


@pytest.fixture
def form(app: AppTest) -> AppTest:
    return app.switch_page("pages/pilot/new.py").run()


def own(form: AppTest, name: str, content: bytes) -> AppTest:
    """The form with an uploaded file of examples."""
    form.radio(key="pilot_source").set_value("My own file").run()
    form.file_uploader(key="pilot_file").set_value((name, content, "text/plain")).run()
    return form


def error(app: AppTest) -> str:
    """The one message that is shown."""
    assert not app.exception
    assert len(app.error) == 1
    return str(app.error[0].value)


def asked_for(app: AppTest) -> str:
    """What the form still waits for, in all its steps."""
    assert not app.exception
    return "\n".join(str(info.value) for info in app.info if info.icon == ":material/edit:")


def metric(app: AppTest, label: str) -> str:
    return str(next(m.value for m in app.metric if m.label == label))


def rows(count: int) -> bytes:
    return b"".join(json.dumps({"question": f"{i} + 1?", "answer": str(i + 1)}).encode() + b"\n" for i in range(count))


# --- the form -------------------------------------------------------------------------------------------


def test_the_default_is_a_sandbox_pilot_that_one_click_starts(form: AppTest) -> None:
    assert not form.error
    assert metric(form, "Teacher queries") == "4,900"
    assert metric(form, "Cost, expected") == "$0"
    assert metric(form, "Smallest visible gain") == "14.9 points"
    assert not form.button(key="pilot_start").disabled


def test_the_start_files_one_run_and_its_worker_ends_it(form: AppTest, store: Store) -> None:
    # A key that is nowhere: the worker gets as far as the teacher and asks for it. Nothing is trained or paid.
    form.radio(key="pilot_teacher").set_value("An endpoint (OpenAI, vLLM, Ollama, llama.cpp)").run()
    form.text_input(key="pilot_url").set_value("http://127.0.0.1:9/v1")
    form.text_input(key="pilot_model").set_value("some-model")
    form.text_input(key="pilot_budgets").set_value("40").run()
    assert any("OPENAI\\_API\\_KEY is not set" in warning.value for warning in form.warning)
    form.button(key="pilot_start").click().run()
    assert not form.exception
    [run] = store.runs()
    assert form.query_params["run"] == run.id
    assert run.plan["ceiling"]["queries"] == 252  # what the form showed holds
    deadline = time.monotonic() + 90
    while store.run(run.id).state in run_words.LIVE and time.monotonic() < deadline:
        time.sleep(0.3)
    assert store.run(run.id).state is RunState.WAITING_FOR_KEY
    page = opened(AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run(), run.id)
    assert any("OPENAI\\_API\\_KEY is not set" in warning.value for warning in page.warning)
    assert page.text_input(key=f"run_key_{run.id}").value == ""
    assert page.button(key="run_resume")


def test_a_second_click_starts_nothing_new(form: AppTest, store: Store) -> None:
    form.text_input(key="pilot_budgets").set_value("40").run()
    shown = form.session_state["pilot_shown"]
    same_click = hashlib.sha256(f"{form.session_state[drafts.TOKEN]}\n{shown}".encode()).hexdigest()
    first = store.file_run("earlier", "pilot", check_plan(json.loads(shown)).model_dump(mode="json"), same_click)
    (store.folder(first)).mkdir()
    (store.folder(first) / "worker.log").touch()  # its worker was started
    form.button(key="pilot_start").click().run()
    assert [run.id for run in store.runs()] == [first]
    assert form.query_params["run"] == first
    assert (store.folder(first) / "worker.log").read_bytes() == b""


def test_a_plan_that_changed_with_the_click_is_shown_before_it_starts(form: AppTest, store: Store) -> None:
    form.text_input(key="pilot_budgets").set_value("40")
    form.button(key="pilot_start").click().run()
    assert any("press Start again" in warning.value for warning in form.warning)
    assert store.runs() == []


def test_the_plan_can_be_taken_to_the_command_line(form: AppTest) -> None:
    form.text_input(key="pilot_budgets").set_value("40, 80").run()
    asked = json.loads(form.session_state["pilot_shown"])
    from engine.plan import to_toml

    assert tomllib.loads(to_toml(check_plan(asked)))["grid"]["budgets"] == [40, 80]
    assert form.get("download_button")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("seeds.jsonl", b"", "the file is empty"),
        ("seeds.csv", b"question,verdict\n1+1?,2\n", "column 'answer' is missing"),
        ("seeds.jsonl", rows(6) + b"{broken\n" + rows(200), "line 7: is no valid JSON"),
        ("seeds.jsonl", rows(24), "Labelled examples: found 4, expected at least 10"),
        ("seeds.jsonl", rows(15), "Labelled examples: found 15 different items"),
        ("seeds.jsonl", "ä".encode("latin-1") * 9, "is not UTF-8"),
    ],
    ids=["empty", "missing column", "broken line 7", "4 seeds", "too few to hold out", "not UTF-8"],
)
def test_a_bad_file_is_told_in_one_message(form: AppTest, name: str, content: bytes, said: str) -> None:
    assert said in error(own(form, name, content)).replace("\\", "")
    assert form.button(key="pilot_start").disabled


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("0", "Budgets: found 0, expected at least 2"),
        ("-40", "Budgets: found -40, expected at least 2"),
        ("1", "Budgets: found 1, expected at least 2"),
        ("many", "Budgets: found 'many', expected whole numbers"),
        ("", "Budgets: found nothing"),
        ("40, 40", "Budgets: holds a value twice"),
    ],
)
def test_a_bad_budget_is_told_in_one_message(form: AppTest, typed: str, said: str) -> None:
    form.text_input(key="pilot_budgets").set_value(typed).run()
    assert said in error(form)
    assert "grid" not in error(form)


def test_a_folder_that_is_no_model_is_told(form: AppTest, tmp_path: Path) -> None:
    form.radio(key="pilot_student").set_value("A model of mine").run()
    assert "name a folder or a hub id" in asked_for(form)
    form.text_input(key="pilot_student_name").set_value(str(tmp_path)).run()
    assert "is no model: no config.json" in error(form).replace("\\", "")


def test_a_ceiling_in_money_asks_for_the_price(form: AppTest) -> None:
    form.radio(key="pilot_teacher").set_value("An endpoint (OpenAI, vLLM, Ollama, llama.cpp)").run()
    form.radio(key="pilot_key_from").set_value("None needed").run()
    form.text_input(key="pilot_url").set_value("http://127.0.0.1:9/v1")
    form.text_input(key="pilot_model").set_value("some-model").run()
    assert metric(form, "Cost, expected") == metric(form, "Cost, at most") == "unknown"
    form.number_input(key="pilot_usd").set_value(5.0).run()
    assert "Ceiling in dollars: a ceiling in dollars needs the teacher's prices" in error(form)
    form.number_input(key="pilot_usd_in").set_value(0.15)
    form.number_input(key="pilot_usd_out").set_value(0.6).run()
    assert not form.error
    assert metric(form, "Cost, expected").startswith("$")


def test_all_problems_are_told_at_once(form: AppTest) -> None:
    form.radio(key="pilot_source").set_value("My own file").run()
    form.radio(key="pilot_student").set_value("A model of mine").run()
    form.text_input(key="pilot_budgets").set_value("x").run()
    assert "Upload a file with your labelled examples" in asked_for(form)
    assert "Student: name a folder" in asked_for(form)
    assert "Budgets: found 'x'" in error(form)
    assert [b.label for b in form.button if b.key.startswith("pilot_to_")] == [
        "Seeds: one thing to put right", "Student: one thing to put right", "Design: one thing to put right",
    ]  # fmt: skip


def test_a_missing_key_hides_no_fault_of_the_plan(form: AppTest) -> None:
    form.radio(key="pilot_teacher").set_value("An endpoint (OpenAI, vLLM, Ollama, llama.cpp)").run()
    form.radio(key="pilot_key_from").set_value("Typed here").run()
    form.text_input(key="pilot_model").set_value("some-model")
    form.text_input(key="pilot_budgets").set_value("0").run()
    told = "\n".join([asked_for(form), *(str(element.value) for element in form.error)])
    for said in ("Key: is empty", "Base URL: found ''", "Budgets: found 0"):
        assert said in told
    assert len(form.error) == 2, "each in its own step"


def test_a_ceiling_below_the_plan_says_how_to_shrink_it(form: AppTest) -> None:
    form.number_input(key="pilot_ceiling").set_value(100).run()
    assert "the plan needs 4,900 queries" in error(form)


def test_columns_of_other_names_are_mapped(form: AppTest) -> None:
    content = b"text,label,family\n" + b"".join(f"{i} + 1?,{i + 1},f\n".encode() for i in range(3))
    content += b"".join(f"{i} plus 1?,{i + 1},g{i}\n".encode() for i in range(200))
    own(form, "tickets.csv", content)
    assert not form.error
    chosen = [box.value for box in form.selectbox if box.label.startswith("Column of")]
    assert chosen == ["text", "label", "family"]
    assert said_of_the_rows(form).startswith(
        "203 rows: 152 seeds, 51 test items; split by a draw named 'test'; 1 family kept whole. Ceiling: "
    )
    asked = json.loads(form.session_state["pilot_shown"])
    assert asked["seeds"]["map"] == {"question": "text", "answer": "label"}
    assert Path(asked["seeds"]["path"]).read_bytes() == content
    next(box for box in form.selectbox if box.label == "Column of the answer").set_value("family").run()
    assert json.loads(form.session_state["pilot_shown"])["seeds"]["map"] == {"question": "text", "answer": "family"}
    next(box for box in form.selectbox if box.label == "Column of the family").set_value("text").run()
    assert json.loads(form.session_state["pilot_shown"])["seeds"]["map"]["family"] == "text"


def said_of_the_rows(form: AppTest) -> str:
    return next(c.value for c in form.caption if "Ceiling" in c.value).replace("\\", "")


def test_a_parquet_file_is_shown_and_split_as_asked(form: AppTest) -> None:
    frame = pd.DataFrame({"prompt": [f"{n} + 1?" for n in range(200)], "output": range(200)})
    frame["topic"], frame["year"] = ["a", "b"] * 100, range(1800, 2000)
    file = io.BytesIO()
    frame.to_parquet(file)
    own(form, "seeds.parquet", file.getvalue())
    assert not form.error
    assert list(form.dataframe[0].value.columns) == ["prompt", "output", "topic", "year"]
    assert len(form.dataframe[0].value) == 5
    form.number_input(key="pilot_holdout").set_value(40).run()
    form.selectbox(key="pilot_split").set_value("Drawn, alike in a column").run()
    assert "Column whose values are spread alike: is not chosen" in asked_for(form)
    next(box for box in form.selectbox if box.label == "Column whose values are spread alike").set_value("topic").run()
    assert said_of_the_rows(form).startswith(
        "200 rows: 160 seeds, 40 test items; split by a draw named 'test', alike in 'topic'."
    )
    form.selectbox(key="pilot_split").set_value("The latest by a column").run()
    next(box for box in form.selectbox if box.label.startswith("Column of the time")).set_value("year").run()
    assert "split by time: the latest by 'year' are tested" in said_of_the_rows(form)
    next(box for box in form.selectbox if box.label.startswith("Column of the time")).set_value("topic").run()
    assert "seeds.parquet, row 1: 'topic' = 'a'; expected a date" in error(form)


def test_what_a_file_says_is_text_on_the_page_and_nothing_else(form: AppTest) -> None:
    hostile = "<img src=x onerror=alert(1)> **bold** [link](javascript:alert(1)) $x$"
    content = json.dumps({"question": hostile, "answer": "1", "<b>**q**": "x"}).encode() + b"\n" + rows(60)
    own(form, "seeds.jsonl", content)
    assert hostile in list(form.dataframe[0].value["question"])
    assert not any("onerror" in element.value for kind in (form.markdown, form.caption) for element in kind)
    form.selectbox(key="pilot_split").set_value("Drawn, alike in a column").run()
    next(box for box in form.selectbox if box.label == "Column whose values are spread alike").set_value(
        "<b>**q**"
    ).run()
    assert "**q**" not in error(form)
    assert "column '<b>**q**' is missing" in error(form).replace("\\", "")


def test_a_test_file_that_shares_rows_with_the_examples_is_told_and_can_be_left_out(form: AppTest) -> None:
    own(form, "seeds.jsonl", rows(100))
    form.radio(key="pilot_test_source").set_value("A test file").run()
    form.file_uploader(key="pilot_test_file").set_value(("test.jsonl", rows(30), "text/plain")).run()
    assert "test.jsonl, line 1: is the seed of seeds.jsonl, line 1" in error(form).replace("\\", "")
    assert "and 10 more shared items" in error(form)
    form.checkbox(key="pilot_shared").check().run()
    assert not form.error
    assert said_of_the_rows(form).startswith(
        "100 rows: 70 seeds, 30 in the test file too; 30 test items from a file of their own."
    )


def test_a_data_set_is_read_by_a_button_and_a_hub_that_is_away_is_told(
    form: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    form.radio(key="pilot_source").set_value("A data set on the hub").run()
    assert "Name a data set on the hub" in asked_for(form)
    assert form.button(key="pilot_hub_read").disabled
    form.text_input(key="pilot_hub_name").set_value("/etc").run()
    form.button(key="pilot_hub_read").click().run()
    assert "is a folder; name a data set on the hub" in error(form)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    form.text_input(key="pilot_hub_name").set_value("some-org/some-data").run()
    form.button(key="pilot_hub_read").click().run()
    assert "hub:some-org/some-data#train: the hub cannot be reached" in error(form).replace("\\", "")


def test_an_upload_is_still_there_after_a_visit_to_another_page(form: AppTest) -> None:
    own(form, "seeds.jsonl", rows(200))
    form.switch_page("pages/learn/method.py").run()
    form.switch_page("pages/pilot/new.py").run()
    assert form.radio(key="pilot_source").value == "My own file"
    assert any("seeds.jsonl, uploaded before" in caption.value for caption in form.caption)
    assert not form.error


def test_a_typed_key_is_in_no_plan_and_no_link(form: AppTest, own_home: Path) -> None:
    form.radio(key="pilot_teacher").set_value("An endpoint (OpenAI, vLLM, Ollama, llama.cpp)").run()
    form.radio(key="pilot_key_from").set_value("Typed here").run()
    form.text_input(key="pilot_url").set_value("http://127.0.0.1:9/v1")
    form.text_input(key="pilot_model").set_value("some-model").run()
    assert "Key: is empty" in asked_for(form)
    form.text_input(key="pilot_key").set_value(SECRET).run()
    assert not form.error
    assert SECRET not in form.session_state["pilot_shown"]
    assert SECRET not in str(dict(form.query_params))
    assert json.loads(form.session_state["pilot_shown"])["teacher"]["key_typed"] is True
    for path in own_home.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()


# --- one run --------------------------------------------------------------------------------------------


def test_a_finished_run_shows_points_lines_tables_and_advice(app: AppTest, store: Store) -> None:
    page = opened(app, filled.run(store))
    spec = figure(page, "run_curves")
    names = [trace.get("name", "") for trace in spec["data"]]
    assert {"Answers, measured", "Rephrasings, measured", "New questions, measured"} <= set(names)
    assert {"Student, untuned", "Student, untuned, shown 8 examples", "Your seeds alone", "Teacher"} <= {
        name.split(":")[0] for name in names
    }
    points = next(trace for trace in spec["data"] if trace.get("name") == "New questions, measured")
    assert [row[0] for row in points["customdata"]] == ["200", "1,600", "200", "1,600"]
    assert len(points["error_y"]["array"]) == 4
    assert metric(page, "Teacher queries") == "4,900 of 5,400"
    assert metric(page, "Cells measured") == "18 of 18"
    assert any("Sandbox: seeds, teacher, student" in text.value for text in page.markdown)
    assert any(s.value.startswith("New questions measured best so far at 1,600 queries") for s in page.subheader)
    [cells], [pools] = tables(page, "Every cell"), tables(page, "Examples by reason")
    assert len(cells) == 18
    assert "Student, untuned, shown 8 examples" in list(cells["What"])
    assert (pools["Asked for"] == pools.drop(columns=["What", "Seeds", "Asked for"]).sum(axis=1)).all()
    assert [button.key for button in page.button] == ["follow"]  # nothing else can be done with a finished run


def test_a_run_compares_its_strategies_in_words_a_figure_and_a_table(app: AppTest, store: Store) -> None:
    run_id = filled.run(store)
    page = opened(app, run_id)
    said = next(s.value for s in page.subheader if "than your seeds alone" in s.value)
    assert "new questions by +" in said
    spec = figure(page, "run_pairs")
    band, *marks = spec["data"]
    assert band["name"] == "Too small for this pilot to show"
    assert {trace["name"] for trace in marks} == {"Differs, over all pairs together", "Not told apart"}
    assert sum(len(trace["x"]) for trace in marks) == 12
    assert all(len(trace["error_x"]["array"]) == len(trace["x"]) for trace in marks)
    assert any("assumed: no cell has a second pool" in text.value for text in page.caption)
    table = pair_parts.table(pilots.comparison(store.cells(run_id)).pairs)
    best = table[(table["What"] == "New questions") & (table["Queries"] == 1600)]
    assert set(best["Better"]) == {"New questions"}
    assert (table["95 % from"] < table["Points"]).all()
    assert (table["p"] <= table["p, all pairs (Holm)"]).all()


def test_a_run_with_one_strategy_measured_so_far_says_nothing_it_does_not_know(app: AppTest, store: Store) -> None:
    page = opened(app, filled.run(store, state=RunState.PAUSED, message="Paused by you", grid={"budgets": [200]}))
    assert not page.exception


def test_a_run_shows_how_different_its_examples_are_and_what_one_costs(app: AppTest, store: Store) -> None:
    page = opened(app, filled.run(store))
    (table,) = tables(page, "Diversity and price")
    assert len(table) == 6, "three strategies at two budgets"
    new = table[table["What"] == "New questions"]
    assert list(new["Distinct word pairs"].round()) == [62, 62]
    assert (new["$ per kept example"] > 0).all()
    answers = table[table["What"] == "Answers"]
    assert answers["Distance to the nearest"].is_monotonic_decreasing
    assert answers["$ per kept example"].isna().all(), "an unknown price is never shown as nought"


def test_replies_are_shown_as_text_in_cells_only(app: AppTest, store: Store) -> None:
    page = opened(app, filled.run(store))
    box = next(box for box in page.selectbox if box.label == "File")
    box.select(next(option for option in box.options if option.startswith("Predictions"))).run()
    assert "**4** <b>$x$" in list(tables(page, "The first rows of")[0]["Reply"])
    assert not any("<b>" in text.value for text in (*page.markdown, *page.caption))


@pytest.mark.parametrize(
    ("state", "said", "resumable"),
    [
        (RunState.PAUSED, "Paused by you", True),
        (RunState.FAILED, "The endpoint refused the key (401)", True),
        (RunState.LOST, "No worker holds this run", True),
        (RunState.WAITING_FOR_KEY, "The key is needed again", True),
        (RunState.CANCELLED, "Cancelled by you", False),
    ],
)
def test_a_run_that_stopped_says_why_and_what_to_do(
    app: AppTest, store: Store, state: RunState, said: str, resumable: bool
) -> None:
    page = opened(app, filled.run(store, state=state, message=said))
    told = [element.value for kind in (page.info, page.warning, page.error) for element in kind]
    assert any(said in text for text in told)
    assert ("run_resume" in [button.key for button in page.button]) is resumable
    asks_key = any(field.label == "Key" for field in page.text_input)
    assert asks_key is (state is RunState.WAITING_FOR_KEY)


def test_a_check_with_a_verdict_offers_no_resume_that_would_read_the_same_replies(app: AppTest, store: Store) -> None:
    judged = opened(app, filled.check(store, "check-20261121-090000-aaaa", stopped=True))
    assert any("No pilot should follow" in error.value for error in judged.error)
    assert not {"run_resume", "run_cancel"} & {button.key for button in judged.button}
    failed = opened(app, filled.run(store, "check-20261121-100000-bbbb", RunState.FAILED, "The endpoint is down."))
    assert failed.button(key="run_resume")


def test_a_queued_run_that_nobody_takes_offers_a_worker(app: AppTest, store: Store) -> None:
    run_id = filled.run(store, state=RunState.QUEUED)
    page = opened(app, run_id)
    assert "run_resume" not in [button.key for button in page.button]
    store._update(run_id, created_at=time.time() - 60)
    page = opened(app, run_id)
    assert any("No worker holds this run" in warning.value for warning in page.warning)
    assert page.button(key="run_resume")


def test_a_run_that_waits_says_who_comes_before_it_and_that_it_starts_by_itself(app: AppTest, store: Store) -> None:
    filled.run(store, "20261121-100000-busy", RunState.RUNNING, name="Busy one")
    first, then = (filled.run(store, f"20261121-10{at}000-wait", RunState.QUEUED, name=f"Waits {at}") for at in (1, 2))
    for at, run_id in enumerate((first, then)):
        store._update(run_id, created_at=time.time() - 60 + at)
    page = opened(app, first)
    assert page.info[0].value.startswith("Waits for its turn: **Busy one** has the machine now. It starts by itself")
    keys = [button.key for button in page.button]
    assert "run_resume" not in keys, "another worker would only wait beside the one that waits already"
    assert {"run_pause", "run_cancel"} <= set(keys)
    assert "has the machine now, and 1 more waits before it." in opened(app, then).info[0].value


def test_a_run_behind_another_user_s_waits_for_its_turn_and_tells_nothing_of_the_other(
    app: AppTest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = (Store(Settings().store_path, f"{who}@example.org") for who in ("ada", "bob"))
    filled.run(bob, "20261121-100000-busy", RunState.RUNNING, name="Bob's secret")
    run_id = filled.run(ada, "20261121-101000-wait", RunState.QUEUED)
    ada._update(run_id, created_at=time.time() - 60)
    monkeypatch.setattr("pages.shared.account.owner", lambda: "ada@example.org")
    page = opened(app, run_id)
    assert page.info[0].value.startswith("Waits for its turn: another user's run has the machine now. It starts by")
    assert not page.warning
    assert "run_resume" not in [button.key for button in page.button]
    app.switch_page("pages/pilot/runs.py").run()
    assert app.info[0].value.startswith("Another user's run has the machine now. Next: ")
    assert "secret" not in " ".join(one.value for one in (*app.info, *app.markdown, *app.caption))


def test_tables_write_whole_numbers_as_sentences_do_and_leave_the_unknown_empty(app: AppTest, store: Store) -> None:
    page = opened(app, filled.run(store))
    (shown,) = (table.proto for table in page.dataframe if table.proto.alt.startswith("Diversity and price"))
    columns = json.loads(shown.columns)
    assert columns["Examples asked for"]["type_config"]["format"] == "localized"
    assert shown.placeholder == ""


def test_pause_and_cancel_reach_the_worker(app: AppTest, store: Store) -> None:
    run_id = filled.run(store, state=RunState.RUNNING)
    page = opened(app, run_id)
    assert any("Training and answering: 42 % done" in p.proto.text for p in page.get("progress"))
    page.button(key="run_pause").click().run()
    assert store.run(run_id).request == "pause"
    assert any("Pausing" in text.value for text in page.markdown)
    page.button(key="run_cancel").click().run()
    assert store.run(run_id).request == "pause"  # asked first
    page.button(key="run_cancel_yes").click().run()
    assert store.run(run_id).request == "cancel"


def test_stop_and_keep_reaches_the_worker_and_is_offered_to_pilots_alone(app: AppTest, store: Store) -> None:
    run_id = filled.run(store, state=RunState.RUNNING)
    page = opened(app, run_id)
    page.button(key="run_stop").click().run()
    assert not page.exception
    assert store.run(run_id).request == "stop"
    assert page.button(key="run_stop").disabled, "asked once"
    done = opened(app, filled.run(store, "20261121-100000-bbbb"))
    assert not [button for button in done.button if button.key == "run_stop"]


def test_time_left_is_unknown_until_something_is_done(app: AppTest, store: Store) -> None:
    run_id = filled.run(store, state=RunState.RUNNING)
    store.progress(run_id, "Asking the teacher", 0, 800)
    page = opened(app, run_id)
    assert any("time left unknown" in p.proto.text for p in page.get("progress"))


def test_a_run_that_does_not_exist_is_one_message(app: AppTest, store: Store) -> None:
    assert "is not in" in error(opened(app, "nowhere"))


def test_no_run_chosen_leads_to_the_list(app: AppTest) -> None:
    app.switch_page("pages/pilot/run.py").run()
    assert any("No run is chosen" in info.value for info in app.info)


# --- all runs -------------------------------------------------------------------------------------------


def test_all_runs_are_listed_with_their_states(app: AppTest, store: Store) -> None:
    filled.run(store, "one", name="Finished one")
    filled.run(store, "two", state=RunState.FAILED, message="costs $5 or $6 *more*", name="Failed [one](http://x)")
    app.switch_page("pages/pilot/runs.py").run()
    assert not app.exception
    shown = " ".join(text.value for text in app.markdown)
    assert "Finished" in shown
    assert "Failed" in shown
    assert any(r"Costs \$5 or \$6 \*more\*" in caption.value for caption in app.caption)


def test_the_queue_is_seen_and_what_a_run_has_paid_so_far(app: AppTest, store: Store) -> None:
    filled.run(store, "one", RunState.RUNNING, name="Busy one")
    filled.run(store, "two", RunState.QUEUED, name="Second")
    filled.run(store, "three", RunState.QUEUED, name="Third *one*")
    app.switch_page("pages/pilot/runs.py").run()
    assert not app.exception
    assert app.info[0].value == r"**Busy one** has the machine now. Next: **Second**. Then **Third \*one\***."
    assert any(caption.value.startswith("So far: 2,450 of 5,400 queries, ") for caption in app.caption)


@pytest.mark.parametrize("page", ["pages/pilot/runs.py", "pages/pilot/run.py"])
def test_a_store_that_cannot_be_read_is_one_message(app: AppTest, own_home: Path, page: str) -> None:
    own_home.mkdir(exist_ok=True)
    Settings().store_path.write_bytes(b"this is no database at all" * 100)
    assert "cannot be used" in error(app.switch_page(page).run())


# --- parts ----------------------------------------------------------------------------------------------


def test_others_text_stays_text() -> None:
    assert words.plain("a $5 [x](y) `a_b` <i>") == r"a \$5 \[x\](y) `a_b` \<i\>"
    assert "`" not in words.plain("a lone ` opens no code")


def test_durations_and_money_are_said_plainly() -> None:
    assert run_words.duration(None) == run_words.money(None) == "unknown"
    assert [run_words.duration(s) for s in (0.2, 40, 300, 7800)] == [
        "about 1 s", "about 40 s", "about 5 min", "about 2 h 10 min",
    ]  # fmt: skip
    assert [run_words.money(usd) for usd in (0, 0.004, 12.345)] == ["$0", "under $0.01", "$12.35"]


def test_replicates_of_a_baseline_give_one_line_with_one_replicates_width(store: Store) -> None:
    cells = store.cells(filled.run(store))
    [seeds_only] = [line for line in run_parts.references(cells) if line.name == "Your seeds alone"]
    assert 0.06 < seeds_only.interval.high80 - seeds_only.interval.low80 < 0.09


def test_a_run_of_forty_cells_opens_fast(app: AppTest, store: Store) -> None:
    grid = {"budgets": [50, 100, 200, 400, 800, 1600], "replicates": 2}
    page = opened(app, filled.run(store, grid=grid))
    assert len(tables(page, "Every cell")[0]) >= 40
    before = time.process_time()
    page.run()
    assert time.process_time() - before < 0.2
