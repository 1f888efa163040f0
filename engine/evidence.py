"""data/evidence -> a checked table of published points and claims, every row with its source.

Two files: `published_points.csv` (numbers read from papers' tables) and `claims.csv` (figures and
statements that are not points). Nothing is repaired on the way in: a row that cannot be read is
reported with its line, and all of them at once. Values are kept in the unit of their source.
"""

from __future__ import annotations

import csv
import hashlib
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from engine.domain import Strategy, TaskType
from engine.errors import InputError

FOLDER = Path(__file__).parent.parent / "data" / "evidence"

CONFIDENCES = {
    "T": "read in the source's own table or text",
    "A": "read in the abstract",
    "N": "second-hand notes on the source",
    "I": "arithmetic on other figures",
}
"""How far a row can be trusted."""

ACCURACY = "accuracy_percent"
GAP_RECOVERED = "performance_gap_recovered_percent"
"""Not an accuracy: ranks strategies within one paper, and is never fitted as a level."""

TASK_TYPES: dict[str, TaskType] = {
    "gsm8k": TaskType.MATH,
    "math": TaskType.MATH,
    "tabmwp": TaskType.MATH,
    "math_mixed": TaskType.MATH,
    "strategyqa": TaskType.MULTIPLE_CHOICE,
    "commonsenseqa": TaskType.MULTIPLE_CHOICE,
    "arc_challenge": TaskType.MULTIPLE_CHOICE,
    "anli": TaskType.MULTIPLE_CHOICE,
    "date": TaskType.MULTIPLE_CHOICE,
    "code": TaskType.CODE,
    "instruction_following": TaskType.OPEN_ENDED,
}
"""Which task type a published benchmark speaks about."""

FLOORS: dict[str, float] = {"strategyqa": 1 / 2, "commonsenseqa": 1 / 5, "arc_challenge": 1 / 4, "anli": 1 / 3}
"""Share of items that guessing gets right, where a benchmark offers choices; 0 elsewhere."""

OTHER_ARMS = {"none", "human", "human_or_distilled", "mixed_all", "answer_augmentation+question_rephrase"}
"""What a published row may hold besides the strategies."""

SIZE_FACTOR = 3.0
"""Students are of one size class when neither has more than this many times the other's parameters.

Ours: a factor of three is about one step in the families that papers train (7B to 13B, 33B to 70B).
"""

_SIZE = re.compile(r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?)\s?([bBmM])(?![A-Za-z0-9])")
_UNIT = {"b": 1e9, "m": 1e6}

Row = TypeVar("Row", bound="Point | Claim")


@dataclass(frozen=True, slots=True)
class Point:
    """One number of one table."""

    id: str
    source: str
    """Short name of the paper; distinct papers are counted by it."""
    reference: str
    confidence: str
    task: str
    """The benchmark, as the paper names it."""
    metric: str
    student: str
    teacher: str
    strategy: str
    """A strategy's name, or one of `OTHER_ARMS`."""
    seed_n: int | None
    human_n: int | None
    """Human examples in the training set; None where the paper does not say."""
    synthetic_n: int | None
    value: float
    """In the metric's own unit: percent."""
    note: str

    @property
    def task_type(self) -> TaskType:
        """The task type that this benchmark speaks about."""
        return TASK_TYPES[self.task]


@dataclass(frozen=True, slots=True)
class Claim:
    """A published figure or statement that is not a point."""

    id: str
    source: str
    reference: str
    confidence: str
    tasks: tuple[TaskType, ...]
    """Empty where it speaks about no task in particular."""
    student: str
    """Empty where the claim names none."""
    quantity: str
    seeds: int | None
    low: float | None
    value: float | None
    high: float | None
    unit: str
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The whole table."""

    points: tuple[Point, ...]
    claims: tuple[Claim, ...]
    digest: str
    """SHA-256 of both files; whatever was learned from them carries it."""

    def about(self, task: TaskType, strategy: Strategy | None = None) -> tuple[Point, ...]:
        """Points of that task type, of one strategy or of all three."""
        wanted = {strategy.value} if strategy else {s.value for s in Strategy}
        return tuple(p for p in self.points if p.task_type is task and p.strategy in wanted)

    def studies(self, task: TaskType | None = None, *, parameters: float | None = None) -> tuple[str, ...]:
        """Distinct papers that compare strategies on that task type (or on any), by short name.

        A paper counts when it has a point of a strategy, or a claim on when the best strategy changes.
        With `parameters`, the user's student's size, such a row must also come from a student of the same
        size class (`same_size`); one whose student is not known never does.
        """
        strategies = {s.value for s in Strategy}
        rows: list[Point | Claim] = [p for p in self.points if p.strategy in strategies and task in (None, p.task_type)]
        rows += self.shifts(task)
        return tuple(sorted({r.source for r in rows if parameters is None or same_size(r.student, parameters)}))

    def shifts(self, task: TaskType | None = None) -> tuple[Claim, ...]:
        """Claims on the ratio at which the best strategy changes, on that task type or on any."""
        wanted = (c for c in self.claims if c.quantity == "shift_ratio")
        return tuple(c for c in wanted if task is None or task in c.tasks)

    def fitted(self, task: TaskType) -> bool:
        """Whether the law was fitted to anything on that task type: an accuracy, or a shift."""
        levels = any(p.metric == ACCURACY for p in self.about(task))
        return levels or bool(self.shifts(task))

    def without(self, source: str) -> Evidence:
        """The table without one paper's rows and claims; ValueError where it holds none."""
        points = tuple(p for p in self.points if p.source != source)
        claims = tuple(c for c in self.claims if c.source != source)
        if len(points) + len(claims) == len(self.points) + len(self.claims):
            raise ValueError(f"no row is from {source!r}")
        return Evidence(points, claims, f"{self.digest} without {source}")

    def claim(self, name: str) -> Claim:
        """The claim of that id; KeyError for an unknown one."""
        for claim in self.claims:
            if claim.id == name:
                return claim
        raise KeyError(name)


