"""Fits the law's prior to data/evidence: `python -m engine.prior_fit` writes data/evidence/law_prior.json.

A hierarchical model, sampled by Metropolis within Gibbs over parallel chains (fixed seed):

    study     phi_s ~ normal(mu, tau)         quality, reach, seed weight, steepness of f, per paper
    curve     (ceiling, N0, start) ~ normal   one per paper x benchmark x student: never shared
    row       logit accuracy ~ Student-t(5) around the law, scale `ROW_SCALE`

A user's task is a study that nobody has run: its draws are taken from normal(mu, tau), so that what
differs between papers widens the advice. Claims enter as stated in `_claims`; each is second-hand and
counts with at least a factor of two. What the model leaves out, and why, is in data/evidence/README.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine import evidence as ev
from engine.domain import Strategy
from engine.law import EXPONENT, PARAMETERS, STRATEGIES, Array, expit, logit

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
        [np.log(0.6), 0.3],  # log_beta
    ]
)
TAU_SCALE = np.array([0.4, 0.5, 0.5, 0.5, 0.6, 0.1, 0.5, 0.2])
"""Scale of the half-normal prior of the spread between studies, in the order of MU_PRIOR."""
CURVE_PRIOR = np.array([[1.0, 1.0], [np.log(8000.0), 1.0], [-1.5, 1.0]])
CURVE_SPREAD = np.array([1.0, 1.2, 1.0])

CHAINS, STEPS, BURN_IN, DRAWS = 40, 12000, 4000, 1000
SEED = 20240929
ASSUMED_WIDTH = 0.8
"""A posterior at least this wide against its prior is not learned: the parameter is `assumed`."""

OUT = ev.FOLDER / "law_prior.json"


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
    floor: Array
    studies: tuple[str, ...]
    curves: tuple[tuple[str, str, str], ...]
    has_start: Array
    """(G,) whether the student was scored before training, in the same way."""


def rows(evidence: ev.Evidence) -> Rows:
    """The accuracies that speak about one strategy or human examples alone."""
    fitted: list[tuple[ev.Point, tuple[float, float, tuple[float, float, float]]]] = []
    for point in evidence.points:
        read = _training_set(point)
        if read is not None:
            fitted.append((point, read))
    studies = tuple(dict.fromkeys(p.source for p, _ in fitted)) + ("CHAN", "FIXED")
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
        floor=floor,
        studies=studies,
        curves=curves,
        has_start=np.array([c[0] == "REVT" for c in curves]),
    )


def _training_set(point: ev.Point) -> tuple[float, float, tuple[float, float, float]] | None:
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


class State(NamedTuple):
    """One state of every chain: C chains, T studies, G curves, 8 study and 3 curve parameters."""

    phi: Array  # (C, T, 8)
    curve: Array  # (C, G, 3)
    mu: Array  # (C, 8)
    tau: Array  # (C, 8)
    m: Array  # (C, 3)
    s: Array  # (C, 3)


def row_log_likelihood(phi: Array, curve: Array, r: Rows) -> Array:
    """Student-t log density of every row, (C, R); phi (C, T, 8), curve (C, G, 3)."""
    residual = (r.target - predicted(phi, curve, r)) / ROW_SCALE
    return np.asarray(-3.0 * np.log1p(residual**2 / 5.0))


def predicted(phi: Array, curve: Array, r: Rows) -> Array:
    """The law's floor-free logit accuracy of every row, (C, R)."""
    p, c = phi[:, r.study], curve[:, r.curve]
    room = np.exp(p[..., 2:5] + p[..., 5:6] * np.log(r.seeds / 1000)[:, None]) * r.seeds[:, None]
    q = np.exp(np.concatenate([np.zeros_like(p[..., :1]), p[..., :2]], axis=-1))
    useful = (q * room * -np.expm1(-r.examples / room)).sum(axis=-1)
    n = np.exp(p[..., 6]) * r.human + useful
    left = expit(-np.exp(p[..., 7]) * (np.log(np.maximum(n, 1e-9)) - c[..., 1]))
    share = expit(c[..., 0]) * (1 - expit(-c[..., 2]) * left)
    return logit(np.clip(share, 1e-4, 1 - 1e-4))


