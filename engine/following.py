"""The full run that follows a pilot: the advised spending plan under what is left of the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.curation import NO_REPLY
from engine.domain import Baseline, Recommendation, Strategy
from engine.errors import InputError
from engine.plan import PLAIN, ForecastPlan, FullPlan, PilotPlan
from engine.plan_task import task_of
from engine.pools import name_of
from engine.records import CellRow, PoolRow, Run
from engine.runs import advice, plan_of
from engine.variants import Pool, pools_of, queries_of, visits_of

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
    """Of the spending plan, distinct queries that the pilot has paid."""
    given_up: int
    """Distinct queries of the pilot that the spending plan has no use for."""
    verdicts: int
    """Queries to a judge after the training; none where the task is scored without one."""

    @property
    def most(self) -> int:
        """The most queries that the run is charged, which is its ceiling: those that are new, and the verdicts."""
        return self.plan.ceiling.queries or 0


def follow(
    run: Run,
    cells: Sequence[CellRow],
    pools: Sequence[PoolRow],
    out: Path,
    queries: int | None = None,
    learning_rate: float | None = None,
) -> FollowUp:
    """The spending plan of the advice after the pilot, with what the pilot paid counted in, under a ceiling of what is
    new in it; a lost reply is asked again out of that ceiling.

    `pools` are what the pilot generated. `learning_rate` is the one that it chose (`engine.rate_choice`); None: its
    plan's. `queries` is the whole budget, the pilot's share in it; None takes the plan's `target.queries`. InputError
    where there is no budget, nothing is left of it, or the pilot measured no strategy.
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
    bought = _Bought(pilot, cells, pools)
    if not any(isinstance(r.cell.arm, Strategy) and r.cell.variant == PLAIN and r.measurement for r in cells):
        problems.append(f"run {run.id}: has measured no strategy yet; resume it, or run another pilot")
    if problems or total is None:
        raise InputError(problems)
    advised, spending, reused = _spending(run, cells, pools, bought, total)
    full = FullPlan(
        spending=spending,
        folder=str(out),
        held_out=pilot.test.path is None and pilot.seeds.path != "sandbox",
        train=True,
        forecast=forecast_of(advised, run.id),
    )
    verdicts = 0 if task_of(pilot).judge is None else _items(cells)
    most = max(1, bought.wanted(spending) - reused + verdicts)
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
            "ceiling": pilot.ceiling.model_copy(update={"queries": most, "usd": None}),
            "training": training,
            "grid": pilot.grid.model_copy(update={"strategies": tuple(spending)}),
        }
    )
    return FollowUp(plan, advised, total, reused, bought.total - reused, verdicts)


def _spending(
    run: Run, cells: Sequence[CellRow], pools: Sequence[PoolRow], bought: _Bought, total: int
) -> tuple[Recommendation, dict[Strategy, int], int]:
    """The advice for what is left of the budget, its spending plan, and how much of it is paid.

    What the plan has no use for is not left, and a smaller budget may have use for less: so until it fits.
    """
    given_up = 0
    while (left := total - given_up) >= LEAST:
        _, advised = advice(run, list(cells), pools, left)
        if advised is None:
            raise InputError(f"run {run.id}: none of its cells was scored; nothing can be advised from it")
        spending = dict(advised.spending_plan)
        reused = bought.among(spending)
        if bought.total - reused <= given_up:
            return advised, spending, reused
        given_up = bought.total - reused
    raise InputError(
        f"--queries {total:,}: the pilot has spent {bought.total:,}, and nothing is left to follow it with; give the "
        "whole budget"
    )


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


class _Bought:
    """The distinct queries of a pilot's plain pools, as its ledger knows them."""

    def __init__(self, pilot: PilotPlan, cells: Sequence[CellRow], pools: Sequence[PoolRow]) -> None:
        self.pilot = pilot
        self.seeds = max((row.cell.seeds for row in cells), default=0)
        generated = [row.cell for row in cells if isinstance(row.cell.arm, Strategy)]
        made = {pool.name: sum(pool.counts.values()) - pool.counts.get(NO_REPLY, 0) for pool in pools}
        self.pools = {
            # What was lost or never asked is not paid; what was asked is, whether or not its cells were measured.
            pool: min(visits, made.get(name_of(pool), 0))
            for pool, visits in pools_of(pilot, generated).items()
            if pool[2] == PLAIN
        }
        self.queries = self._of(self.pools)
        self.total = sum(len(found) for found in self.queries.values())

    def wanted(self, spending: Mapping[Strategy, int]) -> int:
        """Distinct queries of a spending plan over all seeds."""
        return sum(len(found) for found in self._spent(spending).values())

    def among(self, spending: Mapping[Strategy, int]) -> int:
        """Of those, what the pilot has bought."""
        return sum(len(found & self.queries.get(who, set())) for who, found in self._spent(spending).items())

    def _spent(self, spending: Mapping[Strategy, int]) -> dict[str, set[tuple[object, ...]]]:
        return self._of({(s, self.seeds, PLAIN): visits_of(self.pilot, s, spent) for s, spent in spending.items()})

    def _of(self, pools: Mapping[Pool, int]) -> dict[str, set[tuple[object, ...]]]:
        # Each input is answered once. How many there are is filed with the pilot; before it was, none is counted out.
        real = [pool for pool in pools if pool[0] is Strategy.REAL_QUESTION]
        inputs = self.pilot.unlabelled.count or max((pools[pool] for pool in real), default=0)
        return queries_of(self.pilot, {**pools, **{p: min(pools[p], inputs) for p in real}}, self.seeds, inputs)


def _items(cells: Sequence[CellRow]) -> int:
    """Test items that a student is asked."""
    found = [row.measurement for row in cells if row.measurement is not None and row.cell.arm is not Baseline.TEACHER]
    return max((one.scored + one.not_scored for one in found), default=0)
