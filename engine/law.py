"""The law: quality x reach. Pure, vectorised over posterior draws.

    useful_m(n) = q_m * R_m(S) * S * (1 - exp(-n / (R_m(S) * S)))      examples worth counting
    R_m(S)      = R_m * (S / 1000)^g                                   reach
    useful_r(n) = q_r * n, n at most the unlabelled inputs             answers to real questions
    N           = w * S + sum over m of useful_m(n_m)                  effective examples
    accuracy    = floor + (ceiling - floor) * f(N)
    f(N)        = 1 - (1 - start) / (1 + (N / N0)^beta)

Saturation of useful_m: data-constrained scaling, arXiv 2305.16264. f is the rectified scaling law,
error(N) = B / (D_l + N^beta) + E (arXiv 2402.02314), with D_l = N0^beta and E = 1 - ceiling, so that
N0 is the number of effective examples at which half of what can be learned is learned, and `start`
is what the student brings along. q of answer augmentation is 1: it fixes the scale of N.

A fresh real question repeats nothing, so answers to the user's own unlabelled inputs have a quality and
no reach: they end where the inputs end, which callers see to (`examples` is never above that number).

A set of draws is an array of shape (K, 11), a column per parameter in `PARAMETERS`, each on a scale
without bounds (logarithm or logit), so that normal distributions and linear steps make sense. Where real
questions compete a twelfth column holds `REAL_PARAMETER`; M, the number of strategies, is 3 or 4 by it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.domain import Strategy

Array = NDArray[np.float64]

PARAMETERS = (
    "log_q_rephrase",
    "log_q_new",
    "log_reach_answers",
    "log_reach_rephrase",
    "log_reach_new",
    "reach_exponent",
    "log_seed_weight",
    "log_beta",
    "logit_ceiling",
    "log_half",
    "logit_start",
)
"""Columns of a set of draws. Reaches hold at 1,000 seeds; log_half is log N0."""

REAL_PARAMETER = "log_q_real"
"""The twelfth column, where there is one."""

Q_REPHRASE, Q_NEW, REACH, EXPONENT, SEED_WEIGHT, BETA, CEILING, HALF, START, Q_REAL = 0, 1, 2, 5, 6, 7, 8, 9, 10, 11

STRATEGIES = (Strategy.ANSWER_AUGMENTATION, Strategy.QUESTION_REPHRASE, Strategy.NEW_QUESTION)
"""The strategies that make examples from seeds: the order of every axis that runs over strategies."""
COMPETING = (*STRATEGIES, Strategy.REAL_QUESTION)
"""The same where real questions compete: they come last."""

_NO_REACH_LIMIT = float(np.log(1e12))
"""Log reach of real questions: no number of them comes near it, so that useful(n) is q * n."""

REFERENCE_SEEDS = 1000.0
_LARGEST = 700.0
"""Of what is exponentiated: e to the 710 is no number any more."""


def strategies(draws: Array) -> tuple[Strategy, ...]:
    """The M strategies that the draws speak about, in the order of their axis."""
    return COMPETING if draws.shape[1] > len(PARAMETERS) else STRATEGIES


def quality(draws: Array) -> Array:
    """Worth of one example against one more answer, by strategy. Shape (K, M)."""
    columns = [np.zeros(len(draws)), draws[:, Q_REPHRASE], draws[:, Q_NEW]]
    if len(strategies(draws)) > len(STRATEGIES):
        columns.append(draws[:, Q_REAL])
    return np.exp(np.stack(columns, axis=1))


def _log_reach(draws: Array) -> tuple[Array, Array]:
    """Log reach at 1,000 seeds, (K, M), and how it moves with the log of the seeds, (K, M)."""
    base = draws[:, REACH : REACH + 3]
    exponent = np.repeat(draws[:, EXPONENT, None], 3, axis=1)
    if len(strategies(draws)) > len(STRATEGIES):
        base = np.column_stack([base, np.full(len(draws), _NO_REACH_LIMIT)])
        exponent = np.column_stack([exponent, np.zeros(len(draws))])
    return base, exponent


def reach(draws: Array, seeds: Array | float) -> Array:
    """How many times the seed set each strategy multiplies before it repeats itself.

    `seeds` is a number, giving (K, M), or an array of shape (C,), giving (K, C, M).
    """
    log_ratio = np.log(np.asarray(seeds, dtype=np.float64) / REFERENCE_SEEDS)
    base, exponent = _log_reach(draws)
    if log_ratio.ndim == 0:
        return np.exp(base + exponent * log_ratio)
    return np.exp(base[:, None, :] + exponent[:, None, :] * log_ratio[:, None])


def useful_per_seed(draws: Array, seeds: float, ratios: Array) -> Array:
    """Useful examples per seed of each strategy alone. `ratios` (B, M), examples per seed -> (K, B, M)."""
    count = len(STRATEGIES)
    # Strategies stand before budgets in memory: loops over three neighbours take six times as long as over forty.
    found = np.empty((len(draws), ratios.shape[1], len(ratios)))
    worth, limit = quality(draws), reach(draws, seeds)[:, :count, None]
    used = np.divide(-ratios.T[:count], limit, out=found[:, :count])
    # 1 - exp(x): half the time of expm1, and exact enough where x is a share of a reach
    np.subtract(1.0, np.exp(used, out=used), out=used)
    used *= worth[:, :count, None] * limit
    found[:, count:] = worth[:, count:, None] * ratios.T[count:]
    return np.asarray(found.transpose(0, 2, 1), dtype=np.float64)


def effective(draws: Array, seeds: Array, examples: Array) -> Array:
    """Effective examples of C training sets. `seeds` (C,), `examples` (C, M) -> (K, C)."""
    room = reach(draws, seeds) * seeds[None, :, None]
    useful = quality(draws)[:, None, :] * room * -np.expm1(-examples[None] / room)
    weight = np.exp(draws[:, SEED_WEIGHT, None])
    return np.asarray(weight * seeds + useful.sum(axis=2), dtype=np.float64)


def effective_alone(draws: Array, seeds: Array, strategy: NDArray[np.intp], examples: Array) -> Array:
    """The same where each set holds one strategy only, by index. All (C,) -> (K, C); cheaper than `effective`."""
    base, exponent = _log_reach(draws)
    room = np.exp(base[:, strategy] + exponent[:, strategy] * np.log(seeds / REFERENCE_SEEDS)) * seeds
    useful = quality(draws)[:, strategy] * room * -np.expm1(-examples / room)
    return np.asarray(np.exp(draws[:, SEED_WEIGHT, None]) * seeds + useful, dtype=np.float64)


def independent_of_seeds(draws: Array) -> Array:
    """The rival law whose reach does not depend on the seed count, g = 0: its crossovers cannot move with S."""
    fixed = draws.copy()
    fixed[:, EXPONENT] = 0.0
    return fixed


def learned(draws: Array, effective_examples: Array) -> Array:
    """f(N): the share learned of what can be learned. (K, ...) -> (K, ...)."""
    column = (slice(None),) + (None,) * (effective_examples.ndim - 1)
    left = np.asarray(np.maximum(effective_examples, 1e-9))
    np.log(left, out=left)
    left -= draws[:, HALF][column]
    left *= np.exp(draws[:, BETA])[column]
    np.exp(np.minimum(left, _LARGEST, out=left), out=left)
    left += 1
    return np.asarray(1 - expit(-draws[:, START])[column] / left, dtype=np.float64)


def accuracy(draws: Array, effective_examples: Array, floor: float) -> Array:
    """Fraction of test items right, chance `floor` included. (K, ...) -> (K, ...)."""
    column = (slice(None),) + (None,) * (effective_examples.ndim - 1)
    ceiling = expit(draws[:, CEILING])[column]
    return floor + (1 - floor) * ceiling * learned(draws, effective_examples)


def expit(x: Array) -> Array:
    """Inverse of the logit, without overflow."""
    return np.asarray(1 / (1 + np.exp(np.minimum(-x, _LARGEST))), dtype=np.float64)


def logit(p: Array | float) -> Array:
    """Log odds; p strictly between 0 and 1."""
    p = np.asarray(p, dtype=np.float64)
    return np.asarray(np.log(p / (1 - p)), dtype=np.float64)
