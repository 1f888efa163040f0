"""The advice page: what is typed moves what is advised."""

from __future__ import annotations

import io
import re
import statistics
from dataclasses import asdict
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine import advice
from engine.domain import Situation, TaskType
from engine.evidence import published
from engine.next_pilot import next_pilot
from engine.wording_choices import each_flip
from tests.pages import rerender
from tests.pages.conftest import ROOT
from tests.pages.look import chart, metric, told


def test_the_headline_is_the_engines_sentence_for_what_was_typed(app: AppTest) -> None:
    app.number_input(key="seeds").set_value(800)
    app.number_input(key="queries").set_value(20_000).run()
    expected = advice.recommend(Situation(TaskType.MATH, 800, 20_000))
    assert expected.headline in [header.value for header in app.header]
    assert metric(app, "Budget ratio") == "25 per seed"


def test_another_kind_of_answer_changes_the_advice(app: AppTest) -> None:
    before = app.header[0].value
    app.selectbox(key="task").select("Label or JSON record").run()
    assert app.header[0].value != before
    assert "assumed" in " ".join(trace["name"] for trace in chart(app)["data"] if "name" in trace)


def test_a_weak_augmenter_and_the_convention_of_calls_reach_the_engine(app: AppTest) -> None:
    app.radio(key="augmenter").set_value("Weak")
    app.radio(key="calls").set_value("One per example, as in the studies").run()
    expected = advice.recommend(Situation(TaskType.MATH, 100, 3000, "weak", "paper"))
    assert app.header[0].value == expected.headline
    assert list(app.dataframe[0].value["Examples"]) == [3000, 3000, 3000]


@pytest.mark.parametrize(("seeds", "queries"), [(1, 1), (100, 1)], ids=["one of each", "one query"])
def test_a_budget_below_one_example_is_told_in_a_sentence(app: AppTest, seeds: int, queries: int) -> None:
    app.number_input(key="seeds").set_value(seeds)
    app.number_input(key="queries").set_value(queries).run()
    assert not app.exception
    assert ["give at least" in error.value for error in app.error] == [True]


def test_the_chart_marks_the_budget_and_draws_each_strategy_with_its_band(app: AppTest) -> None:
    traces = chart(app)["data"]
    assert any(trace.get("x") == [3000, 3000] for trace in traces)
    curves = [trace for trace in traces if trace.get("mode") == "lines+markers"]
    assert [trace["name"].split(" (")[0] for trace in curves] == ["Answers", "Rephrasings", "New questions"]
    assert len({trace["line"]["dash"] for trace in curves}) == 3
    assert len({trace["marker"]["symbol"] for trace in curves}) == 3
    assert sum(trace.get("fill") == "toself" for trace in traces) == 3


def test_the_table_holds_what_the_engine_says(app: AppTest) -> None:
    expected = advice.recommend(Situation(TaskType.MATH, 100, 3000))
    table = app.dataframe[0].value
    assert len(table) == 3
    assert sorted(table["Likely best"]) == pytest.approx(sorted(100 * o.p_best for o in expected.outlooks))
    assert list(table["Likely best"]) == sorted(table["Likely best"], reverse=True)
    assert pd.read_csv(io.StringIO(table.to_csv(index=False))).shape == table.shape


def test_the_plan_is_called_a_hypothesis_and_prior_advice_is_called_prior(app: AppTest) -> None:
    assert "a hypothesis until a mixed set was measured" in told(app).lower()
    assert any("Prior: published studies only" in text.value for text in app.markdown)


def test_what_was_typed_is_still_there_after_a_visit_to_another_page(app: AppTest) -> None:
    app.number_input(key="seeds").set_value(800).run()
    app.switch_page("pages/learn/method.py").run()
    app.switch_page("pages/decide/recommend.py").run()
    assert app.number_input(key="seeds").value == 800


def test_a_moved_input_renders_in_well_under_100_ms_of_processor_time() -> None:
    _, processor = rerender.milliseconds()
    assert statistics.median(processor) < 100


def test_a_link_restores_the_scenario() -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params["seeds"] = "800"
    app.query_params["budget"] = "Queries"
    app.query_params["queries"] = "20000"
    app.query_params["task"] = "Label or JSON record"
    app.run()
    assert metric(app, "Budget ratio") == "25 per seed"
    assert app.selectbox(key="task").value == "Label or JSON record"


def test_unlabelled_inputs_let_real_questions_compete(app: AppTest) -> None:
    assert len(app.dataframe[0].value) == 3
    app.number_input(key="unlabelled").set_value(2000).run()
    assert "Real questions" in list(app.dataframe[0].value["Strategy"])
    assert any(trace["name"].startswith("Real questions") for trace in chart(app)["data"] if "name" in trace)


