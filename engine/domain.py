"""The nouns of SeedPilot as frozen values, and the protocols of the two collaborators.

Nothing here reads a file, asks a teacher or knows where a value is kept. Accuracies are fractions
(0 to 1), ratios are teacher queries per seed, money is US dollars, durations are seconds. `None`
means unknown; it is never a stand-in for zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Strategy(StrEnum):
    """A way of turning teacher queries into training examples."""

    ANSWER_AUGMENTATION = "answer_augmentation"
    QUESTION_REPHRASE = "question_rephrase"
    NEW_QUESTION = "new_question"


class Baseline(StrEnum):
    """What the strategies are compared with; measured like a cell, but nothing is generated for it."""

    UNTUNED = "untuned"
    SEEDS_ONLY = "seeds_only"
    TEACHER = "teacher"


Arm = Strategy | Baseline


def arm(name: str) -> Arm:
    """The strategy or baseline of that name; ValueError for any other name."""
    return Strategy(name) if name in set(Strategy) else Baseline(name)


class TaskType(StrEnum):
    """What one answer looks like; it decides which published studies speak about the task."""

    MATH = "math"
    MULTIPLE_CHOICE = "multiple_choice"
    TEXT_TO_SQL = "text_to_sql"
    OPEN_ENDED = "open_ended"
    CODE = "code"
    STRUCTURED = "structured"
    """A label or a JSON record: the answer is determined by the question."""


# --- questions, prompts, replies --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    """A question with its answer: a seed, or a test item."""

    id: str
    question: str
    answer: str
    family: str | None = None
    """Items of one family belong together: they are split and resampled together."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """One call that a teacher is asked to answer."""

    messages: tuple[Message, ...]
    max_tokens: int
    """Upper bound of the reply's length, in tokens; the reservation is made for this many."""
    temperature: float
    sample_index: int
    """Which of several draws for the same prompt this is; part of the ledger's key."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from a teacher, before anybody parsed it."""

    text: str
    finish_reason: str
    """`stop`, or `length` where the reply was cut off."""
    input_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True, slots=True)
class Paid:
    """A reply and the row of the ledger that paid for it."""

    reply: Reply
    query_id: int


class Teacher(Protocol):
    """Answers one request, once: no retries and no hidden calls, so that each call can be paid for."""

    name: str
    """Names the model; part of the ledger's key and of every example's provenance."""

    async def ask(self, request: Request) -> Reply:
        """The reply, or one of the errors of `engine.errors` (TeacherError and its children)."""
        ...


@dataclass(frozen=True, slots=True)
class Example:
    """A generated question and answer, as one strategy made it from one seed."""

    seed_id: str
    strategy: Strategy
    question: str
    answer: str
    sample_index: int
    """The how-manieth visit to that seed produced it, from 0."""
    queries: int
    """Paid calls that it took."""
    query_ids: tuple[int, ...] = ()
    """Rows of the ledger that paid for it."""


# --- scoring -----------------------------------------------------------------------------------------


class Outcome(StrEnum):
    """Three outcomes; what could not be scored never enters a mean and is always counted."""

    RIGHT = "right"
    WRONG = "wrong"
    NOT_SCORED = "not_scored"


@dataclass(frozen=True, slots=True)
class Score:
    """One reply judged against one gold answer."""

    outcome: Outcome
    value: float | None
    """Partial credit, 0 to 1 (mean field score of a JSON record); None where not scored."""
    reason: str = ""
    """Why it was wrong or not scored, in a word or two."""


# --- cells and measurements ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """One adapter to train and score: strategy x variant x seed count x budget x replicate."""

    arm: Arm
    seeds: int
    """Seed examples in use."""
    budget: int
    """Teacher queries; 0 for a baseline."""
    replicate: int
    """From 0; decides the training seed and the order of the examples."""
    variant: str = "plain"

    @property
    def key(self) -> str:
        """A name that is unique within a pilot and safe as a folder name."""
        return f"{self.arm.value}-{self.variant}-s{self.seeds}-q{self.budget}-r{self.replicate}"

    @property
    def budget_ratio(self) -> float:
        """Teacher queries per seed."""
        return self.budget / self.seeds


@dataclass(frozen=True, slots=True)
class Measurement:
    """A cell's result on the test items."""

    cell: Cell
    correct: int
    scored: int
    """Items that could be scored: the denominator of the accuracy."""
    not_scored: int
    examples: int
    """Training examples that the adapter saw, seeds not included."""
    mean_value: float | None = None
    """Mean partial credit over the scored items."""

    @property
    def accuracy(self) -> float | None:
        """Share of scored items that were right; None where none was scored."""
        return self.correct / self.scored if self.scored else None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one LoRA adapter is trained. Defaults are for pilots: short, and the same for every cell."""

    learning_rate: float = 2e-4
    """Peak; cosine decay to zero after the warm-up."""
    batch_size: int = 16
    """Examples per optimizer step."""
    epochs: float = 3.0
    """Passes over the cell's examples."""
    min_steps: int = 100
    """A cell with few examples is trained for at least this many optimizer steps."""
    warmup: float = 0.03
    """Share of the steps in which the learning rate rises."""
    rank: int = 16
    alpha: float = 32.0
    max_length: int = 1024
    """Tokens of prompt and answer together; a longer example is counted and left out."""

    def steps(self, examples: int) -> int:
        """Optimizer steps for that many examples."""
        return max(self.min_steps, -(-int(examples * self.epochs) // self.batch_size))


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """What the student sees: a conversation up to its turn, and what it should say."""

    messages: tuple[Message, ...]
    completion: str


@dataclass(frozen=True, slots=True)
class CellJob:
    """Everything a trainer needs for one cell; plain values, so that it can cross to another process."""

    key: str
    student: str
    """A hub id or a local folder."""
    examples: tuple[TrainingExample, ...]
    """Empty for the untuned student: nothing is trained then."""
    recipe: Recipe
    seed: int
    questions: tuple[tuple[Message, ...], ...]
    """The test items' prompts, in order."""
    max_new_tokens: int
    out: str
    """Folder that receives `adapter/` (peft layout) and `progress.json` ({"done", "total"} steps)."""


@dataclass(frozen=True, slots=True)
class CellResult:
    """What a trainer gives back for a job."""

    answers: tuple[str, ...]
    """One per question, in order."""
    adapter: str | None
    """Folder of the adapter; None where nothing was trained."""
    steps: int
    final_loss: float | None
    """Mean loss per answer token over the last tenth of the steps."""
    too_long: int
    """Examples left out because they passed `max_length`."""
    train_seconds: float
    answer_seconds: float


class Trainer(Protocol):
    """Trains and answers; the pilot is told which one to use."""

    def run(self, jobs: Sequence[CellJob], on_done: OnCellDone, on_progress: OnProgress) -> None:
        """Runs every job; calls `on_done(job, result)` in this thread as each one ends."""
        ...


class OnCellDone(Protocol):
    """Told of each finished job, or of the error that ended it."""

    def __call__(self, job: CellJob, result: CellResult | Exception) -> None: ...  # noqa: D102


class OnProgress(Protocol):
    """Told now and then how much of each unfinished job is done: a share (0 to 1) by the job's key."""

    def __call__(self, shares: Mapping[str, float]) -> None: ...  # noqa: D102


# --- advice --------------------------------------------------------------------------------------------


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
