"""What a report shows of what was measured: the ladder, the cells, the curves, the pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from engine.comparison import wilson
from engine.domain import Strategy
from engine.plan import PLAIN
from engine.report import drawing
from engine.report.drawing import Row, named
from engine.report.showing import percent

AT = 6
"""Budgets of a curve in the table below it."""
STRATEGIES = [strategy.value for strategy in Strategy]


def _groups(cells: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str, int, int], list[Mapping[str, Any]]]:
    found: dict[tuple[str, str, int, int], list[Mapping[str, Any]]] = {}
    order = ["untuned", "untuned_few_shot", "seeds_only", *STRATEGIES]
    for cell in sorted(
        (cell for cell in cells if cell["accuracy"] is not None),
        key=lambda cell: (
            order.index(cell["arm"]) if cell["arm"] in order else len(order),
            cell["seeds"],
            cell["budget"],
            cell["variant"],
        ),
    ):
        found.setdefault((cell["arm"], cell["variant"], cell["seeds"], cell["budget"]), []).append(cell)
    return found


def _what(arm: str, variant: str) -> str:
    return named(arm) if variant == PLAIN else f"{named(arm)} ({variant.replace('_', ' ')})"


def ladder(cells: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Percent."""
    found = []
    for (arm, variant, seeds, budget), own in _groups(cells).items():
        level = wilson(round(mean(c["correct"] for c in own)), round(mean(c["scored"] for c in own)))
        if level is None:
            continue
        several = len({cell["seeds"] for cell in cells}) > 1 and arm not in ("untuned", "teacher")
        label = _what(arm, variant) + (f", {budget:,} queries" if budget else "")
        label += f", {seeds:,} seeds" if several else ""
        found.append(Row(label, 100 * level.mean, 100 * level.low80, 100 * level.high80, arm))
    return found


def ladder_rows(cells: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """The ladder as rows of a table."""
    found: list[tuple[Any, ...]] = []
    for (arm, variant, seeds, budget), own in _groups(cells).items():
        level = wilson(round(mean(c["correct"] for c in own)), round(mean(c["scored"] for c in own)))
        if level is not None:
            shares = (percent(level.mean), percent(level.low80), percent(level.high80))
            found.append((_what(arm, variant), seeds, budget, len(own), *shares))
    return found


def cell_row(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    """One cell as a row of the table of cells."""
    share = cell["accuracy"] or {"mean": None, "low80": None, "high80": None}
    return (
        named(cell["arm"]),
        "" if cell["variant"] == PLAIN else cell["variant"],
        cell["seeds"],
        cell["budget"],
        cell["replicate"] + 1,
        *(percent(share[name]) for name in ("mean", "low80", "high80")),
        *(cell.get(name) for name in ("correct", "scored", "not_scored", "examples")),
        cell["state"],
        cell["message"],
    )


def drawn(cell: Mapping[str, Any]) -> bool:
    """Whether a cell stands in the figure of curves."""
    return cell["arm"] in STRATEGIES and cell["variant"] == PLAIN and cell["accuracy"] is not None


def point(cell: Mapping[str, Any]) -> dict[str, Any]:
    """A cell as a mark of the figure of curves."""
    share = cell["accuracy"]
    return {
        "strategy": cell["arm"],
        # Replicates stand side by side.
        "budget": cell["budget"] * 1.05 ** cell["replicate"],
        "mean": share["mean"],
        "low": share["low80"],
        "high": share["high80"],
    }


def within(band: Mapping[str, Any], span: tuple[float, float] | None) -> dict[str, Any]:
    """The part of a curve around what was measured; all of it where nothing was."""
    keep = [
        at
        for at, queries in enumerate(band["queries"])
        if queries > 0 and (span is None or span[0] <= queries <= span[1])
    ]
    lists = ("queries", "mean", "low80", "high80")
    return {**band, **{name: [band[name][at] for at in keep] for name in lists}}


def curve_rows(bands: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Some budgets of each curve as rows of a table."""
    found: list[tuple[Any, ...]] = []
    for band in bands:
        count = len(band["queries"])
        for at in sorted({round(place * (count - 1) / (AT - 1)) for place in range(AT)} if count else ()):
            name = named(band["strategy"]) + (" (assumed)" if band["assumed"] else "")
            shares = (percent(band[side][at]) for side in ("mean", "low80", "high80"))
            found.append((name, round(band["queries"][at]), *shares))
    return found


def pairs(told: Mapping[str, Any]) -> dict[str, Any]:
    """The paired differences as a figure and as rows of a table."""
    found = (told.get("comparison") or {"pairs": []})["pairs"]
    drawn, rows = [], []
    for pair in found:
        difference = {name: 100 * value for name, value in pair["difference"].items()}
        label = f"{named(pair['one'])} − {named(pair['other']).lower()}, {pair['budget']:,} queries"
        drawn.append(
            Row(
                label,
                difference["mean"],
                difference["low95"],
                difference["high95"],
                pair["winner"] or "",
                filled=pair["winner"] is not None,
            )
        )
        better = "none" if pair["winner"] is None else named(pair["winner"])
        points = (f"{difference[name]:+.1f}" for name in ("mean", "low95", "high95"))
        place = (named(pair["one"]), named(pair["other"]), pair["seeds"], pair["budget"])
        rows.append((*place, *points, f"{pair['p_holm']:.3f}", better, pair["items"]))
    said = "Differences in accuracy, pair by pair"
    return {
        "pairs": drawing.rows(drawn, "Difference in accuracy, points (95 % interval)", said, zero=True),
        "pair_rows": rows,
    }
