"""The plan of a pilot: what people type, checked whole before anything is paid.

The same plan whether it comes from the page or from a TOML file. A key never stands in it: a plan
names an environment variable, or says that the key will be typed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import Field, ValidationError, model_validator

from engine.domain import MATCHED_STEPS, PAPER_RECIPE, Baseline, Cell, Recipe, Strategy
from engine.errors import InputError
from engine.plan_checks import grid_problems, teacher_problems, variant_problems, world_problems
from engine.plan_example import EXAMPLE
from engine.plan_faults import problems_of, without
from engine.plan_full import ForecastPlan, FullPlan
from engine.plan_parts import (
    FEWEST_SEEDS,
    FEWEST_TEST_ITEMS,
    HUB,
    MATHS,
    SANDBOX,
    SANDBOX_STUDENTS,
    CeilingPlan,
    CheckPlan,
    GridPlan,
    ModelPlan,
    Part,
    PromptsPlan,
    SeedsPlan,
    TargetPlan,
    TeacherPlan,
    TestPlan,
    TrainingPlan,
    UnlabelledPlan,
)
from engine.plan_retrieval import RetrievalPlan
from engine.plan_variants import PLAIN, TEACHER, VariantPlan
from engine.prices import Quote

__all__ = [
    "EXAMPLE",
    "FEWEST_SEEDS",
    "FEWEST_TEST_ITEMS",
    "HUB",
    "MATHS",
    "PLAIN",
    "SANDBOX",
    "SANDBOX_STUDENTS",
    "TEACHER",
    "CeilingPlan",
    "CheckPlan",
    "ForecastPlan",
    "FullPlan",
    "GridPlan",
    "ModelPlan",
    "PilotPlan",
    "PromptsPlan",
    "RetrievalPlan",
    "SeedsPlan",
    "TargetPlan",
    "TeacherPlan",
    "TestPlan",
    "TrainingPlan",
    "UnlabelledPlan",
    "VariantPlan",
    "all_priced",
    "check_plan",
    "read_plan",
    "to_toml",
    "with_paths",
]


def all_priced(teacher: TeacherPlan, others: Iterable[ModelPlan]) -> bool:
    """Whether the price of whoever is asked is known."""
    return teacher.quote(batch=teacher.batch).known and all(model.quote().known for model in others)


class PilotPlan(Part):
    """A pilot: a set of cells with a ceiling."""

    name: str = Field(default="pilot", min_length=1, max_length=80)
    task: str = "math"
    """A named task, or the path of a task.toml."""
    student: str = SANDBOX
    """`sandbox`, a hub id or a local folder."""
    seeds: SeedsPlan = SeedsPlan()
    test: TestPlan = TestPlan()
    unlabelled: UnlabelledPlan = UnlabelledPlan()
    teacher: TeacherPlan = TeacherPlan()
    augmenter: ModelPlan | None = None
    """Who writes the questions; None: the teacher."""
    teachers: dict[str, ModelPlan] = Field(default_factory=dict)
    """Further teachers by name, for variants that share the visits among several, and for a judge of one's own."""
    judge: str | None = None
    """Which of `teachers` judges replies, where the task's scorer is a judge; None: the teacher judges."""
    prompts: PromptsPlan = PromptsPlan()
    grid: GridPlan = GridPlan()
    target: TargetPlan = TargetPlan()
    variants: tuple[VariantPlan, ...] = ()
    ceiling: CeilingPlan = CeilingPlan()
    check: CheckPlan = CheckPlan()
    training: TrainingPlan = TrainingPlan()
    max_new_tokens: int = Field(default=200, ge=1)
    """Longest answer of the student, in tokens."""
    full: FullPlan | None = None
    """What to generate whole; None in a plan that measures cells."""
    retrieval: RetrievalPlan | None = None
    """What a retrieval pilot measures; None in any other plan."""

    @model_validator(mode="after")
    def _check(self) -> PilotPlan:
        problems = [
            *teacher_problems(self.teacher, self.augmenter, self.teachers, self.ceiling),
            *grid_problems(self.grid, self.unlabelled),
            *variant_problems(self.variants, self.grid, self.teachers, self.judge),
            *world_problems(self.seeds, self.task, self.student),
            *self._source_problems(),
            *self._check_problems(),
            *(() if self.full is None else self.full.problems()),
            *(() if self.retrieval is None else self.retrieval.problems()),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _check_problems(self) -> list[str]:
        right, scored = self.check.student_right, self.check.student_scored
        if (right is None) != (scored is None) or (right is not None and scored is not None and right > scored):
            return [f"check: found student_right {right} of student_scored {scored}, expected both, like 33 of 80"]
        return []

    def _source_problems(self) -> list[str]:
        problems = []
        own = self.seeds.path != SANDBOX
        if own and self.unlabelled.path == SANDBOX:
            problems.append("unlabelled.path: the sandbox's inputs belong to its own seeds; give a file of yours")
        problems += self.test.problems()
        split = (self.test.path, self.test.holdout, self.test.stratify_by, self.test.time_column)
        if not own and any(split):
            problems.append(
                "test: the sandbox brings its own test items; leave test.path, holdout, stratify_by and time_column out"
            )
        problems += [
            f"{name}.map: the sandbox has the columns that its task reads; leave the map out"
            for name, part in (("seeds", self.seeds), ("unlabelled", self.unlabelled))
            if part.path == SANDBOX and part.map
        ]
        return problems

    @property
    def sandbox_student(self) -> bool:
        """Whether the student is a shipped one."""
        return self.student in SANDBOX_STUDENTS

    @property
    def price_known(self) -> bool:
        """Whether every query's price can be computed."""
        others = [self.augmenter, *self.teachers.values()]
        return all_priced(self.teacher, [model for model in others if model is not None])

    @property
    def quote(self) -> Quote:
        """What the teacher charges, with the source."""
        return self.teacher.quote(batch=self.teacher.batch)

    @property
    def sandbox_parts(self) -> tuple[str, ...]:
        """Which of seeds, teacher and student are the sandbox's; results with any are labelled so."""
        if self.retrieval is not None:
            return self.retrieval.sandbox_parts(self.teacher.kind)
        return tuple(
            part
            for part, is_sandbox in (
                ("seeds", self.seeds.path == SANDBOX),
                ("teacher", self.teacher.kind == "sandbox"),
                ("augmenter", self.augmenter is not None and self.augmenter.kind == "sandbox"),
                *((f"teacher {name}", model.kind == "sandbox") for name, model in self.teachers.items()),
                ("student", self.sandbox_student),
            )
            if is_sandbox
        )

    def recipe(self, default: Recipe) -> Recipe:
        """The recipe with this plan's changes; `default` is what stands behind the preset `pilot`."""
        default = PAPER_RECIPE if self.training.preset == "paper" else default
        given = {f.name: getattr(self.training, f.name) for f in dataclass_fields(Recipe)}
        return replace(default, **{name: value for name, value in given.items() if value is not None})

    def largest_budget(self, strategy: Strategy, inputs: int | None = None) -> int:
        """Queries of a strategy's largest cell: real questions end with the unlabelled inputs."""
        return self._capped(max(self.grid.budgets), strategy, inputs)

    @staticmethod
    def _capped(budget: int, strategy: Strategy, inputs: int | None) -> int:
        return min(budget, inputs) if strategy is Strategy.REAL_QUESTION and inputs is not None else budget

    def cells(self, seeds: int, inputs: int | None = None) -> tuple[Cell, ...]:
        """The cells in the order in which they are trained: cheap and telling ones first.

        Each unlabelled input is answered once, so a cell of real questions has no larger budget than there
        are `inputs` (None: not known, not capped); budgets that thereby become the same are one cell.
        """
        grid = self.grid
        sizes = sorted(grid.seed_sizes) or [seeds]
        first = (Baseline.UNTUNED, Baseline.UNTUNED_FEW_SHOT, Baseline.TEACHER)
        cells = [Cell(baseline, seeds, 0, 0) for baseline in first]
        for replicate in range(grid.replicates):
            cells += [Cell(Baseline.SEEDS_ONLY, size, 0, replicate) for size in sizes]
            cells += [
                Cell(strategy, size, self._capped(budget, strategy, inputs), replicate)
                for size in sizes
                for budget in sorted(grid.budgets)
                for strategy in grid.strategies
            ]
            cells += [
                Cell(strategy, size, self._capped(budget, strategy, inputs), replicate, variant.name)
                for variant in self.variants
                for size in sizes
                for budget in sorted(variant.budgets or (max(grid.budgets),))
                for strategy in variant.of(grid.strategies)
            ]
        if grid.matched_steps:
            cells.append(Cell(Baseline.SEEDS_ONLY, sizes[-1], 0, 0, MATCHED_STEPS))
        return tuple(cell for cell in dict.fromkeys(cells) if cell.arm != Baseline.TEACHER or self.test.teacher_items)


def check_plan(raw: Mapping[str, Any], name: str = "plan") -> PilotPlan:
    """The checked plan; InputError with every problem at once."""
    problems: list[str] = []
    remaining: Any = deepcopy(dict(raw))
    while True:
        try:
            plan = PilotPlan.model_validate(remaining)
        except ValidationError as error:
            problems += problems_of(error, name)
            # What is wrong by itself hides what does not fit together: without it, look again.
            if not without(remaining, [fault["loc"] for fault in error.errors()]):
                raise InputError(problems) from error
            continue
        if problems:
            raise InputError(problems)
        return plan


def read_plan(path: Path) -> PilotPlan:
    """The plan in a TOML file; paths in it are taken from the file's own folder."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); `seedpilot plan --example` prints a plan"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no valid TOML ({error})") from error
    plan = check_plan(raw, path.name)
    return with_paths(plan, lambda p: str((path.parent / p).resolve()))


def with_paths(plan: PilotPlan, move: Any) -> PilotPlan:
    """The plan with `move` applied to each of its local paths (a hub id is none)."""
    student = plan.student
    if student not in SANDBOX_STUDENTS and (student.startswith((".", "/", "~")) or Path(move(student)).exists()):
        student = move(str(Path(student).expanduser()))

    def moved(part: Any, setting: str = "path") -> Any:
        path = None if part is None else getattr(part, setting)
        if path is None or path == SANDBOX:
            return part
        if path.startswith(HUB):
            folder = path.removeprefix(HUB)
            if not folder.startswith((".", "/", "~")):  # on the hub: no path of this machine
                return part
            return part.model_copy(update={setting: HUB + move(str(Path(folder).expanduser()))})
        return part.model_copy(update={setting: move(path)})

    return plan.model_copy(
        update={
            "task": move(plan.task) if plan.task.endswith(".toml") else plan.task,
            "student": student,
            "seeds": moved(plan.seeds),
            "unlabelled": moved(plan.unlabelled),
            "teacher": moved(plan.teacher, "replies"),
            "augmenter": moved(plan.augmenter, "replies"),
            "teachers": {name: moved(model, "replies") for name, model in plan.teachers.items()},
            "test": moved(plan.test),
            "retrieval": None if plan.retrieval is None else plan.retrieval.moved(move),
        }
    )


def to_toml(plan: PilotPlan) -> str:
    """The plan as a file that `seedpilot pilot` takes; unset values are left out."""
    return tomli_w.dumps(plan.model_dump(mode="json", exclude_none=True, exclude_defaults=False))
