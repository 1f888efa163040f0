"""What decisions on the atlas come to, a row for each method: regret, also on the cases that all methods have and
beside rivals, how true intervals and P(best) are, and what pilots took. Intervals are bootstrapped over worlds: there
are five, and an interval over five of anything is narrower than it should be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks._atlas import ALWAYS_NEW, ELSEWHERE, PILOTS, POW3, WHOLE, curve_on
from benchmarks._atlas_cases import Decision
from benchmarks._clustered import bins, estimate
from engine.atlas.design import Place

RIVALS = (ALWAYS_NEW, ELSEWHERE, POW3, WHOLE)
BINS = 3
"""Of P(best), with as many decisions each."""


def atlas_rows(made: Sequence[Decision]) -> list[dict[str, Any]]:
    """One row a method; none where no full budget was measured for two strategies."""
    found: dict[str, dict[Place, Decision]] = defaultdict(dict)
    for decision in made:
        found[decision.method][decision.case] = decision
    if not found:
        return []
    # who measures the full budget is a yardstick and no method: it does not narrow what methods are compared on
    common = set.intersection(*(set(cases) for method, cases in found.items() if method != WHOLE))
    rivals = {name: found[name] for name in RIVALS if name in found}
    rows = []
    for method, of_method in found.items():
        row = _row(list(of_method.values()), common, rivals)
        there = [one for one in of_method.values() if one.case in common]
        for size in PILOTS:
            # "knowing the other worlds" may stand behind it
            if f" a pilot of {size}" in method and there and curve_on("pow3", size) in found:
                row["common"]["regret_less_pow3_on_it"] = _less(there, found[curve_on("pow3", size)])
        rows.append(row)
    return rows


def _row(
    made: Sequence[Decision], common: Collection[Place], rivals: Mapping[str, Mapping[Place, Decision]]
) -> dict[str, Any]:
    worlds = _worlds(made)
    row: dict[str, Any] = {
        "method": made[0].method,
        "on": "atlas",
        "decisions": len(made),
        "worlds": len(set(worlds)),
        "regret_points": estimate([one.regret for one in made], worlds, 3),
        "common": _on_common([one for one in made if one.case in common], rivals),
        "top1": estimate([one.best for one in made], worlds, 3),
        "pilot_queries": round(float(np.mean([one.spent for one in made]))),
        "without_pilot": round(float(np.mean([one.spent == 0 for one in made])), 3),
        "regret_by_world": {
            world: round(float(np.mean([one.regret for one in made if one.world == world])), 2)
            for world in dict.fromkeys(worlds)
        },
        "regret_by_full_budget": {
            str(full): round(float(np.mean([one.regret for one in made if one.full == full])), 2)
            for full in sorted({one.full for one in made})
        },
    }
    for level in (80, 90):
        # far beyond a pilot the advice gives no value, and none can be wrong
        for name, called in (("covered", f"coverage{level}"), ("allowed", f"coverage{level}_noise_allowed")):
            judged = [(of[level], one.world) for one in made if (of := getattr(one, name))]
            if judged:
                found = estimate([share for share, _ in judged], [world for _, world in judged], 3)
                row[called] = found | {"decisions": len(judged)}
    sure = [one for one in made if one.said is not None]
    if sure:
        row["p_best"] = _p_best(sure)
    return row


def _on_common(made: Sequence[Decision], rivals: Mapping[str, Mapping[Place, Decision]]) -> dict[str, Any]:
    """Regret on the common cases, and how much more of it there is than with rivals on the same cases."""
    if not made:
        return {"decisions": 0}
    worlds = _worlds(made)
    return {
        "decisions": len(made),
        "regret_points": estimate([one.regret for one in made], worlds, 3),
        "regret_less": {
            name: _less(there, of_rival)
            for name, of_rival in rivals.items()
            if name != made[0].method and (there := [one for one in made if one.case in of_rival])
        },
    }


def _less(made: Sequence[Decision], of_rival: Mapping[Place, Decision]) -> dict[str, Any]:
    """How much more regret there is than the rival's on the same cases, and on how many."""
    found = estimate([one.regret - of_rival[one.case].regret for one in made], _worlds(made), 3)
    return found | {"decisions": len(made)}


def _p_best(made: Sequence[Decision]) -> dict[str, Any]:
    """P(best) of what was chosen beside how often that was best, all told and in bins, and its Brier score: the mean
    square of the two's difference, 0 at best, 0.25 for who always says a half."""
    said, came = np.array([one.said for one in made]), np.array([float(one.best) for one in made])
    worlds = np.array(_worlds(made))
    return {
        "said": round(float(said.mean()), 3),
        "came_true": round(float(came.mean()), 3),
        "gap_points": estimate(100 * (came - said), worlds, 1),
        "brier": estimate((said - came) ** 2, worlds, 3),
        "bins": bins(said, came, worlds, min(BINS, len(made)), "decisions"),
    }


def _worlds(made: Sequence[Decision]) -> list[str]:
    return [one.world for one in made]
