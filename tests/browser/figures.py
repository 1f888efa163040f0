"""The figures of docs/atlas.md, from the shipped atlas: `make figures` writes them into docs/pictures/.

They are the page's own figures, a panel a world, drawn by the same Plotly in chromium: nothing is computed or styled a
second time. Made anew whenever cells are added to data/atlas; each says how many it shows.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import plotly.io
from playwright.sync_api import Page

from engine.atlas.design import BUDGETS, STRONG, WORLDS, arms
from engine.atlas.table import load
from engine.atlas.views import World
from engine.settings import Settings
from pages.shared import chart_atlas, words
from pages.shared.chart_style import Figure
from tests.browser import app

OUT = app.ROOT / "docs" / "pictures"
SEEDS = 100
"""Of the curves."""
SHOWN_ABOVE = "Shown above"
"""The mark of the page's own place: here nothing stands above."""
COLUMNS, ROWS = 3, 2
SIZE = {"width": 1280, "height": 800}


def main() -> None:
    OUT.mkdir(exist_ok=True)
    made = figures()
    with app.chromium() as browser:
        for name, spec in made.items():
            page = browser.new_page(viewport=SIZE)
            draw(page, spec)
            page.screenshot(path=OUT / f"{name}.png")
            page.close()
    print(f"{len(made)} figures in {OUT}")


def figures() -> dict[str, dict[str, Any]]:
    """Name of the file -> figure."""
    cells = load(Settings().data / "atlas")
    worlds = [World(cells, name, STRONG) for name in WORLDS]
    curves = [(world, chart_atlas.curves(world, arms(world.name), SEEDS, BUDGETS[0])) for world in worlds]
    maps = [(world, chart_atlas.winners(world.winners(), world.missing(), SEEDS, BUDGETS[0])) for world in worlds]
    shows = f"strong augmenter, simulated worlds, {len(cells):,} cells measured"
    return {
        "atlas-curves": panels(curves, f"What each strategy reaches with {SEEDS} seeds ({shows})"),
        "atlas-winners": panels(maps, f"Who is clearly ahead, by ratio and seeds ({shows})"),
    }


def panels(drawn: list[tuple[World, Figure]], title: str) -> dict[str, Any]:
    """Figures of several worlds side by side, with one legend in the place that is left over."""
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"annotations": [], "shapes": []}
    named: set[str] = set()
    for at, (world, one) in enumerate(drawn):
        spec, end = one.to_dict(), "" if at == 0 else str(at + 1)
        left, bottom = (at % COLUMNS) / COLUMNS, 1 - (at // COLUMNS + 1) / ROWS
        across, up = [left + 0.03, left + 0.31], [bottom + 0.1, bottom + 0.44]
        for trace in spec["data"]:
            if "xaxis" in trace or trace["name"] == SHOWN_ABOVE:  # the upper axis, and the place chosen on the page
                continue
            legend = {"legendgroup": trace["name"], "showlegend": trace["name"] not in named}
            legend["legendrank"] = 1 if trace["name"] in words.STRATEGIES.values() else 2
            named.add(trace["name"])
            traces.append(trace | legend | {"xaxis": f"x{end}", "yaxis": f"y{end}"})
        layout[f"xaxis{end}"] = spec["layout"]["xaxis"] | {"domain": across, "anchor": f"y{end}"}
        layout[f"yaxis{end}"] = spec["layout"]["yaxis"] | {"domain": up, "anchor": f"x{end}"}
        if at % COLUMNS:
            del layout[f"yaxis{end}"]["title"]
        layout["annotations"].append(
            {"text": f"<b>{chart_atlas.WORLDS[world.name]}</b>", "x": across[0], "y": up[1] + 0.01, "showarrow": False}
            | {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
        )
    return {
        "data": traces,
        "layout": layout
        | SIZE
        | {
            "template": plotly.io.templates["plotly_white"].to_plotly_json(),
            "title": {"text": title, "font": {"size": 18}, "x": 0.03, "y": 0.97},
            "legend": {"x": 0.71, "y": 0.36, "xanchor": "left", "yanchor": "top", "font": {"size": 14}},
            "margin": {"l": 30, "r": 10, "t": 40, "b": 10},
        },
    }


def draw(page: Page, spec: dict[str, Any]) -> None:
    """The figure alone on a page."""
    page.set_content(plotly.io.to_html(go.Figure(spec), config={"staticPlot": True}))
    page.locator(".main-svg").first.wait_for()


if __name__ == "__main__":
    main()
