"""Labelled examples as a file on the advice page: counted, guessed, mended or dropped, and taken along to a pilot."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine import advice
from engine.domain import Situation, TaskType
from engine.mapping import guessed_columns
from pages.shared import examples_form
from tests.engine.test_labelled import RIGHT, tickets, written
from tests.pages.conftest import ROOT


def given(app: AppTest, file: Path, key: str = examples_form.FILE) -> AppTest:
    """The page after that file was uploaded."""
    app.session_state[f"{key}_upload"] = True
    app.run().file_uploader(key=key).set_value((file.name, file.read_bytes(), "text/plain")).run()
    assert not app.exception
    return app


def headers(app: AppTest) -> str:
    return " | ".join(header.value for header in app.header)


def address(app: AppTest) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def to_a_new_pilot(app: AppTest) -> None:
    """The link at the end of the advice."""
    asked = {"from": "advice", **address(app)}
    app.switch_page("pages/pilot/new.py")
    for name, value in asked.items():
        app.query_params[name] = value
    app.run()


def test_a_file_says_how_many_examples_there_are_how_many_are_kept_and_what_answers_look_like(
    app: AppTest, tmp_path: Path
) -> None:
    given(app, tickets(tmp_path / "support.jsonl", {}))
    assert app.selectbox(key="task").value == "Label or JSON record"
    assert "This is a guess" in app.info[0].value
    assert app.number_input(key="seeds").value == 300
    assert app.number_input(key="seeds").disabled
    assert app.number_input(key="test_items").value == 75
    assert any("225 to train on, 75 to test on." in caption.value for caption in app.caption)
    expected = advice.recommend(Situation(TaskType.STRUCTURED, 225, 3000, test_items=75))
    assert expected.headline in headers(app).replace("\\", "")
    assert address(app)["seeds"] == "300"
    assert "support" not in json.dumps(address(app))


def test_what_the_user_changes_stays_and_another_file_is_asked_about_anew(app: AppTest, tmp_path: Path) -> None:
    given(app, tickets(tmp_path / "support.jsonl", {}))
    app.number_input(key="test_items").set_value(60.0).run()
    app.selectbox(key="task").select("Free text").run()
    assert app.selectbox(key="task").value == "Free text"
    assert "You chose otherwise" in app.info[0].value
    assert app.number_input(key="test_items").value == 60
    rows = [{"question": f"question number {n}", "answer": ["red", "blue"][n % 2]} for n in range(100)]
    given(app, written(tmp_path / "colours.jsonl", rows))
    assert app.selectbox(key="task").value == "Label or JSON record"
    assert app.number_input(key="seeds").value == 100
    assert app.number_input(key="test_items").value == 25


def test_wrong_rows_take_the_place_of_the_sentence_until_they_are_mended_or_dropped(
    app: AppTest, tmp_path: Path
) -> None:
    given(app, tickets(tmp_path / "support.jsonl", {7: "billing", 20: None, 31: "billing"}))
    assert headers(app).startswith(
        'Line 7, `record`: expected keys category, urgency, order; found "billing". 3 of 300 rows. '
        "Fix, remap, or drop 3."
    )
    assert app.number_input(key="seeds").value == 297
    toggle = next(one for one in app.toggle if one.label == "Fix")
    toggle.set_value(True).run()
    next(box for box in app.text_area if box.label == "Right answer of line 7").set_value(RIGHT)
    app.button(key="examples_take").click().run()
    assert "2 of 300 rows. Fix, remap, or drop 2." in headers(app)
    assert any("1 answer written anew" in text.value for text in app.markdown)
    app.button(key="examples_drop").click().run()
    assert "Fix, remap" not in headers(app)
    assert any("2 of 300 rows dropped; 1 answer written anew" in text.value for text in app.markdown)
    assert app.number_input(key="seeds").value == 298
    app.button(key="examples_undo").click().run()
    assert "3 of 300 rows. Fix, remap, or drop 3." in headers(app)


def test_remap_opens_the_choice_of_columns_and_another_column_is_read(app: AppTest, tmp_path: Path) -> None:
    rows = [{"question": f"number {n}?", "answer": "", "gold": f"{n}"} for n in range(60)]
    given(app, written(tmp_path / "rows.jsonl", rows))
    assert "60 of 60 rows. Fix, remap, or drop 60." in headers(app)
    app.button(key="examples_remap").click().run()
    assert app.session_state["examples_upload"] is True
    answer = next(box for box in app.selectbox if box.label == "Column of the answer")
    answer.select("gold").run()
    assert "Fix, remap" not in headers(app)
    assert app.selectbox(key="task").value == "Number, after reasoning"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.jsonl", b"\n", "the file is empty"),
        ("sheet.csv", b"PK\x03\x04rest", "Excel"),
        ("latin.csv", b"question,answer\n\xff\xfa,1\n", "UTF-8"),
        ("head.csv", b"question,answer\n", "holds no row"),
    ],
)
def test_a_file_that_is_none_is_told_and_the_advice_goes_on_without_it(
    app: AppTest, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    before = headers(app)
    given(app, tmp_path / name)
    assert any(said in error.value for error in app.error), [error.value for error in app.error]
    assert headers(app) == before


def test_a_small_upload_that_unpacks_to_a_huge_one_is_refused(app: AppTest, tmp_path: Path) -> None:
    (tmp_path / "bomb.jsonl.gz").write_bytes(gzip.compress(bytes(210_000_000), 1))
    given(app, tmp_path / "bomb.jsonl.gz")
    assert any("unpacks to more than 200 MB" in error.value for error in app.error)
    assert app.number_input(key="seeds").value == 100


def test_too_few_examples_to_test_on_are_told_and_still_advised_about(app: AppTest, tmp_path: Path) -> None:
    rows = [{"question": f"number {n}?", "answer": f"{n}"} for n in range(12)]
    given(app, written(tmp_path / "rows.jsonl", rows))
    assert app.number_input(key="test_items").value is None
    assert any("12 examples are too few" in caption.value for caption in app.caption)
    assert advice.recommend(Situation(TaskType.MATH, 12, 3000)).headline in headers(app)


def test_inputs_without_answers_are_counted_without_those_that_are_labelled(app: AppTest, tmp_path: Path) -> None:
    given(app, tickets(tmp_path / "support.jsonl", {}))
    labelled = json.loads((tmp_path / "support.jsonl").read_text().splitlines()[0])["message"]
    rows = [{"message": f"ticket {n}"} for n in range(40)] + [{"message": labelled}, {"message": ""}]
    given(app, written(tmp_path / "inputs.jsonl", rows), examples_form.INPUTS)
    assert app.number_input(key="unlabelled").value == 40
    assert any(
        "40 inputs that count; 1 is a labelled example already; 1 row holds none." in caption.value
        for caption in app.caption
    )
    assert any("Real questions" in list(frame.value.get("Strategy", [])) for frame in app.dataframe)


def test_a_new_pilot_takes_the_files_over_as_they_were_mended(app: AppTest, tmp_path: Path) -> None:
    given(app, tickets(tmp_path / "support.jsonl", {7: "billing", 31: "billing"}))
    given(app, written(tmp_path / "inputs.jsonl", [{"message": f"ticket {n}"} for n in range(40)]), "inputs")
    app.button(key="examples_drop").click().run()
    to_a_new_pilot(app)
    assert not app.exception
    assert any("Your examples came along" in info.value for info in app.info)
    shown = json.loads(app.session_state["pilot_shown"])
    assert shown["seeds"]["path"].endswith("support-mended.jsonl")
    assert len(Path(shown["seeds"]["path"]).read_text().splitlines()) == 298
    assert shown["test"]["holdout"] == 74
    assert shown["unlabelled"]["path"].endswith("inputs.jsonl")
    columns = {box.label: box.value for box in app.selectbox if box.label.startswith("Column of the")}
    assert columns["Column of the question"] == "message"
    assert columns["Column of the answer"] == "record"


def test_a_reload_of_a_new_pilot_finds_the_file_that_came_along(app: AppTest, tmp_path: Path) -> None:
    given(app, tickets(tmp_path / "support.jsonl", {}))
    to_a_new_pilot(app)
    app.number_input(key="pilot_holdout").set_value(60).run()
    draft = address(app)["draft"]
    again = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    again.switch_page("pages/pilot/new.py")
    again.query_params["draft"] = draft
    again.run()
    assert not any("Something went wrong" in error.value for error in again.error)
    assert again.number_input(key="pilot_holdout").value == 60
    assert json.loads(again.session_state["pilot_shown"])["seeds"]["path"].endswith("support.jsonl")


def test_columns_that_were_chosen_by_hand_come_along(app: AppTest, tmp_path: Path) -> None:
    rows = [{"a": f"What is {n} and {n}?", "b": f"{2 * n}", "answer": "none of it"} for n in range(60)]
    file = written(tmp_path / "rows.jsonl", rows)
    assert guessed_columns({"question": "question", "answer": "answer"}, ["a", "b", "answer"]) == {"answer": "answer"}
    given(app, file)
    assert any("Say which column holds the question" in info.value for info in app.info)
    next(box for box in app.selectbox if box.label == "Column of the question").select("a")
    next(box for box in app.selectbox if box.label == "Column of the answer").select("b").run()
    assert app.selectbox(key="task").value == "Number, after reasoning"
    to_a_new_pilot(app)
    assert json.loads(app.session_state["pilot_shown"])["seeds"]["map"] == {"question": "a", "answer": "b"}


def test_the_text_of_a_hostile_file_stays_text(app: AppTest, tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)> [a](javascript:alert(1)) **bold** $x$"
    file = tickets(tmp_path / "t.jsonl", {7: hostile})
    given(app, file)
    assert "<img" not in headers(app).replace("\\<", "")
    assert "**bold**" not in headers(app)


def test_the_wizard_tells_wrong_rows_in_the_same_words_and_starts_without_those_that_are_dropped(
    app: AppTest, tmp_path: Path
) -> None:
    form = app.switch_page("pages/pilot/new.py").run()
    form.radio(key="pilot_source").set_value("My own file").run()
    form.radio(key="pilot_task").set_value("My own task, in a form").run()
    given(form, tickets(tmp_path / "support.jsonl", {7: "billing", 20: None}), "pilot_file")
    assert 'Line 7, `record`: expected keys category, urgency, order; found "billing". 2 of 300' in headers(form)
    assert any("line 20: is no valid JSON" in error.value for error in form.error)
    form.button(key="pilot_file_drop").click().run()
    assert "Fix, remap" not in headers(form)
    assert not any("line 20" in error.value for error in form.error)
    path = Path(json.loads(form.session_state["pilot_shown"])["seeds"]["path"])
    assert (path.name, len(path.read_text().splitlines())) == ("support-mended.jsonl", 298)
