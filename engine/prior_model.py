"""What the published rows and claims say about the law: the model that the prior is fitted with, and its slopes.

    study     phi_s ~ normal(mu, tau)    quality, reach, exponent, seed weight: one per paper
    curve     c_g ~ normal(m, s)         steepness, ceiling, N0, start: one per paper x benchmark x student
    row       logit accuracy ~ Student-t(5) around the law, scale `ROW_SCALE`

Claims enter as stated in `claims_log_density`: each is second-hand and counts with a factor of two
either way. Densities come with their gradients, for `engine.hamiltonian`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from engine import evidence as ev
from engine.law import Array, expit, logit
from engine.prior_rows import STANDIN_SEEDS, Rows

ROW_SCALE = 0.10
"""Logit scale of one published accuracy: test-set sampling, training seed, misfit; 2.5 points at 50 %."""
CLAIM_SCALE = 0.54
"""Log scale of a second-hand figure: its 80 % interval is a factor of two either way."""
FIXED_RATIO = 30.0
"""arXiv 2607.01727 gives no ratio: read as `no crossover below about 30`, confidence I (ours)."""

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

CENTRED = np.array([False, True, True, True])
"""Which of a curve's parameters the sampler holds as they are (see `Posterior`)."""


def digest() -> str:
    """Names this model's numbers: a stored prior that carries another digest was fitted with other ones."""
    numbers = [MU_PRIOR, TAU_SCALE, CURVE_PRIOR, CURVE_SPREAD, ROW_SCALE, CLAIM_SCALE, FIXED_RATIO, STANDIN_SEEDS]
    text = ";".join(np.array2string(np.asarray(x), precision=6) for x in numbers)
    return hashlib.sha256(text.encode()).hexdigest()


class State(NamedTuple):
    """Parameters of C draws: T studies, G curves, 7 study and 4 curve parameters. Also a gradient by them."""

    phi: Array
    """(C, T, 7)"""
    curve: Array
    """(C, G, 4)"""
    mu: Array
    """(C, 7)"""
    tau: Array
    """(C, 7)"""
    m: Array
    """(C, 4)"""
    s: Array
    """(C, 4)"""


