"""What the published rows and claims say about the law: the model that the prior is fitted with.

    study     phi_s ~ normal(mu, tau)    quality, reach, exponent, seed weight: one per paper
    curve     c_g ~ normal(m, s)         steepness, ceiling, N0, start: one per paper x benchmark x student
    row       logit accuracy ~ Student-t(5) around the law, scale `ROW_SCALE`

Claims enter as stated in `claims_log_density`: each is second-hand and counts with a factor of two
either way. What is left out, and why, is in data/evidence/README.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from engine import evidence as ev
from engine.domain import Strategy
from engine.law import STRATEGIES, Array, expit, logit

ROW_SCALE = 0.10
"""Logit scale of one published accuracy: test-set sampling, training seed, misfit; 2.5 points at 50 %."""
CLAIM_SCALE = 0.54
"""Log scale of a second-hand figure: its 80 % interval is a factor of two either way."""
FIXED_RATIO = 30.0
"""arXiv 2607.01727 gives no ratio: read as `no crossover below about 30`, confidence I (ours)."""
STANDIN_SEEDS = 1000.0
"""Seed count where a paper gives none; only N / N0 matters then, and N0 is free."""

# prior of mu, and of the population of curves: mean, sd; log or logit scale
MU_PRIOR = np.array(
    [
        [np.log(0.8), 0.5],  # log_q_rephrase
        [np.log(0.6), 0.6],  # log_q_new
        [np.log(8.0), 1.0],  # log_reach_answers
        [np.log(25.0), 1.0],  # log_reach_rephrase
        [np.log(120.0), 1.2],  # log_reach_new
        [0.0, 0.3],  # reach_exponent
        [0.0, 0.7],  # log_seed_weight
    ]
)
TAU_SCALE = np.array([0.4, 0.5, 0.5, 0.5, 0.6, 0.1, 0.5])
"""Scale of the half-normal prior of the spread between studies, in the order of MU_PRIOR."""
CURVE_PRIOR = np.array(
    [
        [np.log(0.6), 0.3],  # log_beta
        [1.0, 1.0],  # logit_ceiling
        [np.log(8000.0), 1.0],  # log_half
        [-1.5, 1.0],  # logit_start
    ]
)
CURVE_SPREAD = np.array([0.2, 1.0, 1.2, 1.0])
"""The same for curves."""


def digest() -> str:
    """Names this model's numbers: a stored prior that carries another digest was fitted with other ones."""
    numbers = [MU_PRIOR, TAU_SCALE, CURVE_PRIOR, CURVE_SPREAD, ROW_SCALE, CLAIM_SCALE, FIXED_RATIO, STANDIN_SEEDS]
    text = ";".join(np.array2string(np.asarray(x), precision=6) for x in numbers)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Rows:
    """The fitted rows as arrays: R rows, G curves, T studies."""

    ids: tuple[str, ...]
    study: Array
    """(R,) index of the study."""
    curve: Array
    """(R,) index of the curve."""
    curve_study: Array
    """(G,) index of each curve's study."""
    seeds: Array
    human: Array
    examples: Array
    """(R, 3) synthetic examples by strategy."""
    target: Array
    """(R,) logit of the floor-free accuracy."""
    studies: tuple[str, ...]
    curves: tuple[tuple[str, str, str], ...]


def rows(evidence: ev.Evidence) -> Rows:
    """The accuracies that speak about one strategy or human examples alone."""
    fitted: list[tuple[ev.Point, tuple[float, float, tuple[float, float, float]]]] = []
    for point in evidence.points:
        read = training_set(point)
        if read is not None:
            fitted.append((point, read))
    studies = (*dict.fromkeys(p.source for p, _ in fitted), "CHAN", "FIXED")
    curves = tuple(dict.fromkeys((p.source, p.task, p.student) for p, _ in fitted))
    floor = np.array([ev.FLOORS.get(p.task, 0.0) for p, _ in fitted])
    share = (np.array([p.value for p, _ in fitted]) / 100 - floor) / (1 - floor)
    return Rows(
        ids=tuple(p.id for p, _ in fitted),
        study=np.array([studies.index(p.source) for p, _ in fitted]),
        curve=np.array([curves.index((p.source, p.task, p.student)) for p, _ in fitted]),
        curve_study=np.array([studies.index(c[0]) for c in curves]),
        seeds=np.array([r[0] for _, r in fitted]),
        human=np.array([r[1] for _, r in fitted]),
        examples=np.array([r[2] for _, r in fitted]),
        target=logit(np.clip(share, 0.01, 0.99)),
        studies=studies,
        curves=curves,
    )


def training_set(point: ev.Point) -> tuple[float, float, tuple[float, float, float]] | None:
    """Seeds, human examples, synthetic examples by strategy; None for a row that is not fitted."""
    if point.metric != ev.ACCURACY or point.student.startswith("teacher"):
        return None
    if point.source == "REVT":  # one round over a train set of unpublished size: ratio 1, seeds included
        human = 0.0 if point.strategy == "none" else STANDIN_SEEDS
        made = [STANDIN_SEEDS if point.strategy == s else 0.0 for s in STRATEGIES]
        known = point.strategy in {"none", "human_or_distilled"} | {s.value for s in Strategy}
        return (STANDIN_SEEDS, human, (made[0], made[1], made[2])) if known else None
    if point.strategy not in {"human"} | {s.value for s in Strategy}:
        return None  # few-shot scores of the untuned student, and mixtures that no single strategy explains
    made = [float(point.synthetic_n or 0) if point.strategy == s else 0.0 for s in STRATEGIES]
    return float(point.seed_n or STANDIN_SEEDS), float(point.human_n or 0), (made[0], made[1], made[2])


