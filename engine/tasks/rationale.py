"""A rationale before the answer: asked for, kept for the student, and put aside before scoring."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.domain import Item, Score
from engine.tasks.base import Parser, Scorer
from engine.tasks.records import json_object

MARK = "Final answer:"
FIELD = "rationale"
ASKED = (
    f"\nFirst reason step by step in a few sentences. Then begin a last part with '{MARK}' and give the answer alone."
)
ASKED_IN_JSON = f"\nReason step by step in the field '{FIELD}', which comes first in the JSON object."


def final_part(text: str) -> str:
    """The answer without its rationale; the whole text where none is marked."""
    return text.rsplit(MARK, 1)[1].strip() if MARK in text else text


def parser(answer: Parser) -> Parser:
    """Parses rationale and answer, and writes both in one form; None where one of them is missing."""

    def parse(reply: str) -> str | None:
        record = None if MARK in reply else json_object(reply)
        if record is not None and isinstance(record.get(FIELD), str):
            reason = record.pop(FIELD)
            rest = json.dumps(record, ensure_ascii=False)
        elif MARK in reply:
            reason, rest = reply.rsplit(MARK, 1)
        else:
            return None
        found = answer(rest)
        return f"{reason.strip()}\n\n{MARK} {found}" if found and reason.strip() else None

    return parse


def scorer(score: Scorer) -> Scorer:
    """Scores the final parts; a rationale may name what it rejects."""

    def of_final_parts(item: Item, reply: str) -> Score:
        return score(replace(item, answer=final_part(item.answer)), final_part(reply))

    return of_final_parts


def schema(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an answer with its rationale before it."""
    return {
        **answer,
        "properties": {FIELD: {"type": "string"}, **answer.get("properties", {})},
        "required": [FIELD, *answer.get("required", [])],
    }
