"""The tables of a plan, each with its settings and what they may be."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.domain import Strategy
from engine.prices import Quote, quote

SANDBOX = "sandbox"
SANDBOX_STUDENTS = {SANDBOX: "student", "sandbox-worlds": "worlds-student"}
"""What a plan calls the shipped students -> their folder in data/sandbox: that of the maths world, and of all."""
MATHS = "maths"
"""The sandbox's world where none is named."""
FEWEST_SEEDS = 10
FEWEST_TEST_ITEMS = 20
HUB = "hub:"
"""Goes before the name of a data set on the hub, or of a folder with one."""


class Part(BaseModel):
    """One table of a plan: unknown settings are refused, and nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RowsPlan(Part):
    """A file of rows, and what it calls the columns."""

    map: dict[str, str] = {}
    """A column that the task reads (`question`, `answer`, `family`, ...) -> the file's name for it."""

    @model_validator(mode="before")
    @classmethod
    def _columns_of_older_plans(cls, raw: Any) -> Any:
        """Plans that were filed before there was `map` name two columns in settings of their own."""
        if not isinstance(raw, dict):
            return raw
        raw = dict(raw)
        named = {part: raw.pop(f"{part}_column", None) for part in ("question", "answer")}
        if isinstance(raw.get("map", {}), dict) and any(named.values()):
            raw["map"] = {part: name for part, name in named.items() if name} | raw.get("map", {})
        return raw


class SeedsPlan(RowsPlan):
    """Where the seeds come from."""

    path: str = SANDBOX
    """A JSONL, CSV or Parquet file, `hub:OWNER/NAME[:CONFIG][@REVISION][#SPLIT]`, or `sandbox`."""
    world: str = MATHS
    """Which of the sandbox's worlds seeds, test items and task are taken from."""
    count: int | None = Field(default=None, ge=1)
    """Seeds to use, from the first; None means all (100 in the sandbox)."""


class TestPlan(RowsPlan):
    """Where the test items come from; they are never shown to the teacher's strategies."""

    __test__ = False  # the name is no test class

    path: str | None = None
    """A file or data set as for the seeds; None: the sandbox's own, or split off from the seeds' rows."""
    holdout: int | None = Field(default=None, ge=1)
    """So many rows of the seeds are split off; None without a path: a quarter of them, from 20 to 300."""
    draw: str = "test"
    """Names the draw of them: another name splits off others."""
    stratify_by: str | None = None
    """Column of the seeds whose values are spread alike over seeds and test items."""
    time_column: str | None = None
    """Column of the seeds with dates or numbers; the latest rows become test items, and nothing is drawn."""
    shared: Literal["refuse", "leave_out"] = "refuse"
    """What becomes of seeds that the test file holds too, as they are or nearly: a fault, or left out and counted."""
    count: int | None = Field(default=None, ge=1)
    """Test items to use, from the first; None means all (300 in the sandbox)."""
    teacher_items: int = Field(default=100, ge=0)
    """So many of them are answered by the teacher too, for its own accuracy; each is a paid query."""
    stop_losers: bool = False
    """Whether an adapter that another strategy's clearly beats is asked no more items; in at most 2 % of such races the
    truly best is stopped."""
    stop_futile: bool = False
    """Whether a race ends once all its adapters are within 2 points of each other; in at most 5 % of the pairs a larger
    difference is overlooked. It takes a thousand items and more."""

    def problems(self) -> list[str]:
        """What does not fit together."""
        found = []
        if self.path is not None:
            found = [
                f"test.{name}: says how test items are split off from the seeds, but test.path names a file of them; "
                "leave one of the two out"
                for name in ("holdout", "stratify_by", "time_column")
                if getattr(self, name) is not None
            ]
        if self.stratify_by and self.time_column:
            found.append("test.stratify_by: a split in time (test.time_column) cannot be stratified; leave one out")
        return found


class UnlabelledPlan(RowsPlan):
    """The user's own inputs without an answer, for the strategy `real_question`."""

    path: str | None = None
    """A file or data set as for the seeds, or `sandbox`; None: there are none."""
    count: int | None = Field(default=None, ge=1)
    """Inputs to use, from the first; None means all (300 in the sandbox)."""
    keep_label_shares: bool = False
    """Whether the shares of labels among the kept examples follow those of the seeds (for tasks with labels); what
    would lift a label above its share is left out and counted."""


