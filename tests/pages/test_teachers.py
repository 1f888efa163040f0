"""Money, teachers and prices on the advice page: one's own first, the table's with its source, else unknown."""

from __future__ import annotations

import datetime

import pandas as pd
from streamlit.testing.v1 import AppTest

from engine import advice
from engine.domain import Situation, TaskType, TeacherOffer
from engine.kinds_shown import KINDS
from engine.prices import quote_by_name
from tests.pages.conftest import ROOT
from tests.pages.look import chart, metric, told


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


def test_a_length_of_a_query_that_is_not_typed_is_assumed_and_said_to_be(fresh: AppTest) -> None:
    assert fresh.text_input(key="teacher1").value == "gpt-4.1"
    price, kind = quote_by_name("gpt-4.1"), KINDS[TaskType.MATH]
    each = (kind.read * price.input_usd + kind.written * price.output_usd) / 1e6
    assert metric(fresh, "Budget ratio") == f"{int(50 / each + 1e-9) / 100:,.0f} per seed"
    assert f"{kind.read} tokens read, {kind.written} written, assumed for such answers" in told(fresh)
    fresh.session_state["price_fold"] = True
    fresh.run().number_input(key="tokens_in").set_value(400.0)
    fresh.number_input(key="tokens_out").set_value(400.0).run()
    assert "assumed for such answers" not in told(fresh)


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


def teachers(app: AppTest) -> pd.DataFrame:
    return next(d.value for d in app.dataframe if "Teacher" in d.value)


def test_teachers_are_compared_for_the_same_money_and_an_unknown_price_stays_unknown(app: AppTest) -> None:
    app.segmented_control(key="budget").set_value("Money").run()
    app.segmented_control(key="price").set_value("One query").run()
    app.number_input(key="usd_query").set_value(0.01)
    app.text_input(key="teacher2").set_value("small").run()
    app.text_input(key="teacher3").set_value("secret").run()
    app.number_input(key="price2").set_value(0.001).run()
    table = teachers(app)
    assert list(table["Teacher"]) == ["Your teacher", "small", "secret"]
    assert list(table["Queries"]) == ["5,000", "50,000", "unknown"]
    assert list(table["Price of a query"]) == ["$0.01", "$0.001", "unknown"]
    assert list(table["Price from"]) == ["your own price", "your own price", "unknown"]


def test_a_known_name_brings_a_dated_price_with_its_source(app: AppTest) -> None:
    app.segmented_control(key="budget").set_value("Money").run()
    app.text_input(key="teacher1").set_value("gpt-4o-mini").run()
    app.number_input(key="tokens_in").set_value(400.0)
    app.number_input(key="tokens_out").set_value(400.0).run()
    listed = quote_by_name("gpt-4o-mini")
    queries = int(50.0 / (400e-6 * (listed.input_usd + listed.output_usd)) + 1e-9)
    assert metric(app, "Budget ratio") == f"{queries / 100:,.0f} per seed"
    shown = " ".join(caption.value for caption in app.caption)
    assert "genai\\-prices" in shown or "genai-prices" in shown
    assert f"for {datetime.datetime.now(datetime.UTC):%Y-%m-%d}" in shown
    assert app.number_input(key="usd_in").value is None
    assert app.number_input(key="usd_in").placeholder == f"{listed.input_usd:g} in the table"


def test_the_users_own_price_goes_before_the_tables(app: AppTest) -> None:
    app.segmented_control(key="budget").set_value("Money").run()
    app.text_input(key="teacher1").set_value("gpt-4o-mini").run()
    app.number_input(key="usd_in").set_value(10.0)
    app.number_input(key="usd_out").set_value(40.0)
    app.number_input(key="tokens_in").set_value(100.0)
    app.number_input(key="tokens_out").set_value(100.0).run()
    assert metric(app, "Budget ratio") == "100 per seed"  # half a cent a query
    assert not any("genai" in caption.value for caption in app.caption)


