"""Decisions on the atlas as docs/atlas.md shows them: tables in Markdown, made of the rows of `_atlas_rows`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks._atlas import PILOTS
from benchmarks._atlas_rows import RIVALS
from benchmarks._marked import estimated, table

MARKS = "atlas decisions"
Row = Mapping[str, Any]


def text(rows: Sequence[Row], cells: int, planned: int, made_with: str) -> str:
    """What was decided, and how true what was said of it was; `made_with` is the command."""
    common = max((row["common"]["decisions"] for row in rows), default=0)
    first, *larger = (f" a pilot of {size}" for size in PILOTS)
    usual = [row for row in rows if not any(size in row["method"] for size in larger)]
    by_pilot = [row for row in usual if first in row["method"]]
    of_method = {row["method"]: row for row in rows}
    told = f"`{made_with}`: **{cells:,} of {planned:,} cells**"
    if not rows:
        return f"{told}; for no place two strategies were measured at a full budget."
    worlds = max(row["worlds"] for row in rows)
    lines = [
        f"{told}, {worlds} world{'s' if worlds > 1 else ''}; every method decides {common} cases (*common*). "
        "Brackets: 90 %, over worlds.",
        "",
        *table(
            [
                "method",
                "decisions",
                "regret, points",
                "on the common cases",
                *(f"there, less {name}" for name in RIVALS),
                "regret at 800, at 3,200",
                "best one named",
                "queries of its pilot",
            ],
            [_decided(row, common) for row in usual],
        ),
        "",
        *table(
            [
                "method",
                "80 % intervals hold",
                "90 % hold",
                "80 %, the truth's own noise allowed for",
                "90 %",
                "P(best): said, came true",
                "by thirds",
                "Brier score",
            ],
            [_sure(row) for row in usual if "p_best" in row],
        ),
        "",
        *table(
            [
                "method: regret, points",
                "without a pilot",
                *(told for size in PILOTS for told in (f"after {size}", "less pow3 on it")),
                *(f"{size}: 90 % intervals hold" for size in PILOTS),
            ],
            [
                _by_pilot(
                    of_method.get(row["method"].replace(f" with{first}", " without a pilot")),
                    [of_method.get(row["method"].replace(first, size)) for size in (first, *larger)],
                    first,
                )
                for row in by_pilot
            ],
        ),
    ]
    return "\n".join(lines)


def _decided(row: Row, common: int) -> list[str]:
    there = row["common"]
    less = there.get("regret_less", {})
    by_budget = row["regret_by_full_budget"]
    none = f" (none in {100 * row['without_pilot']:.0f} %)" if 0 < row["without_pilot"] < 1 else ""
    return [
        row["method"],
        str(row["decisions"]),
        estimated(row["regret_points"], ".1f"),
        _common(there["regret_points"], ".1f", there["decisions"], common) if there["decisions"] else "",
        *(
            _common(less[name], "+.1f", less[name]["decisions"], there["decisions"]) if name in less else ""
            for name in RIVALS
        ),
        ", ".join(f"{by_budget[full]:.1f}" if full in by_budget else "none" for full in ("800", "3200")),
        estimated(_percent(row["top1"]), ".0f", " %"),
        f"{row['pilot_queries']:,}{none}",
    ]


def _common(found: Row, digits: str, decided: int, common: int) -> str:
    """An estimate over the common cases, or over so many of them."""
    return estimated(found, digits) + ("" if decided == common else f", {decided} of them")


def _sure(row: Row) -> list[str]:
    p_best = row["p_best"]
    return [
        row["method"],
        *(_covered(row, f"coverage{level}{how}") for how in ("", "_noise_allowed") for level in (80, 90)),
        _beside(p_best),
        ", ".join(_beside(one) for one in p_best["bins"]),
        estimated(p_best["brier"], ".2f"),
    ]


def _by_pilot(without: Row | None, found: Sequence[Row | None], first: str) -> list[str]:
    """One method without a pilot (rivals have no such row) and after each, on the common cases."""
    name = next(row["method"] for row in found if row is not None)
    alone = without is not None and without["method"] != name
    cells = [_regret(without) if alone else ""]
    for row in found:
        less = None if row is None else row["common"].get("regret_less_pow3_on_it")
        cells += [_regret(row), estimated(less, "+.1f") if less and not name.startswith("pow3") else ""]
    for between in (" with", " of", " on"):
        name = name.replace(f"{between}{first}", "")
    return [name, *cells, *("" if row is None else _covered(row, "coverage90") for row in found)]


def _regret(row: Row | None) -> str:
    if row is None or not row["common"]["decisions"]:
        return ""
    return estimated(row["common"]["regret_points"], ".1f")


def _covered(row: Row, name: str) -> str:
    if name not in row:
        return ""
    given = row[name]["decisions"]
    of_it = "" if given == row["decisions"] else f", {given} given"
    return estimated(_percent(row[name]), ".0f", " %") + of_it


def _beside(one: Row) -> str:
    return f"{100 * one['said']:.0f} / {100 * one['came_true']:.0f} %"


def _percent(found: Row) -> dict[str, Any]:
    """An estimate of a share, in per cent."""
    interval = found["interval90"]
    return {"mean": 100 * found["mean"], "interval90": None if interval is None else [100 * end for end in interval]}
