"""A run's page says how its adapters were trained, where each setting came from, and what more steps alone do."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from engine.domain import Cell, Recipe, Strategy
from engine.recipe_sources import FIXED, Origin, Sourced, keep_settings, recipe_settings, replaced
from engine.settings import Settings
from engine.store import Store
from tests.pages import filled
from tests.pages.look import opened


def test_every_setting_stands_on_the_page_with_where_it_came_from(app: AppTest) -> None:
    store = Store(Settings().store_path)
    run_id = filled.run(store)
    settings = recipe_settings(Recipe(), {"epochs": Origin.PLAN})
    chosen = Sourced("learning_rate", 5e-4, Origin.VALIDATION, "lowest loss on 25 held-out seeds; took 12 s")
    keep_settings(store.folder(run_id), (*replaced(settings, chosen), *FIXED))
    page = opened(app, run_id)
    table = next(frame.value for frame in page.dataframe if "Where it came from" in frame.value)
    shown = table.set_index("Setting")
    assert shown.loc["Learning rate", "Value"] == "0.0005"
    assert shown.loc["Learning rate", "Where it came from"] == "Chosen on validation"
    assert "25 held-out seeds" in shown.loc["Learning rate", "More"]
    assert shown.loc["Passes over the examples", "Where it came from"] == "Plan"
    assert shown.loc["LoRA rank", "Where it came from"] == "Recommended default"


def test_a_full_run_shows_where_its_settings_came_from_too(app: AppTest) -> None:
    store = Store(Settings().store_path)
    run_id = filled.full(store, "data-20261121-130000-held", 158)
    keep_settings(store.folder(run_id), (*recipe_settings(Recipe(), {"epochs": Origin.PLAN}), *FIXED))
    page = opened(app, run_id)
    (table,) = [frame.value for frame in page.dataframe if "Where it came from" in frame.value]
    shown = table.set_index("Setting")["Where it came from"]
    assert shown["Passes over the examples"] == "Plan"
    assert shown["LoRA rank"] == "Recommended default"
    assert shown["Optimizer"] == "The same for every run"


def test_the_control_of_matched_steps_is_a_sentence_and_no_mark_in_the_chart(app: AppTest) -> None:
    page = opened(app, filled.run(Store(Settings().store_path)))
    (said,) = [info.value for info in page.info if "More steps or better data?" in info.value]
    assert "repeated to the 300 steps of new questions at 1,600 queries" in said
    assert "above the seeds alone at 100 steps" in said
    assert "The data itself adds" in said
    rows = page.dataframe[0].value
    assert list(rows[rows["What"].str.contains("matched steps")]["Queries"]) == [0]


def test_the_cells_beside_the_strategies_are_called_what_they_are(app: AppTest) -> None:
    store = Store(Settings().store_path)
    run_id = filled.run(store)
    store.plan_cells(run_id, [Cell(Strategy.NEW_QUESTION, 100, 200, 0, pool=1)])
    names = set(opened(app, run_id).dataframe[0].value["What"])
    assert {
        "New questions, pool 2",
        "Student, untuned, shown 8 examples",
        "Your seeds alone (matched steps)",
        "Teacher",
    } <= names
