"""Whether a student fits into this machine's memory, before anything is loaded or paid, and what would if it does not.

Counted in bytes from the student's shape (`engine.student_shape`): weights in 32 bits on a CPU, in 16 on a GPU, in
about 4.5 where the base is held in 4; of an adapter its weights, their gradient and Adam's two means in 32 bits; the
inner values of a step as Korthikanti et al. 2022 (arXiv 2205.05198) count them, 34 bytes a token, layer and feature in
16 bits without the attention matrix, and 10 bytes a token and word for logits and their gradient; keys and values of
the answers, and the copy of the linear layers from which an adapter is taken out again.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from engine.domain import Recipe
from engine.student_shape import Shape

SHARE = 0.9
"""Of the memory that a machine has, how much a student may take: the rest is the system's and the libraries'."""
FIXED = 600_000_000
"""Bytes that torch and transformers take before a student."""
ROWS_AT_LEAST = 1
_FOUR_BIT = 4.5 / 8
"""Bytes a number, its scales counted in."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where students are trained."""

    device: str
    """`cpu` or `cuda`."""
    total_bytes: int
    free_bytes: int

    @property
    def usable(self) -> int:
        """Bytes that a student may take when nothing else runs."""
        return int(SHARE * self.total_bytes)


@dataclass(frozen=True, slots=True)
class Fit:
    """What a student takes at most on a machine."""

    parameters: int
    weights_bytes: int
    training_bytes: int
    """Of the largest step of one adapter, weights and libraries too."""
    least_bytes: int
    """The same with one row at a time: what training falls back to where memory ends."""
    answering_bytes: int
    """One answer at a time: batches grow into what is left; 0 where nothing is asked."""
    machine: Machine

    @property
    def bytes(self) -> int:
        """The most at any time, as the recipe says."""
        return max(self.training_bytes, self.answering_bytes)

    @property
    def fits(self) -> bool:
        """Whether it can be trained and asked here at all."""
        return max(self.least_bytes, self.answering_bytes) <= self.machine.usable

    @property
    def told(self) -> str:
        """In a few words."""
        return f"{self.bytes / 1e9:.1f} of {self.machine.total_bytes / 1e9:.1f} GB at most ({self.machine.device})"


