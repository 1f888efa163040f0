"""What the comparison of runs shows: who they are, what differs in their plans, cells, and paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from engine.domain import Arm
from engine.plan import PLAIN
from engine.run_comparison import Comparison, Gap
from pages.shared import history_parts, run_words, setting_words, shown, words
from pages.shared.chart_style import GREY, Figure, figure

LETTERS = "ABCDEF"
A_ROW = 3
ROW_PX = 38
COLOURS = ("#b0892c", "#c2577f", "#1f9fb5", "#7c8f2a", "#8c5a3c", "#4f5d75")
"""One for each run, none of them a strategy's; its letter stands beside it everywhere."""
POINTS = {
    "Points": st.column_config.NumberColumn(
        format="%+.1f", help="Accuracy of the first run less that of the second, on the same test items."
    ),
    "95 % from": st.column_config.NumberColumn(format="%+.1f"),
    "95 % to": st.column_config.NumberColumn(format="%+.1f"),
    "p, all pairs (Holm)": st.column_config.NumberColumn(
        format="%.3f", help="How often runs that are equal would differ as far, over all pairs of this page together."
    ),
    "Items": st.column_config.NumberColumn(format="localized", help="Test items that both were scored on."),
}


def heads(found: Comparison) -> None:
    """A card for each run, with the letter that it is called by below."""
    for start in range(0, len(found.sides), A_ROW):
        sides = found.sides[start : start + A_ROW]
        for at, (column, side) in enumerate(zip(st.columns(max(2, len(sides))), sides, strict=False), start):
            with column.container(border=True, height="stretch"):
                st.page_link(
                    "pages/pilot/run.py", label=f"**{LETTERS[at]}: {words.plain(side.run.name)}**",
                    query_params={"run": side.run.id}, icon=":material/monitoring:",
                )  # fmt: skip
                st.markdown(run_words.badges(side.run, history_parts.plan(side.run)))
                items = "unknown" if side.tested is None else f"{len(side.tested.keys):,}"
                measured = sum(row.measurement is not None for row in side.cells)
                st.caption(
                    words.plain(
                        f"{side.paid.queries:,} queries, {run_words.money(side.paid.usd)}; {measured} cells measured; "
                        f"test items: {items} · {side.run.id}"
                    )
                )


def verdict(found: Comparison) -> None:
    """What the pairs say in a sentence, and which runs could not be paired."""
    letters = _letters(found)
    st.subheader(_said(found, letters), anchor=False)
    for one, other, why in found.unpaired:
        st.warning(
            f"{letters[one]} and {letters[other]} are shown side by side and not compared item by item: "
            f"{words.plain(why)}.",
            icon=":material/link_off:",
        )


def _said(found: Comparison, letters: dict[str, str]) -> str:
    if not found.gaps:
        return "No cell of these runs can be compared item by item"
    won = [gap for gap in found.gaps if gap.winner is not None]
    if not won:
        return "No difference between these runs can be told from noise"
    largest = max(won, key=lambda gap: abs(gap.found.difference))
    better, worse = (largest.one, largest.other) if largest.winner == largest.one else (largest.other, largest.one)
    others = f"; {len(won) - 1} more cells differ" if len(won) > 1 else ""
    return (
        f"{letters[better]} lies above {letters[worse]} by {100 * abs(largest.found.difference):.1f} points in "
        f"{_place(largest)}{others}"
    )


def pairs(found: Comparison) -> None:
    """The paired differences as a figure and as a table."""
    if not found.gaps:
        return
    letters = _letters(found)
    shown.chart(
        _figure(found.gaps, letters),
        "Points of accuracy on the same test items",
        key="compare_pairs",
        note="Each mark is one run less another at the same strategy, seeds and queries, with a 95 % interval. Filled: "
        "differs at 5 % over all pairs together. Hollow: not told apart.",
    )
    shown.values(lambda: _pair_table(found, letters), key="compare_pairs", alt="Paired differences between the runs")


def cells(found: Comparison) -> None:
    """Accuracies side by side."""
    st.subheader("Every cell, side by side", anchor=False)
    if not found.lines:
        st.caption("None of these runs has measured a cell.")
        return
    table = _cell_table(found)
    formats = {
        name: st.column_config.NumberColumn(format="%.1f %%") for name in table.columns if name.endswith("right")
    }
    shown.table(
        table, key="compare_cells", alt="Accuracies of the runs side by side", name="seedpilot-compare",
        column_config=formats, placeholder="", height="content",
    )  # fmt: skip
    st.caption("Shares of scored test items; the interval is Wilson's 80 % interval of one adapter.")


