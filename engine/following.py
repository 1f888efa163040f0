"""The full run that follows a pilot: the advised spending plan under what is left of the budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.domain import Recommendation, Strategy
from engine.errors import InputError
from engine.plan import PLAIN, ForecastPlan, FullPlan, PilotPlan
from engine.records import CellRow, Run
from engine.runs import advice, plan_of

LEAST = 2
"""Queries: one example costs up to two."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A full run that can be filed."""

    plan: PilotPlan
    advised: Recommendation
    total: int
    """The whole budget, in queries."""
    reused: int
    """Of the spending plan, queries that the pilot has paid."""
    given_up: int
    """Queries of the pilot that the spending plan has no use for."""


def follow(
    run: Run, cells: Sequence[CellRow], out: Path, queries: int | None = None, learning_rate: float | None = None
) -> FollowUp:
    """The spending plan of the advice after the pilot, with what the pilot paid counted in.

    `learning_rate` is the one that the pilot chose (`engine.rate_choice`); None: its plan's.

    `queries` is the whole budget, the pilot's share in it; None takes the plan's `target.queries`. InputError where
    there is no budget, nothing is left of it, or the pilot measured no strategy.
    """
    pilot = plan_of(run)
    total = queries or pilot.target.queries
    problems = []
    if total is None:
        problems.append(
            "--queries: is missing, and the pilot's plan names no target.queries; give the whole budget in teacher "
            "queries, what the pilot took among them"
        )
    if pilot.full is not None:
        problems.append(f"run {run.id}: is a full run itself; follow a pilot")
    bought = _bought(cells)
    if not bought:
        problems.append(f"run {run.id}: has measured no strategy yet; resume it, or run another pilot")
    if problems or total is None:
        raise InputError(problems)
    _, advised = advice(run, list(cells), total)
    chosen = {strategy for strategy, _ in (advised.spending_plan if advised else ())}
    given_up = sum(spent for strategy, spent in bought.items() if strategy not in chosen)
    left = total - given_up
    if left < LEAST:
        raise InputError(
            f"--queries {total:,}: the pilot has spent {sum(bought.values()):,}, and nothing is left to follow "
            "it with; give the whole budget"
        )
    _, advised = advice(run, list(cells), left)
    if advised is None:
        raise InputError(f"run {run.id}: none of its cells was scored; nothing can be advised from it")
    spending = dict(advised.spending_plan)
    reused = sum(min(bought[strategy], spent) for strategy, spent in spending.items())
    full = FullPlan(
        spending=spending,
        folder=str(out),
        held_out=pilot.test.path is None and pilot.seeds.path != "sandbox",
        train=True,
        forecast=forecast_of(advised, run.id),
    )
    ceiling = pilot.ceiling.model_copy(update={"queries": None, "usd": None})
    training = pilot.training
    if learning_rate is not None:
        training = training.model_copy(update={"learning_rate": learning_rate})
    plan = pilot.model_copy(
        update={
            "name": f"full run after {pilot.name}"[:80],
            "variants": (),
            # Variants are over, and with them further teachers; whoever judged the pilot judges what follows it.
            "teachers": {name: model for name, model in pilot.teachers.items() if name == pilot.judge},
            "full": full,
            "ceiling": ceiling,
            "training": training,
            "grid": pilot.grid.model_copy(update={"strategies": tuple(spending)}),
        }
    )
    return FollowUp(plan, advised, total, reused, given_up)


def forecast_of(advised: Recommendation, pilot: str) -> ForecastPlan | None:
    """What the advice expects of its spending plan; None where it gives no accuracy so far from what was measured.

    For a mixture it is the best single strategy's accuracy and what mixing is expected to add: a hypothesis.
    """
    best = max(advised.outlooks, key=lambda outlook: outlook.accuracy.mean if outlook.accuracy else -1.0)
    if best.accuracy is None:
        return None
    gain = advised.plan_gain_points / 100
    mean, low, high = (
        min(1.0, value + gain) for value in (best.accuracy.mean, best.accuracy.low80, best.accuracy.high80)
    )
    return ForecastPlan(mean=mean, low80=low, high80=high, pilot=pilot)


def _bought(cells: Sequence[CellRow]) -> Counter[Strategy]:
    """Queries of the pilot by strategy: each seed count's pool at its largest measured cell."""
    largest: dict[tuple[Strategy, int], int] = {}
    for row in cells:
        cell = row.cell
        if isinstance(cell.arm, Strategy) and cell.variant == PLAIN and row.measurement is not None:
            key = (cell.arm, cell.seeds)
            largest[key] = max(largest.get(key, 0), cell.budget)
    return Counter({s: sum(q for (one, _), q in largest.items() if one is s) for s in {s for s, _ in largest}})
