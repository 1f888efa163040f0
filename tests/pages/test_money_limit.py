"""The limit in money: what the forms say where none is typed, and what a run's page shows, is what the ledger holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.asking import ledger_of
from engine.full_prepare import prepare_full
from engine.plan import check_plan
from engine.prepare import prepare
from engine.runs import file_full, file_pilot
from engine.store import Store
from pages.shared import run_words
from tests.pages import filled
from tests.pages.look import metric, opened
from tests.pages.test_follow import PRICED, TEACHER

FORMS = {"pages/pilot/new.py": "pilot_usd", "pages/pilot/generate.py": "generate_ceiling_usd"}
ENDPOINT = "An endpoint (OpenAI, vLLM, Ollama, llama.cpp)"
SMALL = {"teacher": PRICED, "seeds": {"count": 20}, "test": {"count": 20, "teacher_items": 0}}


def said_of(form: AppTest, key: str) -> str:
    return form.number_input(key=key).proto.placeholder


@pytest.mark.parametrize("page", FORMS)
def test_the_forms_say_what_holds_where_no_limit_is_typed(app: AppTest, page: str) -> None:
    form, key = app.switch_page(page).run(), FORMS[page]
    form.radio(key="pilot_teacher").set_value(ENDPOINT).run()
    form.text_input(key="pilot_url").set_value("http://127.0.0.1:9/v1")
    form.text_input(key="pilot_model").set_value("m").run()
    assert said_of(form, key) == "no limit: a price is unknown"
    form.number_input(key="pilot_usd_in").set_value(1.0)
    form.number_input(key="pilot_usd_out").set_value(2.0).run()
    assert said_of(form, key) == "the upper cost shown"


def test_the_full_run_after_a_pilot_says_it_too(app: AppTest, store: Store) -> None:
    priced, unpriced = filled.run(store, teacher=PRICED), filled.run(store, "20261121-091500-bbbb", teacher=TEACHER)
    assert said_of(opened(app, priced), f"follow_usd_{priced}") == "the upper cost shown"
    assert said_of(opened(app, unpriced), f"follow_usd_{unpriced}") == "no limit: a price is unknown"


def test_the_page_of_a_pilot_shows_the_limit_that_its_ledger_holds(app: AppTest, store: Store) -> None:
    run_id = file_pilot(check_plan(SMALL | {"grid": {"budgets": [40], "replicates": 1}}), store)
    ready = prepare(check_plan(store.run(run_id).plan))
    usd = ledger_of(store, run_id, ready, ready.price).ceiling.usd
    assert usd is not None
    assert usd > 0
    assert metric(opened(app, run_id), "Cost") == f"$0 of {run_words.money(usd)}"


def test_the_page_of_a_data_set_shows_the_limit_that_its_ledger_holds(
    app: AppTest, store: Store, own_home: Path
) -> None:
    made = {"full": {"spending": {"new_question": 12}, "folder": str(own_home / "made")}}
    run_id = file_full(prepare_full(check_plan(SMALL | made)), store, lambda _: None)
    ready = prepare_full(check_plan(store.run(run_id).plan)).prepared
    usd = ledger_of(store, run_id, ready, ready.price).ceiling.usd
    assert usd is not None
    assert metric(opened(app, run_id), "Cost") == f"$0 of {run_words.money(usd)}"


def test_where_a_price_is_unknown_no_limit_in_money_is_shown(app: AppTest, store: Store) -> None:
    run_id = file_pilot(check_plan(SMALL | {"teacher": TEACHER}), store)
    page = opened(app, run_id)
    assert " of " not in metric(page, "Cost")
    assert "the ceiling holds in queries only" in next(one.help for one in page.metric if one.label == "Cost")


def test_a_typed_limit_is_the_one_that_is_shown(app: AppTest, store: Store) -> None:
    run_id = file_pilot(check_plan(SMALL | {"ceiling": {"usd": 3.0}}), store)
    assert metric(opened(app, run_id), "Cost") == "$0 of $3.00"
