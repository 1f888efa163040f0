"""The measured cells of an atlas: Parquet files in a folder, each whole or not there, and how they are read.

A cell's results item by item are one bit each (`right`, as numpy.packbits has them), so that 1,500 cells of 500 test
items take some hundred kB.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from engine.atlas.design import PLAIN, STRONG, USUAL, Place
from engine.domain import Cell, Measurement, arm
from engine.errors import InputError
from engine.fitting.observations import Observation

SUFFIX = ".parquet"


@dataclass(frozen=True, slots=True)
class AtlasCell:
    """One measured cell."""

    world: str
    arm: str
    seeds: int
    budget: int
    replicate: int
    augmenter: str
    check: str
    student: str
    """`first` or `second`."""
    examples: int
    """Generated examples that it was trained on."""
    queries: int
    """Teacher queries that they took, those of rejected examples too."""
    items: int
    """Test items that were scored; all of them, or the cell would not be here."""
    right: bytes
    """Per test item one bit, the first item's the highest of the first byte."""
    steps: int
    final_loss: float | None
    make_seconds: float
    """Generating and filtering; a pool that several cells share counts for each by its part."""
    train_seconds: float
    answer_seconds: float
    cpu_seconds: float | None
    """Of the processor, for all three: a busy machine takes longer by the clock, and no more of this. None where its
    batch was stopped and went on, since nobody knows what the first part took."""
    student_mark: str
    """SHA-256 of the student's weights, its first 12 digits."""
    world_mark: str
    """The same of the world's test items."""
    version: str
    """SeedPilot's, with its commit."""
    measured_at: str
    """UTC, ISO 8601."""
    setting: str = USUAL
    """Of the world: usual, exact, erring or narrow."""

    @property
    def place(self) -> Place:
        """Where it stands in the design."""
        of = (self.world, self.arm, self.seeds, self.budget, self.replicate, self.augmenter, self.check, self.student)
        return Place(*of, self.setting)

    @property
    def key(self) -> str:
        """Its place's."""
        return self.place.key

    @property
    def outcomes(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(items,) whether each test item was right, in the order of `World.test_items`."""
        return np.unpackbits(np.frombuffer(self.right, dtype=np.uint8), count=self.items).astype(bool)

    @property
    def correct(self) -> int:
        """How many were right."""
        return int(self.outcomes.sum())

    @property
    def accuracy(self) -> float:
        """Share of the test items that were right."""
        return self.correct / self.items

    @property
    def seconds(self) -> float:
        """What it took on one thread by the clock, all told."""
        return self.make_seconds + self.train_seconds + self.answer_seconds

    def measurement(self) -> Measurement:
        """The cell as the advice reads it: budgets are examples, as with one call each. ValueError for a mixed cell,
        which is no single arm."""
        usual = (self.augmenter, self.check, self.setting) == (STRONG, PLAIN, USUAL)
        variant = PLAIN if usual else f"{self.augmenter}-{self.check}-{self.setting}"
        cell = Cell(arm(self.arm), self.seeds, self.budget, self.replicate, variant, self.replicate)
        outcomes = tuple(map(float, self.outcomes))
        return Measurement(cell, self.correct, self.items, 0, self.examples, outcomes=outcomes)

    def observation(self) -> Observation:
        """The cell as the curve engine reads it; `n` is the budget in examples asked for."""
        pool = f"{self.world}-s{self.seeds}-r{self.replicate}"
        return Observation(
            self.arm, float(self.budget), float(self.correct), float(self.items), pool=pool, seeds=float(self.seeds)
        )


def by_place(cells: Iterable[AtlasCell]) -> dict[Place, list[AtlasCell]]:
    """Cells that are replicates of each other, by their place without it."""
    found: dict[Place, list[AtlasCell]] = {}
    for cell in cells:
        found.setdefault(cell.place.of_replicates, []).append(cell)
    return found


SCHEMA = pa.schema(
    [
        pa.field(
            one.name,
            {"str": pa.string(), "int": pa.int32(), "float": pa.float32(), "bytes": pa.binary()}[
                str(one.type).removesuffix(" | None")
            ],
            nullable=str(one.type).endswith("None"),
        )
        for one in fields(AtlasCell)
    ]
)


def packed(right: Sequence[bool]) -> bytes:
    """Results item by item as `AtlasCell.right` keeps them."""
    return np.packbits(np.array(right, dtype=bool)).tobytes()


def write(path: Path, cells: Iterable[AtlasCell]) -> None:
    """Writes one file, whole or not at all; an earlier one of that name is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    parquet.write_table(pa.Table.from_pylist([asdict(cell) for cell in cells], SCHEMA), part, compression="zstd")
    part.replace(path)


def load(folder: Path) -> tuple[AtlasCell, ...]:
    """Every cell in a folder's Parquet files, by file and row; of a cell that is there twice the first. Empty where
    there is no folder. InputError for a file that is no atlas."""
    found: dict[str, AtlasCell] = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            rows = parquet.read_table(path).cast(SCHEMA).to_pylist()
        except (pa.lib.ArrowException, OSError, ValueError) as error:
            raise InputError(
                f"{path}: is no file of an atlas ({str(error).splitlines()[0]}); expected one that `seedpilot atlas "
                "build` wrote; move it elsewhere"
            ) from error
        for row in rows:
            cell = AtlasCell(**row)
            found.setdefault(cell.key, cell)
    return tuple(found.values())


def one_student(cells: Sequence[AtlasCell], marks: dict[str, str], name: str, where: Path) -> None:
    """InputError where cells were measured on another student or world than `marks` (slot -> mark) names; `name` is
    the mark's field."""
    slot = "student" if name == "student_mark" else "world"
    for cell in cells:
        expected = marks.get(getattr(cell, slot))
        if expected is not None and getattr(cell, name) != expected:
            raise InputError(
                f"{where}: {cell.key} was measured on {slot} {getattr(cell, name)}, and this is {expected}; an atlas "
                "holds one of each: give another --out"
            )