def plans(found: Comparison) -> None:
    """The settings in which the plans differ."""
    st.subheader("What differs in their plans", anchor=False)
    if not found.differ:
        st.caption("Nothing but their names: the same settings.")
        return
    rows = [
        {"Setting": setting_words.name(name)}
        | {letter: setting_words.value(value) for letter, value in zip(LETTERS, values, strict=False)}
        | {"Key in the plan": name}
        for name, values in found.differ.items()
    ]
    st.dataframe(rows, hide_index=True, key="compare_plans", alt="Settings in which the plans differ")


# --- parts ------------------------------------------------------------------------------------------------


def _letters(found: Comparison) -> dict[str, str]:
    return {side.run.id: letter for letter, side in zip(LETTERS, found.sides, strict=False)}


def _what(arm: Arm, variant: str) -> str:
    return words.arm(arm) + ("" if variant == PLAIN else f" ({variant.replace('_', ' ')})")


def _place(gap: Gap) -> str:
    what = _what(gap.arm, gap.variant)
    return what + (f" at {gap.budget:,} queries" if gap.budget else "")


def _row(gap: Gap, letters: dict[str, str], *, with_seeds: bool) -> str:
    """Two short lines: on a telephone the names would leave no room for the marks."""
    parts = [f"{gap.budget:,} queries"] if gap.budget else []
    parts += [f"{gap.seeds:,} seeds"] if gap.seeds and with_seeds else []
    below = f"<br>{', '.join(parts)}" if parts else ""
    return f"{letters[gap.one]} − {letters[gap.other]}: {_what(gap.arm, gap.variant).lower()}{below}"


def _figure(gaps: Sequence[Gap], letters: dict[str, str]) -> Figure:
    several = len({gap.seeds for gap in gaps if gap.seeds}) > 1
    rows = [_row(gap, letters, with_seeds=several) for gap in gaps]
    traces = []
    for told, name in ((True, "Differs, over all pairs together"), (False, "Not told apart")):
        own = [(row, gap) for row, gap in zip(rows, gaps, strict=True) if (gap.winner is not None) is told]
        if own:
            traces.append(_marks(own, name, letters, filled=told))
    return figure(
        traces,
        xaxis={
            "title": {"text": "Points (95 % interval)"},
            "zeroline": True,
            "zerolinewidth": 2,
            "fixedrange": True,
        },
        yaxis={"categoryorder": "array", "categoryarray": rows[::-1], "automargin": True, "fixedrange": True},
        height=150 + ROW_PX * len(rows),
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "xanchor": "left"},
        hovermode="closest",
    )


def _marks(own: Sequence[tuple[str, Gap]], name: str, letters: dict[str, str], *, filled: bool) -> dict[str, Any]:
    colours = [COLOURS[LETTERS.index(letters[gap.winner])] if gap.winner else GREY for _, gap in own]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [100 * gap.found.difference for _, gap in own],
        "y": [row for row, _ in own],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [100 * (gap.found.high - gap.found.difference) for _, gap in own],
            "arrayminus": [100 * (gap.found.difference - gap.found.low) for _, gap in own],
            "color": GREY,
            "thickness": 1.8,
            "width": 5,
        },
        "marker": {
            "size": 11,
            "color": colours if filled else "rgba(0,0,0,0)",
            "line": {"width": 2, "color": colours},
        },
        "customdata": [[100 * gap.found.low, 100 * gap.found.high, gap.adjusted_p, gap.found.items] for _, gap in own],
        "hovertemplate": "%{y}<br>%{x:+.1f} points (95 %: %{customdata[0]:+.1f} to %{customdata[1]:+.1f})<br>"
        "p over all pairs %{customdata[2]:.3f}, %{customdata[3]} items<extra></extra>",
    }


def _pair_table(found: Comparison, letters: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Run": letters[gap.one],
                "Against": letters[gap.other],
                "What": _what(gap.arm, gap.variant),
                "Queries": gap.budget,
                "Seeds": gap.seeds,
                "Points": round(100 * gap.found.difference, 2),
                "95 % from": round(100 * gap.found.low, 2),
                "95 % to": round(100 * gap.found.high, 2),
                "Better": "none" if gap.winner is None else letters[gap.winner],
                "p, all pairs (Holm)": round(gap.adjusted_p, 4),
                "Items": gap.found.items,
                "Families": gap.found.families,
            }
            for gap in found.gaps
        ]
    )


def _cell_table(found: Comparison) -> pd.DataFrame:
    rows = []
    for line in found.lines:
        row: dict[str, Any] = {
            "What": _what(line.arm, line.variant),
            "Seeds": line.seeds or None,
            "Queries": line.budget,
        }
        for letter, level, count in zip(LETTERS, line.results, line.runs, strict=False):
            row[f"{letter} right"] = None if level is None else 100 * level.mean
            row[f"{letter} 80 %"] = None if level is None else f"{100 * level.low80:.1f} to {100 * level.high80:.1f}"
            row[f"{letter} adapters"] = count
        rows.append(row)
    return pd.DataFrame(rows)
