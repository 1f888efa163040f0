"""The report as one HTML file: it opens offline, prints, and runs nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from engine.comparison import wilson
from engine.domain import Baseline, Strategy
from engine.plan import PLAIN
from engine.report import drawing
from engine.report.drawing import Row, named
from engine.report.plainly import others, visible

_NUMBER = re.compile(r"[+-]?\$?[\d.,]+( %)?")
AT = 6
"""Budgets of a curve in the table below it."""
_BASELINES = [baseline.value for baseline in Baseline]
_STRATEGIES = [strategy.value for strategy in Strategy]


def as_html(told: Mapping[str, Any]) -> str:
    """The page of those values (`engine.report.facts`)."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "others": others,
        "visible": visible,
        "words": _words,
        "usd": _usd,
        "json": _json,
        "values": _values,
    }
    environment.globals["table"] = _table
    return environment.get_template("page.html").render(r=told, **_parts(told))


def _parts(told: Mapping[str, Any]) -> dict[str, Any]:
    advised = told["advice"]
    after = advised["after"] if advised else None
    advice = after or (advised["before"] if advised else None)
    ladder = _ladder(told["cells"] or ())
    curves = told["curves"] or {"before": [], "after": None}
    points = [_point(cell) for cell in told["cells"] or () if _drawn(cell)]
    lines = [(row.label, row.mean / 100) for row in ladder if row.arm in _BASELINES and "matched" not in row.label]
    budgets = [point["budget"] for point in points]
    span = (min(budgets) / 2, 3 * max(budgets)) if budgets else None
    shown = {when: [_within(band, span) for band in curves[when] or ()] for when in ("before", "after")}
    strategies = [name for name in _STRATEGIES if any(band["strategy"] == name for band in shown["before"])]
    pools = told.get("pools") or ()
    return {
        "advice": advice,
        "measured": after is not None,
        "spending": [] if advice is None else [(named(m["strategy"]), m["queries"]) for m in advice["spending_plan"]],
        "situation": [] if advice is None else _situation(advice["situation"]),
        "ladder": drawing.rows(ladder, "Right, % of the scored test items (80 % interval)", "Accuracy of each cell"),
        "ladder_rows": _ladder_rows(told["cells"] or ()),
        "cells": [_cell(cell) for cell in told["cells"] or ()],
        "legend": drawing.legend(strategies) if strategies else "",
        "chart_before": drawing.curves(shown["before"], [], [], "Expected accuracy before the run"),
        "chart_after": drawing.curves(shown["after"], points, lines, "Expected accuracy after the run"),
        "curve_rows_before": _curve_rows(shown["before"]),
        "curve_rows_after": _curve_rows(shown["after"]),
        **_pairs(told),
        "pool_heads": ["Pool", *map(_words, _reasons(pools)), "Asked for"],
        "pool_rows": _pool_rows(pools),
        "budget_rows": _budget_rows(pools),
        **_paid(told),
        **_sources(told),
    }


# --- what was measured ------------------------------------------------------------------------------------


def _groups(cells: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str, int, int], list[Mapping[str, Any]]]:
    found: dict[tuple[str, str, int, int], list[Mapping[str, Any]]] = {}
    order = ["untuned", "untuned_few_shot", "seeds_only", *_STRATEGIES]
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


def _ladder(cells: Sequence[Mapping[str, Any]]) -> list[Row]:
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


