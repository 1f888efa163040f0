"""Map, law and glossary: what they show follows from the engine, and a link brings it back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine import advice, law_by_hand
from engine.domain import Situation, TaskType
from engine.prior_record import left_out
from pages.shared import chart_law, terms, words
from tests.pages import look

ROOT = Path(__file__).resolve().parents[2]


def opened(app: AppTest, page: str) -> AppTest:
    return app.switch_page(f"pages/learn/{page}.py").run()


def title(app: AppTest) -> str:
    return str(app.subheader[0].value)


# --- map -----------------------------------------------------------------------------------------------


def test_the_map_says_of_your_situation_what_the_advice_says(app: AppTest) -> None:
    page = opened(app, "map")
    page.segmented_control(key="budget").set_value("Queries").run()
    said = advice.recommend(Situation(TaskType.MATH, 100, 3000))
    for outlook in said.outlooks:
        assert f"{words.STRATEGIES[outlook.strategy].lower()} {100 * outlook.p_best:.0f} %" in page.info[0].value


def test_the_title_speaks_of_your_seeds_and_moves_with_them(app: AppTest) -> None:
    page = opened(app, "map")
    before = title(page)
    assert before.startswith("With 100 labelled examples, answers are likely best up to about")
    page.number_input(key="seeds").set_value(5000).run()
    assert title(page).startswith("With 5,000 labelled examples")
    assert title(page) != before


def test_fields_are_fainter_where_it_is_less_sure_and_markers_stand_on_them(app: AppTest) -> None:
    figure = look.figure(opened(app, "map"), "map")
    fields = [trace for trace in figure["data"] if trace["type"] == "heatmap" and trace.get("name")]
    assert {trace["name"] for trace in fields} == {"Answers", "Rephrasings", "New questions"}
    marks = {t["name"]: t["marker"]["symbol"] for t in figure["data"] if t["type"] == "scatter" and t.get("name")}
    assert len(set(marks.values())) == len(marks) == 5
    assert figure["layout"]["xaxis"]["type"] == figure["layout"]["yaxis"]["type"] == "log"
    for field in fields:
        faint, full = (float(stop.split(",")[3].rstrip(")")) for _, stop in field["colorscale"])
        assert faint < 0.2 < 0.9 < full


def test_with_money_and_a_price_the_map_is_in_dollars(app: AppTest) -> None:
    page = opened(app, "map")
    page.segmented_control(key="budget").set_value("Money").run()
    assert any("as soon as the budget is known" in info.value for info in page.info)
    page.segmented_control(key="price").set_value("One query").run()
    page.number_input(key="usd_query").set_value(0.01).run()
    assert "US dollars" in look.figure(page, "map")["layout"]["xaxis"]["title"]["text"]
    assert "$" in title(page)


def test_every_cell_stands_in_the_table(app: AppTest) -> None:
    page = opened(app, "map")
    page.session_state["map_values"] = True
    page.run()
    (table,) = look.tables(page, "Every cell of the map")
    assert len(table) > 1000
    assert set(table["Likeliest best"]) <= set(words.STRATEGIES.values())
    assert "too close to call" in set(table["Advice"])


# --- law -----------------------------------------------------------------------------------------------


def test_the_sliders_begin_at_the_medians_and_nothing_is_faint(app: AppTest) -> None:
    page = opened(app, "law")
    medians = law_by_hand.medians(TaskType.MATH)
    for name in chart_law.LABELS:
        assert page.select_slider(key=name).value == pytest.approx(medians[name], rel=0.06)
    assert "Nothing is moved yet" in page.info[0].value
    assert not any(trace.get("opacity") for trace in look.figure(page, "law")["data"])


def test_moving_a_slider_says_what_moved_and_resetting_takes_it_back(app: AppTest) -> None:
    page = opened(app, "law")
    before = title(page)
    page.select_slider(key="q_new").set_value(0.6).run()
    assert title(page) != before
    assert "You moved quality of a new question from 0.29 to 0.6. Now answers lead up to" in page.info[0].value
    assert any(trace.get("opacity") for trace in look.figure(page, "law")["data"])
    page.button(key="law_reset").click().run()
    assert title(page) == before
    assert page.select_slider(key="q_new").value == 0.29


def test_the_lead_is_marked_where_it_changes_hands(app: AppTest) -> None:
    page = opened(app, "law")
    drawn = law_by_hand.curves({n: page.select_slider(key=n).value for n in chart_law.LABELS}, 100)
    marks = [t for t in look.figure(page, "law")["data"] if "overtake" in t.get("name", "")]
    assert [mark["x"][1] for mark in marks] == pytest.approx([change.ratio for change in drawn.changes])


def test_another_kind_of_answer_brings_its_own_medians(app: AppTest) -> None:
    page = opened(app, "law")
    page.select_slider(key="q_new").set_value(0.6).run()
    page.selectbox(key="task").select("Label or JSON record").run()
    assert page.select_slider(key="reach_answers").value == 0.05
    assert page.select_slider(key="q_new").value == 0.29
    assert "rephrasings lead" in title(page)


# --- glossary ------------------------------------------------------------------------------------------


def test_every_term_has_an_anchor_of_its_own_and_points_at_terms_that_are_there(app: AppTest) -> None:
    page = opened(app, "glossary")
    assert [heading.value for heading in page.subheader] == [term.name for term in terms.TERMS]
    anchors = [heading.proto.anchor for heading in page.subheader]
    assert len(set(anchors)) == len(anchors)
    names = {term.name for term in terms.TERMS}
    assert {see for term in terms.TERMS for see in term.see} <= names


def test_the_search_finds_other_words_for_a_term_and_says_when_it_finds_nothing(app: AppTest) -> None:
    page = opened(app, "glossary")
    page.text_input(key="find").set_value("paraphrase").run()
    assert [heading.value for heading in page.subheader] == ["Question rephrase"]
    page.text_input(key="find").set_value("<b>zebra").run()
    assert not page.subheader
    assert r"\<b\>zebra" in page.info[0].value


def test_the_glossary_holds_the_words_of_the_design() -> None:
    wanted = """seed, strategy, teacher, augmenter, student, query, budget, budget ratio, pool, variant, cell, pack,
    pilot, probe, measurement, curve, evidence, situation, ledger, sandbox, quality, reach, crossover, spending plan"""
    assert {word.strip() for word in wanted.split(",")} <= {term.name.lower() for term in terms.TERMS}


def test_links_into_the_glossary_lead_to_a_term() -> None:
    anchors = {term.anchor for term in terms.TERMS}
    for path in ROOT.glob("pages/*/*.py"):
        assert set(re.findall(r"glossary#([a-z0-9-]+)", path.read_text())) <= anchors
    assert terms.link("Budget ratio") == "[Budget ratio](glossary#budget-ratio)"


# --- track record --------------------------------------------------------------------------------------


def test_the_track_record_counts_what_lay_inside_the_intervals_and_says_how_many_should(app: AppTest) -> None:
    page = opened(app, "track_record")
    assert not page.exception
    found = left_out()
    held = sum(one.held for one in found)
    assert f"{held} of {len(found)} published accuracies" in page.subheader[0].value
    papers = look.tables(page, "How many accuracies of each paper")[0]
    assert papers["Accuracies"].sum() == len(found) == 192
    assert papers["Inside the 80 % interval"].sum() == held == 127, "as docs/prior-validation.md says"
    marks = [t for t in look.figure(page, "left_out")["data"] if t["mode"] == "markers"]
    assert sum(len(t["x"]) for t in marks) == len(found)


def test_without_a_full_run_the_track_record_says_how_to_make_one(app: AppTest) -> None:
    page = opened(app, "track_record")
    assert any("A full run after a pilot makes one" in info.value for info in page.info)


@pytest.mark.parametrize("page", ["map", "law", "evidence", "atlas"])
def test_each_page_that_teaches_leads_to_the_glossary_where_it_first_uses_a_term(app: AppTest, page: str) -> None:
    shown = opened(app, page)
    assert any("](glossary#" in element.value for element in (*shown.markdown, *shown.info))
