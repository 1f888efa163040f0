"""The door of the curve engine: a group of points -> what each strategy reaches at a budget, and which is best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from engine.errors import InputError
from engine.fitting import calibration
from engine.fitting.archive import Archive
from engine.fitting.calibration import CAP_STRETCH, REFUSE_STRETCH, Calibration
from engine.fitting.groups import Array, Group, LogitScale, LogScale, Method
from engine.fitting.points_file import PointsFile
from engine.fitting.saturating import SaturatingCurves
from engine.fitting.seed_law import SeedLaw
from engine.settings import ROOT

CALIBRATION = ROOT / "data" / "calibration"
"""Written by `python -m engine.fitting.learn_margins`, and `learn_loss_margins`."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What is expected of one strategy. Natural scale: fractions, or losses."""

    strategy: str
    mean: float | None
    """None where it is refused, with the reason."""
    interval80: tuple[float, float] | None
    interval90: tuple[float, float] | None
    p_best: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fit:
    """What is expected of a group at one budget."""

    group: str
    reached: tuple[Reached, ...]
    crossing: float
    """Probability that the strategy which leads at the largest common budget is not the best at the end."""
    assumed: tuple[str, ...]
    """Parameters that the points did not narrow."""
    domain: str | None
    """Of the margins; None where intervals are the posterior's own."""
    seeds: float | None = None
    """Labelled examples that it is expected for, where the points name theirs."""


def fit(
    group: Group, at: float, *, seeds: float | None = None, archive: Archive | None = None, raw: bool = False
) -> Fit:
    """The group at the budget `at` (above 0), and at that many seeds where points name theirs.

    With an archive of past curves, strategies of the same name are expected to go on as they did elsewhere. `raw`
    leaves nothing out: values beyond the stretch that can be answered for, and an uncapped P(best).
    """
    if not (np.isfinite(at) and at > 0):
        raise InputError(f"The budget to fit at is {at:g}; expected a number above 0.")
    method: Method = archive if archive is not None else SaturatingCurves()
    with_seeds = group.series[0].seeds is not None
    if with_seeds or seeds is not None:
        group, method = _at_seeds(group, seeds, archive), SeedLaw()
    common = min(float(series.n.max()) for series in group.series)
    forecast = method.forecast(group, np.array([at, max(common, 1.0)]))
    known = shipped(isinstance(group.scale, LogScale)).get(method.name)
    stretch = group.stretch(at)
    return summarise(group, forecast.draws, stretch, known, forecast.assumed, raw)


def _at_seeds(group: Group, seeds: float | None, archive: Archive | None) -> Group:
    """The group with the seeds to look at; InputError where the question and the points do not go together."""
    where = group.name or "the points"
    known = [float(s) for series in group.series if series.seeds is not None for s in series.seeds]
    if not known:
        raise InputError(f"--seeds is {seeds:g}, and {where} name no seeds; expected a column seeds.")
    if archive is not None:
        raise InputError(f"{where} name their seeds, and past curves know none; leave one of them out.")
    if seeds is None:
        seeds = max(known)  # the largest set is what a pilot was made for
    if not (np.isfinite(seeds) and seeds >= 1):
        raise InputError(f"the seeds to fit at are {seeds:g}; expected 1 or more.")
    return replace(group, at_seeds=seeds)


def summarise(
    group: Group, draws: Array, stretch: Array, known: Calibration | None, assumed: tuple[str, ...], raw: bool
) -> Fit:
    """Calibrated intervals and probabilities from draws (K, M, 2): at the budget, and at the largest common one."""
    loss = isinstance(group.scale, LogScale)
    farthest = float(np.max(stretch))
    # accuracies are judged in points, losses by ratios; higher is better in both
    ends = -draws[:, :, 0] if loss else group.scale.to_natural(draws[:, :, 0])
    margins = known.at(min(farthest, REFUSE_STRETCH)) if known else None
    p = calibration.p_best(ends, margins, capped=farthest > CAP_STRETCH and not raw)
    now = -draws[:, :, 1] if loss else group.scale.to_natural(draws[:, :, 1])
    leader = int(now.mean(axis=0).argmax())
    reached = []
    for m, strategy in enumerate(group.strategies):
        if stretch[m] > REFUSE_STRETCH and not raw:
            far = "from 0 examples alone" if np.isinf(stretch[m]) else f"{stretch[m]:.0f} times the largest point"
            why = f"{far}: beyond {REFUSE_STRETCH:.0f} times no value is given; measure a larger budget"
            reached.append(Reached(strategy, None, None, None, float(p[m]), why))
            continue
        own = known.at(min(float(stretch[m]), REFUSE_STRETCH)) if known else None
        both = [
            _natural(calibration.interval(ends[:, m], level, margin), group)
            if own is not None
            else _natural(tuple(np.quantile(ends[:, m], [0.5 - level / 200, 0.5 + level / 200])), group)
            for level, margin in ((80, own.level80 if own else 0.0), (90, own.level90 if own else 0.0))
        ]
        mean = float(np.exp(-np.mean(ends[:, m]))) if loss else float(ends[:, m].mean())
        # the wider interval holds the narrower one, and both hold the mean
        low80, high80 = min(both[0][0], mean), max(both[0][1], mean)
        reached.append(
            Reached(
                strategy,
                mean,
                (low80, high80),
                (min(both[1][0], low80), max(both[1][1], high80)),
                float(p[m]),
            )
        )
    return Fit(
        group.name, tuple(reached), float(1 - p[leader]), assumed, known.domain if known else None, group.at_seeds
    )


def _natural(bounds: tuple[Any, ...], group: Group) -> tuple[float, float]:
    low, high = float(bounds[0]), float(bounds[1])
    if isinstance(group.scale, LogScale):
        return float(np.exp(-high)), float(np.exp(-low))
    chance = group.scale.floor if isinstance(group.scale, LogitScale) else 0.0
    return max(low, chance), min(high, 1.0)


@lru_cache(maxsize=2)
def shipped(loss: bool) -> dict[str, Calibration]:
    """Margins that ship with SeedPilot, by method; empty where none were learned for that scale."""
    path = CALIBRATION / ("losses.json" if loss else "tabular.json")
    return calibration.read(path) if path.exists() else {}


def as_json(found: PointsFile, fits: Sequence[Fit], at: float) -> dict[str, Any]:
    """The object that `seedpilot fit --json` prints."""
    return {
        "at": at,
        "groups": [_group_json(fitted) for fitted in fits],
        "calibrated_on": fits[0].domain if fits else None,
        "notes": list(found.notes),
    }


def _group_json(fitted: Fit) -> dict[str, Any]:
    rows = []
    for r in fitted.reached:
        low80, high80 = r.interval80 or (None, None)
        low90, high90 = r.interval90 or (None, None)
        row = {"strategy": r.strategy, "mean": r.mean, "low80": low80, "high80": high80}
        row |= {"low90": low90, "high90": high90, "p_best": r.p_best}
        rows.append(row | ({"reason": r.reason} if r.reason else {}))
    return {
        "group": fitted.group,
        **({} if fitted.seeds is None else {"seeds": fitted.seeds}),
        "strategies": rows,
        "crossing": {"probability": fitted.crossing},
        "assumed": list(fitted.assumed),
    }
