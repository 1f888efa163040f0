"""The atlas's page: what it shows follows from the cells, a link brings it back, and empty it says what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.atlas.claims import CLAIMS
from engine.atlas.design import ANSWERS, BUDGETS, NEW, REAL, REPHRASE, SEEDS, WEAK, Place
from engine.atlas.table import packed, write
from engine.settings import Settings
from tests.atlases import ITEMS, PLACES, cell, written
from tests.pages import look

MATHS = "Maths word problems"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's data with an atlas of the test's own."""
    folder = tmp_path / "data"
    folder.mkdir()
    for part in Settings().data.iterdir():
        if part.name != "atlas":
            (folder / part.name).symlink_to(part)
    monkeypatch.setenv("SEEDPILOT_DATA", str(folder))
    return folder


def opened(app: AppTest) -> AppTest:
    page = app.switch_page("pages/learn/atlas.py").run()
    assert not page.exception
    return page


def test_the_title_says_who_leads_and_the_curves_are_those_that_were_measured(data: Path, app: AppTest) -> None:
    written(data / "atlas")
    page = opened(app)
    assert page.subheader[0].value == (
        "Maths word problems, 100 labelled examples: answers lead up to about 3,200 examples, then new questions"
    )
    names = [trace["name"] for trace in look.figure(page, "atlas")["data"] if trace.get("showlegend", True)]
    assert names == ["Answers", "Rephrasings", "New questions", "Half and half", "Your seeds alone", "Student, untuned"]
    page.select_slider(key="atlas_budget").set_value(100.0).run()
    assert page.info[0].value.startswith("**100 examples, 1 per seed.** Among answers, rephrasings and new questions: ")
    assert "answers win by" in page.info[0].value


def test_the_page_opens_where_somebody_wins_and_says_the_trade_off_first(data: Path, app: AppTest) -> None:
    written(data / "atlas")
    page = opened(app)
    assert (page.selectbox(key="atlas_world").value, page.select_slider(key="atlas_seeds").value) == (MATHS, 100)
    assert " win by " in page.info[0].value
    told = look.told(page)
    assert told.startswith("**From 32 examples per seed on, new questions are clearly ahead in 1 of 1 world, by ")
    assert "Rephrasings are clearly ahead nowhere." in told
    assert "Not shown to transfer" in told
    assert "With a strong augmenter" not in told, "with a weak one no place is measured for every strategy"


