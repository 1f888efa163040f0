"""The advice page: what is typed moves what is advised."""

from __future__ import annotations

import io
import json
import statistics
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine import advice
from engine.domain import Situation, TaskType, TeacherOffer
from engine.next_pilot import next_pilot
from engine.points import parse_points
from tests.pages import rerender
from tests.pages.conftest import ROOT


def metric(app: AppTest, label: str) -> str:
    return str(next(m.value for m in app.metric if m.label == label))


def chart(app: AppTest) -> dict:
    return json.loads(app.get("plotly_chart")[0].proto.spec)


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


def test_money_with_a_price_becomes_queries(app: AppTest) -> None:
    app.segmented_control(key="budget").set_value("Money").run()
    app.number_input(key="usd").set_value(150.0)
    app.number_input(key="usd_in").set_value(1.0)
    app.number_input(key="usd_out").set_value(4.0)
    app.number_input(key="tokens_in").set_value(400.0)
    app.number_input(key="tokens_out").set_value(275.0).run()
    # 400 tokens at $1 and 275 at $4 a million: $0.0015 a query, so $150 buys 100,000
    assert metric(app, "Budget ratio") == "1,000 per seed"
    assert any("100,000 queries" in caption.value for caption in app.caption)


def test_money_with_the_price_of_one_query_becomes_queries(app: AppTest) -> None:
    app.segmented_control(key="budget").set_value("Money").run()
    app.segmented_control(key="price").set_value("One query").run()
    assert any("price is unknown" in info.value for info in app.info)
    app.number_input(key="usd_query").set_value(0.005).run()
    assert metric(app, "Budget ratio") == "100 per seed"


def test_an_unknown_price_stays_unknown_and_asks_for_queries(app: AppTest) -> None:
    app.segmented_control(key="budget").set_value("Money").run()
    assert not app.metric
    assert not app.error
    assert any("price is unknown" in info.value for info in app.info)


def test_a_free_teacher_asks_for_queries(app: AppTest) -> None:
    app.segmented_control(key="budget").set_value("Money").run()
    for key in ("usd_in", "usd_out", "tokens_in", "tokens_out"):
        app.number_input(key=key).set_value(0.0)
    app.run()
    assert any("costs nothing" in info.value for info in app.info)


def test_money_that_buys_no_query_says_so(app: AppTest) -> None:
    app.segmented_control(key="budget").set_value("Money").run()
    app.number_input(key="usd").set_value(0.01)
    for key in ("usd_in", "usd_out", "tokens_in", "tokens_out"):
        app.number_input(key=key).set_value(1000.0)
    app.run()
    assert any("buys none" in warning.value for warning in app.warning)
    assert not app.metric


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
    assert any("hypothesis" in caption.value.lower() for caption in app.caption)
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
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=10)
    app.query_params["seeds"] = "800"
    app.query_params["queries"] = "20000"
    app.query_params["task"] = "Label or JSON record"
    app.run()
    assert metric(app, "Budget ratio") == "25 per seed"
    assert app.selectbox(key="task").value == "Label or JSON record"


OWN = (
    "strategy,seeds,queries,correct,total\nseeds_only,100,0,90,300\n"
    "answer_augmentation,100,1000,120,300\nnew_question,100,1000,180,300\n"
)


def with_points(app: AppTest, path: Path) -> AppTest:
    """The page after that file was uploaded."""
    app.segmented_control(key="own_points").set_value("CSV file").run()
    app.session_state["points_file_path"] = path
    return app.run()


def test_unlabelled_inputs_let_real_questions_compete(app: AppTest) -> None:
    assert len(app.dataframe[0].value) == 3
    app.number_input(key="unlabelled").set_value(2000).run()
    assert "Real questions" in list(app.dataframe[0].value["Strategy"])
    assert any(trace["name"].startswith("Real questions") for trace in chart(app)["data"] if "name" in trace)


def test_what_else_you_have_reaches_the_engine(app: AppTest) -> None:
    app.number_input(key="test_items").set_value(200)
    app.text_input(key="student").set_value("Qwen2.5-7B")
    app.selectbox(key="verifiable").select("No").run()
    expected = advice.recommend(
        Situation(TaskType.MATH, 100, 3000, test_items=200, student="Qwen2.5-7B", verifiable=False)
    )
    assert app.header[0].value == expected.headline


def test_teachers_are_compared_for_the_same_money_and_an_unknown_price_stays_unknown(app: AppTest) -> None:
    app.segmented_control(key="budget").set_value("Money").run()
    app.segmented_control(key="price").set_value("One query").run()
    app.number_input(key="usd_query").set_value(0.01)
    app.text_input(key="teacher2").set_value("small")
    app.text_input(key="teacher3").set_value("secret").run()
    app.number_input(key="price2").set_value(0.001).run()
    table = next(d.value for d in app.dataframe if "Teacher" in d.value)
    assert list(table["Queries"]) == ["5,000", "50,000", "unknown"]
    assert list(table["Price of a query"]) == ["$0.01", "$0.001", "unknown"]


def test_a_question_writer_of_its_own_price_is_weighed(app: AppTest) -> None:
    app.segmented_control(key="budget").set_value("Money").run()
    app.segmented_control(key="price").set_value("One query").run()
    app.number_input(key="usd_query").set_value(0.01)
    app.number_input(key="writer_usd").set_value(0.001).run()
    offer = TeacherOffer("question writer", usd_per_query=0.001)
    own = TeacherOffer("Your teacher", usd_per_query=0.01)
    expected = advice.recommend(
        Situation(TaskType.MATH, 100, 5000, budget_usd=50.0, teachers=(own,), augmenter_offer=offer)
    )
    assert expected.augmenters
    assert app.header[0].value == expected.headline
    told = [reason.text for reason in expected.reasons if "question writer" in reason.text]
    assert told
    assert all(any(text in markdown.value for markdown in app.markdown) for text in told)


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
    assert "line 6" in error
    assert app.header[0].value == before


def test_without_a_pilot_of_this_kind_the_page_says_so(app: AppTest) -> None:
    app.segmented_control(key="own_points").set_value("Pilot").run()
    assert any("Sandbox pilots are practice" in caption.value for caption in app.caption)
    assert not app.error


def test_the_worth_of_a_pilot_is_said_with_the_items_that_it_was_reckoned_for(app: AppTest) -> None:
    expected = next_pilot(Situation(TaskType.MATH, 100, 3000))
    assert expected.why in [text.value for text in app.markdown]
    assert any("300 test items" in caption.value for caption in app.caption)