class ModelPlan(Part):
    """A model that is asked, and what it charges."""

    kind: Literal["sandbox", "openai_compatible", "transformers_local", "replay"] = "sandbox"
    base_url: str | None = None
    """`http://127.0.0.1:8000/v1` and the like."""
    model: str | None = None
    """The endpoint's name for it; for `transformers_local` a local folder or a hub id."""
    replies: str | None = None
    """For `replay`: a JSONL file of recorded replies."""
    key_env: str | None = None
    """Name of the environment variable that holds the key."""
    usd_per_million_input: float | None = Field(default=None, ge=0)
    usd_per_million_output: float | None = Field(default=None, ge=0)
    concurrency: int = Field(default=8, ge=1, le=256)
    """Requests on their way at once."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)
    keep_reasoning: bool = False
    """Whether a reply's reasoning part goes into examples."""
    timeout_s: float = Field(default=120.0, gt=0)

    def problems(self, name: str) -> list[str]:
        """What does not fit together; `name` is the table's."""
        found = []
        if self.kind == "openai_compatible":
            parts = urlsplit(self.base_url or "")
            if parts.scheme not in ("http", "https") or not parts.netloc:
                found.append(
                    f"{name}.base_url: found {self.base_url!r}, expected an address like "
                    "https://api.openai.com/v1 or http://127.0.0.1:8000/v1"
                )
            elif parts.username or parts.password or parts.query:
                found.append(f"{name}.base_url: must hold no user, password or key; name the key's variable")
            if not self.model:
                found.append(f"{name}.model: is empty; name a model that the endpoint serves")
        if self.kind == "transformers_local" and not self.model:
            found.append(f"{name}.model: is empty; give a local folder with a model, or a hub id")
        if self.kind == "replay" and not self.replies:
            found.append(f"{name}.replies: is empty; give a JSONL file of recorded replies")
        return found

    def quote(self, *, batch: bool = False) -> Quote:
        """What the model charges, with the source. What runs here costs no query money."""
        if self.kind != "openai_compatible":
            return Quote(0.0, 0.0, "runs on this machine")
        own = self.usd_per_million_input, self.usd_per_million_output
        return quote(self.base_url or "", self.model or "", *own, batch=batch)


class TeacherPlan(ModelPlan):
    """Who answers, and writes the questions where there is no augmenter."""

    batch: bool = False
    """OpenAI's Batch API: half the price, an answer within a day."""
    key_typed: bool = False
    """The key is typed when the run starts; it lives in the worker's memory only."""
    max_answer_tokens: int | None = Field(default=None, ge=1)
    """Upper bound of one answer; None takes the task's own."""


class PromptsPlan(Part):
    """What prompts hold beside instructions and the item."""

    few_shot: int = Field(default=0, ge=0, le=50)
    """Seeds that each prompt shows as examples."""
    few_shot_draw: int = 0
    """Names the draw of them."""
    questions_per_call: int = Field(default=1, ge=1, le=20)
    """New questions that are asked for at once: cheaper, and less different from each other."""


class GridPlan(Part):
    """Which cells are measured."""

    strategies: tuple[Strategy, ...] = (
        Strategy.ANSWER_AUGMENTATION,
        Strategy.QUESTION_REPHRASE,
        Strategy.NEW_QUESTION,
    )
    budgets: tuple[int, ...] = (200, 1600)
    """Teacher queries."""
    replicates: int = Field(default=2, ge=1, le=10)
    seed_sizes: tuple[int, ...] = ()
    """How many of the seeds a cell uses; none given means all of them."""
    matched_steps: bool = True
    """Whether the seeds alone are also trained for as many steps as the largest cell, to tell more steps from better
    data."""
    adaptive: bool = True
    """Where the plan says what the pilot is for (`target.queries`): cells are bought one step at a time, those worth
    most first, until none is worth its price. False: the whole grid, always."""


class TargetPlan(Part):
    """What the pilot is for: the budget that will be spent after it, its own share in it."""

    queries: int | None = Field(default=None, ge=1)
    """None: nothing to weigh cells by, so the whole grid is measured."""
    seeds: int | None = Field(default=None, ge=1)
    """Seeds that the full run will have; None: those of the plan."""


class CheckPlan(Part):
    """The check before a pilot."""

    seeds: int = Field(default=50, ge=1)
    """Seeds that the teacher answers."""
    ceiling_queries: int | None = Field(default=None, ge=1)
    """None takes what the check needs, plus a tenth for retries."""
    student_right: int | None = Field(default=None, ge=0)
    """What the seeds-only student got right of `student_scored` test items; None takes it from earlier pilots."""
    student_scored: int | None = Field(default=None, ge=1)


class CeilingPlan(Part):
    """The most that the run may be charged."""

    queries: int | None = Field(default=None, ge=1)
    """None takes the number that the plan needs, plus a tenth for retries."""
    usd: float | None = Field(default=None, gt=0)


class TrainingPlan(Part):
    """Changes to the recipe; what is not named keeps its default."""

    preset: Literal["pilot", "paper"] = "pilot"
    """The recipe that is changed: the pilots' own (the sandbox student's for that student), or the paper's."""
    learning_rate: float | None = Field(default=None, gt=0, le=1)
    """Fixes the rate; None: chosen once on seeds that are held out, then the same for all cells."""
    learning_rates: tuple[Annotated[float, Field(gt=0, le=1)], ...] | None = None
    """The rates to choose from; none given takes those of `engine.rate_choice`, an empty list the recipe's own rate."""
    batch_size: int | None = Field(default=None, ge=1)
    epochs: float | None = Field(default=None, gt=0)
    min_steps: int | None = Field(default=None, ge=1)
    warmup: float | None = Field(default=None, ge=0, lt=1)
    rank: int | None = Field(default=None, ge=1)
    alpha: float | None = Field(default=None, gt=0)
    max_length: int | None = Field(default=None, ge=16)
    dropout: float | None = Field(default=None, ge=0, lt=1)
    gradient_accumulation: int | None = Field(default=None, ge=1)
    gradient_checkpointing: bool | None = None
    four_bit: bool | None = None
    """Whether the base is held in 4 bits while adapters are trained; on a GPU only, with the extra `four_bit`."""
