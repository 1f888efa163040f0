"""The atlas's page: what it shows follows from the cells, a link brings it back, and empty it says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.atlas.design import ANSWERS, NEW, Place
from engine.atlas.table import write
from engine.settings import Settings
from tests.atlases import cell, written
from tests.pages import look


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
    assert "At this budget fewer than two strategies are measured yet." in page.info[0].value
    page.select_slider(key="atlas_budget").set_value(100.0).run()
    assert page.info[0].value.startswith("**100 examples, 1 per seed.** Among answers and new questions: ")
    assert "answers win by" in page.info[0].value


CLOSE = tuple(Place("maths", arm, 100, 800, 0) for arm in (ANSWERS, NEW))
CLEAR = tuple(Place("maths", arm, 100, 100, r) for arm in (ANSWERS, NEW) for r in range(3))


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
    app.query_params["atlas_budget"] = "3200"
    app.query_params["atlas_augmenter"] = "Weak"
    page = opened(app)
    assert page.select_slider(key="atlas_budget").value == 3200
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
    assert any(head.value.startswith("Of 10 claims about the strategies ") for head in page.subheader)
    sql = [Place("sql", arm, 100, 3200, r) for arm in (ANSWERS, NEW) for r in range(3)]
    write(first / "more.parquet", [cell(place) for place in sql])
    again = next(one.value for one in opened(app).dataframe if "Claim" in one.value.columns)
    assert again.set_index("Claim").loc[low.name, "All together"].startswith("held: +")
