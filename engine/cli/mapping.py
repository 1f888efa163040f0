"""`--map NAME=COLUMN` on commands that read rows."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from engine.errors import InputError
from engine.mapping import parsed
from engine.plan import SANDBOX, PilotPlan, check_plan

_PARTS = ("seeds", "test", "unlabelled")


def add_map(command: argparse.ArgumentParser, *, plan: bool = False) -> None:
    """Declares the flag; of a `plan`'s files each may have a mapping of its own."""
    command.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="NAME=COLUMN",
        help="what the file calls a column, like question=prompt; once for each column"
        + ("; for all files of the plan, or test.question=prompt for one (seeds, test, unlabelled)" if plan else ""),
    )


def mapping(given: Sequence[str]) -> dict[str, str]:
    """Name -> column, for the one file of a command."""
    return parsed(given).get("", {})


def with_mapping(plan: PilotPlan, given: Sequence[str]) -> PilotPlan:
    """The plan whose files are read with that mapping; what the plan itself maps holds for other columns."""
    if not given:
        return plan
    if plan.seeds.path == SANDBOX:
        raise InputError("--map: the sandbox's seeds have the columns that their task reads; leave the flag out")
    wanted = parsed(given, _PARTS)
    raw = plan.model_dump(mode="json", exclude_none=True)
    for part in _PARTS:
        if raw.get(part, {}).get("path") is not None:
            raw[part]["map"] = raw[part].get("map", {}) | wanted.get("", {}) | wanted.get(part, {})
    return check_plan(raw, "plan and flags")