def test_what_else_you_have_reaches_the_engine(app: AppTest) -> None:
    app.number_input(key="seeds").set_value(300)
    app.number_input(key="test_items").set_value(200)
    app.text_input(key="student").set_value("Qwen2.5-7B")
    app.selectbox(key="verifiable").select("No").run()
    expected = advice.recommend(
        Situation(TaskType.MATH, 100, 3000, test_items=200, student="Qwen2.5-7B", verifiable=False)
    )
    assert app.header[0].value == expected.headline


def test_the_values_of_the_chart_are_a_table_once_they_are_opened(app: AppTest) -> None:
    assert not any("What" in d.value for d in app.dataframe)
    app.session_state["curves_values"] = True
    app.run()
    table = next(d.value for d in app.dataframe if "What" in d.value)
    drawn = [trace for trace in chart(app)["data"] if trace.get("mode") == "lines+markers"]
    assert len(table) == sum(len(trace["x"]) for trace in drawn)
    assert set(table["Strategy"]) == {"Answers", "Rephrasings", "New questions"}


def test_a_tie_with_real_questions_says_the_cheapest_and_what_the_test_items_show(app: AppTest) -> None:
    app.number_input(key="seeds").set_value(300)
    app.number_input(key="unlabelled").set_value(300)
    app.number_input(key="test_items").set_value(200).run()
    expected = advice.recommend(Situation(TaskType.MATH, 100, 3000, unlabelled=300, test_items=200))
    assert expected.recommended is None
    assert app.header[0].value == expected.headline
    assert "your 200 test items show 9 or more. Cheapest: real questions, 300 of 3,000 queries." in expected.headline
    assert metric(app, "Cheapest of the tie") == "Real questions"
    assert metric(app, "Expected best of it") == "Answers"
    said = [text.value for text in app.markdown if "Cheapest: real questions" in text.value]
    assert len(said) == 1, "said once: beside the headline, and not again among the reasons"
    assert "your 200 test items can show differences from about 8.9 points" in said[0]
    assert "all 300 of your inputs take 300 of 3,000 queries" in said[0]


def test_examples_kept_for_testing_are_not_trained_on(app: AppTest) -> None:
    app.number_input(key="seeds").set_value(800)
    app.number_input(key="test_items").set_value(200).run()
    assert "600 to train on, 200 to test on." in told(app)
    assert metric(app, "Budget ratio") == "5 per seed"
    app.number_input(key="test_items").set_value(800).run()
    assert ["at least one has to be left" in error.value for error in app.error] == [True]
    assert not app.metric


def test_what_would_change_the_advice_and_whether_it_matters_are_said_once(app: AppTest) -> None:
    found = advice.recommend(Situation(TaskType.MATH, 100, 3000))
    assert found.flips
    said = told(app).lower()
    for text in each_flip(found):
        assert said.count(text.lower()) == 1
    assert metric(app, "Does it matter?") == f"{found.at_stake.mean:.1f} points"
    assert "What would change my mind" in [s.value for s in app.subheader]


def test_every_source_is_a_link_to_its_rows_of_the_evidence(app: AppTest) -> None:
    links = re.findall(r"\((evidence\?[^)]*)\)", "\n".join(text.value for text in app.markdown))
    assert len(links) > 10
    held = [" ".join(map(str, asdict(row).values())).lower() for row in (*published().points, *published().claims)]
    for link in links:
        (find,) = parse_qs(urlsplit(link).query)["evidence_find"]
        assert any(all(word in row for word in find.lower().split()) for row in held), find


def test_a_term_is_linked_to_the_glossary_where_it_is_said_first(app: AppTest) -> None:
    names = re.findall(r"glossary#([a-z0-9-]+)", "\n".join(t.value for t in (*app.markdown, *app.caption)))
    assert {"crossover", "budget-ratio", "question-rephrase", "prior-advice"} <= set(names)
    assert len(names) == len(set(names))


def test_the_worth_of_a_pilot_is_said_with_the_items_that_it_was_reckoned_for(app: AppTest) -> None:
    expected = next_pilot(Situation(TaskType.MATH, 100, 3000))
    assert expected.why in told(app)
    assert any("300 test items" in caption.value for caption in app.caption)


def test_advice_can_start_from_the_atlas_which_is_named_beside_it(app: AppTest) -> None:
    app.radio(key="known").set_value("The sandbox's atlas").run()
    assert not app.exception
    expected = advice.recommend(Situation(TaskType.MATH, 100, 3000, known="atlas"))
    assert expected.headline in [header.value for header in app.header]
    assert any("Prior: worlds of the sandbox's atlas only" in text.value for text in app.markdown)