def fit(shape: Shape, recipe: Recipe, context: int | None, max_new_tokens: int | None, machine: Machine) -> Fit:
    """What the student takes under that recipe; `max_new_tokens` is None where it is trained only, and asked nothing:
    a base in 4 bits is answered with whole."""
    length = min(recipe.max_length, context or recipe.max_length)
    width = 2 if machine.device == "cuda" else 4
    outside = shape.parameters - shape.linear
    whole = width * shape.parameters
    trained = int(_FOUR_BIT * shape.linear) + width * outside if recipe.four_bit else whole
    rows = -(-recipe.batch_size // recipe.gradient_accumulation)
    adapter = 16 * shape.layers * recipe.rank * (8 * shape.hidden + 3 * (shape.hidden + shape.inner))

    def step(rows: int) -> int:
        inside = 2 * shape.layers + 34 if recipe.gradient_checkpointing else 34 * shape.layers
        return rows * length * (width // 2 * inside * shape.hidden + 10 * shape.words)

    answering = 0
    if max_new_tokens is not None:
        answer = width * shape.cache_numbers * (length + 2 * max_new_tokens) + 4 * shape.words
        answering = FIXED + whole + width * shape.linear + answer
    return Fit(
        shape.parameters,
        trained,
        FIXED + trained + adapter + step(rows),
        FIXED + trained + adapter + step(ROWS_AT_LEAST),
        answering,
        machine,
    )


def problem(
    name: str, shape: Shape, recipe: Recipe, context: int | None, max_new_tokens: int | None, machine: Machine
) -> str | None:
    """Why the student cannot be trained and asked here, with what could; None where it can (see `fit`)."""
    found = fit(shape, recipe, context, max_new_tokens, machine)
    if found.fits:
        return None
    need = max(found.least_bytes, found.answering_bytes)
    ways = [
        said
        for smaller, said in _smaller(recipe, machine)
        if smaller != recipe and fit(shape, smaller, context, max_new_tokens, machine).fits
    ]
    most = largest(shape, recipe, context, max_new_tokens, machine)
    ways.append(f"choose a student of up to about {_count(most)} parameters" if most else "use a larger machine")
    return (
        f"student {name}: {_count(shape.parameters)} parameters need {need / 1e9:.1f} GB of memory even one row at a "
        f"time ({found.weights_bytes / 1e9:.1f} GB for the weights), this {_where(machine)} has "
        f"{machine.usable / 1e9:.1f} GB to use ({machine.total_bytes / 1e9:.1f} GB in all); {', or '.join(ways)}"
    )


def _smaller(recipe: Recipe, machine: Machine) -> list[tuple[Recipe, str]]:
    """Recipes that take less, and how to ask for each."""
    keeps_less = replace(recipe, gradient_checkpointing=True)
    shorter = replace(keeps_less, max_length=min(recipe.max_length, 256))
    found = [
        (keeps_less, "keep less of a step (training.gradient_checkpointing = true)"),
        (shorter, f"train on shorter examples too (training.max_length = {shorter.max_length})"),
    ]
    if machine.device == "cuda":
        four = replace(keeps_less, four_bit=True)
        found.append((four, "hold its base in 4 bits while it is trained (training.four_bit = true)"))
    return found


def too_large(name: str, shape: Shape, machine: Machine) -> str | None:
    """Why the student cannot even be loaded here; None where it can."""
    need = (2 if machine.device == "cuda" else 4) * shape.parameters
    if need + FIXED <= machine.usable:
        return None
    return (
        f"student {name}: the weights of its {_count(shape.parameters)} parameters take {need / 1e9:.1f} GB, this "
        f"{_where(machine)} has {machine.usable / 1e9:.1f} GB to use; choose a student of up to about "
        f"{_count(int((machine.usable - FIXED) * shape.parameters / need))} parameters"
    )


def note(found: Fit, recipe: Recipe) -> str | None:
    """What is tight and will be mended by itself; None where nothing is."""
    usable = found.machine.usable
    if found.fits and found.training_bytes > usable:
        return (
            f"A batch of {recipe.batch_size} at the longest example takes up to {found.training_bytes / 1e9:.1f} GB, "
            f"this machine has {usable / 1e9:.1f} GB to use: batches are computed in parts where memory ends. "
            "training.gradient_accumulation does so from the start."
        )
    if found.fits and found.bytes > found.machine.free_bytes:
        work = "Training and answering take" if found.answering_bytes else "Training takes"
        return (
            f"{work} up to {found.bytes / 1e9:.1f} GB; {found.machine.free_bytes / 1e9:.1f} GB "
            "are free now. Close other programs, or the run may be ended by the system."
        )
    return None


def largest(shape: Shape, recipe: Recipe, context: int | None, max_new_tokens: int | None, machine: Machine) -> int:
    """Parameters of the largest student that fits, of this one's proportions; 0 where none does."""
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        if fit(_scaled(shape, middle), recipe, context, max_new_tokens, machine).fits:
            low = middle
        else:
            high = middle
    return _scaled(shape, low).parameters if low > 1e-6 else 0


def _scaled(shape: Shape, share: float) -> Shape:
    """A student with that share of the parameters: fewer layers first in count, all sizes alike in memory."""
    linear = int(shape.linear * share)
    outside = int((shape.parameters - shape.linear) * share)
    return replace(shape, layers=max(1, int(shape.layers * share)), linear=linear, parameters=linear + outside)


def this_machine() -> Machine:
    """The first GPU where there is one, else the machine, or what its container may use of it."""
    tool = shutil.which("nvidia-smi")
    if tool is not None:
        asked = [tool, "--query-gpu=memory.total,memory.free", "--format=csv,noheader,nounits"]
        try:
            said = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=20).stdout  # noqa: S603
            total, free = (int(part) * 2**20 for part in said.splitlines()[0].split(","))
        except (OSError, subprocess.SubprocessError, ValueError, IndexError):
            pass
        else:
            return Machine("cuda", total, free)
    return without_gpu()


def without_gpu() -> Machine:
    """The machine as it is without one, or what its container may use of it."""
    memory = psutil.virtual_memory()
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):  # no such file, or `max`
        limit = memory.total
    return Machine("cpu", min(memory.total, limit), min(memory.available, limit))


def _where(machine: Machine) -> str:
    return "GPU" if machine.device == "cuda" else "machine"


def _count(parameters: int) -> str:
    return f"{parameters / 1e9:.1f} billion" if parameters >= 1e9 else f"{max(1, round(parameters / 1e6))} million"
