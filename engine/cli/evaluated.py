"""How an evaluation is told: counts, accuracy with intervals, what it can show, and how it compares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from engine.cli.frame import tell
from engine.comparison import Z95, detectable_difference, duel, wilson
from engine.domain import Item, Outcome, Score
from engine.paired import difference
from engine.tally import tally
from engine.tasks import Task


def told_of(
    task: Task,
    items: Sequence[Item],
    replies: Sequence[str | None],
    facts: Mapping[str, Any],
    scores: Sequence[Score],
) -> dict[str, Any]:
    """Counts, accuracy with its intervals and reasons, as `--json` prints them; `facts` stand beside."""
    found = tally(task, items, replies, scores)
    n = found.right + found.wrong
    wide = wilson(found.right, n, Z95)
    return {
        "task": task.name,
        **facts,
        "items": len(items),
        "n": n,
        "right": found.right,
        "wrong": found.wrong,
        "not_scored": found.not_scored,
        "unanswered": sum(reply is None for reply in replies),
        "accuracy": None
        if found.accuracy is None or wide is None
        else asdict(found.accuracy) | {"low95": wide.low80, "high95": wide.high80},
        "mean_value": found.mean_value,
        "macro_f1": found.macro_f1,
        "reasons": found.reasons,
        "detectable_points": 100 * detectable_difference(n) if n else None,
    }


def compared(items: Sequence[Item], scores: Sequence[Score], others: Sequence[Score], name: str) -> dict[str, Any]:
    """This model less the other, on the items that both have a score for."""
    one, other = outcomes_of(scores), outcomes_of(others)
    families = [item.family for item in items]
    found = difference([one], [other], families)
    exact = duel(one, other)
    if found is None:
        return {"predictions": name, "items": 0, "difference": None}
    alone = all(family is None for family in families)
    return {
        "predictions": name,
        "items": found.items,
        "left_out": found.left_out,
        "families": found.families,
        "difference": found.difference,
        "low95": found.low,
        "high95": found.high,
        "won": exact.won,
        "lost": exact.lost,
        "p": exact.p if alone else found.p,
        "test": "McNemar, exact" if alone else "paired bootstrap, clustered by family",
    }


def outcomes_of(scores: Sequence[Score]) -> list[float | None]:
    """1 right, 0 wrong, None not scored."""
    return [None if one.outcome == Outcome.NOT_SCORED else float(one.outcome == Outcome.RIGHT) for one in scores]


def text_of(told: Mapping[str, Any]) -> str:
    """The same for people."""
    who = told.get("predictions") or " with ".join(x for x in (told["student"], told.get("adapter")) if x)
    lines = [f"{told['task']}, {who}: nothing could be scored of {told['items']} items"]
    if (a := told["accuracy"]) is not None:
        lines = [
            f"{told['task']}, {who}: {100 * a['mean']:.1f} % right of {told['n']} "
            f"(80 % interval {100 * a['low80']:.1f} to {100 * a['high80']:.1f}), {told['not_scored']} not scored"
        ]
    if told["mean_value"] is not None:
        f1 = "" if told["macro_f1"] is None else f", macro-F1 {told['macro_f1']:.3f}"
        lines.append(f"mean value {told['mean_value']:.3f}{f1}")
    if told.get("gold_loss") is not None:
        chance = math.exp(-told["gold_loss"])
        lines.append(f"gold answers: loss {told['gold_loss']:.3f} nats a token (each token likely at {chance:.1%})")
    if told["detectable_points"] is not None:
        lines.append(
            f"{told['n']} items show differences from {told['detectable_points']:.1f} points on, four times in five"
        )
    if (b := told["against"]) is not None:
        said = "no item is scored for both"
        if b["difference"] is not None:
            low, high = 100 * b["low95"], 100 * b["high95"]
            said = (
                f"{100 * b['difference']:+.1f} points (95 % interval {low:+.1f} to {high:+.1f}) on {b['items']} items"
            )
            said += f", p = {b['p']:.3g} ({b['test']})"
        lines.append(f"against {b['predictions']}: {said}")
    for note in told["notes"]:
        tell(note)
    if "run" in told:
        lines.append(f"recorded in run {told['run']} as {told['name']}")
    if "written" in told:
        lines.append(f"item by item: {told['written']}")
    return "\n".join(lines)