class Posterior:
    """The log posterior of flat positions (C, D), with its gradient; `unpack` says what a position means.

    A position holds mu, log tau, the studies, m, log s and the curves. Studies are held as deviations
    z = (phi - mu) / tau, since each says little about most of its seven parameters, and so is a curve's
    steepness; a curve's ceiling, N0 and start are held as they are, since its rows pin them down (centred
    or not: Betancourt and Girolami 2013, arXiv 1312.0906). `pinned` names studies whose many rows pin all
    seven down.
    """

    def __init__(
        self, evidence: ev.Evidence, rows: Rows, row_scale: float = ROW_SCALE, pinned: Collection[str] = ()
    ) -> None:
        self.evidence, self.rows, self.row_scale = evidence, rows, row_scale
        self.t, self.g = len(rows.studies), len(rows.curves)
        self.pinned = np.array([[name in pinned] for name in rows.studies])
        """(T, 1)"""
        self.in_study = np.eye(self.t)[rows.study].T  # (T, R): sums rows by study
        self.in_curve = np.eye(self.g)[rows.curve].T
        self.size = 22 + 7 * self.t + 4 * self.g

    def unpack(self, position: Array) -> State:
        """(C, D) -> the parameters."""
        mu, log_tau, m, log_s = np.split(position[:, :22], [7, 14, 18], axis=1)
        studies, held = self.held(position)
        tau, s = np.exp(log_tau), np.exp(log_s)
        phi = np.where(self.pinned, studies, mu[:, None] + tau[:, None] * studies)
        curve = np.where(CENTRED, held, m[:, None] + s[:, None] * held)
        return State(phi, curve, mu, tau, m, s)

    def held(self, position: Array) -> tuple[Array, Array]:
        """Views of what a position (C, D) holds of the studies, (C, T, 7), and of the curves, (C, G, 4)."""
        end = 22 + 7 * self.t
        return position[:, 22:end].reshape(-1, self.t, 7), position[:, end:].reshape(-1, self.g, 4)

    def __call__(self, position: Array) -> tuple[Array, Array]:
        """Log density (C,) and gradient (C, D)."""
        x = self.unpack(position)
        rows, by_phi, by_curve = row_slopes(x.phi, x.curve, self.rows, self.row_scale)
        phi_slope = np.stack([(self.in_study @ d.T).T for d in by_phi], axis=2)
        curve_slope = np.stack([(self.in_curve @ d.T).T for d in by_curve], axis=2)
        claims, claim_slope = claims_slope(x.phi, self.rows, self.evidence)
        phi_slope += claim_slope
        studies, _ = self.held(position)
        z = np.where(self.pinned, (x.phi - x.mu[:, None]) / x.tau[:, None], studies)
        deviation = (x.curve - x.m[:, None]) / x.s[:, None]
        value = rows.sum(axis=1) + claims.sum(axis=1)
        value += -(z**2).sum(axis=(1, 2)) / 2 - (deviation**2).sum(axis=(1, 2)) / 2
        value -= self.g * (CENTRED * np.log(x.s)).sum(axis=1) + self.pinned.sum() * np.log(x.tau).sum(axis=1)
        free, apart = ~CENTRED, ~self.pinned
        slope_mu = np.where(apart, phi_slope, z / x.tau[:, None]).sum(axis=1)
        slope_tau = np.where(apart, phi_slope * z * x.tau[:, None], z**2 - 1).sum(axis=1)
        slope_m = np.where(free, curve_slope.sum(axis=1), deviation.sum(axis=1) / x.s)
        slope_s = np.where(free, (curve_slope * deviation).sum(axis=1) * x.s, (deviation**2 - 1).sum(axis=1))
        slope_z = np.where(apart, phi_slope * x.tau[:, None] - z, phi_slope - z / x.tau[:, None])
        slope_held = np.where(free, curve_slope * x.s[:, None] - deviation, curve_slope - deviation / x.s[:, None])
        for middle, prior, slope in ((x.mu, MU_PRIOR, slope_mu), (x.m, CURVE_PRIOR, slope_m)):
            off = (middle - prior[:, 0]) / prior[:, 1]
            value -= (off**2).sum(axis=1) / 2
            slope -= off / prior[:, 1]
        for spread, scale, slope in ((x.tau, TAU_SCALE, slope_tau), (x.s, CURVE_SPREAD, slope_s)):
            value += (np.log(spread) - (spread / scale) ** 2 / 2).sum(axis=1)  # half-normal, on the log
            slope += 1 - (spread / scale) ** 2
        flat = [slope_mu, slope_tau, slope_m, slope_s, slope_z, slope_held]
        return value, np.concatenate([f.reshape(len(position), -1) for f in flat], axis=1)


def row_slopes(phi: Array, curve: Array, r: Rows, scale: float = ROW_SCALE) -> tuple[Array, list[Array], list[Array]]:
    """Student-t log density of every row (C, R), and its slopes by the row's 7 and 4 parameters, each (C, R)."""
    p, c = phi[:, r.study], curve[:, r.curve]
    with np.errstate(over="ignore", invalid="ignore"):  # an absurd proposal gives NaN, which is never accepted
        human = np.exp(p[..., 6]) * r.human
        n, slopes = human, []
        for m in range(3):
            some = np.flatnonzero(r.examples[:, m] > 0)
            made, by_reach = np.zeros_like(human), np.zeros_like(human)
            q = np.exp(p[:, some, m - 1]) if m else 1.0
            room = np.exp(p[:, some, 2 + m] + p[:, some, 5] * np.log(r.seeds[some] / 1000)) * r.seeds[some]
            used = r.examples[some, m] / room
            made[:, some] = -q * room * np.expm1(-used)
            by_reach[:, some] = made[:, some] - q * r.examples[some, m] * np.exp(-used)
            n = n + made
            slopes.append((made, by_reach))
        beta, log_n = np.exp(c[..., 0]), np.log(np.maximum(n, 1e-9))
        rise = -beta * (log_n - c[..., 2])
        left, ceiling, room_left = expit(rise), expit(c[..., 1]), expit(-c[..., 3])
        share = ceiling * (1 - room_left * left)
        clipped = np.clip(share, 1e-4, 1 - 1e-4)
        residual = (r.target - logit(clipped)) / scale
        value = -3.0 * np.log1p(residual**2 / 5.0)
        by_share = 6 * residual / ((5 + residual**2) * scale * clipped * (1 - clipped)) * (share == clipped)
        by_rise = -by_share * ceiling * room_left * left * (1 - left)
        by_n = by_rise * -beta / np.maximum(n, 1e-9)
        (_, reach_answers), (rephrase, reach_rephrase), (new, reach_new) = slopes
        exponent = (reach_answers + reach_rephrase + reach_new) * np.log(r.seeds / 1000)
        parts = (rephrase, new, reach_answers, reach_rephrase, reach_new, exponent, human)
        by_curve = [
            by_rise * rise,
            by_share * share * (1 - ceiling),
            by_rise * beta,
            by_share * ceiling * left * room_left * (1 - room_left),
        ]
    return value, [by_n * part for part in parts], by_curve


