"""How large the check before a pilot is, before it starts: the seeds it asks, its queries, the most it may cost."""

from __future__ import annotations

import random

from engine.costs import queries_for
from engine.domain import Item, Strategy
from engine.prepare import Prepared

REPEATED_SEEDS, ANSWERS_EACH = 10, 3
"""So many seeds are answered so often, for how much another answer differs."""
TRIES = 3
"""Visits of a strategy until one gives an example to show."""
SPARE = 0.1
"""A ceiling that the user did not give leaves this share for queries that must be asked twice."""


def seeds_to_check(prepared: Prepared) -> tuple[Item, ...]:
    """A fixed draw of the seeds, first among those that the pilot's first round of answers visits: it buys none
    of them again."""
    seeds = prepared.seeds[: max(cell.seeds for cell in prepared.cells)]
    answered = Strategy.ANSWER_AUGMENTATION in prepared.plan.grid.strategies
    visited = seeds[: prepared.visits(Strategy.ANSWER_AUGMENTATION)] if answered else seeds
    rng, rest = random.Random(0), seeds[len(visited) :]
    drawn = [*rng.sample(visited, len(visited)), *rng.sample(rest, len(rest))]
    return tuple(drawn[: prepared.plan.check.seeds])


def queries_at_most(prepared: Prepared) -> int:
    """Queries of a whole check if none has to be asked twice; fewer where strategies need one try."""
    seeds = len(seeds_to_check(prepared))
    answers = seeds + (ANSWERS_EACH - 1) * min(REPEATED_SEEDS, seeds)
    verdicts = 0 if prepared.task.judge is None else answers
    return answers + verdicts + sum(queries_for(TRIES, strategy) for strategy in prepared.plan.grid.strategies)


def ceiling_of(prepared: Prepared) -> int:
    """The most queries that a check is charged."""
    needed = queries_at_most(prepared)
    return prepared.plan.check.ceiling_queries or needed + max(5, round(SPARE * needed))
