"""The evidence page: every row, its source, and what speaks against the rule."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from engine import evidence
from engine.domain import Strategy, TaskType


@pytest.fixture
def page(app: AppTest) -> AppTest:
    return app.switch_page("pages/learn/evidence.py").run()


def test_every_published_point_is_in_the_table_with_its_source(page: AppTest) -> None:
    table = page.dataframe[0].value
    assert sorted(table["Row"]) == sorted(p.id for p in evidence.published().points)
    assert table["Source"].notna().all()
    assert set(table["How it was read"]) <= set(evidence.CONFIDENCES.values())


def test_filters_narrow_the_table_to_what_they_say(page: AppTest) -> None:
    page.selectbox(key="evidence_task").select("Code")
    page.selectbox(key="evidence_strategy").select("New questions").run()
    expected = evidence.published().about(TaskType.CODE, Strategy.NEW_QUESTION)
    assert sorted(page.dataframe[0].value["Row"]) == sorted(p.id for p in expected)


def test_rows_that_cannot_be_drawn_are_said_to_be_in_the_table(page: AppTest) -> None:
    page.selectbox(key="evidence_task").select("Code").run()
    drawable = [p for p in evidence.published().about(TaskType.CODE) if p.metric == evidence.ACCURACY]
    assert not drawable
    assert any("The table below holds them" in info.value for info in page.info)


def test_a_filter_that_matches_nothing_says_what_to_do(page: AppTest) -> None:
    page.selectbox(key="evidence_task").select("Code")
    page.selectbox(key="evidence_study").select("RFT").run()
    assert any("Set one of them to All" in info.value for info in page.info)
    assert not page.exception


def test_contradictions_are_shown_as_warnings(page: AppTest) -> None:
    against = [c for c in evidence.published().claims if c.quantity == "contradiction"]
    assert against
    assert len(page.warning) == len(against)


def test_a_search_finds_a_row_by_its_id_in_points_or_findings(page: AppTest) -> None:
    page.text_input(key="evidence_find").set_value("chan-shift-100").run()
    assert not page.dataframe
    assert any("No point matches" in info.value for info in page.info)
    (findings,) = [table.value for table in page.table]
    assert [row.strip("`") for row in findings["Row"]] == ["chan-shift-100", "chan-shift-1000"]
    assert all("](https://arxiv.org/abs/2409.19759)" in source for source in findings["Source"])
    page.text_input(key="evidence_find").set_value("RFT-010").run()
    assert list(page.dataframe[0].value["Row"]) == ["RFT-010"]


def test_rows_are_filtered_by_how_they_were_read(page: AppTest) -> None:
    page.selectbox(key="evidence_reading").select("Read in the abstract").run()
    expected = [c.id for c in evidence.published().claims if c.confidence == "A"]
    assert [row.strip("`") for row in page.table[0].value["Row"]] == expected
