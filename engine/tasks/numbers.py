"""Numbers in texts: the one that an answer ends in, and when two are the same."""

from __future__ import annotations

import math
import re

from engine.domain import Score
from engine.tasks.outcomes import AnswerScorer, not_scored, right, wrong
from engine.tasks.records import json_object, to_number

NUMBER = r"-?\$?\s?-?\d(?:[\d,]*\d)?(?:\.\d+)?(?:\s?/\s?\d+)?"
_MARKED = re.compile(rf"####\s*({NUMBER})")
_BOXED = re.compile(rf"\\boxed\{{\s*({NUMBER})\s*\}}")
_SAID = re.compile(rf"answer(?:\s*(?:is|=|:))?[\s*<]*({NUMBER})", re.IGNORECASE)
_ANY = re.compile(NUMBER)


def final_number(text: str) -> float | None:
    r"""The number that a worked answer ends in.

    Looked for in this order: after the last `####`, in the last `\boxed{}`, in the `answer` of a JSON
    object, after the last "answer is", and at last the last number of the text. None without a number.
    """
    for pattern in (_MARKED, _BOXED):
        if found := pattern.findall(text):
            return to_number(found[-1])
    record = json_object(text)
    if record is not None and "answer" in record:
        found = _ANY.findall(str(record["answer"]))
        return to_number(found[-1]) if found else None
    for pattern in (_SAID, _ANY):
        if found := pattern.findall(text):
            return to_number(found[-1])
    return None


def numeric_within(tolerance: float = 1e-9, relative: float = 1e-6) -> AnswerScorer:
    """A scorer of final numbers: right within `tolerance`, or within `relative` of their size."""

    def score(gold: str, reply: str) -> Score:
        expected = final_number(gold)
        if expected is None:
            return not_scored("the gold answer holds no number")
        found = final_number(reply)
        if found is None:
            return wrong("no number in the reply")
        return (
            right() if math.isclose(expected, found, rel_tol=relative, abs_tol=tolerance) else wrong("another number")
        )

    return score


numeric = numeric_within()
"""Right where the final numbers agree to within a millionth of their size."""
