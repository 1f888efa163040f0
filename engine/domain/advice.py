"""What the user has, and what the advice says."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.kinds import Strategy, TaskType

PUBLISHED, ATLAS = "published", "atlas"
"""What advice starts from: studies of other students, or the worlds of the sandbox's atlas, one toy student's, but for
the world of that task type (`engine.prior_worlds`)."""


@dataclass(frozen=True, slots=True)
class TeacherOffer:
    """A model that could be paid, with what is known of its price: per query, or per token. Nothing is guessed."""

    name: str
    usd_per_query: float | None = None
    """US dollars for one call; None where it is unknown or follows from the four figures below."""
    input_usd: float | None = None
    """US dollars per million tokens read."""
    output_usd: float | None = None
    """US dollars per million tokens written."""
    input_tokens: float | None = None
    """Tokens read per query."""
    output_tokens: float | None = None
    """Tokens written per query."""
    wrong_share: float | None = None
    """Share of its answers that are wrong (0 to 1), where the user has measured it."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the user has and wants. None is what was not said, or is not known."""

    task: TaskType
    seeds: int
    """Labelled examples."""
    queries: int
    """Teacher queries that the budget buys."""
    augmenter: str = "strong"
    """`strong` or `weak`: the model that writes questions."""
    calls: str = "all"
    """`all`: every call is paid (1 for an answer, 2 with a question). `paper`: one per example."""
    unlabelled: int | None = None
    """The user's own questions without an answer: with any, real questions compete. None counts as none."""
    budget_usd: float | None = None
    """The same budget in money; None takes the queries at the first known price."""
    teachers: tuple[TeacherOffer, ...] = ()
    """Up to four; the first with a known price is the one whose queries are counted."""
    augmenter_offer: TeacherOffer | None = None
    """The model that writes questions, where it is another one than the teacher and has a price of its own."""
    student: str | None = None
    """Name of the student: studies are matched by the size in it."""
    student_parameters: float | None = None
    """Its size where its files say it; None takes the size in its name, if there is one."""
    verifiable: bool | None = None
    """Whether an answer can be checked without the teacher: a test, a database, a known result."""
    seed_usd: float | None = None
    """US dollars that one more labelled example costs."""
    test_items: int | None = None
    """Items that the strategies are going to be compared on; they limit which difference can be seen."""
    known: str = PUBLISHED
    """What advice starts from: `PUBLISHED` or `ATLAS`."""
    none_kept: tuple[tuple[Strategy, int], ...] = ()
    """Strategies that were tried and of which not one example was kept, each with how many were made."""

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
    queries_per_kept: float | None = None
    """What one example that is kept costs, in queries of the teacher: the price that strategies are ranked by."""
    kept_share: float | None = None
    """Share of generated examples that the user's own pools kept; None where it is not known, and then all count."""
    usd_per_kept: float | None = None
    """The same price in US dollars; None where the teacher's price is unknown."""


@dataclass(frozen=True, slots=True)
class Crossover:
    """The budget ratio from which one strategy overtakes another, here for the user's seed count."""

    start: Strategy
    end: Strategy
    budget_ratio: Interval
    """Queries per seed: median (as `mean`) and 80 % interval over the draws in which they cross."""
    probability: float
    """Share of draws in which the two curves cross within the range shown."""
    from_the_start: bool = False
    """Whether `end` leads from the first query on in most of those draws: then nothing changes hands."""


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
class Enough:
    """Points of accuracy between the budget and its half, and between its double and the budget, with the strategy that
    does best on its own."""

    half_points: Interval
    double_points: Interval | None
    """None where twice the budget lies too far beyond what was measured."""


@dataclass(frozen=True, slots=True)
class Flip:
    """One thing that would make another strategy the one with the highest expected accuracy."""

    what: str
    """`budget`, `augmenter`, `calls` or `quality`."""
    to: Strategy
    """Who would lead then."""
    value: float | str
    """`budget`: queries. `quality`: how many times as much as now each of its examples would have to be worth.
    `augmenter` and `calls`: the other setting."""


