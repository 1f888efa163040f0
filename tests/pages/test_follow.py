"""The full run after a pilot: asked for by one button, shown before it is paid, held against its forecast."""

from __future__ import annotations

import time

import pytest
from streamlit.testing.v1 import AppTest

from engine import full_prepare
from engine.asking import ledger_of
from engine.full_prepare import prepare_full
from engine.machine_fit import Machine
from engine.plan import check_plan
from engine.records import RunState
from engine.store import Store
from pages.shared import run_words
from tests.pages import filled
from tests.pages.look import metric, opened

TEACHER = {"kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "model": "m", "key_env": "NO_SUCH_KEY"}
PRICED = TEACHER | {"usd_per_million_input": 1.0, "usd_per_million_output": 2.0}


def waited_for(store: Store, run_id: str) -> None:
    """Until the worker has got as far as the teacher, and asks for its key."""
    deadline = time.monotonic() + 90
    while store.run(run_id).state in run_words.LIVE and time.monotonic() < deadline:
        time.sleep(0.3)
    assert store.run(run_id).state is RunState.WAITING_FOR_KEY


def test_the_full_run_waits_for_a_budget_and_takes_the_plans(app: AppTest, store: Store) -> None:
    page = opened(app, filled.run(store))
    assert page.button(key="follow").disabled
    targeted = filled.run(store, "20261121-091500-bbbb", target={"queries": 20_000}, grid={"adaptive": False})
    page = opened(app, targeted)
    assert not page.button(key="follow").disabled
    assert page.number_input(key=f"follow_queries_{targeted}").value == 20_000


def test_what_the_full_run_takes_is_said_before_it_starts(app: AppTest, store: Store) -> None:
    run_id = filled.run(store, teacher=PRICED)
    page = opened(app, run_id)
    page.number_input(key=f"follow_queries_{run_id}").set_value(20_000).run()
    page.number_input(key=f"follow_usd_{run_id}").set_value(3.0).run()
    page.button(key="follow").click().run()
    assert not page.exception
    assert not page.error
    said = " ".join(text.value for text in page.markdown)
    assert "Of 20,000 queries: " in said
    assert "of these are paid already" in said
    assert 0 < int(metric(page, "New queries, at most").replace(",", "")) < 20_000
    low, middle, high = (metric(page, f"Cost, {name}") for name in ("at least", "expected", "at most"))
    assert low.startswith("$")
    assert middle.startswith("$")
    assert high == "$3.00", "the ceiling that was typed"
    assert [run.id for run in store.runs()] == [run_id], "nothing is filed before the yes"


def test_what_the_dialog_promises_is_what_the_ledger_enforces(app: AppTest, store: Store) -> None:
    grid = {"seed_sizes": [30, 100], "budgets": [200, 1600], "replicates": 1, "adaptive": False}
    pilot = filled.run(store, teacher=PRICED, grid=grid)
    page = opened(app, pilot)
    page.number_input(key=f"follow_queries_{pilot}").set_value(20_000).run()
    page.button(key="follow").click().run()
    queries, usd = (metric(page, label) for label in ("New queries, at most", "Cost, at most"))
    page.button(key="follow_yes").click().run()
    assert not page.exception
    (made,) = (run for run in store.runs() if run.id != pilot)
    ready = prepare_full(check_plan(made.plan)).prepared
    enforced = ledger_of(store, made.id, ready, ready.price).ceiling
    assert f"{enforced.queries:,}" == queries
    assert run_words.money(enforced.usd) == usd
    assert enforced.queries is not None
    assert enforced.queries < sum(made.plan["full"]["spending"].values()), "what is paid is no part of it"
    waited_for(store, made.id)


def test_a_budget_with_nothing_left_is_refused_in_one_message(app: AppTest, store: Store) -> None:
    run_id = filled.run(store)
    page = opened(app, run_id)
    page.number_input(key=f"follow_queries_{run_id}").set_value(20).run()
    page.button(key="follow").click().run()
    (error,) = page.error
    assert "nothing is left to follow it with" in error.value
    assert "follow_yes" not in [button.key for button in page.button]


def test_a_student_that_this_machine_cannot_train_is_one_message_and_nothing_to_start(
    app: AppTest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = filled.run(store, teacher=PRICED)
    monkeypatch.setattr(full_prepare, "this_machine", lambda: Machine("cpu", 500_000_000, 500_000_000))
    page = opened(app, run_id)
    page.number_input(key=f"follow_queries_{run_id}").set_value(20_000).run()
    page.button(key="follow").click().run()
    (error,) = page.error
    assert "million parameters need" in error.value
    assert "use a larger machine" in error.value
    assert "Of 20,000 queries" not in " ".join(text.value for text in page.markdown)
    assert "follow_yes" not in [button.key for button in page.button]


def test_one_button_starts_what_the_command_starts(app: AppTest, store: Store) -> None:
    # A key that is nowhere: the worker gets as far as the teacher and asks for it. Nothing is trained or paid.
    pilot = filled.run(store, teacher=TEACHER, target={"queries": 20_000}, grid={"adaptive": False})
    page = opened(app, pilot)
    page.button(key="follow").click().run()
    page.button(key="follow_yes").click().run()
    assert not page.exception
    (made,) = (run for run in store.runs() if run.id != pilot)
    assert page.query_params["run"] == made.id
    assert made.plan["full"]["train"] is True
    assert made.plan["full"]["forecast"] is None or made.plan["full"]["forecast"]["pilot"] == pilot
    waited_for(store, made.id)


def test_a_full_run_shows_its_forecast_and_then_how_it_did(app: AppTest, store: Store) -> None:
    pilot = filled.run(store, filled.FORECAST.pilot)
    waiting = opened(app, filled.full(store, "data-20261121-120000-wait", None))
    assert any("Forecast: 80 % right (75 to 85, 80 %)" in info.value for info in waiting.info)
    page = opened(app, filled.full(store, "data-20261121-130000-held", 158))
    titles = [title.value for title in page.subheader]
    assert "The forecast held: 80 % right expected (75 to 85), 79 % measured (75 to 82)" in titles
    page = opened(app, pilot)
    links = [button for button in page.button if "full run after" in button.label]
    assert [button.key for button in links] == [
        "follow_go_data-20261121-130000-held",
        "follow_go_data-20261121-120000-wait",
    ]
    links[0].click().run()
    assert page.query_params["run"] == "data-20261121-130000-held"


def test_the_page_keeps_the_score_of_its_own_forecasts(app: AppTest, store: Store) -> None:
    app.switch_page("pages/pilot/runs.py").run()
    assert not app.get("plotly_chart")
    for name, right in (("one", 158), ("two", 130), ("wait", None)):
        filled.full(store, f"data-20261121-12000-{name}", right)
    app.run()
    assert not app.exception
    assert any(
        t.value == "1 of 2 past forecasts held; measured lies 8.0 points below forecast on average"
        for t in app.subheader
    )
    assert len(app.get("plotly_chart")) == 1
