"""One LoRA run on a data set: the adapter of the whole data after a pilot, or any other; killed anywhere, it goes on.

The folder holds `adapter/` (peft's layout), `losses.json` (one a step), `train.json` (what was asked and what came of
it) and, while it runs, `progress.json` and a checkpoint. A folder belongs to one training: other data, another student
or other settings are refused there, so that nothing is replaced by mistake.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.domain import CellJob, Recipe
from engine.errors import InputError
from engine.job_files import LOWERED, read_json, training_mark, write_json
from engine.pack_plan import machine
from engine.recipe_sources import FIXED, Sourced, as_rows, lowered_settings, machine_settings
from engine.training import CHECKPOINT, Watch, train
from engine.training_rows import TrainingRows

ABOUT = "train.json"


@dataclass(frozen=True, slots=True)
class SingleRun:
    """What is trained, and where."""

    student: str
    rows: TrainingRows
    recipe: Recipe
    seed: int
    out: Path
    settings: Sequence[Sourced] = ()
    """The recipe's settings with where they came from."""

    @property
    def mark(self) -> str:
        """The same for trainings that must give the same adapter."""
        return training_mark(CellJob("", self.student, self.rows.examples, self.recipe, self.seed, (), 1, ""))

    def problems(self) -> list[str]:
        """Why the folder cannot take this training; empty where it can."""
        about = read_json(self.out / ABOUT)
        if about is not None and about.get("mark") != self.mark and self._begun():
            return [
                f"--out {self.out}: holds a training of other data, another student or other settings; give a new "
                "folder, or the same data and settings to go on with it"
            ]
        if about is None and self.out.is_dir() and any(self.out.iterdir()):
            return [f"--out {self.out}: holds other files; give a new or an empty folder"]
        if self.out.exists() and not self.out.is_dir():
            return [f"--out {self.out}: is a file; give the name of a folder, which may be new"]
        parent = next(one for one in (self.out / "x").absolute().parents if one.exists())
        return [] if os.access(parent, os.W_OK) else [f"--out {self.out}: may not be written to; give another place"]

    def _begun(self) -> bool:
        """Whether something of a training lies there that could be lost."""
        return any((self.out / name).exists() for name in ("adapter", CHECKPOINT))

    def run(self, checkpoint_seconds: float, watch: Watch | None = None) -> dict[str, Any]:
        """Trains, or goes on, or reads what is finished; what came of it, as `seedpilot train --json` prints it.

        InputError where the folder cannot take it, StudentError where the student cannot be trained on these rows.
        """
        if problems := self.problems():
            raise InputError(problems)
        begun: list[int] = []
        asked = {"mark": self.mark, "student": self.student, "data": self.rows.name, "seed": self.seed}
        if not self._begun():
            write_json(self.out / ABOUT, asked)

        def watched(done: int, total: int, loss: float | None) -> None:
            begun.append(done)
            if watch is not None:
                watch(done, total, loss)

        adapter = self.out / "adapter"
        trained = train(self.student, self.rows.examples, self.recipe, self.seed, adapter, checkpoint_seconds, watched)
        losses = (read_json(self.out / "losses.json") or {"losses": []})["losses"]
        told = asked | {
            "adapter": str(adapter),
            "rows": self.rows.rows,
            "trained_on": len(self.rows.examples) - trained.too_long,
            "left_out": {"all_prompt": self.rows.all_prompt, "too_long": trained.too_long},
            "steps": trained.steps,
            "went_on_at": begun[0] if begun else trained.steps,
            "first_loss": losses[0] if losses else None,
            "final_loss": trained.final_loss,
            "train_seconds": trained.train_seconds,
            "settings": as_rows(self._settings()),
        }
        write_json(self.out / ABOUT, told)
        return told

    def _settings(self) -> tuple[Sourced, ...]:
        device = machine(1).device
        lowered = lowered_settings(self.out.glob(LOWERED))
        return (*self.settings, *FIXED, *machine_settings(device, os.cpu_count()), *lowered)


@dataclass(slots=True)
class Pace:
    """Turns steps into a line with rate and time left."""

    batch: int
    """Examples in a step."""
    began: tuple[int, float] | None = None
    """First step seen in this process, and when: a run that goes on has taken the earlier ones at another time."""

    def line(self, done: int, total: int, loss: float | None, now: float) -> str:
        """`step 120 of 400, loss 1.234, 3.2 steps/s (51 examples/s), about 90 s left`."""
        if self.began is None:
            self.began = (done, now)
        said = f"step {done:,} of {total:,}"
        if loss is not None:
            said += f", loss {loss:.3f}"
        steps, seconds = done - self.began[0], now - self.began[1]
        if steps > 0 and seconds > 0:
            rate = steps / seconds
            left = _duration((total - done) / rate)
            said += f", {rate:.2f} steps/s ({rate * self.batch:,.0f} examples/s), about {left} left"
        return said


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{int(seconds // 3600)} h {round(seconds % 3600 / 60)} min"