def test_what_is_said_of_the_trade_off_follows_from_the_cells(data: Path, app: AppTest) -> None:
    """The same cells with answers and new questions changed round, and a weak augmenter under whom all are alike."""
    turned = {ANSWERS: NEW, NEW: ANSWERS}
    strong = [replace(cell(one), arm=turned.get(one.arm, one.arm)) for one in PLACES if one.augmenter != WEAK]
    weak = [
        replace(one, augmenter=WEAK, right=packed([True, False] * (ITEMS // 2)))
        for one in strong
        if one.arm in (REPHRASE, NEW)
    ]
    write(data / "atlas" / "cells.parquet", [*strong, *weak])
    told = look.told(opened(app))
    assert told.startswith("**From 32 examples per seed on, answers are clearly ahead in 1 of 1 world, by ")
    assert (
        "With a strong augmenter new questions are clearly ahead at 1 and answers at 1 of 3 places; with a weak" in told
    )


def places(page: AppTest) -> dict[str, list[tuple[float, int]]]:
    """Ratio and seeds of each mark on the map, by what the legend calls it."""
    return {
        trace["name"]: list(zip(trace["x"], trace["y"], strict=True))
        for trace in look.figure(page, "atlas_map")["data"]
    }


def test_the_map_is_of_ratio_against_seeds(data: Path, app: AppTest) -> None:
    written(data / "atlas")
    page = opened(app)
    layout = look.figure(page, "atlas_map")["layout"]
    assert layout["xaxis"]["type"] == layout["yaxis"]["type"] == "log"
    assert layout["xaxis"]["title"]["text"] == "Ratio: examples asked for per seed (log scale)"
    assert layout["yaxis"]["title"]["text"] == "Seeds: labelled examples (log scale)"
    drawn = places(page)
    assert drawn["Answers"] == [(1, 100)]
    assert drawn["New questions"] == [(32, 100)]
    assert drawn["Shown above"] == [(page.select_slider(key="atlas_budget").value / 100, 100)]
    low, high = (10**end for end in layout["xaxis"]["range"])
    assert all(low < ratio < high for found in drawn.values() for ratio, _ in found)
    (new,) = (one for one in look.figure(page, "atlas_map")["data"] if one["name"] == "New questions")
    assert "examples asked for, %{x:.3~g} per seed" in new["hovertemplate"]
    assert new["customdata"][0][0] == 3200


def test_a_place_without_new_questions_is_called_not_measured_and_has_no_winner(data: Path, app: AppTest) -> None:
    """Real questions are far ahead there, of answers alone: that is no win."""
    apart = [Place("maths", arm, 30, 400, r) for arm in (ANSWERS, REAL) for r in range(3)]
    written(data / "atlas", (*PLACES, *apart))
    app.query_params["atlas_seeds"], app.query_params["atlas_budget"] = "30", "400"
    page = opened(app)
    assert page.info[0].value == "Not measured here: rephrasings and new questions. So no strategy wins."
    drawn = places(page)
    assert (400 / 30, 30) in drawn["Not measured"]
    assert all((400 / 30, 30) not in drawn[name] for name in drawn.keys() - {"Not measured", "Shown above"})
    page.session_state["atlas_map_values"] = True
    (table,) = look.tables(page.run(), "Every place with its likely winner")
    row = table[(table["Labelled examples"] == 30) & (table["Examples asked for"] == 400)].iloc[0]
    assert (row["Winner"], row["Not measured"]) == ("not measured", "Rephrasings, New questions")
    assert len(table) == len(SEEDS) * len(BUDGETS)


def test_real_questions_stand_apart_from_the_winner(data: Path, app: AppTest) -> None:
    written(data / "atlas", (*PLACES, *(Place("maths", REAL, 100, 100, r) for r in range(3))))
    app.query_params["atlas_budget"] = "100"
    page = opened(app)
    drawn = places(page)
    assert drawn["Answers"] == [(1, 100)]
    assert "Real questions" not in drawn
    assert "Among answers, rephrasings and new questions: answers win by" in page.info[0].value
    assert "Real questions: " in page.info[0].value


CLOSE = tuple(Place("maths", arm, 100, 800, 0) for arm in (ANSWERS, REPHRASE, NEW))
CLEAR = tuple(Place("maths", arm, 100, 100, r) for arm in (ANSWERS, REPHRASE, NEW) for r in range(3))


@pytest.mark.parametrize(
    ("places", "said"),
    [
        (CLOSE, "too close to call at every measured budget"),
        ((*CLOSE, *CLEAR), "answers are clearly ahead at 1 of 2 measured budgets"),
        (CLEAR, "answers are clearly ahead at every measured budget"),
    ],
)
def test_a_title_claims_no_lead_that_is_too_close_to_call(
    data: Path, app: AppTest, places: tuple[Place, ...], said: str
) -> None:
    written(data / "atlas", places)
    assert opened(app).subheader[0].value == f"Maths word problems, 100 labelled examples: {said}"


def test_a_link_restores_world_seeds_budget_and_augmenter(data: Path, app: AppTest) -> None:
    written(data / "atlas")
    app.query_params["atlas_budget"] = "800"
    app.query_params["atlas_seeds"] = "30"
    app.query_params["atlas_augmenter"] = "Weak"
    page = opened(app)
    assert page.select_slider(key="atlas_budget").value == 800
    assert page.select_slider(key="atlas_seeds").value == 30
    assert page.radio(key="atlas_augmenter").value == "Weak"
    page.selectbox(key="atlas_world").set_value("Questions to SQL").run()
    assert "Questions to SQL" in page.query_params["atlas_world"]


def test_an_empty_atlas_says_how_one_is_built(data: Path, app: AppTest) -> None:
    page = opened(app)
    assert "seedpilot atlas build" in page.info[0].value
    assert len(page.get("plotly_chart")) == 0


def test_claims_are_judged_in_the_words_of_a_table_and_again_when_cells_were_added(data: Path, app: AppTest) -> None:
    first = written(data / "atlas")
    page = opened(app)
    claims = next(one.value for one in page.dataframe if "Claim" in one.value.columns)
    assert list(claims.columns)[:3] == ["Here", "Claim", "All together"]
    low = claims.set_index("Claim").loc["From 32 examples a seed on, new questions win"]
    assert low["Maths word problems"].startswith("held: +")
    assert low["All together"] == "not known", "one world is no mean"
    assert any(head.value.startswith(f"Of {len(CLAIMS)} claims about the strategies ") for head in page.subheader)
    sql = [Place("sql", arm, 100, 3200, r) for arm in (ANSWERS, NEW) for r in range(3)]
    write(first / "more.parquet", [cell(place) for place in sql])
    again = next(one.value for one in opened(app).dataframe if "Claim" in one.value.columns)
    assert again.set_index("Claim").loc[low.name, "All together"].startswith("held: +")
