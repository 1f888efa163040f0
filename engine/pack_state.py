"""Where a pack stands, and the one file that keeps it (safetensors, the small things as JSON in its header)."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file


@dataclass(slots=True)
class Group:
    """Members that are trained in one step, and stand at the same one; the tensors are float32 [members, weights]."""

    members: list[int]
    """By their place in the pack."""
    step: int
    """Whole steps taken."""
    weights: torch.Tensor
    first: torch.Tensor
    """Adam's mean of the gradients."""
    second: torch.Tensor
    """Adam's mean of their squares."""

    def only(self, places: Sequence[int]) -> Group:
        """A group of these of its members, by their place in it."""
        chosen = torch.tensor(list(places), device=self.weights.device)
        tensors = (one.index_select(0, chosen) for one in (self.weights, self.first, self.second))
        return Group([self.members[place] for place in places], self.step, *tensors)


@dataclass(slots=True)
class PackState:
    """Everything that the next step depends on, but for the rows and the recipes."""

    groups: list[Group]
    """Trained one after another; those that have ended are gone."""
    losses: dict[int, list[float]] = field(default_factory=dict)
    """By member, one a step."""
    tails: dict[int, tuple[float, int]] = field(default_factory=dict)
    """By member: loss summed over the answer tokens of the last tenth of the steps, and how many these are."""
    failed: dict[int, str] = field(default_factory=dict)
    """By member, why."""
    seconds: dict[int, float] = field(default_factory=dict)
    """By member: its share of the time that was taken."""
    parts: int = 1
    """In how many parts batches are computed at least: more than the recipe says where memory ended."""
    lowered: list[str] = field(default_factory=list)
    """What was made smaller since memory ended, in words."""
    killed: int = 0
    """How often the system had ended the pack's process when something was last made smaller for that."""


def write_state(path: Path, mark: str, state: PackState) -> None:
    """Replaces the file, whole or not at all."""
    tensors: dict[str, torch.Tensor] = {}
    for number, group in enumerate(state.groups):
        for name in ("weights", "first", "second"):
            tensors[f"{number}.{name}"] = getattr(group, name).cpu()
    told = {
        "groups": [{"members": group.members, "step": group.step} for group in state.groups],
        "losses": state.losses,
        "tails": state.tails,
        "failed": state.failed,
        "seconds": state.seconds,
        "parts": state.parts,
        "lowered": state.lowered,
        "killed": state.killed,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    save_file(tensors, part, metadata={"mark": mark, "state": json.dumps(told)})
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)


def read_state(path: Path, mark: str, device: torch.device) -> PackState | None:
    """What `write_state` kept of the pack with that mark; None where there is nothing, or nothing whole."""
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata()
            if about.get("mark") != mark:
                return None
            told = json.loads(about["state"])
            groups = [
                Group(
                    group["members"],
                    group["step"],
                    *(file.get_tensor(f"{number}.{name}").to(device) for name in ("weights", "first", "second")),
                )
                for number, group in enumerate(told["groups"])
            ]
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
    return PackState(
        groups,
        {int(one): losses for one, losses in told["losses"].items()},
        {int(one): (tail[0], tail[1]) for one, tail in told["tails"].items()},
        {int(one): said for one, said in told["failed"].items()},
        {int(one): seconds for one, seconds in told["seconds"].items()},
        told.get("parts", 1),
        told.get("lowered", []),
        told.get("killed", 0),
    )
