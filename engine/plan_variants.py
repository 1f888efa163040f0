"""Variants of a plan: modifiers of a strategy, measured beside its plain form at the same seeds and budget."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from pydantic import Field

from engine.domain import Strategy
from engine.plan_parts import Part

PLAIN = "plain"
"""The variant that changes nothing; every strategy of the grid has it."""
TEACHER = "teacher"
"""What a variant's shares call the plan's own teacher."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_]*")


class VariantPlan(Part):
    """One variant; each setting that is given changes something, and the others stay plain."""

    name: str
    """Small letters, digits and _; stands in tables and folder names."""
    strategies: tuple[Strategy, ...] = ()
    """Of the grid; none given means all of them that the variant can change."""
    budgets: tuple[int, ...] = ()
    """Of the grid; none given means the largest."""
    votes: int = Field(default=1, ge=1, le=9)
    """Answers to each question, of which the majority's is kept: verification without gold answers."""
    gold: bool = False
    """Keep another answer to a seed only where it agrees with the seed's own: verification by ground truth."""
    questions_per_call: int | None = Field(default=None, ge=1, le=20)
    """New questions that are asked for at once; None takes prompts.questions_per_call."""
    teachers: dict[str, float] = Field(default_factory=dict)
    """Share of the visits that each teacher answers, by its table [teachers.NAME]; `teacher` is the plan's own."""
    seed_share: float | None = Field(default=None, gt=0, lt=1)
    """Share of the training examples that are seeds, repeated or left out to come to it."""
    guided: bool = False
    """Visit seeds that the student still gets wrong more often."""

    @property
    def generates(self) -> bool:
        """Whether it makes examples of its own; otherwise it trains on the plain ones."""
        return bool(self.votes > 1 or self.gold or self.questions_per_call or self.teachers or self.guided)

    def applies(self, strategy: Strategy) -> bool:
        """Whether it changes anything about a strategy."""
        return bool(
            self.votes > 1
            or self.teachers
            or self.seed_share is not None
            or (self.gold and strategy is Strategy.ANSWER_AUGMENTATION)
            or (self.questions_per_call and strategy is Strategy.NEW_QUESTION)
            or (self.guided and strategy is not Strategy.REAL_QUESTION)
        )

    def of(self, strategies: Sequence[Strategy]) -> tuple[Strategy, ...]:
        """The strategies of a grid that it is measured with."""
        return tuple(s for s in strategies if self.applies(s) and (not self.strategies or s in self.strategies))

    def problems(self, strategies: Sequence[Strategy], budgets: Sequence[int], teachers: Collection[str]) -> list[str]:
        """What is wrong with it in a grid with those strategies and budgets, and those further teachers."""
        where = f"variants.{self.name}"
        found = []
        if not _NAME.fullmatch(self.name) or self.name == PLAIN:
            found.append(
                f"{where}: expected a name of small letters, digits and _ that is not {PLAIN!r}, found {self.name!r}"
            )
        if not any(self.applies(s) for s in Strategy):
            found.append(
                f"{where}: changes nothing; set votes, gold, questions_per_call, teachers, seed_share or guided"
            )
        elif not self.of(strategies):
            asked = ", ".join(s.value for s in self.strategies or strategies)
            found.append(f"{where}: changes nothing about {asked}; name a strategy of the grid that it does change")
        found += [
            f"{where}.strategies: found {s.value}, which is not among grid.strategies"
            for s in self.strategies
            if s not in strategies
        ]
        found += [
            f"{where}.budgets: found {b}, which is not among grid.budgets; the plain cell beside it would be missing"
            for b in self.budgets
            if b not in budgets
        ]
        for name, share in self.teachers.items():
            if name != TEACHER and name not in teachers:
                known = ", ".join([TEACHER, *teachers])
                found.append(f"{where}.teachers: no table [teachers.{name}]; there are {known}")
            if not share > 0:
                found.append(f"{where}.teachers.{name}: found a share of {share:g}, expected one above 0")
        return found