def _ladder_rows(cells: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for (arm, variant, seeds, budget), own in _groups(cells).items():
        level = wilson(round(mean(c["correct"] for c in own)), round(mean(c["scored"] for c in own)))
        if level is not None:
            shares = (_percent(level.mean), _percent(level.low80), _percent(level.high80))
            found.append((_what(arm, variant), seeds, budget, len(own), *shares))
    return found


def _cell(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    share = cell["accuracy"] or {"mean": None, "low80": None, "high80": None}
    return (
        named(cell["arm"]),
        "" if cell["variant"] == PLAIN else cell["variant"],
        cell["seeds"],
        cell["budget"],
        cell["replicate"] + 1,
        *(_percent(share[name]) for name in ("mean", "low80", "high80")),
        *(cell.get(name) for name in ("correct", "scored", "not_scored", "examples")),
        cell["state"],
        cell["message"],
    )


def _drawn(cell: Mapping[str, Any]) -> bool:
    return cell["arm"] in _STRATEGIES and cell["variant"] == PLAIN and cell["accuracy"] is not None


def _point(cell: Mapping[str, Any]) -> dict[str, Any]:
    share = cell["accuracy"]
    return {
        "strategy": cell["arm"],
        # Replicates stand side by side.
        "budget": cell["budget"] * 1.05 ** cell["replicate"],
        "mean": share["mean"],
        "low": share["low80"],
        "high": share["high80"],
    }


def _within(band: Mapping[str, Any], span: tuple[float, float] | None) -> dict[str, Any]:
    """The part of a curve around what was measured; all of it where nothing was."""
    keep = [
        at
        for at, queries in enumerate(band["queries"])
        if queries > 0 and (span is None or span[0] <= queries <= span[1])
    ]
    lists = ("queries", "mean", "low80", "high80")
    return {**band, **{name: [band[name][at] for at in keep] for name in lists}}


def _curve_rows(bands: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for band in bands:
        count = len(band["queries"])
        for at in sorted({round(place * (count - 1) / (AT - 1)) for place in range(AT)} if count else ()):
            name = named(band["strategy"]) + (" (assumed)" if band["assumed"] else "")
            shares = (_percent(band[side][at]) for side in ("mean", "low80", "high80"))
            found.append((name, round(band["queries"][at]), *shares))
    return found


def _pairs(told: Mapping[str, Any]) -> dict[str, Any]:
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


# --- what it was made of and cost -------------------------------------------------------------------------


def _reasons(pools: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(["kept", *(reason for pool in pools for reason in sorted(pool["counts"]))]))


def _pool_rows(pools: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    reasons = _reasons(pools)
    return [
        (pool["pool"], *(pool["counts"].get(reason, 0) for reason in reasons), sum(pool["counts"].values()))
        for pool in pools
    ]


def _budget_rows(pools: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (
            pool["pool"],
            row["budget"],
            row["visits"],
            row["kept"],
            _percent(row["distinct_pairs"]),
            _percent(row["new_words"]),
            None if row["usd_per_kept"] is None else f"{row['usd_per_kept']:.6f}",
        )
        for pool in pools
        for row in pool["budgets"]
    ]


def _paid(told: Mapping[str, Any]) -> dict[str, Any]:
    names = ("queries", "input_tokens", "output_tokens")
    return {
        "ledger": [
            (named(row["strategy"]), row["teacher"], row["state"], *(row[name] for name in names), _price(row["usd"]))
            for row in told["ledger"]["sums"]
        ],
        "prices": [
            (
                price["who"],
                price["model"] or price["kind"],
                _price(price["usd_per_million_input"]),
                _price(price["usd_per_million_output"]),
                price["source"],
                price["date"],
            )
            for price in told["prices"]
        ],
    }


def _sources(told: Mapping[str, Any]) -> dict[str, Any]:
    worked = told["versions"]["when_it_worked"] or [told["versions"]["now"]]
    heads = [f"from start {at}" if len(worked) > 1 else "version" for at in range(1, len(worked) + 1)]
    packages = list(dict.fromkeys(name for one in worked for name in one["packages"]))
    versions = [
        (said, *(one[name] for one in worked))
        for name, said in (
            ("seedpilot", "SeedPilot"),
            ("commit", "commit"),
            ("changed", "files differ from the commit"),
            ("python", "Python"),
            ("machine", "machine"),
        )
    ]
    names = ("id", "reference", "task", "student", "strategy", "synthetic_examples", "value", "confidence")
    return {
        "evidence": [tuple(row[name] for name in names) for row in told["evidence"]["points"]],
        "claims": [
            tuple(row[name] for name in ("id", "reference", "says", "confidence")) for row in told["evidence"]["claims"]
        ],
        "files": [
            (file["what"], file["name"], file["bytes"], file["sha256"] or "not there any more")
            for file in told["files"]
        ],
        "random_seeds": [
            (_words(name), (", ".join(map(str, value)) if isinstance(value, list) else value) or "none")
            for name, value in told["random_seeds"].items()
        ],
        "version_heads": ["What", *heads],
        "versions": [*versions, *((name, *(one["packages"].get(name) for one in worked)) for name in packages)],
        "settings": [(one["name"], one["value"], one["origin"], one["why"]) for one in told.get("settings") or ()],
    }


def _situation(situation: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [
        (_words(name), value if not isinstance(value, list | dict) else json.dumps(value))
        for name, value in situation.items()
        if value not in (None, [], {})
    ]


# --- how values are shown ---------------------------------------------------------------------------------


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]], caption: str) -> Markup:
    """A table; every cell is escaped, and none is a formula where it is pasted."""
    numbers = [bool(rows) and all(_is_number(row[at]) for row in rows) for at in range(len(heads))]
    parts = ['<div class="scroll"><table>']
    parts.append(f"<caption>{escape(caption)}</caption><thead><tr>" if caption else "<thead><tr>")
    parts += [
        f'<th scope="col"{_side(number)}>{escape(head)}</th>' for head, number in zip(heads, numbers, strict=True)
    ]
    parts.append("</tr></thead><tbody>")
    for row in rows:
        cells = (f"<td{_side(number)}>{escape(_shown(value))}</td>" for value, number in zip(row, numbers, strict=True))
        parts.append(f"<tr>{''.join(cells)}</tr>")
    parts.append("</tbody></table></div>")
    return Markup("".join(parts))  # noqa: S704 - every text above is escaped


def _side(number: bool) -> str:
    return ' class="n"' if number else ""


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return not isinstance(value, bool)


def _shown(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else others(value)


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.1f} %"


def _price(usd: float | None) -> str | None:
    return None if usd is None else f"{usd:.4f}"


def _usd(usd: float | None) -> str:
    return "unknown" if usd is None else f"${usd:.4f}"


def _words(name: str) -> str:
    said = name.replace("_", " ")
    return said[:1].upper() + said[1:]


def _values(value: Any) -> str:
    return visible(json.dumps(value, indent=2, ensure_ascii=False))


def _json(value: Any) -> str:
    """ASCII only: nothing in it turns the line round, and it comes out of the page as it went in."""
    return json.dumps(value, indent=1, ensure_ascii=True, allow_nan=False)
