"""Every setting of a training with its value and where that came from: a value that is kept with the run and shown.

What a plan (or a command line) names came from there, also where it names the default; a preset brings some; the rest
is recommended by SeedPilot. What the machine decided (adapters in a step, type of numbers) is read from what the packs
wrote down.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.domain import Recipe
from engine.job_files import FEWER, LOWERED, read_json, write_json

FILE = "settings.json"
"""In a run's folder."""


class Origin(StrEnum):
    """Where a setting came from."""

    DEFAULT = "recommended default"
    PRESET = "preset"
    PLAN = "plan"
    COMMAND = "command line"
    PILOT = "pilot"
    VALIDATION = "chosen on validation"
    LOWERED = "lowered after out-of-memory"
    MACHINE = "given by the machine"
    FIXED = "the same for every run"


@dataclass(frozen=True, slots=True)
class Sourced:
    """One setting."""

    name: str
    """As in a plan's `[training]`, or in words."""
    value: float | int | bool | str
    origin: Origin
    why: str = ""
    """What more there is to say."""


FIXED = (
    Sourced("layers", "all linear layers but the output", Origin.FIXED, "peft calls them all-linear"),
    Sourced("optimizer", "AdamW, no weight decay", Origin.FIXED, "for each adapter by itself"),
    Sourced("gradient_norm", 1.0, Origin.FIXED, "longer gradients are cut to it, adapter by adapter"),
    Sourced("schedule", "cosine to zero after the warm-up", Origin.FIXED),
    Sourced(
        "loss", "answer tokens, the end of text among them", Origin.FIXED, "mean within an answer, then over answers"
    ),
)


def recipe_settings(
    recipe: Recipe, own: Mapping[str, Origin], base: Origin = Origin.DEFAULT, why: str = ""
) -> tuple[Sourced, ...]:
    """The recipe's settings; `own` names those that somebody set, all others came from `base` (`why` says more)."""
    return tuple(
        Sourced(one.name, getattr(recipe, one.name), own.get(one.name, base), "" if one.name in own else why)
        for one in fields(Recipe)
    )


def replaced(settings: Sequence[Sourced], new: Sourced) -> tuple[Sourced, ...]:
    """The settings with that one in the place of its namesake."""
    return tuple(new if one.name == new.name else one for one in settings)


def machine_settings(device: str, cores: int | None = None) -> tuple[Sourced, ...]:
    """What follows from `cpu` or `cuda`."""
    precision = "base bf16, adapters fp32" if device == "cuda" else "fp32"
    told = f"{cores} cores" if cores else ""
    return (
        Sourced("device", device, Origin.MACHINE, told),
        Sourced("numbers", precision, Origin.MACHINE),
    )


def pack_settings(packs: Path) -> tuple[Sourced, ...]:
    """What the packs in that folder wrote down: where they ran, how many adapters a step held and why, and what was
    made smaller since memory ended."""
    plans = [plan for file in sorted(packs.glob("*/pack.json")) if (plan := read_json(file)) is not None]
    if not plans:
        return ()
    machines = [plan.get("machine") or {} for plan in plans]
    found = list(machine_settings(str(machines[0].get("device", "cpu")), machines[0].get("cores")))
    sizes = sorted({int(plan.get("adapters_at_once", 1)) for plan in plans})
    told = "; ".join(dict.fromkeys(str(plan.get("why", "")) for plan in plans))
    at_once = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    found.append(Sourced("adapters_at_once", at_once, Origin.MACHINE, told))
    return (*found, *lowered_settings([*packs.glob(f"*/{LOWERED}"), *packs.glob(FEWER)]))


SAME = "the values are the same, up to rounding (dropout, if any, is drawn anew)"


def lowered_settings(files: Any) -> tuple[Sourced, ...]:
    """What packs made smaller, from the files that they left."""
    said = [text for file in sorted(files) for text in (read_json(file) or {}).get("lowered", [])]
    return tuple(Sourced("memory", text, Origin.LOWERED, SAME) for text in said)


def keep_settings(folder: Path, settings: Sequence[Sourced]) -> None:
    """Keeps them with a run."""
    write_json(folder / FILE, {"settings": [asdict(one) for one in settings]})


def kept_settings(folder: Path) -> tuple[Sourced, ...]:
    """What was kept with a run, and what its packs have written since; nothing for a run of before there was this."""
    kept = read_json(folder / FILE) or {"settings": []}
    own = tuple(Sourced(**one | {"origin": Origin(one["origin"])}) for one in kept["settings"])
    return (*own, *pack_settings(folder / "cells" / "packs")) if own else ()


def recipe_of(settings: Sequence[Sourced]) -> Recipe:
    """The recipe that these settings spell."""
    names = {one.name for one in fields(Recipe)}
    return Recipe(**{one.name: one.value for one in settings if one.name in names})  # type: ignore[arg-type]


def as_rows(settings: Sequence[Sourced]) -> list[dict[str, Any]]:
    """As JSON prints them."""
    return [json.loads(json.dumps(asdict(one))) for one in settings]


def as_lines(settings: Sequence[Sourced]) -> list[str]:
    """As the command line prints them."""
    return [
        f"  {one.name:<24} {one.value!s:<36} {one.origin.value}" + (f" ({one.why})" if one.why else "")
        for one in settings
    ]