def row_log_likelihood(phi: Array, curve: Array, r: Rows) -> Array:
    """Student-t log density of every row, (C, R); phi (C, T, 7), curve (C, G, 4)."""
    residual = (r.target - predicted(phi, curve, r)) / ROW_SCALE
    return np.asarray(-3.0 * np.log1p(residual**2 / 5.0))


def predicted(phi: Array, curve: Array, r: Rows) -> Array:
    """The law's floor-free logit accuracy of every row, (C, R)."""
    p, c = phi[:, r.study], curve[:, r.curve]
    room = np.exp(p[..., 2:5] + p[..., 5:6] * np.log(r.seeds / 1000)[:, None]) * r.seeds[:, None]
    q = np.exp(np.concatenate([np.zeros_like(p[..., :1]), p[..., :2]], axis=-1))
    with np.errstate(over="ignore", invalid="ignore"):  # an absurd proposal gives NaN, which is never accepted
        useful = (q * room * -np.expm1(-r.examples / room)).sum(axis=-1)
    n = np.exp(p[..., 6]) * r.human + useful
    left = expit(-np.exp(c[..., 0]) * (np.log(np.maximum(n, 1e-9)) - c[..., 2]))
    share = expit(c[..., 1]) * (1 - expit(-c[..., 3]) * left)
    return logit(np.clip(share, 1e-4, 1 - 1e-4))


def claims_log_density(phi: Array, r: Rows, evidence: ev.Evidence) -> Array:
    """Log density of the claims, given to their own study; phi (C, T, 7) -> (C, T)."""
    out = np.zeros(phi.shape[:2])
    chan, fixed = r.studies.index("CHAN"), r.studies.index("FIXED")
    p = phi[:, chan]
    for name in ("chan-shift-100", "chan-shift-1000", "chan-shift-full"):
        claim = evidence.claim(name)
        centre = claim.value or float(np.sqrt((claim.low or 1.0) * (claim.high or 1.0)))
        residual = (log_crossover(p, float(claim.seeds or 1000)) - np.log(centre)) / CLAIM_SCALE
        out[:, chan] -= residual**2 / 2
    # flat means that another doubling adds little: 1 - exp(-r / R) near 0.95, so R is about r / 3
    flat = evidence.claim("chan-rephrase-flattens")
    rising = evidence.claim("chan-new-still-rises")
    at_flat, at_rising = (float(c.seeds or 100) / 1000 for c in (flat, rising))
    r_flat = np.log(np.sqrt((flat.low or 1) * (flat.high or 1)) / (flat.seeds or 1) / 3)
    r_rising = np.log((rising.low or 1) / (rising.seeds or 1) / 3)
    out[:, chan] -= ((p[:, 3] + p[:, 5] * np.log(at_flat) - r_flat) / CLAIM_SCALE) ** 2 / 2
    out[:, chan] += _log_expit(1.7 * (p[:, 4] + p[:, 5] * np.log(at_rising) - r_rising) / CLAIM_SCALE)
    beyond = log_crossover(phi[:, fixed], STANDIN_SEEDS) - np.log(FIXED_RATIO)
    out[:, fixed] += _log_expit(1.7 * beyond / CLAIM_SCALE)
    return out


def log_crossover(p: Array, seeds: float) -> Array:
    """Log of the examples per seed at which new questions overtake answers; log 10,000 if they never do.

    p (C, 7) -> (C,). A common exponent scales all reaches alike, so the crossover at S is that at 1,000
    times (S / 1000)^g.
    """
    grid = np.log(np.geomspace(0.1, 1e4, 60))
    ratio = np.exp(grid)
    reach = np.exp(p[:, 2:5])
    answers = reach[:, 0, None] * -np.expm1(-ratio / reach[:, 0, None])
    new = np.exp(p[:, 1, None]) * reach[:, 2, None] * -np.expm1(-ratio / reach[:, 2, None])
    gap = np.log(new) - np.log(answers)
    ahead = gap > 0
    last = np.where(ahead.all(axis=1), 0, len(grid) - np.argmax(~ahead[:, ::-1], axis=1))
    hi = np.clip(last, 1, len(grid) - 1)
    pick = np.arange(len(p))
    a, b = gap[pick, hi - 1], gap[pick, hi]
    inner = grid[hi - 1] + (grid[hi] - grid[hi - 1]) * np.clip(-a / np.where(b == a, 1.0, b - a), 0, 1)
    at_1000 = np.where(ahead.all(axis=1), grid[0], np.where(last >= len(grid), grid[-1], inner))
    return np.asarray(at_1000 + p[:, 5] * np.log(seeds / 1000))


def _log_expit(x: Array) -> Array:
    return np.asarray(-np.logaddexp(0, -x))