def _claims(phi: Array, r: Rows, evidence: ev.Evidence) -> Array:
    """Log density of the claims, given to their own study. (C, T)."""
    out = np.zeros(phi.shape[:2])
    chan, fixed = r.studies.index("CHAN"), r.studies.index("FIXED")
    p = phi[:, chan]
    for name in ("chan-shift-100", "chan-shift-1000", "chan-shift-full"):
        claim = evidence.claim(name)
        centre = claim.value or float(np.sqrt((claim.low or 1.0) * (claim.high or 1.0)))
        residual = (_log_crossover(p, float(claim.seeds or 1000)) - np.log(centre)) / CLAIM_SCALE
        out[:, chan] -= residual**2 / 2
    # flat means that another doubling adds little: 1 - exp(-r / R) near 0.95, so R is about r / 3
    flat = evidence.claim("chan-rephrase-flattens")
    rising = evidence.claim("chan-new-still-rises")
    at_flat, at_rising = (float(c.seeds or 100) / 1000 for c in (flat, rising))
    r_flat = np.log(np.sqrt((flat.low or 1) * (flat.high or 1)) / (flat.seeds or 1) / 3)
    r_rising = np.log((rising.low or 1) / (rising.seeds or 1) / 3)
    out[:, chan] -= ((p[:, 3] + p[:, 5] * np.log(at_flat) - r_flat) / CLAIM_SCALE) ** 2 / 2
    out[:, chan] += _log_expit(1.7 * (p[:, 4] + p[:, 5] * np.log(at_rising) - r_rising) / CLAIM_SCALE)
    beyond = _log_crossover(phi[:, fixed], STANDIN_SEEDS) - np.log(FIXED_RATIO)
    out[:, fixed] += _log_expit(1.7 * beyond / CLAIM_SCALE)
    return out


