"""The user's own measurements on the advice page: from a file, or from a pilot."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine import advice
from engine.domain import Situation, Strategy, TaskType
from engine.points import parse_points
from engine.records import RunState
from engine.store import Store
from tests.pages import filled
from tests.pages.look import chart

OWN = (
    "strategy,seeds,queries,correct,total\nseeds_only,100,0,90,300\n"
    "answer_augmentation,100,1000,120,300\nnew_question,100,1000,180,300\n"
)


def with_points(app: AppTest, path: Path) -> AppTest:
    """The page after that file was uploaded."""
    app.segmented_control(key="own_points").set_value("CSV file").run()
    app.session_state["points_file_path"] = path
    return app.run()


def test_points_of_your_own_show_the_advice_before_and_after(app: AppTest, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(OWN)
    before = app.header[0].value
    with_points(app, tmp_path / "own.csv")
    expected = advice.recommend(Situation(TaskType.MATH, 100, 3000), parse_points(OWN))
    assert app.header[0].value == expected.headline != before
    assert any(text.value.startswith("Your data moved P(new questions best) from 0.") for text in app.success)
    assert any(before in caption.value for caption in app.caption)
    assert any("Measured: your own points count" in text.value for text in app.markdown)
    table = next(d.value for d in app.dataframe if "Likely best before" in d.value)
    assert len(table) == 3
    drawn = chart(app)["data"]
    assert sum("before your data" in trace.get("name", "") and trace["x"][1:] != [] for trace in drawn) == 3
    assert sum(trace.get("name", "").endswith(", measured") for trace in drawn) == 2
    app.session_state["curves_values"] = True
    app.run()
    values = next(d.value for d in app.dataframe if "What" in d.value)
    assert {"measured", "expected before", "expected with your data"} <= set(values["What"])
    app.segmented_control(key="own_points").set_value("None").run()
    assert app.header[0].value == before


def test_points_of_your_own_still_count_after_a_visit_to_another_page(app: AppTest, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(OWN)
    with_points(app, tmp_path / "own.csv")
    measured = app.header[0].value
    app.switch_page("pages/learn/method.py").run()
    app.switch_page("pages/decide/recommend.py").run()
    assert app.header[0].value == measured


def test_a_lead_from_the_first_query_is_no_change_of_winner(app: AppTest, tmp_path: Path) -> None:
    rows = [
        f"new_question,100,{q},{c},300\nanswer_augmentation,100,{q},{c - 60},300" for q, c in ((20, 180), (900, 240))
    ]
    text = "strategy,seeds,queries,correct,total\nseeds_only,100,0,90,300\n" + "\n".join(rows) + "\n"
    (tmp_path / "own.csv").write_text(text)
    with_points(app, tmp_path / "own.csv")
    found = advice.recommend(Situation(TaskType.MATH, 100, 3000), parse_points(text))
    assert any(c.from_the_start for c in found.crossovers)
    assert not any("at about 0.1 queries" in text.value for text in [*app.subheader, *app.markdown])


def test_a_wrong_points_file_tells_every_line_and_the_advice_stays(app: AppTest, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(OWN + "new_question,100,1000,400,300\nnothing,1,1,1,1\n")
    before = app.header[0].value
    with_points(app, tmp_path / "bad.csv")
    (error,) = (e.value for e in app.error)
    assert "line 5" in error
    assert "2 of 5 rows are wrong, and none counts yet. Fix the file and upload it again, or drop 2." in error
    assert any("line 6" in text.value for text in app.markdown)
    assert app.header[0].value == before


def test_wrong_rows_can_be_dropped_and_the_drop_taken_back(app: AppTest, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(OWN + "new_question,100,1000,400,300\nnothing,1,1,1,1\n")
    before = app.header[0].value
    with_points(app, tmp_path / "bad.csv")
    app.button(key="points_drop").click().run()
    assert app.header[0].value == advice.recommend(Situation(TaskType.MATH, 100, 3000), parse_points(OWN)).headline
    assert any("2 of 5 rows dropped" in caption.value for caption in app.caption)
    app.button(key="points_undrop").click().run()
    assert app.header[0].value == before


def test_columns_of_other_names_are_asked_for(app: AppTest, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text(OWN.replace("correct,total", "right,asked"))
    with_points(app, tmp_path / "other.csv")
    assert any("Say which of them hold what is missing" in warning.value for warning in app.warning)
    assert any("correct, total missing" in error.value for error in app.error)
    for name, column in (("correct", "right"), ("total", "asked")):
        (box,) = (b for b in app.selectbox if str(b.key).startswith(f"points_map_{name}"))
        box.select(column)
    app.run()
    assert app.header[0].value == advice.recommend(Situation(TaskType.MATH, 100, 3000), parse_points(OWN)).headline


def test_without_a_pilot_of_this_kind_the_page_says_so(app: AppTest) -> None:
    app.segmented_control(key="own_points").set_value("Pilot").run()
    assert any("Sandbox pilots are practice" in caption.value for caption in app.caption)
    assert not app.error


@pytest.fixture
def store(own_home: Path) -> Store:
    return Store(own_home / "seedpilot.sqlite")


def test_a_finished_pilot_of_ones_own_moves_the_advice(app: AppTest, store: Store) -> None:
    run = filled.run(store, **filled.OWN)
    filled.run(store, "20261121-090000-prac")  # all of it sandbox
    filled.run(store, "20261121-090000-wait", RunState.QUEUED, **filled.OWN)
    before = app.header[0].value
    app.segmented_control(key="own_points").set_value("Pilot").run()
    choice = app.selectbox(key="points_pilot")
    assert len(choice.options) == 1, "neither practice nor what has measured nothing"
    assert choice.options[0].startswith("Our word problems, ")
    assert run not in choice.options[0]
    measured = [m for m in store.measurements(run) if m.scored]
    assert f", {len(measured)} cells" in choice.options[0]
    expected = advice.recommend(Situation(TaskType.MATH, 100, 3000), tuple(measured))
    assert app.header[0].value == expected.headline != before
    assert any(text.value.startswith("Your data moved P(") for text in app.success)
    app.switch_page("pages/learn/method.py").run()
    app.switch_page("pages/decide/recommend.py").run()
    assert app.header[0].value == expected.headline


def test_of_what_a_pilot_kept_nothing_the_advice_is_told(app: AppTest, store: Store) -> None:
    run = filled.run(store, **(filled.OWN | {"grid": {"strategies": ["answer_augmentation", "question_rephrase"]}}))
    store.record_pool(run, "new_question-s100", {"near_seed": 59, "no_reply": 1}, str(store.folder(run)))
    app.segmented_control(key="own_points").set_value("Pilot").run()
    measured = tuple(m for m in store.measurements(run) if m.scored)
    tried = Situation(TaskType.MATH, 100, 3000, none_kept=((Strategy.NEW_QUESTION, 59),))
    assert app.header[0].value == advice.recommend(tried, measured).headline
    assert any("None of 59 new questions that were asked for was kept" in text.value for text in app.markdown)


def test_what_an_unfinished_pilot_has_measured_can_be_chosen_and_is_called_so(app: AppTest, store: Store) -> None:
    filled.run(store, "20261121-100000-busy", RunState.PAUSED, **filled.OWN)
    app.segmented_control(key="own_points").set_value("Pilot").run()
    assert app.selectbox(key="points_pilot").options[0].endswith(", paused")


def test_a_pilot_on_another_kind_of_answer_does_not_count(app: AppTest, store: Store) -> None:
    filled.run(store, **filled.OWN)
    app.selectbox(key="task").select("Label or JSON record").run()
    app.segmented_control(key="own_points").set_value("Pilot").run()
    assert not any(box.key == "points_pilot" for box in app.selectbox)
    assert any("No pilot of yours" in caption.value for caption in app.caption)
