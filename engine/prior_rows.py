"""Published rows as the prior's fit reads them: what was trained on, which study and curve a row belongs to.

What is left out, and why, is in data/evidence/README.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine import evidence as ev
from engine import law
from engine.domain import Strategy
from engine.law import STRATEGIES, Array, logit

STANDIN_SEEDS = 1000.0
"""Seed count where a paper gives none; only N / N0 matters then, and N0 is free."""


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
    share = np.array([p.value for p, _ in fitted]) / 100
    return Rows(
        ids=tuple(p.id for p, _ in fitted),
        study=np.array([studies.index(p.source) for p, _ in fitted]),
        curve=np.array([curves.index((p.source, p.task, p.student)) for p, _ in fitted]),
        curve_study=np.array([studies.index(c[0]) for c in curves]),
        seeds=np.array([r[0] for _, r in fitted]),
        human=np.array([r[1] for _, r in fitted]),
        examples=np.array([r[2] for _, r in fitted]),
        target=free_of_floor(share, floor),
        studies=studies,
        curves=curves,
    )


def free_of_floor(share: Array, floor: Array) -> Array:
    """Logit of the share right beyond what guessing gets (fractions), kept off 0 and 1: no row lies at infinity."""
    return logit(np.clip((share - floor) / (1 - floor), 0.01, 0.99))


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


def examples_per_seed(point: ev.Point) -> float:
    """Budget ratio of a fitted row, one query per example; ValueError for a row that is not fitted."""
    seeds, _, examples = _explained(point)
    return sum(examples) / seeds


def accuracy(point: ev.Point, draws: Array) -> Array:
    """The law's fraction right for a fitted row, chance included; ValueError for one that is not fitted. (K,)."""
    seeds, human, examples = _explained(point)
    made = law.useful_per_seed(draws, seeds, np.array([examples]) / seeds)[:, 0].sum(axis=1) * seeds
    n = np.exp(draws[:, law.SEED_WEIGHT]) * human + made
    return law.accuracy(draws, n[:, None], ev.FLOORS.get(point.task, 0.0))[:, 0]


def _explained(point: ev.Point) -> tuple[float, float, tuple[float, float, float]]:
    read = training_set(point)
    if read is None:
        raise ValueError(f"{point.id} is not a row that the law explains")
    return read
