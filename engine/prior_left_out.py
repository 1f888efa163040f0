"""What the prior says about a paper that it was not fitted to. `engine.prior_validation` runs it for every paper.

The prior is fitted again without the paper's rows and claims, and predicts them as a study that nobody
has run: rows with the noise of trained and scored students, pairs of strategies at one budget, and the
ratio at which new questions overtake answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import combinations
from typing import TypedDict

import numpy as np

from engine import evidence as ev
from engine import law, prior_fit
from engine.law import Array
from engine.prior_model import FIXED_RATIO, ROW_SCALE, log_crossover
from engine.prior_rows import STANDIN_SEEDS, Rows, accuracy, examples_per_seed, rows, training_set

STEPS, DRAWS = 2000, 8000
"""Fewer steps than the shipped prior has, since seven fits are made; the page shows what that does."""
POPULATION = 22
"""So many parameters, the first of a fit, are means and spreads of the populations of studies and curves."""
SHIFTS = ("chan-shift-100", "chan-shift-1000", "chan-shift-full")
FIXED = "fixed-seeds-2607"
LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95)


class Predicted(TypedDict):
    """One published figure and what the prior without its paper says."""

    ids: list[str]
    value: float
    mean: float
    quantiles: list[float]
    """At `LEVELS`."""


class Pair(Predicted):
    """One strategy's row over another's at the same budget, in points."""

    strategies: list[str]
    ratio: float
    """Examples per seed."""
    probability: float
    """That the row of the first strategy comes out higher."""


class Paper(TypedDict):
    """What was predicted of one paper, and by what fit."""

    rows: list[Predicted]
    pairs: list[Pair]
    shifts: list[Predicted]
    """Examples per seed; 10,000 where a draw never crosses."""
    beyond: float | None
    """Probability that nothing crosses below `FIXED_RATIO`, where the paper says so."""
    r_hat: float
    """Largest of the population's means and spreads, which a new study is drawn from."""
    effective_size: float
    """Smallest of the same."""
    cpu_seconds: float


def error(p: Predicted) -> float:
    """Of the expected value, in the figure's unit."""
    return abs(p["mean"] - p["value"])


def inside(p: Predicted, share: int) -> bool:
    """Whether the 80 or 90 % interval holds the published figure."""
    low, high = ends(p, share)
    return low <= p["value"] <= high


def width(p: Predicted, share: int) -> float:
    """Of the 80 or 90 % interval."""
    low, high = ends(p, share)
    return high - low


def ends(p: Predicted, share: int) -> tuple[float, float]:
    """Of the 80 or 90 % interval."""
    first = {80: 1, 90: 0}[share]
    return p["quantiles"][first], p["quantiles"][-1 - first]


def right_order(pair: Pair, order: Sequence[str]) -> bool:
    """Whether that order, best first, puts the pair as it was published."""
    one, two = pair["strategies"]
    return (order.index(one) < order.index(two)) == (pair["value"] > 0)


def right_sign(pair: Pair) -> bool:
    """Whether the expected difference has the sign of the published one."""
    return (pair["mean"] > 0) == (pair["value"] > 0)


def came(pair: Pair) -> float:
    """The chance that was given to the order that was published."""
    return pair["probability"] if pair["value"] > 0 else 1 - pair["probability"]


def apart(pairs: Sequence[Pair], points: float) -> list[Pair]:
    """Those that were published at least so many points apart."""
    return [pair for pair in pairs if abs(pair["value"]) >= points]


def papers(evidence: ev.Evidence) -> tuple[str, ...]:
    """Papers with a row or a claim in the fit, by short name."""
    return rows(evidence).studies


