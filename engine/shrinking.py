"""Ways to shrink a pilot under its ceiling: each with the settings that change, and what is then asked and paid.

Nothing is guessed: each way is the plan with those settings, counted as any plan is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.domain import Strategy
from engine.estimate import Estimate
from engine.plan import PilotPlan

THREE = 3
AND = " and "
"""Between two settings of a way."""
SCALES = (0.75, 0.5, 1 / 3, 0.25, 1 / 6, 0.125, 1 / 12, 1 / 16, 1 / 24, 1 / 32, 1 / 64, 1 / 128)
"""What budgets are multiplied by, where leaving something out is not enough."""
LEAST_BUDGET = 10
"""Queries: a smaller cell says nothing."""
FEW_ITEMS = 20
"""Test items for the teacher, where a hundred are too many."""
PAIR = (Strategy.ANSWER_AUGMENTATION, Strategy.NEW_QUESTION)
"""The two that differ most: one leads at a low ratio, the other at a high one."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way that fits."""

    says: str
    """The settings, as a plan writes them."""
    queries: int
    upper_usd: float | None
    """None where a price is unknown."""

    @property
    def told(self) -> str:
        """In words: settings, queries, upper cost."""
        cost = "cost unknown" if self.upper_usd is None else f"at most ${self.upper_usd:,.2f}"
        cost = "free" if self.upper_usd == 0 else cost
        return f"{self.says}: {self.queries:,} queries, {cost}"


def ways(plan: PilotPlan, count: Callable[[PilotPlan], Estimate]) -> list[Way]:
    """Up to three ways that keep the plan under its ceiling, those that leave most of it first.

    `count` estimates a plan without a ceiling of its own.
    """
    found: list[tuple[int, Way]] = []
    for changed in _smaller(plan):
        for scale in (1.0, *SCALES):
            scaled = _scaled(changed, scale)
            way = None if scaled is None else _fitting(plan, scaled, count)
            if way is not None:
                found.append((way.says.count(AND), way))
                break
    found.sort(key=lambda one: one[0])
    return list({way.says: way for _, way in found}.values())[:THREE]


def told(found: list[Way]) -> str:
    """The ways as the end of a sentence that began with the fault."""
    if not found:
        return "raise the ceiling: no smaller grid of these strategies fits under it"
    listed = "; ".join(f"({at}) {way.told}" for at, way in enumerate(found, 1))
    return f"raise the ceiling, or shrink the plan, for example {listed}"


def _smaller(plan: PilotPlan) -> list[PilotPlan]:
    """The plan with one thing left out each; as it is, to be scaled; and with several things left out."""
    grid, test = plan.grid, plan.test
    found = []
    largest = {"seed_sizes": (max(grid.seed_sizes),)} if len(grid.seed_sizes) > 1 else {}
    if largest:
        found.append(_with(plan, **largest))
    if plan.variants:
        found.append(plan.model_copy(update={"variants": ()}))
    if len(grid.budgets) > 1:
        found.append(_with(plan, budgets=tuple(sorted(grid.budgets)[:-1])))
    pair = PAIR if set(PAIR) <= set(grid.strategies) else grid.strategies[: len(PAIR)]
    if len(grid.strategies) > len(PAIR):
        found.append(_with(plan, strategies=pair))
    if grid.replicates > 1:
        found.append(_with(plan, replicates=1))
    least = {"budgets": (min(grid.budgets),), **largest}
    few = test.model_copy(update={"teacher_items": min(FEW_ITEMS, test.teacher_items)})
    none = test.model_copy(update={"teacher_items": 0})
    bare = plan.model_copy(update={"variants": ()})
    if test.teacher_items:
        found.append(plan.model_copy(update={"test": none}))
    return [
        *found,
        plan,
        *(_with(bare.model_copy(update={"test": kept}), **least) for kept in (few, none)),
        *(_with(bare.model_copy(update={"test": kept}), strategies=pair, **least) for kept in (few, none)),
    ]


def _scaled(plan: PilotPlan, scale: float) -> PilotPlan | None:
    """The plan with its budgets times `scale`; None where one of them says nothing any more."""
    if scale == 1.0:
        return plan
    budgets = tuple(dict.fromkeys(_rounded(scale * budget) for budget in sorted(plan.grid.budgets)))
    if budgets[0] < LEAST_BUDGET or len(budgets) < len(plan.grid.budgets) or plan.variants:
        return None
    return _with(plan, budgets=budgets)


def _fitting(plan: PilotPlan, changed: PilotPlan, count: Callable[[PilotPlan], Estimate]) -> Way | None:
    """The changed plan as a way, if it fits under the ceiling of `plan`."""
    most = plan.ceiling
    found = count(changed.model_copy(update={"ceiling": most.model_copy(update={"queries": None, "usd": None})}))
    if most.queries is not None and found.queries > most.queries:
        return None
    if most.usd is not None and (found.expected_usd is None or found.expected_usd > most.usd):
        return None
    says = _says(plan, changed)
    if not says:
        return None
    # The bound is of every query that may be asked, so a ceiling below them lowers it in proportion.
    upper = found.upper_usd
    if upper is not None and most.queries is not None:
        upper *= min(1.0, most.queries / found.ceiling_queries)
    if upper is not None and most.usd is not None:
        upper = min(upper, most.usd)
    return Way(says, found.queries, upper)


def _says(plan: PilotPlan, changed: PilotPlan) -> str:
    parts = []
    for name in ("seed_sizes", "strategies", "budgets", "replicates"):
        value = getattr(changed.grid, name)
        if value != getattr(plan.grid, name):
            parts.append(f"grid.{name} = {_shown(value)}")
    if changed.test.teacher_items != plan.test.teacher_items:
        parts.append(f"test.teacher_items = {changed.test.teacher_items}")
    if changed.variants != plan.variants:
        parts.append("no variants")
    return AND.join(parts)


def _shown(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return "[" + ", ".join(f'"{one.value}"' if isinstance(one, Strategy) else str(one) for one in value) + "]"


def _with(plan: PilotPlan, **changes: Any) -> PilotPlan:
    return plan.model_copy(update={"grid": plan.grid.model_copy(update=changes)})


def _rounded(queries: float) -> int:
    """Two figures that matter."""
    found = int(queries)
    step: int = 10 ** max(0, len(str(found)) - 2)
    return found // step * step