def _log_crossover(p: Array, seeds: float) -> Array:
    """Log of the examples per seed at which new questions overtake answers; log 10,000 if they never do.

    p (C, 8) -> (C,). A common exponent scales all reaches alike, so the crossover at S is that at 1,000
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


def sample(evidence: ev.Evidence, *, chains: int = CHAINS, steps: int = STEPS, burn_in: int = BURN_IN) -> State:
    """Posterior states: every leading axis is draws, thinned, chains side by side, shape (draws x chains, ...)."""
    rng = np.random.default_rng(SEED)
    r = rows(evidence)
    t, g = len(r.studies), len(r.curves)
    mu = MU_PRIOR[:, 0] + MU_PRIOR[:, 1] * 0.5 * rng.standard_normal((chains, 8))
    tau = TAU_SCALE * np.abs(rng.standard_normal((chains, 8)))
    m = CURVE_PRIOR[:, 0] + 0.5 * rng.standard_normal((chains, 3))
    s = 0.3 + CURVE_SPREAD * np.abs(rng.standard_normal((chains, 3)))
    phi = mu[:, None] + tau[:, None] * rng.standard_normal((chains, t, 8))
    curve = m[:, None] + s[:, None] * rng.standard_normal((chains, g, 3))
    row = row_log_likelihood(phi, curve, r)
    claims = _claims(phi, r, evidence)
    phi_step, curve_step = np.full((t, 8), 0.3), np.full((g, 3), 0.3)
    kept: list[State] = []
    in_study = np.eye(t)[r.study]  # (R, T): sums rows by study
    in_curve = np.eye(g)[r.curve]
    study_curves = np.eye(t)[r.curve_study].T  # (T, G)
    for step in range(steps):
        adapting = step < burn_in
        # a study's parameters, two at a time; every third time its curves' N0 moves with them (same product N / N0)
        mask = rng.random((t, 8)) < 0.3
        move = mask * phi_step * rng.standard_normal((chains, t, 8))
        new_phi, new_curve = phi + move, curve
        if step % 3 == 0:
            shift = 0.3 * rng.standard_normal((chains, t))
            new_phi = phi.copy()
            new_phi[:, :, 6] += shift
            new_curve = curve.copy()
            new_curve[:, :, 1] += shift @ study_curves
            mask = np.zeros((t, 8), dtype=bool)
        new_row = row_log_likelihood(new_phi, new_curve, r)
        new_claims = _claims(new_phi, r, evidence)
        gain = (new_row - row) @ in_study + new_claims - claims
        gain += (_normal(new_phi, mu[:, None], tau[:, None]) - _normal(phi, mu[:, None], tau[:, None])).sum(axis=2)
        if new_curve is not curve:
            change = _normal(new_curve, m[:, None], s[:, None]) - _normal(curve, m[:, None], s[:, None])
            gain += change.sum(axis=2) @ study_curves.T
        accept = np.log(rng.random(gain.shape)) < gain
        phi = np.where(accept[:, :, None], new_phi, phi)
        claims = np.where(accept, new_claims, claims)
        row = np.where(accept[:, r.study], new_row, row)
        if new_curve is not curve:
            curve = np.where(accept[:, r.curve_study, None], new_curve, curve)
        if adapting:
            phi_step *= np.exp(0.05 * mask * (accept.mean(axis=0)[:, None] - 0.3))
        # each curve's own three
        mask_curve = rng.random((g, 3)) < 0.5
        new_curve = curve + mask_curve * curve_step * rng.standard_normal((chains, g, 3))
        new_row = row_log_likelihood(phi, new_curve, r)
        gain = (new_row - row) @ in_curve
        gain += (_normal(new_curve, m[:, None], s[:, None]) - _normal(curve, m[:, None], s[:, None])).sum(axis=2)
        accept = np.log(rng.random(gain.shape)) < gain
        curve = np.where(accept[:, :, None], new_curve, curve)
        row = np.where(accept[:, r.curve], new_row, row)
        if adapting:
            curve_step *= np.exp(0.05 * mask_curve * (accept.mean(axis=0)[:, None] - 0.3))
        mu = _gibbs_mean(rng, phi, tau, MU_PRIOR)
        m = _gibbs_mean(rng, curve, s, CURVE_PRIOR)
        tau = _spread(rng, phi - mu[:, None], tau, TAU_SCALE)
        s = _spread(rng, curve - m[:, None], s, CURVE_SPREAD)
        if not adapting and step % 40 == 0:
            kept.append(State(phi, curve, mu, tau, m, s))
    return State(*(np.concatenate(part) for part in zip(*kept, strict=True)))


def _normal(x: Array, mean: Array, sd: Array) -> Array:
    return np.asarray(-(((x - mean) / sd) ** 2) / 2)


def _gibbs_mean(rng: np.random.Generator, values: Array, spread: Array, prior: Array) -> Array:
    """The population mean given its members: normal prior, normal members. (C, M, P) -> (C, P)."""
    precision = values.shape[1] / spread**2 + 1 / prior[:, 1] ** 2
    mean = (values.sum(axis=1) / spread**2 + prior[:, 0] / prior[:, 1] ** 2) / precision
    return np.asarray(mean + rng.standard_normal(mean.shape) / np.sqrt(precision))


def _spread(rng: np.random.Generator, deviation: Array, spread: Array, scale: Array) -> Array:
    """One Metropolis step on the log of the population spread under a half-normal prior. (C, P)."""
    squares, members = (deviation**2).sum(axis=1), deviation.shape[1]
    new = spread * np.exp(0.5 * rng.standard_normal(spread.shape))

    def density(x: Array) -> Array:
        return np.asarray((1 - members) * np.log(x) - squares / (2 * x**2) - (x / scale) ** 2 / 2)

    accept = np.log(rng.random(spread.shape)) < density(new) - density(spread)
    return np.where(accept, new, spread)


def new_task(rng: np.random.Generator, mu: Array, tau: Array, m: Array, s: Array) -> Array:
    """Draws for a study that nobody has run, in the order of `PARAMETERS`. (K, 11)."""
    phi = mu + tau * rng.standard_normal(mu.shape)
    curve = m + s * rng.standard_normal(m.shape)
    return np.concatenate([phi, curve], axis=1)


def prior_draws(rng: np.random.Generator, count: int) -> Array:
    """The same before any evidence: what `assumed` is judged against. (count, 11)."""
    mu = MU_PRIOR[:, 0] + MU_PRIOR[:, 1] * rng.standard_normal((count, 8))
    m = CURVE_PRIOR[:, 0] + CURVE_PRIOR[:, 1] * rng.standard_normal((count, 3))
    tau = TAU_SCALE * np.abs(rng.standard_normal((count, 8)))
    s = CURVE_SPREAD * np.abs(rng.standard_normal((count, 3)))
    return new_task(rng, mu, tau, m, s)


def weak_augmenter(draws: Array, loss: float, seeds: float, examples: float, rng: np.random.Generator) -> Array:
    """How far a weak augmenter lowers log q of new questions, per draw, so that the published loss comes out.

    Half the draws read `loss` as points, half as relative, because the notes do not say. (K,), never
    positive; capped at a factor of ten, where new questions would be nearly worthless.
    """
    from engine import law

    cells = np.array([[0.0, 0.0, examples]])
    size = np.array([seeds])
    start = law.accuracy(draws, law.effective(draws, size, cells), 0.0)[:, 0]
    relative = rng.random(len(draws)) < 0.5
    wanted = np.where(relative, start * (1 - loss / 100), start - loss / 100)
    low, high = np.full(len(draws), -np.log(10.0)), np.zeros(len(draws))
    for _ in range(30):
        middle = (low + high) / 2
        trial = draws.copy()
        trial[:, law.Q_NEW] += middle
        too_high = law.accuracy(trial, law.effective(trial, size, cells), 0.0)[:, 0] > wanted
        low, high = np.where(too_high, low, middle), np.where(too_high, middle, high)
    return np.asarray((low + high) / 2)


def fit(evidence: ev.Evidence) -> dict[str, object]:
    """The prior as it is stored: draws, weak-augmenter shifts, widths, the evidence's digest."""
    state = sample(evidence)
    rng = np.random.default_rng(SEED + 1)
    pick = rng.choice(len(state.mu), DRAWS, replace=False)
    draws = new_task(rng, state.mu[pick], state.tau[pick], state.m[pick], state.s[pick])
    # widths of the population mean: whether the evidence moved what is common to all tasks
    before = np.concatenate([MU_PRIOR[:, 1], CURVE_PRIOR[:, 1]]) * 2 * 1.2816
    low, high = np.quantile(np.concatenate([state.mu, state.m], axis=1), [0.1, 0.9], axis=0)
    claim = evidence.claim("chan-weak-augmenter")
    shift = weak_augmenter(draws, claim.value or 15.0, float(claim.seeds or 1000), 10_000.0, rng)
    width = (high - low) / before
    return {
        "script": "python -m engine.prior_fit",
        "seed": SEED,
        "evidence": evidence.digest,
        "parameters": list(PARAMETERS),
        "assumed": [n for n, x in zip(PARAMETERS, width, strict=True) if x >= ASSUMED_WIDTH],
        "width_against_prior": [round(float(x), 3) for x in width],
        "mixing": [round(float(x), 3) for x in _mixing(state)],
        "weak_new": [round(float(x), 4) for x in shift],
        "draws": [[round(float(x), 4) for x in row] for row in draws],
    }


def _mixing(state: State) -> Array:
    """Potential scale reduction (Gelman and Rubin) of the population means over the chains; 1 is mixed."""
    chains = np.concatenate([state.mu, state.m], axis=1).reshape(-1, CHAINS, 11)
    within = chains.var(axis=0, ddof=1).mean(axis=0)
    between = chains.mean(axis=0).var(axis=0, ddof=1)
    return np.asarray(np.sqrt(1 + between / within))


if __name__ == "__main__":
    result = fit(ev.load())
    OUT.write_text(json.dumps(result) + "\n")
    print(f"wrote {OUT}: width against prior {result['width_against_prior']}, mixing {result['mixing']}")
    print("assumed:", result["assumed"], "| exponent column", EXPONENT)
