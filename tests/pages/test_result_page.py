"""A pilot's result: verdict, ladder, score against money, what became of it, rows side by side, the estimate."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from engine.answer_groups import groups_of
from engine.domain import Strategy
from engine.items import write_jsonl
from engine.ledger import account
from engine.plan import check_plan
from engine.records import RunState
from engine.runs import file_pilot, kept_estimate
from engine.store import Store
from pages.shared import funnel_parts, ladder_parts, row_parts
from tests.pages import filled
from tests.pages.look import figure, opened, tables

PRICED = filled.OWN["teacher"] | {"usd_per_million_input": 1.0, "usd_per_million_output": 2.0}


def titles(page: AppTest) -> list[str]:
    return [title.value.replace("\\", "") for title in page.subheader]


def test_the_verdict_comes_first_and_in_a_sentence(app: AppTest, store: Store) -> None:
    page = opened(app, filled.run(store))
    (verdict,) = page.header
    assert "New questions" in verdict.value
    assert any("Before it, by published studies only" in caption.value for caption in page.caption)


def test_the_ladder_goes_from_the_untuned_student_to_the_teacher(app: AppTest, store: Store) -> None:
    run_id = filled.run(store)
    page = opened(app, run_id)
    assert any(
        re.match(r"From \d+ % untuned to 7\d % with new questions at 1,600 queries; the", t) for t in titles(page)
    )
    (marks,) = figure(page, "run_ladder")["data"]
    assert marks["y"][0] == "Untuned"
    assert marks["y"][-1] == "Teacher"
    assert len(marks["error_x"]["array"]) == len(marks["y"])
    rungs = ladder_parts.rungs(store.cells(run_id))
    best = next(rung for rung in rungs if rung.arm is Strategy.NEW_QUESTION and rung.budget == 1600)
    assert best.adapters == 2, "replicates are one rung"
    assert best.items == 298, "what could not be scored is in no share"
    assert best.level.low80 < best.level.mean < best.level.high80


def test_scores_stand_against_dollars_with_the_ratio_above_where_a_price_is_known(app: AppTest, store: Store) -> None:
    priced = filled.run(store, **filled.OWN | {"teacher": PRICED})
    page = opened(app, priced)
    layout = figure(page, "run_curves")["layout"]
    assert layout["xaxis"]["title"]["text"] == "Spent on queries, US dollars (log scale)"
    assert layout["xaxis2"]["title"]["text"] == "Queries per seed (budget ratio)"
    names = [trace.get("name", "") for trace in figure(page, "run_curves")["data"]]
    assert "Thin: before your data" in names, "curves before and after"
    page.segmented_control(key=f"run_unit_{priced}").set_value("Queries").run()
    assert figure(page, "run_curves")["layout"]["xaxis"]["title"]["text"] == "Teacher queries (log scale)"
    free = opened(app, filled.run(store, "20261121-091500-free"))
    assert figure(free, "run_curves")["layout"]["xaxis"]["title"]["text"] == "Teacher queries (log scale)"


def test_what_was_paid_read_and_kept_stands_in_one_figure(app: AppTest, store: Store) -> None:
    run_id = filled.run(store)
    page = opened(app, run_id)
    paid, read, kept = figure(page, "run_funnel")["data"]
    assert [bar["name"] for bar in (paid, read, kept)] == ["Paid queries", "Examples read", "Examples kept"]
    flows = funnel_parts.flows(store.pools(run_id))
    for flow in flows:
        assert flow.kept <= flow.read <= flow.asked
    new = next(flow for flow in flows if flow.name == "New questions")
    assert (new.asked, new.read) == (800, 780), "of 800 visits 20 could not be read"


def test_an_adaptive_pilot_shows_how_sure_it_was_at_each_step(app: AppTest, store: Store) -> None:
    page = opened(app, filled.run(store, target={"queries": 20_000}))
    lines = {line["name"]: line for line in figure(page, "run_chances")["data"]}
    assert lines["New questions"]["x"][:3] == [0, 400, 3400]
    assert lines["New questions"]["y"][:3] == pytest.approx([30, 55, 95])
    assert any(t.startswith("New questions went from 30 % to ") for t in titles(page))
    fixed = opened(app, filled.run(store, "20261121-091500-fixd"))
    assert figure(fixed, "run_chances")["data"][0]["x"][0] == 0, "before the pilot, and after it"


def test_cost_and_time_stand_beside_what_was_estimated(app: AppTest, store: Store) -> None:
    run_id = filled.run(store, **filled.OWN | {"teacher": PRICED})
    page = opened(app, run_id)
    table = tables(page, "Queries, cost and time")[0].set_index("What")
    assert list(table.loc["Cost"]) == ["$1.10", "$2.20", "$9.80", "$1.96"]
    assert list(table.loc["Teacher queries"])[1:] == ["4,900", "5,400", "4,900"]
    assert any(t.startswith("It cost $1.96 of an expected $2.20") for t in titles(page))


def test_what_the_queries_were_for_adds_up_to_what_was_paid(app: AppTest, store: Store) -> None:
    run_id = filled.run(store, **filled.OWN | {"teacher": PRICED})
    with store.transaction() as connection:
        for key, purpose, state, usd in (
            ("mine", "teacher_on_test", "settled", 0.5),
            ("back", "judge", "released", 9.0),
            ("lost", "judge", "unknown", None),
        ):
            connection.execute(
                text(
                    "INSERT INTO queries (run_id, key, strategy, seed_id, sample_index, teacher, state, reserved_usd, "
                    "created_at) VALUES (:run, :key, :purpose, 's', 0, 'm', :state, :usd, 1.0)"
                ),
                {"run": run_id, "key": key, "purpose": purpose, "state": state, "usd": usd},
            )
    page = opened(app, run_id)
    table = tables(page, "What the queries of the run were for")[0]
    paid = account(store, run_id)
    kept = table[table["Outcome"] != "given back, free"]
    assert kept["Queries"].sum() == paid.queries
    by = table.set_index(["What for", "Outcome"])["Cost, $"]
    assert by["The teacher's own test", "answered"] == 0.5
    assert by["Verdicts of the judge", "given back, free"] == 0
    assert pd.isna(by["Verdicts of the judge", "outcome unknown, charged"]), "unknown is not free"
    assert any(t.startswith("Most of it went into ") for t in titles(page))


def test_the_estimate_is_kept_when_a_pilot_is_filed(store: Store) -> None:
    run_id = file_pilot(check_plan({"grid": {"budgets": [40]}}), store)
    kept = kept_estimate(store, run_id)
    assert kept is not None
    assert kept["queries"] < kept["ceiling_queries"] == store.run(run_id).plan["ceiling"]["queries"]
    assert kept_estimate(store, "nowhere") is None


def test_rows_of_seeds_examples_and_errors_stand_side_by_side_and_as_text(app: AppTest, store: Store) -> None:
    run_id = filled.run(store)
    for row in store.cells(run_id):
        if row.folder is not None:
            wrong = {"id": "9", "question": "<b>3 + 3?", "gold": "6", "reply": "**7**", "outcome": "wrong"}
            write_jsonl(Path(row.folder) / "predictions.jsonl", [wrong])
    assert not tables(opened(app, run_id), "Seeds"), "no file is read before who wants to see them opens it"

    def script(run_id: str) -> None:
        from engine.settings import Settings
        from engine.store import Store
        from pages.shared import row_parts

        store = Store(Settings().store_path)
        row_parts.side_by_side(store.run(run_id), store, store.cells(run_id), store.pools(run_id))

    page = AppTest.from_function(script, args=(run_id,)).run()
    assert not page.exception
    [seeds], [made], [errors] = (tables(page, alt) for alt in ("Seeds", "Generated", "The student's errors"))
    assert len(seeds) == row_parts.LISTED
    assert list(made["Answer"]) == ["Two. #### 2"]
    assert list(errors["Reply"]) == ["**7**"]
    assert not any("<b>" in text.value for text in (*page.markdown, *page.caption))


def test_labels_and_fields_are_groups_and_numbers_are_not() -> None:
    labels = groups_of(["billing", "refund", "billing", "Because.\nrefund"])
    assert (labels.kind, labels.names) == ("label", ("billing", "refund"))
    assert labels.wrong("billing", "billing", "refund", "wrong")
    assert not labels.wrong("refund", "billing", "refund", "wrong")
    records = groups_of(['{"a": 1, "b": 2}', '{"a": 3}'])
    assert (records.kind, records.names) == ("field", ("a", "b"))
    assert records.wrong("a", '{"a": 1, "b": 2}', 'Sure: {"a": 9, "b": 2}', "wrong")
    assert not records.wrong("b", '{"a": 1, "b": 2}', 'Sure: {"a": 9, "b": 2}', "wrong")
    assert records.wrong("b", '{"a": 1, "b": 2}', "no record at all", "wrong")
    assert groups_of([str(n) for n in range(100)]).kind == "all"
    assert groups_of([]).kind == "all"


def test_a_pilot_that_still_runs_shows_what_it_has(app: AppTest, store: Store) -> None:
    page = opened(app, filled.run(store, state=RunState.RUNNING, target={"queries": 20_000}))
    assert "follow" not in [button.key for button in page.button]
    assert not tables(page, "Queries, cost and time")
    assert figure(page, "run_ladder")