def claims_slope(phi: Array, r: Rows, evidence: ev.Evidence) -> tuple[Array, Array]:
    """Log density of the claims, given to their own study, (C, T); its slope by the study's parameters, (C, T, 7).

    A study whose claims the evidence does not hold has none.
    """
    out, slope = np.zeros(phi.shape[:2]), np.zeros_like(phi)
    claims = {c.id: c for c in evidence.claims}
    if "chan-shift-100" in claims:
        chan = r.studies.index("CHAN")
        p, by = phi[:, chan], slope[:, chan]
        at_1000, by_p = log_crossover(p, 1000.0), crossover_slope(p)
        for name in ("chan-shift-100", "chan-shift-1000", "chan-shift-full"):
            claim = claims[name]
            centre = claim.value or float(np.sqrt((claim.low or 1.0) * (claim.high or 1.0)))
            move = np.log(float(claim.seeds or 1000) / 1000)
            residual = (at_1000 + p[:, 5] * move - np.log(centre)) / CLAIM_SCALE
            out[:, chan] -= residual**2 / 2
            by -= (residual / CLAIM_SCALE)[:, None] * (by_p + move * np.eye(7)[5])
        # flat means that another doubling adds little: 1 - exp(-r / R) near 0.95, so R is about r / 3
        flat, rising = claims["chan-rephrase-flattens"], claims["chan-new-still-rises"]
        at_flat, at_rising = (np.log(float(c.seeds or 100) / 1000) for c in (flat, rising))
        r_flat = np.log(np.sqrt((flat.low or 1) * (flat.high or 1)) / (flat.seeds or 1) / 3)
        r_rising = np.log((rising.low or 1) / (rising.seeds or 1) / 3)
        residual = (p[:, 3] + p[:, 5] * at_flat - r_flat) / CLAIM_SCALE
        out[:, chan] -= residual**2 / 2
        by[:, 3] -= residual / CLAIM_SCALE
        by[:, 5] -= residual / CLAIM_SCALE * at_flat
        above = 1.7 * (p[:, 4] + p[:, 5] * at_rising - r_rising) / CLAIM_SCALE
        out[:, chan] += _log_expit(above)
        by[:, 4] += expit(-above) * 1.7 / CLAIM_SCALE
        by[:, 5] += expit(-above) * 1.7 / CLAIM_SCALE * at_rising
    if "fixed-seeds-2607" in claims:
        fixed = r.studies.index("FIXED")
        beyond = log_crossover(phi[:, fixed], STANDIN_SEEDS) - np.log(FIXED_RATIO)
        above = 1.7 * beyond / CLAIM_SCALE
        out[:, fixed] += _log_expit(above)
        slope[:, fixed] += (expit(-above) * 1.7 / CLAIM_SCALE)[:, None] * crossover_slope(phi[:, fixed])
    return out, slope


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


def crossover_slope(p: Array) -> Array:
    """Slope of `log_crossover` at 1,000 seeds by the seven parameters, (C, 7); its exponent's share is zero there.

    From the implicit function: at the crossing log useful_new - log useful_answers is zero. Where there is
    no crossing the density is flat.
    """
    at = log_crossover(p, 1000.0)
    crosses = (at > np.log(0.1)) & (at < np.log(1e4))
    used = np.clip(np.exp(at)[:, None] / np.exp(p[:, 2:5]), 1e-6, 500.0)
    share = used / np.expm1(used)  # d log useful / d log ratio; 1 minus it is d log useful / d log reach
    across = np.where(crosses, np.maximum(share[:, 2] - share[:, 0], 0.02), np.inf)
    out = np.zeros_like(p)
    out[:, 1] = -1 / across
    out[:, 2] = (1 - share[:, 0]) / across
    out[:, 4] = -(1 - share[:, 2]) / across
    return out


def _log_expit(x: Array) -> Array:
    return np.asarray(-np.logaddexp(0, -x))
