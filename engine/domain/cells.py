"""Scores, cells, measurements, and the protocol of a trainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from engine.domain.conversation import Message
from engine.domain.kinds import Arm


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


@dataclass(frozen=True, slots=True)
class GoldLikelihood:
    """How likely a student finds one item's gold answer."""

    log_likelihood: float
    """Nats, summed over the answer's tokens, the end of text among them."""
    tokens: int


MATCHED_STEPS = "matched_steps"
"""Variant of a seeds-only cell: repeated to the steps of the pilot's largest cell (`engine.matched_steps`)."""


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
    pool: int = 0
    """Which of several independent pools of its strategy it is trained on; another one says what making the data again
    would change."""

    @property
    def key(self) -> str:
        """A name that is unique within a pilot and safe as a folder name."""
        pool = f"-p{self.pool}" if self.pool else ""
        return f"{self.arm.value}-{self.variant}-s{self.seeds}-q{self.budget}-r{self.replicate}{pool}"

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
    outcomes: tuple[float | None, ...] = ()
    """Per test item, in one order for all cells: 1 right, 0 wrong, None not scored; empty where it is not known."""
    macro_f1: float | None = None
    """Of labels: F1 averaged over the labels of the scored items; None for other tasks."""

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
    dropout: float = 0.0
    """Share of a layer's input that the adapter does not see in a step."""
    gradient_accumulation: int = 1
    """Parts in which a batch is computed; more take less memory and more time."""
    gradient_checkpointing: bool = False
    """Whether a layer's inner values are computed again for the gradient instead of kept: less memory, a third
    more time."""
    four_bit: bool = False
    """Whether the base is held in 4 bits (NF4, bitsandbytes) while adapters are trained: a quarter of the memory for
    its weights, more time; on a GPU only."""

    def steps(self, examples: int) -> int:
        """Optimizer steps for that many examples."""
        return max(self.min_steps, -(-int(examples * self.epochs) // self.batch_size))


PAPER_RECIPE = Recipe(learning_rate=4e-5, batch_size=128, epochs=3.0, min_steps=1)
"""The paper's: three passes in batches of 128 at 4e-5, however few steps these are."""


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
    validation: tuple[TrainingExample, ...] = ()
    """Examples that it is not trained on, whose loss is told beside the answers."""
    golds: tuple[str, ...] = ()
    """The questions' gold answers, in order: how likely the student finds them is told beside its own; none where
    nobody asks."""
    stop: tuple[str, ...] = ()
    """Texts before which an answer of a student without a chat template ends."""


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
    validation_loss: float | None = None
    """Mean over the validation examples of their mean loss per answer token, as the training loss is taken; None
    where there is none that fits."""
    gold: tuple[GoldLikelihood | None, ...] = ()
    """Of each question's gold answer; None where it does not fit into the student's context."""
    cut_prompts: int = 0
    """Questions of which only the last part was read."""
    unended: int = 0
    """Answers that came to no end within their longest length."""
    unasked: tuple[int, ...] = ()
    """Places of the questions that were not asked any more, since the evaluation was stopped early; their answers are
    empty."""
    stopped: str = ""
    """Why it was."""

    @property
    def lost(self) -> dict[str, int]:
        """What did not fit into the student, as a cell's details count it."""
        return {"too_long": self.too_long, "cut_prompts": self.cut_prompts, "unended": self.unended}


class Trainer(Protocol):
    """Trains and answers; the pilot is told which one to use."""

    @property
    def processes(self) -> int:
        """That train side by side."""
        ...

    def run(self, jobs: Sequence[CellJob], on_done: OnCellDone, on_progress: OnProgress) -> None:
        """Runs every job; calls `on_done(job, result)` in this thread as each one ends."""
        ...


class OnCellDone(Protocol):
    """Told of each finished job, or of the error that ended it."""

    def __call__(self, job: CellJob, result: CellResult | Exception) -> None: ...  # noqa: D102


class OnProgress(Protocol):
    """Told now and then how much of each unfinished job is done: a share (0 to 1) by the job's key."""

    def __call__(self, shares: Mapping[str, float]) -> None: ...  # noqa: D102
