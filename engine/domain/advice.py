"""What the user has, and what the advice says."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.kinds import Strategy, TaskType


@dataclass(frozen=True, slots=True)
class Situation:
    """What the user has and wants."""

    task: TaskType
    seeds: int
    """Labelled examples."""
    queries: int
    """Teacher queries that the budget buys."""
    augmenter: str = "strong"
    """`strong` or `weak`: the model that writes questions."""
    calls: str = "all"
    """`all`: every call is paid (1, 2 and 2 per example). `paper`: one per example."""

    @property
    def budget_ratio(self) -> float:
        """Teacher queries per seed."""
        return self.queries / self.seeds


@dataclass(frozen=True, slots=True)
class Interval:
    """A central value with its 80 % interval."""

    mean: float
    low80: float
    high80: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is expected of one strategy in a situation."""

    strategy: Strategy
    examples: int
    """Training examples that the budget buys, before curation."""
    accuracy: Interval | None
    """Fraction of test items right; None where it is refused, and a caveat says why."""
    p_best: float
    """Probability that no other strategy does better; the three add up to 1."""
    regret_points: float
    """Expected accuracy given up against the best strategy, in percentage points."""
    points: int
    """Published or measured points of this strategy behind the curve; 0 means an assumed band."""
    assumed: bool
    """True where no point of this task type and strategy exists."""


@dataclass(frozen=True, slots=True)
class Crossover:
    """The budget ratio from which one strategy overtakes another, here for the user's seed count."""

    start: Strategy
    end: Strategy
    budget_ratio: Interval
    """Queries per seed: median (as `mean`) and 80 % interval over the draws in which they cross."""
    probability: float
    """Share of draws in which the two curves cross within the range shown."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence of the advice with the evidence rows that it rests on."""

    text: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CurveBand:
    """A strategy's fitted curve over budgets, for drawing. All sequences have one length."""

    strategy: Strategy
    queries: tuple[float, ...]
    mean: tuple[float, ...]
    low80: tuple[float, ...]
    high80: tuple[float, ...]
    assumed: bool


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The advice, whole: what a page, the command line and a report show."""

    situation: Situation
    recommended: Strategy | None
    """None: too close to call; `cheapest` then says what to take."""
    cheapest: Strategy
    """Of the strategies that cannot be told from the best, the one with the lowest price per example."""
    runner_up: Strategy
    basis: str
    """`prior` (published studies only) or `measured` (the user's own points moved it)."""
    confidence: str
    """`low`, `medium` or `high`."""
    headline: str
    """One sentence for a person."""
    outlooks: tuple[Outlook, ...]
    crossovers: tuple[Crossover, ...]
    spending_plan: tuple[tuple[Strategy, int], ...]
    """Queries for each strategy, in order of spending."""
    curves: tuple[CurveBand, ...]
    reasons: tuple[Reason, ...]
    caveats: tuple[Reason, ...]
    studies: int
    """Published studies that match the task type."""
