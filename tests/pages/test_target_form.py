"""What the pilot is for, on its form: the whole budget, the grid recommended for it, and what is said beforehand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.plan import check_plan
from pages.shared import target_form
from tests.pages.look import metric


@pytest.fixture
def form(app: AppTest) -> AppTest:
    return app.switch_page("pages/pilot/new.py").run()


def plan(form: AppTest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(form.session_state["pilot_shown"])
    return found


def said(form: AppTest) -> str:
    return " ".join(e.value for kind in (form.caption, form.markdown, form.info) for e in kind).replace("\\", "")


def test_without_a_whole_budget_the_defaults_are_recommended_with_a_reason(form: AppTest) -> None:
    assert "Recommended without a whole budget:** 200 and 1,600 queries, since" in said(form)
    assert plan(form)["target"] == {}
    assert "target_adaptive" not in [toggle.key for toggle in form.toggle]
    assert "Say how much you will spend in the end" in said(form)


def test_a_whole_budget_brings_the_adaptive_pilot_and_its_grid(form: AppTest) -> None:
    form.number_input(key="pilot_seeds").set_value(500)
    form.number_input(key="target_queries").set_value(20_000).run()
    assert not form.error
    grid = plan(form)["grid"]
    assert (grid["budgets"], grid["seed_sizes"], grid["adaptive"]) == ([170, 1400], [50, 25], True)
    assert plan(form)["target"] == {"queries": 20_000}
    assert "Recommended: 170 and 1,400 queries with 50 and 25 seeds." in said(form)
    assert "The first look" in said(form)
    assert "pilot_budgets" not in [field.key for field in form.text_input]
    assert check_plan(plan(form)).target.queries == 20_000


def test_a_fixed_grid_and_own_budgets_are_one_switch_away(form: AppTest) -> None:
    form.number_input(key="target_queries").set_value(20_000).run()
    form.toggle(key="target_adaptive").set_value(False).run()
    assert plan(form)["grid"]["adaptive"] is False
    assert "Measuring this whole grid" in said(form)
    form.toggle(key="target_recommended").set_value(False).run()
    assert plan(form)["grid"]["budgets"] == [200, 1600]
    form.text_input(key="pilot_seed_sizes").set_value("50, 100").run()
    assert plan(form)["grid"]["seed_sizes"] == [50, 100]
    form.text_input(key="pilot_seed_sizes").set_value("half").run()
    assert any("Seed sizes: found 'half', expected whole numbers" in error.value for error in form.error)


def test_money_is_turned_into_queries_at_the_price_of_one(form: AppTest) -> None:
    form.segmented_control(key="target_unit").set_value(target_form.MONEY).run()
    form.number_input(key="target_usd").set_value(20.0).run()
    assert any("queries cost nothing" in error.value for error in form.error)
    form.radio(key="pilot_teacher").set_value("An endpoint (OpenAI, vLLM, Ollama, llama.cpp)").run()
    form.radio(key="pilot_key_from").set_value("None needed").run()
    form.text_input(key="pilot_url").set_value("http://127.0.0.1:9/v1")
    form.text_input(key="pilot_model").set_value("some-model")
    form.number_input(key="pilot_usd_in").set_value(0.15)
    form.number_input(key="pilot_usd_out").set_value(0.6).run()
    assert not form.error
    queries = plan(form)["target"]["queries"]
    assert f"$20.00 buys about {queries:,} queries" in said(form)
    assert queries > 1000


def test_the_confirmation_says_three_costs_the_worth_and_a_likely_tie(form: AppTest) -> None:
    for label in ("Cost, at least", "Cost, expected", "Cost, at most"):
        assert metric(form, label) == "$0"
    assert 'The likely outcome is "too close to call"' in said(form)


def test_a_start_above_the_ceiling_is_refused_with_three_ways(form: AppTest) -> None:
    form.number_input(key="pilot_ceiling").set_value(1000).run()
    (error,) = form.error
    text = error.value.replace("\\", "")
    assert "the plan needs 4,900 queries" in text
    assert [line[:3] for line in text.splitlines()[1:]] == ["1. ", "2. ", "3. "]
    assert "1. Budgets: 200: 700 queries, free" in text
    assert "Strategies: answers, new questions and Budgets: 50, 400: 900 queries, free" in text
    assert form.button(key="pilot_start").disabled
