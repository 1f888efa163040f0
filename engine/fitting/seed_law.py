"""The law with the seeds in it: points of several seed counts on one curve, and what another count would reach.

    reach_m(S) = R_m * (S / 1000)^g_m
    N          = w * S + q_m * reach_m(S) * S * (1 - exp(-n / (reach_m(S) * S)))
    value      = a saturating curve of N (`engine.fitting.saturating`)

n are examples made beside the S seeds, so that a row with n = 0 is the student that was trained on seeds alone. With
every g_m = 0 the crossover cannot move with S: the rival. Other methods know nothing of seeds and would take two seed
counts for one curve; points with a `seeds` column are for this one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import InputError
from engine.fitting.groups import Array, Forecast, Group
from engine.fitting.pooling import joint
from engine.fitting.saturating import curve, loss_start

REFERENCE_SEEDS = 1000.0
QUALITY_SD, WEIGHT_SD = 0.7, 0.7
"""Natural logs: quality against the first strategy's; weight of a seed against one of its examples."""
REACH_MEAN, REACH_SD = 3.0, 1.5
"""Natural log of examples per seed at 1,000 seeds: weak, around the 16 to 51 at which published crossovers lie."""
EXPONENT_SD = 0.5


@dataclass(frozen=True)
class SeedLaw:
    """Quality x reach over points of several seed counts."""

    depends_on_seeds: bool = True
    """Whether the reach may move with the number of seeds (g)."""

    @property
    def name(self) -> str:
        """What tables call it."""
        return "quality x reach x seeds" if self.depends_on_seeds else "quality x reach, the same for all seeds"

    def forecast(self, group: Group, at: Array) -> Forecast:
        """Joint draws at the examples `at` beside `group.at_seeds` seeds; InputError where either is unknown."""
        seeds_of = [series.seeds for series in group.series if series.seeds is not None]
        if group.at_seeds is None or len(seeds_of) < len(group.series):
            raise InputError(
                f"{group.name or 'the points'}: the number of seeds is unknown; expected a column seeds "
                "and the number of seeds to look at (--seeds)."
            )
        count = len(group.series)
        middle = float(
            np.log(np.concatenate([s + series.n for s, series in zip(seeds_of, group.series, strict=True)])).mean()
        )
        starts = [start for start in (loss_start(series, group) for series in group.series) if start is not None]
        start = float(np.mean(starts)) if starts else None
        exponents = count if self.depends_on_seeds else 0
        own = [np.stack([series.n, s]) for s, series in zip(seeds_of, group.series, strict=True)]

        def curve_of(draws: Array, m: int, places: Array) -> Array:
            n, seeds = places
            log_q = QUALITY_SD * draws[:, 6 + m - 1, None] if m else np.zeros((len(draws), 1))
            log_reach = REACH_MEAN + REACH_SD * draws[:, 5 + count + m, None]
            if exponents:
                moved = np.log(seeds / REFERENCE_SEEDS)
                log_reach = log_reach + EXPONENT_SD * draws[:, 5 + 2 * count + m, None] * moved
            room = np.exp(log_reach) * seeds
            useful = np.exp(log_q) * room * -np.expm1(-n / room)
            weighed = np.exp(WEIGHT_SD * draws[:, 5, None]) * seeds
            return curve(draws[:, :5], weighed + useful, middle, start)

        asked = np.stack([at, np.full(len(at), group.at_seeds)])
        return joint(group, own, asked, curve_of, 5 + 2 * count + exponents)
