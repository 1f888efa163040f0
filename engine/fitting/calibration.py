"""Margins that make intervals and P(best) come true, learned on whole curves that were measured and kept aside.

Posterior intervals of curve fits are too narrow (nominal 90 % cover 70 to 80 % of real held-out values), and on the
logit scale a constant margin is far too wide in the middle: to cover 90 % it took intervals of 20 points where margins
in points took 14 (docs/decisions.md). So margins are added to the posterior's central part in points for accuracies,
in logarithms for losses. They grow with the stretch, the distance of extrapolation, and carry the name of the domain
that they were learned on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.fitting.groups import Array

STRETCHES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""How many times beyond the largest point margins are learned at; between them they are interpolated in the log."""
TAILS = {80: 0.3, 90: 0.2}
"""Posterior probability left out on each side, before the margin is added."""
CAP_STRETCH, CAP = 8.0, 0.95
"""Beyond this stretch P(best) is shown as at most CAP."""
REFUSE_STRETCH = 32.0
"""Beyond this stretch no value is given."""


@dataclass(frozen=True, slots=True)
class Margins:
    """What was learned at one stretch. Fractions for accuracies, natural logs for losses."""

    stretch: float
    level80: float
    level90: float
    difference80: float
    difference90: float
    offset: float
    gain: float
    loss: float
    """Of the leader's P(best): logit p' = offset + gain log p - loss log(1 - p), beta calibration (Kull 2017)."""
    tasks: int
    """Groups of curves behind the numbers."""


@dataclass(frozen=True)
class Calibration:
    """Margins by stretch, and where they come from."""

    domain: str
    method: str
    source: str
    """Digest of the curves, and the command that learned the margins."""
    margins: tuple[Margins, ...]

    def at(self, stretch: float) -> Margins:
        """Margins at a stretch: interpolated, those of the ends beyond them."""
        known = np.log([m.stretch for m in self.margins])
        where = float(np.log(max(stretch, 1e-9)))

        def read(name: str) -> float:
            return float(self.read(name, np.array([stretch]))[0])

        return Margins(
            stretch,
            read("level80"),
            read("level90"),
            read("difference80"),
            read("difference90"),
            read("offset"),
            read("gain"),
            read("loss"),
            self.margins[int(np.abs(known - where).argmin())].tasks,
        )

    def read(self, name: str, stretches: Array) -> Array:
        """One of the margins' figures, such as `level80`, at many stretches. (B,) -> (B,)."""
        known = np.log([m.stretch for m in self.margins])
        values = [getattr(m, name) for m in self.margins]
        return np.asarray(np.interp(np.log(np.maximum(stretches, 1e-9)), known, values), dtype=np.float64)


def quantiles(draws: Array, shares: Sequence[float]) -> Array:
    """Of draws (K, ...) -> (Q, ...): numpy's linear quantiles, in a third of its time.

    Numpy sorts with the processor's wide instructions, and finds quantiles without them.
    """
    ordered = np.sort(np.ascontiguousarray(np.moveaxis(draws, 0, -1)), axis=-1)
    place = np.asarray(shares, dtype=np.float64) * (len(draws) - 1)
    below = np.minimum(place.astype(np.intp), max(len(draws) - 2, 0))
    low, high = ordered[..., below], ordered[..., np.minimum(below + 1, len(draws) - 1)]
    return np.moveaxis(low + (high - low) * (place - below), -1, 0)


def interval(draws: Array, level: int, margin: float | Array) -> tuple[Array, Array]:
    """Central part of the draws (K, ...) with the margin added on both sides; `level` is 80 or 90."""
    low, high = quantiles(draws, [TAILS[level], 1 - TAILS[level]])
    middle = (low + high) / 2  # a margin below zero must not turn the interval over
    return np.minimum(low - margin, middle), np.maximum(high + margin, middle)


def p_best(draws: Array, margins: Margins | None, *, capped: bool = False, surer: bool = True) -> Array:
    """Probability that each strategy is best, higher draws being better. (K, M) -> (M,), sums to 1.

    Calibration moves the leader's probability and shares out the rest in proportion; it never makes another the leader.
    Without `surer` it only ever takes from the leader.
    """
    count = draws.shape[1]
    if margins is None or count < 2:
        p = np.bincount(draws.argmax(axis=1), minlength=count) / len(draws)
    else:
        p = _shares(draws[None])[0]
        said = float(p.max())
        true = float(_calibrated(np.array([said]), margins.offset, margins.gain, margins.loss)[0])
        p = _with_leader(p, true if surer else min(true, said))
    if capped and count > 1 and p.max() > CAP:
        p = _with_leader(p, CAP)
    return np.asarray(p, dtype=np.float64)


def _calibrated(p: Array, offset: float, gain: float, loss: float) -> Array:
    """Beta calibration of probabilities strictly between 0 and 1."""
    return np.asarray(1 / (1 + np.exp(-(offset + gain * np.log(p) - loss * np.log1p(-p)))), dtype=np.float64)


def _with_leader(p: Array, leader: float) -> Array:
    """`p` (M,) with that probability for its largest, and the rest in proportion; the largest stays the largest."""
    top = int(p.argmax())
    rest = np.delete(p, top)
    parts = rest / rest.sum() if rest.sum() else np.full(len(rest), 1 / len(rest))
    leader = max(leader, float(parts.max() / (1 + parts.max())))
    return np.insert((1 - leader) * parts, top, leader)


