"""The page that makes a whole data set, and the pages of its run and of its dry run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine import worker
from engine.full_prepare import prepare_full
from engine.job_files import write_json
from engine.plan import check_plan
from engine.pools import SO_FAR
from engine.records import RunState
from engine.runs import file_dry_run, file_full
from engine.settings import Settings
from engine.store import Store
from tests.openai_server import KEY, serving
from tests.pilots import ticket_plan
from tests.voices import TicketReader, asked

ENDPOINT = "An endpoint (OpenAI, vLLM, Ollama, llama.cpp)"


@pytest.fixture
def form(app: AppTest) -> AppTest:
    return app.switch_page("pages/pilot/generate.py").run()


def plan(form: AppTest) -> dict:
    assert not form.exception
    return json.loads(form.session_state["generate_shown"])


def metric(form: AppTest, label: str) -> str:
    return next(m.value for m in form.metric if m.label == label)


def priced(form: AppTest) -> AppTest:
    form.radio(key="pilot_teacher").set_value(ENDPOINT).run()
    form.text_input(key="pilot_url").set_value("http://127.0.0.1:9/v1")
    form.text_input(key="pilot_model").set_value("m")
    form.radio(key="pilot_key_from").set_value("None needed")
    form.number_input(key="pilot_usd_in").set_value(1.0)
    form.number_input(key="pilot_usd_out").set_value(2.0).run()
    return form


def test_the_form_is_a_plan_that_seedpilot_generate_takes(form: AppTest, own_home: Path) -> None:
    assert not form.error
    assert metric(form, "Teacher queries") == "800"
    assert metric(form, "Examples asked for") == "500"
    assert metric(form, "Time") == "a dry run tells"
    asked = check_plan(plan(form))
    assert asked.full is not None
    assert {strategy.value: queries for strategy, queries in asked.full.spending.items()} == {
        "answer_augmentation": 200,
        "new_question": 600,
    }
    assert Path(asked.full.folder).parent == own_home / "data-sets"
    assert not form.button(key="generate_start").disabled


def test_cost_has_a_lower_an_expected_and_an_upper_figure_and_a_ceiling_in_money_is_the_most(form: AppTest) -> None:
    priced(form)
    low, middle, high = (metric(form, label) for label in ("Cost, at least", "Cost, expected", "Cost, at most"))
    assert float(low[1:]) < float(middle[1:]) < float(high[1:])
    form.number_input(key="generate_ceiling_usd").set_value(0.5).run()
    assert metric(form, "Cost, at most") == "$0.50"
    assert plan(form)["ceiling"] == {"usd": 0.5}


def test_money_is_turned_into_queries_at_their_expected_price(form: AppTest) -> None:
    priced(form)
    expected = float(metric(form, "Cost, expected")[1:]) / 800
    form.segmented_control(key="generate_unit").set_value("Money").run()
    form.number_input(key="generate_usd_new_question").set_value(2.0).run()
    assert not form.error
    spending = plan(form)["full"]["spending"]
    assert spending["new_question"] == pytest.approx(2.0 / expected, rel=0.05)
    assert spending["answer_augmentation"] == pytest.approx(1.0 / expected, rel=0.05)
    assert float(metric(form, "Cost, expected")[1:]) == pytest.approx(3.0, rel=0.05)


def test_money_without_a_price_is_told_not_guessed(form: AppTest) -> None:
    priced(form)
    form.segmented_control(key="generate_unit").set_value("Money").run()
    form.number_input(key="pilot_usd_out").set_value(None).run()
    assert "what this teacher charges is unknown" in form.error[0].value
    assert form.button(key="generate_start").disabled
    form.radio(key="pilot_teacher").set_value("Sandbox").run()
    assert "cost nothing" in form.error[0].value


def test_another_content_is_another_folder_and_another_ceiling_is_the_same(form: AppTest) -> None:
    folder = plan(form)["full"]["folder"]
    form.number_input(key="generate_ceiling").set_value(900).run()
    assert plan(form)["full"]["folder"] == folder
    form.number_input(key="generate_queries_new_question").set_value(300).run()
    assert plan(form)["full"]["folder"] != folder


def test_real_questions_need_inputs_of_ones_own(form: AppTest) -> None:
    form.pills(key="generate_strategies").set_value(["Real questions"]).run()
    assert not form.error, "the sandbox brings its own"
    assert plan(form)["unlabelled"] == {"path": "sandbox"}
    rows = b"".join(json.dumps({"question": f"{i} + 1?", "answer": str(i + 1)}).encode() + b"\n" for i in range(200))
    form.radio(key="pilot_source").set_value("My own file").run()
    form.file_uploader(key="pilot_file").set_value(("seeds.jsonl", rows, "text/plain")).run()
    assert any("upload your questions without answers" in error.value for error in form.error)
    inputs = b"".join(json.dumps({"asked": f"How much is {i * 7} less 3?"}).encode() + b"\n" for i in range(9))
    form.file_uploader(key="generate_inputs").set_value(("inputs.jsonl", inputs, "text/plain")).run()
    box = next(box for box in form.selectbox if "generate_inputs_question" in box.key)
    if box.value is None:
        box.set_value("asked").run()
    assert not form.error
    assert plan(form)["unlabelled"]["map"] == {"question": "asked"}
    assert plan(form)["full"]["held_out"] is True
    assert any("real questions end at 9 queries" in warning.value for warning in form.warning)


def test_no_strategy_is_told(form: AppTest) -> None:
    form.pills(key="generate_strategies").set_value([]).run()
    assert "choose at least one" in form.error[0].value


# --- its runs -------------------------------------------------------------------------------------------


def filed(own_home: Path, **changes: object) -> tuple[str, str]:
    """A finished data set and its dry run, both made by the worker."""
    store = Store(Settings().store_path)
    raw = {"seeds": {"count": 20}, "full": {"spending": {"new_question": 12}, "folder": str(own_home / "made")}}
    ready = prepare_full(check_plan(raw | changes))
    dry, full = file_dry_run(ready, store), file_full(ready, store, lambda _: None)
    assert (worker.run(dry, store), worker.run(full, store)) == (RunState.DONE, RunState.DONE)
    return dry, full


def test_the_run_of_a_data_set_shows_what_became_of_it_and_gives_the_folder(app: AppTest, own_home: Path) -> None:
    dry, full = filed(own_home)
    app.switch_page("pages/pilot/run.py")
    app.query_params["run"] = full
    app.run()
    assert not app.exception
    assert not app.error
    assert metric(app, "Teacher queries") == "8 of 12", "four were bought by the dry run"
    counts = app.dataframe[0].value
    assert list(counts["Asked for"]) == [6]
    assert counts.drop(columns=["What", "Asked for"]).sum(axis=1).tolist() == [6]
    assert metric(app, "Examples kept") == str(counts["Kept"].sum())
    assert any("data set folder" in button.label for button in app.get("download_button"))
    assert not app.get("plotly_chart"), "nothing of a pilot is shown"
    assert not app.button
    app.query_params["run"] = dry
    app.run()
    assert not app.exception
    assert metric(app, "Queries answered") == "4"
    written = app.dataframe[0].value
    assert list(written["Strategy"]) == ["New questions"] * 2
    assert written["From the seed"].str.len().min() > 0
    assert set(written["Example"].str[:3]) <= {"yes", "no:"}
    assert any("A dry run" in caption.value for caption in app.caption)
    assert not app.get("plotly_chart")
    assert not app.button


def test_a_data_set_under_way_shows_its_pace_and_its_money(app: AppTest, own_home: Path) -> None:
    store = Store(Settings().store_path)
    raw = {"seeds": {"count": 20}, "full": {"spending": {"new_question": 12}, "folder": str(own_home / "made")}}
    run_id = file_full(prepare_full(check_plan(raw)), store, lambda _: None)
    store.claim(run_id, 1, 1.0)
    store.progress(run_id, "Asking the teacher", 0, 6)
    store._update(run_id, stage_started_at=store.run(run_id).created_at - 2)
    store.progress(run_id, "Asking the teacher", 3, 6)
    app.switch_page("pages/pilot/run.py")
    app.query_params["run"] = run_id
    app.run()
    assert not app.exception
    said = app.get("progress")[0].proto.text
    assert "3 of 6 examples and answers" in said
    assert "a second" in said
    assert metric(app, "Teacher queries") == "0 of 12"
    assert metric(app, "Examples kept") == "unknown", "no example is judged yet"
    (pool := store.folder(run_id) / "pools" / "new_question-s20").mkdir(parents=True)
    write_json(pool / SO_FAR, {"kept": 2, "duplicate": 1})
    app.run()
    assert metric(app, "Examples kept") == "2"
    assert {"run_pause", "run_cancel"} <= {button.key for button in app.button}


def copies(messages: list[dict[str, str]]) -> str:
    """Every new question is the seed's."""
    want, question = asked(messages)
    return question if want == "new" else TicketReader()(messages)


def test_a_data_set_of_seeds_alone_is_never_plainly_finished(
    app: AppTest, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", KEY)
    store = Store(Settings().store_path)
    with serving(copies) as server:
        raw = ticket_plan(server.base_url, own_home, "exact")
        kept = {name: raw[name] for name in ("task", "seeds", "teacher")} | {"test": {"teacher_items": 0}}
        kept["full"] = {"spending": {"new_question": 12}, "folder": str(own_home / "made")}
        run_id = file_full(prepare_full(check_plan(kept)), store, lambda _: None)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
    app.switch_page("pages/pilot/run.py")
    app.query_params["run"] = run_id
    app.run()
    assert not app.exception
    assert [one.value.split(":")[0] for one in app.warning] == ["Nothing that was generated is in this data set"]
    assert not app.info
    assert "Finished, nothing kept" in " ".join(one.value for one in app.markdown)
    assert metric(app, "Examples kept") == "0"
    app.switch_page("pages/pilot/runs.py").run()
    assert "Finished, nothing kept" in " ".join(one.value for one in app.markdown)
