"""The report as one HTML file: it opens offline, prints, and runs nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from engine.domain import Baseline
from engine.report import drawing, measured
from engine.report.drawing import named
from engine.report.plainly import others, visible
from engine.report.showing import as_json, in_words, percent, price, table, usd, values

_BASELINES = [baseline.value for baseline in Baseline]


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
        "words": in_words,
        "usd": usd,
        "json": as_json,
        "values": values,
    }
    environment.globals["table"] = table
    return environment.get_template("page.html").render(r=told, **_parts(told))


def _parts(told: Mapping[str, Any]) -> dict[str, Any]:
    advised = told["advice"]
    after = advised["after"] if advised else None
    advice = after or (advised["before"] if advised else None)
    ladder = measured.ladder(told["cells"] or ())
    curves = told["curves"] or {"before": [], "after": None}
    points = [measured.point(cell) for cell in told["cells"] or () if measured.drawn(cell)]
    lines = [(row.label, row.mean / 100) for row in ladder if row.arm in _BASELINES and "matched" not in row.label]
    budgets = [point["budget"] for point in points]
    span = (min(budgets) / 2, 3 * max(budgets)) if budgets else None
    shown = {when: [measured.within(band, span) for band in curves[when] or ()] for when in ("before", "after")}
    strategies = [name for name in measured.STRATEGIES if any(band["strategy"] == name for band in shown["before"])]
    pools = told.get("pools") or ()
    return {
        "advice": advice,
        "measured": after is not None,
        "spending": [] if advice is None else [(named(m["strategy"]), m["queries"]) for m in advice["spending_plan"]],
        "situation": [] if advice is None else _situation(advice["situation"]),
        "ladder": drawing.rows(ladder, "Right, % of the scored test items (80 % interval)", "Accuracy of each cell"),
        "ladder_rows": measured.ladder_rows(told["cells"] or ()),
        "cells": [measured.cell_row(cell) for cell in told["cells"] or ()],
        "legend": drawing.legend(strategies) if strategies else "",
        "chart_before": drawing.curves(shown["before"], [], [], "Expected accuracy before the run"),
        "chart_after": drawing.curves(shown["after"], points, lines, "Expected accuracy after the run"),
        "curve_rows_before": measured.curve_rows(shown["before"]),
        "curve_rows_after": measured.curve_rows(shown["after"]),
        **measured.pairs(told),
        "pool_heads": ["Pool", *map(in_words, _reasons(pools)), "Asked for"],
        "pool_rows": _pool_rows(pools),
        "budget_rows": _budget_rows(pools),
        **_paid(told),
        **_sources(told),
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
            percent(row["distinct_pairs"]),
            percent(row["new_words"]),
            None if row["usd_per_kept"] is None else f"{row['usd_per_kept']:.6f}",
        )
        for pool in pools
        for row in pool["budgets"]
    ]


def _paid(told: Mapping[str, Any]) -> dict[str, Any]:
    names = ("queries", "input_tokens", "output_tokens")
    return {
        "ledger": [
            (named(row["strategy"]), row["teacher"], row["state"], *(row[name] for name in names), price(row["usd"]))
            for row in told["ledger"]["sums"]
        ],
        "prices": [
            (
                quoted["who"],
                quoted["model"] or quoted["kind"],
                price(quoted["usd_per_million_input"]),
                price(quoted["usd_per_million_output"]),
                quoted["source"],
                quoted["date"],
            )
            for quoted in told["prices"]
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
            (in_words(name), (", ".join(map(str, value)) if isinstance(value, list) else value) or "none")
            for name, value in told["random_seeds"].items()
        ],
        "version_heads": ["What", *heads],
        "versions": [*versions, *((name, *(one["packages"].get(name) for one in worked)) for name in packages)],
        "settings": [(one["name"], one["value"], one["origin"], one["why"]) for one in told.get("settings") or ()],
    }


def _situation(situation: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [
        (in_words(name), value if not isinstance(value, list | dict) else json.dumps(value))
        for name, value in situation.items()
        if value not in (None, [], {})
    ]
