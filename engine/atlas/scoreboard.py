"""The scoreboard: claims with their verdicts by world, crossovers, and what a newcomer should read first; as JSON, as
text, and as the part of docs/atlas.md between its marks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from engine import marked
from engine.atlas.claims import ALL, CLAIMS, FAILED, HELD, UNDECIDED, Crossing, Verdict, judged
from engine.atlas.design import FIRST, SEEDS_ONLY, STRONG, UNTUNED, USUAL, WORLDS, planned
from engine.atlas.progress import cpu_seconds_a_cell
from engine.atlas.table import AtlasCell

MARKS = "atlas scoreboard"
BEGIN, END = marked.marks(MARKS)
NOT_SHOWN = "Not shown to transfer to a real student of 0.5 billion parameters or more: no slice was repeated on one."
APART = 3.0
"""A factor between the crossovers of worlds from which it is the first thing to say."""


def scoreboard(cells: Sequence[AtlasCell], worlds: Sequence[str] = WORLDS) -> dict[str, Any]:
    """Claims with verdicts by world, crossovers, and the first sentence; plain values."""
    verdicts, crossings = judged(cells, worlds)
    return {
        "headline": headline(crossings),
        "transfer": NOT_SHOWN,
        "cells": len(cells),
        "planned": len(planned(tuple(worlds))),
        "claims": [_claim(name, unit, [one for one in verdicts if one.claim == name]) for name, unit, _ in CLAIMS],
        "crossovers": [
            {
                "world": one.world,
                "seeds": one.seeds,
                "examples_a_seed": round(one.ratio, 1),
                "interval90": [round(one.low90, 1), round(one.high90, 1)],
                "outside_the_budgets": round(one.censored, 2),
                "seen": one.seen,
            }
            for one in crossings
        ],
        "measured": [_measured(cells, world) for world in worlds if any(cell.world == world for cell in cells)],
    }


def headline(crossings: Sequence[Crossing]) -> str:
    """Whether worlds cross at ratios that are more than a factor of three apart, where two were measured with the same
    seeds and are seen to cross; else that this is not known yet."""
    pairs = [
        (a, b) for a, b in combinations(crossings, 2) if a.seeds == b.seeds and a.world != b.world and a.seen and b.seen
    ]
    if not pairs:
        return (
            "How far apart the worlds' crossovers are is not known yet: with as many seeds fewer than two worlds have "
            "answers clearly ahead at one budget and new questions at a larger one."
        )
    a, b = max(pairs, key=lambda pair: abs(np.median(pair[0].log2 - pair[1].log2)))
    if np.median(a.log2 - b.log2) < 0:
        a, b = b, a
    low, middle, high = 2 ** np.quantile((a.log2 - b.log2)[1:], (0.05, 0.5, 0.95))
    told = f"{middle:.1f} (90 %: {low:.1f} to {high:.1f})"
    where = f"with {a.seeds} seeds {a.world} crosses at {a.ratio:.0f} examples a seed, {b.world} at {b.ratio:.0f}"
    if low > APART:
        return f"Crossovers differ over worlds by more than a factor of three: {where}, a factor of {told}."
    if high < APART:
        return f"Crossovers differ over worlds by less than a factor of three: {where}, a factor of {told}."
    asked = "Whether crossovers differ over worlds by more than a factor of three is undecided"
    return f"{asked}: {where}, a factor of {told}."


def _claim(name: str, unit: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    counts = Counter(one.verdict for one in verdicts if one.world != ALL)
    return {
        "claim": name,
        "unit": unit,
        "worlds": {verdict: counts[verdict] for verdict in (HELD, FAILED, UNDECIDED)},
        "by_world": [
            {
                "world": one.world,
                "verdict": one.verdict,
                "effect": None if one.effect is None else round(one.effect, 2),
                "interval90": None
                if one.low90 is None or one.high90 is None
                else [round(one.low90, 2), round(one.high90, 2)],
                "comparisons": one.comparisons,
            }
            for one in verdicts
        ],
    }


def _measured(cells: Sequence[AtlasCell], world: str) -> dict[str, Any]:
    here = [cell for cell in cells if cell.world == world]
    plain = [cell for cell in here if (cell.student, cell.augmenter, cell.setting) == (FIRST, STRONG, USUAL)]
    untuned = [cell.accuracy for cell in plain if cell.arm == UNTUNED]
    best = max(plain, key=lambda cell: cell.accuracy, default=None)
    return {
        "world": world,
        "cells": len(here),
        "replicates": len({cell.replicate for cell in here}),
        "untuned": round(untuned[0], 3) if untuned else None,
        "seeds_only": {
            str(size): round(float(np.mean(found)), 3)
            for size in sorted({cell.seeds for cell in plain})
            if (found := [cell.accuracy for cell in plain if cell.arm == SEEDS_ONLY and cell.seeds == size])
        },
        "highest": None if best is None else {"cell": best.key, "accuracy": round(best.accuracy, 3)},
        "cpu_seconds_a_cell": cpu_seconds_a_cell(here),
        "cpu_hours": round(sum(known) / 3600, 2) if (known := [c.cpu_seconds for c in here if c.cpu_seconds]) else None,
        "clock_hours": round(sum(cell.seconds for cell in here) / 3600, 2),
    }


def text(found: dict[str, Any]) -> str:
    """For a terminal and for a page of docs: tables in Markdown."""
    worlds = [one["world"] for one in found["claims"][0]["by_world"]]
    lines = [
        f"**{found['headline']}** {found['transfer']} {found['cells']} of {found['planned']} cells are measured.",
        "",
        f"| claim | unit | {' | '.join(worlds)} |",
        f"| --- | --- |{' --- |' * len(worlds)}",
    ]
    for claim in found["claims"]:
        lines.append(f"| {claim['claim']} | {claim['unit']} | {' | '.join(map(_cell, claim['by_world']))} |")
    lines += [
        "",
        "| world | seeds | crossover, examples a seed (90 %) | draws outside the budgets | both sides clearly seen |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in found["crossovers"]:
        low, high = one["interval90"]
        lines.append(
            f"| {one['world']} | {one['seeds']} | {one['examples_a_seed']} ({low} to {high}) "
            f"| {100 * one['outside_the_budgets']:.0f} % | {'yes' if one['seen'] else 'no'} |"
        )
    lines += [
        "",
        "| world | cells | replicates | untuned | seeds only | highest | processor, seconds a cell | hours, processor "
        "(clock) |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in found["measured"]:
        alone = ", ".join(f"{100 * share:.1f} % ({size})" for size, share in one["seeds_only"].items()) or "none yet"
        untuned = "none yet" if one["untuned"] is None else f"{100 * one['untuned']:.1f} %"
        best = one["highest"]
        highest = "none yet" if best is None else f"{100 * best['accuracy']:.1f} % ({best['cell']})"
        lines.append(
            f"| {one['world']} | {one['cells']} | {one['replicates']} | {untuned} | {alone} | {highest} "
            f"| {one['cpu_seconds_a_cell'] or 'not known'} | {one['cpu_hours'] or 'not known'} ({one['clock_hours']}) |"
        )
    return "\n".join(lines)


def _cell(one: dict[str, Any]) -> str:
    if one["interval90"] is None:
        return "not known"
    low, high = one["interval90"]
    return f"**{one['verdict']}** {one['effect']:+.1f} ({low:+.1f} to {high:+.1f}), n = {one['comparisons']}"


def written_into(page: Path, found: dict[str, Any]) -> None:
    """Puts the tables between the marks of a page; InputError where it has none."""
    marked.written_into(page, MARKS, text(found))