@dataclass(frozen=True, slots=True)
class TeacherOutlook:
    """One teacher for the same money, as if its examples were worth what any other's are."""

    name: str
    usd_per_query: float | None
    """None: unknown, and then nothing below is known either, and `reason` says so."""
    queries: int | None
    budget_ratio: float | None
    best: Strategy | None
    """The strategy with the highest expected accuracy at that ratio."""
    accuracy: Interval | None
    """Of that strategy; None where it is unknown or refused."""
    lead_points: Interval | None
    """Over the first teacher with a price, in points: 0 for that one."""
    worth_needed: float | None
    """Down to which worth of its examples, against the first one's (1), it does as well; None where it never does."""
    wrong_share: float | None = None
    """Stated share of wrong answers; they were counted as worth nothing, which is assumed."""
    reason: str = ""
    """Why it is not compared."""


@dataclass(frozen=True, slots=True)
class AugmenterOutlook:
    """One choice of who writes the questions, for the same money."""

    name: str
    augmenter: str
    """`strong` or `weak`."""
    usd_per_example: float | None
    """Price of a question and its answer; None where a price is unknown."""
    best: Strategy | None
    """The better of rephrasings and new questions with it."""
    examples: int | None
    accuracy: Interval | None


@dataclass(frozen=True, slots=True)
class SeedsOrQueries:
    """One budget of money between more human seeds and more queries."""

    queries_per_seed: Interval | None
    """How many queries one more seed is worth at the margin; None where another query gains nothing."""
    seed_price_in_queries: float | None
    """What one more seed costs, in queries; None where a price is unknown."""
    more_seeds: int | None
    """Of the best split; None without both prices."""
    queries: int | None
    """Of the best split."""
    best: Strategy | None
    """The strategy to spend them on."""
    gain_points: Interval | None
    """Expected accuracy of the best split over spending everything on queries."""
    reason: str = ""
    """What is missing for a split."""


@dataclass(frozen=True, slots=True)
class Verification:
    """Checking every generated answer with one more query each, against buying more examples."""

    cost_points: Interval | None
    """Accuracy lost by the examples that the checks' queries would have bought; None: no query is needed."""
    published_points: tuple[float, ...]
    """Gains that papers report for verified data of the same size, in points, ascending: they do not agree."""
    net_points: tuple[float, float]
    """From the lowest published gain at the highest cost to the highest gain at the lowest cost (80 %)."""
    sources: tuple[str, ...]


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
    studies_of_size: int | None = None
    """Those of them with a student of the user's size class; None where the student's size is unknown."""
    threshold_points: float = 0.5
    """Expected accuracies that differ by less than this many points are too close to call."""
    at_stake: Interval | None = None
    """Best over worst strategy at this budget, in points: does the choice matter? None where it is refused."""
    enough: Enough | None = None
    """What half of the budget gives up and twice the budget brings; None where it is refused."""
    winners_by_calls: tuple[tuple[str, Strategy], ...] = ()
    """The highest expected accuracy under each convention of counting calls."""
    flips: tuple[Flip, ...] = ()
    """What it would take to flip the advice."""
    plan_gain_points: float = 0.0
    """Expected accuracy of the spending plan over the best single strategy; a hypothesis, 0 for one strategy."""
    assumed_parameters: tuple[str, ...] = ()
    """Parameters of the law that the data did not move: at least 80 % as wide as before them."""
    teachers: tuple[TeacherOutlook, ...] = ()
    """The named teachers for the same money."""
    augmenters: tuple[AugmenterOutlook, ...] = ()
    """Who writes the questions, for the same money; empty where no second model was named."""
    seeds_or_queries: SeedsOrQueries | None = None
    verification: Verification | None = None
    calibrated_on: str | None = None
    """Domain of the margins that the intervals of measured advice carry; None where nothing was measured."""

    @property
    def by_price(self) -> tuple[Strategy, ...]:
        """The strategies, the lowest price per kept example first."""
        return tuple(o.strategy for o in sorted(self.outlooks, key=lambda o: o.queries_per_kept or 0.0))

    @property
    def depends_on_calls(self) -> bool:
        """Whether another strategy wins where calls are counted the other way."""
        return len({winner for _, winner in self.winners_by_calls}) > 1
