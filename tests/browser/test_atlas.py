"""The walk of a newcomer over the atlas as it ships: what the page says is what the shipped cells say."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from engine.atlas.design import STRONG, WEAK, WORLDS, Place
from engine.atlas.table import load
from engine.atlas.views import World, opening
from engine.settings import Settings
from pages.shared import atlas_worlds, chart_atlas
from tests.browser import app, figures
from tests.browser.app import settle


@pytest.fixture(scope="module")
def shipped() -> dict[str, tuple[World, ...]]:
    """The worlds of data/atlas with either augmenter."""
    cells = load(Settings().data / "atlas")
    return {augmenter: tuple(World(cells, name, augmenter) for name in WORLDS) for augmenter in (STRONG, WEAK)}


def test_a_newcomer_reads_the_trade_off_sees_a_winner_and_finds_what_was_not_measured(
    page: Page, address: str, shipped: dict[str, tuple[World, ...]]
) -> None:
    page.goto(f"{address}/atlas")
    settle(page)
    # Said before anything is touched, and seen without scrolling.
    said = atlas_worlds.trade_off(shipped[STRONG], shipped[WEAK])
    assert re.search(r"From 32 examples per seed on, .* clearly ahead in \d of 5 worlds", said)
    first = page.get_by_test_id("stMarkdown").filter(has_text="From 32 examples").first
    expect(first).to_have_text(said.replace("**", ""))
    expect(first).to_be_in_viewport()
    expect(page.get_by_text("Not shown to transfer")).to_be_in_viewport()

    opens = opening(shipped[STRONG])
    assert opens is not None
    name, seeds, budget = opens
    expect(page.get_by_role("combobox", name="World")).to_have_value(chart_atlas.WORLDS[name])
    expect(page.get_by_text(re.compile(rf"{budget:,} examples, .* per seed\. Among .* win by \d"))).to_be_visible()
    expect(page.get_by_text(f"{chart_atlas.WORLDS[name]}, {seeds} labelled examples:")).to_be_in_viewport()
    expect(page.get_by_test_id("stPlotlyChart").nth(1)).to_contain_text("Ratio: examples asked for per seed")

    # A place of the weak augmenter that holds answers and real questions only has no winner.
    world = next(one for one in shipped[WEAK] if one.name == "maths")
    gap = next(one for one in world.missing() if "new_question" in one.arms and one.seeds == 30)
    assert Place("maths", "real_question", gap.seeds, gap.budget, 0) in {
        Place(cell.world, cell.arm, cell.seeds, cell.budget, 0) for cell in world.cells
    }
    page.goto(f"{address}/atlas?atlas_world=Maths+word+problems&atlas_seeds=30&atlas_budget={gap.budget}")
    settle(page)
    page.get_by_role("radiogroup").get_by_text("Weak").click()
    expect(page.get_by_text(re.compile(r"Not measured here: .*new questions"))).to_be_visible()
    settle(page)
    expect(page.get_by_test_id("stPlotlyChart").nth(1)).to_contain_text("Not measured")


def test_the_figures_of_the_documentation_hold_every_world_and_are_small(
    page: Page, shipped: dict[str, tuple[World, ...]]
) -> None:
    text = (app.ROOT / "docs" / "atlas.md").read_text(encoding="utf-8")
    for name, spec in figures.figures().items():
        assert f"(pictures/{name}.png)" in text
        assert (figures.OUT / f"{name}.png").stat().st_size < 200_000
        figures.draw(page, spec)
        for world in shipped[STRONG]:
            expect(page.get_by_text(chart_atlas.WORLDS[world.name], exact=True)).to_be_visible()
        assert {trace["xaxis"] for trace in spec["data"]} == {"x", "x2", "x3", "x4", "x5"}
        # One entry of the legend a name, whatever panel it is drawn in first.
        entries = [trace["name"] for trace in spec["data"] if trace["showlegend"]]
        assert sorted(entries) == sorted({trace["name"] for trace in spec["data"]})
