"""Losses of many models over data sizes, as the rectified scaling law's authors recorded them: one row a model."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.fitting.archive import Archive, PastCurve
from engine.fitting.groups import Array

STRATEGY = "training"


@dataclass(frozen=True, slots=True)
class RecordedLosses:
    """R models, P data sizes."""

    n: Array
    """(P,) examples, ascending; 0 left out."""
    losses: Array
    """(R, P) natural logarithms."""
    families: tuple[str, ...]
    names: tuple[str, ...]
    digest: str
    """Of the file: what was learned from it says so."""

    def archive(self) -> Archive:
        """The curves as a past; a family is forgotten by `without`."""
        rows = zip(self.families, self.losses, strict=True)
        return Archive(tuple(PastCurve(family, STRATEGY, self.n, row) for family, row in rows))


def read_losses(path: Path) -> RecordedLosses:
    """The curves in that file; InputError where it cannot be read."""
    try:
        raw = path.read_bytes()
    except OSError as failed:
        raise InputError(f"{path}: {failed.strerror or failed}; expected a CSV file of losses.") from failed
    rows = list(csv.DictReader(raw.decode("utf-8-sig").splitlines()))
    columns = [column for column in (rows[0] if rows else {}) if column.isdigit() and int(column) > 0]
    if not columns:
        raise InputError(f"{path}: expected a column of losses for each number of examples, and a row a model.")
    return RecordedLosses(
        np.array([float(column) for column in columns]),
        np.log(np.array([[float(row[column]) for column in columns] for row in rows])),
        tuple(row["family"] for row in rows),
        tuple(row["config name"] for row in rows),
        hashlib.sha256(raw).hexdigest()[:16],
    )