def leave_out(
    evidence: ev.Evidence,
    paper: str,
    *,
    warm_up: int = prior_fit.WARM_UP,
    steps: int = STEPS,
    more: Callable[[Rows], Rows] | None = None,
    pinned: Collection[str] = (),
) -> Paper:
    """Fits without that paper and predicts what it published; `more` adds rows that nobody published, and `pinned` are
    studies among them as `prior_fit.sample` has them."""
    began = time.process_time()
    others = evidence.without(paper)
    fitted = rows(others) if more is None else more(rows(others))
    fit = prior_fit.sample(others, fitted=fitted, warm_up=warm_up, steps=steps, pinned=pinned)
    draws = prior_fit.draws_for_new_task(fit.state, min(DRAWS, len(fit.state.mu)))
    own = [p for p in evidence.points if p.source == paper]
    fixed = any(c.id == FIXED for c in evidence.claims if c.source == paper)
    beyond = float((log_crossover(draws[:, :7], STANDIN_SEEDS) > np.log(FIXED_RATIO)).mean()) if fixed else None
    return {
        "rows": predicted_rows(own, draws),
        "pairs": predicted_pairs(own, draws),
        "shifts": [_shift(c, draws) for c in evidence.claims if c.source == paper and c.id in SHIFTS],
        "beyond": beyond,
        "r_hat": round(float(fit.r_hat[:POPULATION].max()), 3),
        "effective_size": round(float(fit.effective_size[:POPULATION].min())),
        "cpu_seconds": round(time.process_time() - began, 1),
    }


def predicted_rows(points: list[ev.Point], draws: Array) -> list[Predicted]:
    """Every fitted row of one paper, in percent right."""
    rng = np.random.default_rng(7)
    return [_predicted([p.id], p.value, _seen(p, draws, rng)) for p in points if training_set(p) is not None]


def predicted_pairs(points: list[ev.Point], draws: Array) -> list[Pair]:
    """Every two strategies of one paper at the same budget on the same benchmark and student, in points."""
    rng = np.random.default_rng(8)
    found: list[Pair] = []
    for one, two in pairs(points):
        gap = _seen(one, draws, rng) - _seen(two, draws, rng)
        found.append(
            {
                **_predicted([one.id, two.id], one.value - two.value, gap),
                "strategies": [one.strategy, two.strategy],
                "ratio": round(examples_per_seed(one), 2),
                "probability": round(float((gap > 0).mean()), 4),
            }
        )
    return found


def pairs(points: list[ev.Point]) -> Iterator[tuple[ev.Point, ev.Point]]:
    """Rows of two strategies that differ in nothing else, in the order of `law.STRATEGIES`."""
    order = [s.value for s in law.STRATEGIES]
    fitted = sorted(
        (p for p in points if p.strategy in order and training_set(p) is not None),
        key=lambda p: order.index(p.strategy),
    )
    for one, two in combinations(fitted, 2):
        same = all(
            getattr(one, name) == getattr(two, name)
            for name in ("source", "task", "student", "teacher", "seed_n", "human_n", "synthetic_n")
        )
        if same and one.strategy != two.strategy:
            yield one, two


def by_others(evidence: ev.Evidence, paper: str, *, same_task: bool) -> list[Predicted]:
    """Rival for rows: the mean and spread of the other papers' rows, of the same task type where there are any."""
    points = {p.id: p for p in evidence.points}
    fitted = [points[i] for i in rows(evidence).ids]
    found: list[Predicted] = []
    for point in (p for p in fitted if p.source == paper):
        others = [p for p in fitted if p.source != paper]
        near = [p for p in others if same_task and p.task_type is point.task_type] or others
        values = np.array([p.value for p in near])
        quantiles = [float(q) for q in np.quantile(values, LEVELS)]
        found.append({"ids": [point.id], "value": point.value, "mean": float(values.mean()), "quantiles": quantiles})
    return found


def _seen(point: ev.Point, draws: Array, rng: np.random.Generator) -> Array:
    """Percent right of one trained and scored student: the law with the noise of a published row. (K,).

    The noise is on the logit above chance, as in the fit.
    """
    floor = ev.FLOORS.get(point.task, 0.0)
    share = np.clip((accuracy(point, draws) - floor) / (1 - floor), 1e-6, 1 - 1e-6)
    noisy = law.expit(law.logit(share) + ROW_SCALE * rng.standard_t(5, len(draws)))
    return np.asarray(100 * (floor + (1 - floor) * noisy))


def _shift(claim: ev.Claim, draws: Array) -> Predicted:
    at = np.exp(log_crossover(draws[:, :7], float(claim.seeds or STANDIN_SEEDS)))
    centre = claim.value or float(np.sqrt((claim.low or 1.0) * (claim.high or 1.0)))
    return _predicted([claim.id], centre, np.minimum(at, 1e4))


def _predicted(ids: list[str], value: float, seen: Array) -> Predicted:
    quantiles = [round(float(q), 3) for q in np.quantile(seen, LEVELS)]
    return {"ids": ids, "value": round(value, 3), "mean": round(float(seen.mean()), 3), "quantiles": quantiles}