def parameters_named(student: str) -> float | None:
    """Parameters of a student by the size in its name: 7e9 for `LLaMA2-7B`, 3.6e8 for `SmolLM2-360M`.

    None where the name holds no size or several, or counts experts (`8x7B` says neither how many
    parameters are stored nor how many are used).
    """
    found = {float(number) * _UNIT[unit.lower()] for number, unit in _SIZE.findall(student)}
    return found.pop() if len(found) == 1 else None


def same_size(student: str, parameters: float) -> bool:
    """Whether the student of that name is of the size class of one with so many parameters (`SIZE_FACTOR`)."""
    if not parameters > 0:
        raise ValueError(f"a student with {parameters} parameters; expected more than 0, or None where unknown")
    named = parameters_named(student)
    return named is not None and max(named / parameters, parameters / named) <= SIZE_FACTOR


def load(folder: Path = FOLDER) -> Evidence:
    """The checked table.

    Raises InputError with every bad row of both files, each with its file and line number.
    """
    problems: list[str] = []
    points = tuple(_rows(folder / "published_points.csv", _point, problems))
    claims = tuple(_rows(folder / "claims.csv", _claim, problems))
    for name, rows in (("published_points.csv", points), ("claims.csv", claims)):
        ids = [row.id for row in rows]
        problems += [f"{name}: the id {i!r} appears twice; ids name rows" for i in sorted(set(ids)) if ids.count(i) > 1]
    if problems:
        raise InputError(problems)
    digest = hashlib.sha256()
    for name in ("published_points.csv", "claims.csv"):
        digest.update((folder / name).read_bytes())
    return Evidence(points, claims, digest.hexdigest())


@lru_cache(maxsize=1)
def published() -> Evidence:
    """The table that ships with SeedPilot, read once."""
    return load()


@lru_cache(maxsize=4096)
def words_in(row: Point | Claim) -> str:
    """All that stands in a row, in small letters: what a search goes through."""
    return " ".join(map(str, asdict(row).values())).lower()


def _rows(path: Path, read: Callable[[dict[str, str]], Row], problems: list[str]) -> Iterator[Row]:
    if not path.is_file():
        problems.append(f"{path}: no such file; expected the evidence table there")
        return
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, restkey="", restval="")
        for row in reader:
            try:
                if "" in row:
                    raise ValueError("more fields than columns; quote text that holds a comma")
                yield read(row)
            except KeyError as missing:
                problems.append(f"{path.name}: column {missing} is missing")
                return
            except ValueError as error:
                problems.append(f"{path.name} line {reader.line_num}: {error}")


def _point(row: dict[str, str]) -> Point:
    task, metric, strategy = row["task"], row["metric"], row["strategy"]
    if task not in TASK_TYPES:
        raise ValueError(f"task {task!r} has no task type; known are {', '.join(TASK_TYPES)}")
    if metric not in (ACCURACY, GAP_RECOVERED):
        raise ValueError(f"metric {metric!r}; expected {ACCURACY} or {GAP_RECOVERED}")
    if strategy not in set(Strategy) | OTHER_ARMS:
        raise ValueError(f"strategy {strategy!r} is unknown")
    value = _number(row, "value")
    if value is None or (metric == ACCURACY and not 0 <= value <= 100):
        raise ValueError(f"value {row['value']!r}; expected a percentage from 0 to 100")
    return Point(
        **_source(row), task=task, metric=metric, student=row["student"], teacher=row["teacher"],
        strategy=strategy, seed_n=_count(row, "seed_n"), human_n=_count(row, "human_n"),
        synthetic_n=_count(row, "synthetic_n"), value=value, note=row["note"],
    )  # fmt: skip


def _claim(row: dict[str, str]) -> Claim:
    if not row["text"]:
        raise ValueError("text is empty; a claim says what was found in words")
    tasks = tuple(TaskType(name) for name in row["task"].split("+") if name)
    low, value, high = (_number(row, name) for name in ("low", "value", "high"))
    if low is not None and high is not None and low > high:
        raise ValueError(f"low {low} is above high {high}")
    return Claim(
        **_source(row), tasks=tasks, student=row["student"], quantity=row["quantity"], seeds=_count(row, "seeds"),
        low=low, value=value, high=high, unit=row["unit"], text=row["text"],
    )  # fmt: skip


def _source(row: dict[str, str]) -> dict[str, str]:
    for name in ("id", "source", "reference"):
        if not row[name]:
            raise ValueError(f"{name} is empty; every figure needs its source")
    if row["confidence"] not in CONFIDENCES:
        raise ValueError(f"confidence {row['confidence']!r}; expected one of {', '.join(CONFIDENCES)}")
    return {name: row[name] for name in ("id", "source", "reference", "confidence")}


def _number(row: dict[str, str], name: str) -> float | None:
    text = row[name].strip()
    if not text:
        return None
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{name} is {text!r}; expected a finite number")
    return number


def _count(row: dict[str, str], name: str) -> int | None:
    number = _number(row, name)
    if number is None:
        return None
    if number < 0 or number != int(number):
        raise ValueError(f"{name} is {row[name]!r}; expected a whole number from 0")
    return int(number)