def test_a_name_that_nobody_lists_has_no_price(app: AppTest) -> None:
    app.segmented_control(key="budget").set_value("Money").run()
    app.text_input(key="teacher1").set_value("our-own-7b").run()
    app.number_input(key="tokens_in").set_value(400.0)
    app.number_input(key="tokens_out").set_value(400.0).run()
    assert not app.metric
    assert any("price is unknown" in info.value for info in app.info)
    assert any("No price of our" in caption.value for caption in app.caption)


def test_four_teachers_with_token_prices_share_the_tokens_of_a_query(app: AppTest) -> None:
    app.segmented_control(key="budget").set_value("Money").run()
    app.text_input(key="teacher1").set_value("mine").run()
    for key, value in {"usd_in": 1.0, "usd_out": 3.0, "tokens_in": 500.0, "tokens_out": 500.0}.items():
        app.number_input(key=key).set_value(value)
    app.run()
    for place, name in ((2, "gpt-4o-mini"), (3, "cheap"), (4, "unlisted")):
        app.text_input(key=f"teacher{place}").set_value(name).run()
    app.number_input(key="usd_in3").set_value(0.1)
    app.number_input(key="usd_out3").set_value(0.1).run()
    table = teachers(app)
    assert list(table["Teacher"]) == ["mine", "gpt-4o-mini", "cheap", "unlisted"]
    assert list(table["Queries"])[::2] == ["25,000", "500,000"]
    assert list(table["Queries"])[3] == "unknown"
    assert list(table["Price from"])[1].startswith("genai-prices")
    assert not any(box.key == "teacher5" for box in app.text_input)
    assert not app.exception
    assert not app.error


def test_a_link_restores_all_four_teachers() -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for key, value in {"budget": "Money", "price": "One query", "usd_query": "0.01", "teacher1": "a"}.items():
        app.query_params[key] = value
    for place, name in ((2, "b"), (3, "c"), (4, "d")):
        app.query_params[f"teacher{place}"] = name
        app.query_params[f"price{place}"] = "0.001"
    app.run()
    assert list(teachers(app)["Teacher"]) == ["a", "b", "c", "d"]


def test_teachers_wait_for_the_price_of_ones_own(app: AppTest) -> None:
    app.text_input(key="teacher2").set_value("gpt-4o-mini").run()
    assert any("as soon as the price of a query of your own teacher" in caption.value for caption in app.caption)
    assert not any("Teacher" in d.value for d in app.dataframe)
    assert app.metric, "the budget is in queries: the advice stands without any price"


def test_two_teachers_of_one_name_are_refused_in_a_sentence(app: AppTest) -> None:
    app.segmented_control(key="budget").set_value("Money").run()
    app.segmented_control(key="price").set_value("One query").run()
    app.number_input(key="usd_query").set_value(0.01)
    app.text_input(key="teacher1").set_value("same").run()
    app.text_input(key="teacher2").set_value("same").run()
    assert any("named twice" in error.value for error in app.error)


def test_with_a_price_the_chart_is_in_dollars_and_in_queries_without(app: AppTest) -> None:
    assert chart(app)["layout"]["xaxis"]["title"]["text"] == "Teacher queries (log scale)"
    app.text_input(key="teacher1").set_value("mine").run()
    app.segmented_control(key="price").set_value("One query").run()
    app.number_input(key="usd_query").set_value(0.01).run()
    layout = chart(app)["layout"]
    assert "US dollars" in layout["xaxis"]["title"]["text"]
    assert layout["xaxis2"]["title"]["text"].startswith("Queries per seed")
    assert any(trace.get("x") == [30.0, 30.0] for trace in chart(app)["data"]), "3,000 queries at a cent"


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
    reasons = [reason.text for reason in expected.reasons if "question writer" in reason.text]
    assert reasons
    assert all(text in told(app) for text in reasons)