@dataclass(frozen=True)
class Scores:
    """How far each of T groups' values lay outside the central part of its draws; all that margins are learned from."""

    level: Mapping[int, Array]
    """Level -> (T, M) distance outside, negative inside."""
    difference: Mapping[int, Array]
    """The same for the differences of two strategies, (T, M (M - 1) / 2)."""
    said: Array
    """(T, M) share of draws in which each strategy is best."""
    won: NDArray[np.bool_]
    """(T, M) whether it was."""

    def of(self, keep: NDArray[np.bool_]) -> Scores:
        """The scores of some of the groups."""
        return Scores(
            {level: score[keep] for level, score in self.level.items()},
            {level: score[keep] for level, score in self.difference.items()},
            self.said[keep],
            self.won[keep],
        )


def score(draws: Array, truth: Array) -> Scores:
    """Scores of T groups: draws (T, K, M), truth (T, M), on the natural or the log scale, higher is better."""
    first, second = np.triu_indices(draws.shape[2], 1)
    gaps, true_gaps = draws[:, :, first] - draws[:, :, second], truth[:, first] - truth[:, second]
    return Scores(
        {level: _outside(draws, truth, level) for level in TAILS},
        {level: _outside(gaps, true_gaps, level) for level in TAILS},
        _shares(draws),
        truth == truth.max(axis=1, keepdims=True),
    )


def learn(scores: Scores, sets: NDArray[np.str_], stretch: float) -> Margins:
    """Margins from T groups of the data sets `sets` (T,).

    Every data set counts the same, however many groups it gave. A margin is the smallest with which the
    intervals cover their share (split conformal prediction; Romano et al. 2019 for quantiles).
    """
    _, index = np.unique(sets, return_inverse=True)
    weight = 1 / np.bincount(index)[index]
    offset, gain, loss = _learn_p_best(scores, weight)
    return Margins(
        stretch,
        level80=_margin(scores.level[80], weight, 80),
        level90=_margin(scores.level[90], weight, 90),
        difference80=_margin(scores.difference[80], weight, 80),
        difference90=_margin(scores.difference[90], weight, 90),
        offset=offset,
        gain=gain,
        loss=loss,
        tasks=len(sets),
    )


def _outside(draws: Array, truth: Array, level: int) -> Array:
    low, high = np.quantile(draws, [TAILS[level], 1 - TAILS[level]], axis=1)
    return np.asarray(np.maximum(low - truth, truth - high), dtype=np.float64)


def _shares(draws: Array) -> Array:
    """(T, M) share of draws in which each strategy is best; half a draw more for each, so that none is 0."""
    picks = draws.argmax(axis=2)
    p = np.stack([(picks == m).mean(axis=1) for m in range(draws.shape[2])], axis=1)
    return np.asarray((p * draws.shape[1] + 0.5) / (draws.shape[1] + 0.5 * draws.shape[2]), dtype=np.float64)


def _margin(score: Array, weight: Array, level: int) -> float:
    """Weighted quantile of the scores (T, M)."""
    flat, weights = score.ravel(), np.repeat(weight, score.shape[1])
    order = np.argsort(flat)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(flat[order][min(int(np.searchsorted(share, level / 100)), len(flat) - 1)])


def _learn_p_best(scores: Scores, weight: Array) -> tuple[float, float, float]:
    """Offset, gain and loss with the best log score on whether the leaders won; gain and loss at least 0."""
    from scipy.optimize import minimize  # learning only: using margins must not cost half a second of import

    leader, at = scores.said.argmax(axis=1), np.arange(len(scores.said))
    said, won = scores.said[at, leader], scores.won[at, leader]

    def badness(x: Array) -> float:
        p = np.clip(_calibrated(said, x[0], x[1], x[2]), 1e-9, 1 - 1e-9)
        return float(-(weight * np.where(won, np.log(p), np.log1p(-p))).sum() / weight.sum())

    found = minimize(badness, np.array([0.0, 1.0, 1.0]), bounds=[(-3, 3), (0, 5), (0, 5)], method="L-BFGS-B").x
    return float(found[0]), float(found[1]), float(found[2])


def growing(margins: Sequence[Margins]) -> tuple[Margins, ...]:
    """The same by rising stretch, with interval margins that never shrink as the distance grows."""
    out: list[Margins] = []
    for found in sorted(margins, key=lambda m: m.stretch):
        raised = {
            name: max([getattr(found, name), *(getattr(before, name) for before in out[-1:])])
            for name in ("level80", "level90", "difference80", "difference90")
        }
        out.append(replace(found, **raised))
    return tuple(out)


def write(path: Path, calibrations: Sequence[Calibration]) -> None:
    """The file that ships under data/calibration."""
    path.write_text(json.dumps([asdict(c) for c in calibrations], indent=1) + "\n")


def read(path: Path) -> dict[str, Calibration]:
    """Calibrations by method."""
    found: list[Mapping[str, Any]] = json.loads(path.read_text())
    return {
        c["method"]: Calibration(c["domain"], c["method"], c["source"], tuple(Margins(**m) for m in c["margins"]))
        for c in found
    }
