"""What a check found, as plain values for the page and `--json`; teacher text stays text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.comparison import wilson
from engine.domain import Item, Outcome, Score, Strategy
from engine.errors import InputError
from engine.strategies import Draft

FILE = "check.json"
"""In the run's folder."""
REPLIES = "replies.jsonl"
"""Beside it: every seed with the teacher's first reply."""
NO_REPLY = "no_reply"


@dataclass(frozen=True, slots=True)
class Judged:
    """One reply of the teacher to one seed."""

    seed: Item
    reply: str | None
    draft: Draft | None
    score: Score


def as_json(answers: Sequence[Judged], planned: int) -> dict[str, Any]:
    """The teacher against the gold answers, and each reply that is not right; `planned` seeds were to be asked."""
    counts = Counter(answer.score.outcome for answer in answers)
    right, lost = counts[Outcome.RIGHT], counts[Outcome.NOT_SCORED]
    share = wilson(right, len(answers) - lost)
    missed = [answer for answer in answers if answer.score.outcome is not Outcome.RIGHT]
    return {
        "teacher": {
            "planned": planned,
            "asked": len(answers),
            "right": right,
            "wrong": counts[Outcome.WRONG],
            "not_scored": lost,
            "accuracy": None if share is None else asdict(share),
            "reasons": dict(Counter(answer.score.reason or answer.score.outcome.value for answer in missed)),
        },
        "disagreements": [
            {
                "seed": answer.seed.id,
                "question": answer.seed.asked,
                "gold": answer.seed.answer,
                "reply": answer.reply,
                "outcome": answer.score.outcome.value,
                "reason": answer.score.reason,
            }
            for answer in missed
        ],
    }


def repeats_of(answers: Sequence[Judged]) -> dict[str, Any]:
    """How much further answers to a seed differ, and how many are right. Distinct: as the student would learn
    them, blanks and case aside; only replies that give an answer count."""
    given = [a for a in answers if a.draft is not None and a.draft.answer is not None]
    distinct = {(a.seed.id, " ".join(str(a.draft and a.draft.answer).split()).casefold()) for a in given}
    right = sum(a.score.outcome is Outcome.RIGHT for a in answers)
    scored = sum(a.score.outcome is not Outcome.NOT_SCORED for a in answers)
    return {
        "seeds": len({a.seed.id for a in answers}),
        "answers": len(answers),
        "given": len(given),
        "distinct": len(distinct),
        "distinct_share": len(distinct) / len(given) if given else None,
        "right": right,
        "scored": scored,
        "right_share": right / scored if scored else None,
    }


def examples_of(strategy: Strategy, visited: Sequence[Item], drafts: Sequence[Draft | None]) -> dict[str, Any]:
    """The first example of a strategy beside its seed; without one, the last try, and why each try gave none."""
    reasons = [NO_REPLY if d is None else d.rejected for d in drafts if d is None or d.rejected is not None]
    shown: dict[str, Any] = {"strategy": strategy.value, "seed": None, "question": None, "answer": None}
    by_id = {seed.id: seed for seed in visited}
    for place, draft in enumerate(drafts):
        seed = visited[place] if draft is None else by_id[draft.seed_id]
        shown |= {
            "seed": {"id": seed.id, "question": seed.asked, "answer": seed.answer or None},
            "question": None if draft is None else draft.question,
            "answer": None if draft is None or draft.rejected else draft.answer,
        }
        if draft is not None and draft.rejected is None:
            break
    return shown | {"reasons": reasons}


def replies_of(answers: Sequence[Judged]) -> list[dict[str, Any]]:
    """Every first reply beside its seed, as `replies.jsonl` holds them: what a user reads, or labels for a judge."""
    return [
        {
            "id": answer.seed.id,
            "question": answer.seed.asked,
            "gold": answer.seed.answer,
            "reply": answer.reply,
            "outcome": answer.score.outcome.value,
            "reason": answer.score.reason,
        }
        for answer in answers
    ]


def write_report(folder: Path, report: Mapping[str, Any]) -> None:
    """Writes what a check found, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{FILE}.partial"
    partial.write_text(json.dumps(report, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    partial.replace(folder / FILE)


def read_report(folder: Path) -> dict[str, Any] | None:
    """What a check found; None where it has not come so far."""
    try:
        found: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError(f"{folder / FILE}: is no valid JSON ({error}); run the check again") from error
    return found
