"""Pure scorers: a gold answer and a reply give right, wrong or not scored.

A scorer never raises on a reply. What cannot be judged because the *gold* answer is unusable is
not scored; a reply without a usable answer is wrong, with the reason beside it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.domain import Item, Outcome, Score

NUMBER = r"-?\$?\s?-?\d(?:[\d,]*\d)?(?:\.\d+)?(?:\s?/\s?\d+)?"
_MARKED = re.compile(rf"####\s*({NUMBER})")
_BOXED = re.compile(rf"\\boxed\{{\s*({NUMBER})\s*\}}")
_SAID = re.compile(rf"answer\s*(?:is|=|:)?\s*\**\s*<?({NUMBER})", re.IGNORECASE)
_ANY = re.compile(NUMBER)


def right(value: float = 1.0) -> Score:
    """A right reply."""
    return Score(Outcome.RIGHT, value)


def wrong(reason: str, value: float = 0.0) -> Score:
    """A wrong reply and why."""
    return Score(Outcome.WRONG, value, reason)


def not_scored(reason: str) -> Score:
    """An item that cannot be judged and why."""
    return Score(Outcome.NOT_SCORED, None, reason)


def by_answer(score: Callable[[str, str], Score]) -> Callable[[Item, str], Score]:
    """A scorer of items from one that needs the gold answer only."""
    return lambda item, reply: score(item.answer, reply)


def _to_number(text: str) -> float | None:
    cleaned = re.sub(r"[$,\s]", "", text)
    head, _, tail = cleaned.partition("/")
    try:
        value = float(head) / float(tail) if tail else float(head)
    except (ValueError, ZeroDivisionError):
        return None
    return value if math.isfinite(value) else None


def final_number(text: str) -> float | None:
    r"""The number that a worked answer ends in.

    Looked for in this order: after the last `####`, in the last `\boxed{}`, after the last
    "answer is", and at last the last number of the text. None where there is no number.
    """
    for pattern in (_MARKED, _BOXED, _SAID, _ANY):
        found = pattern.findall(text)
        if found:
            return _to_number(found[-1])
    return None


def numeric(gold: str, reply: str) -> Score:
    """Right where the final numbers agree to within a millionth of their size."""
    expected = final_number(gold)
    if expected is None:
        return not_scored("the gold answer holds no number")
    found = final_number(reply)
    if found is None:
        return wrong("no number in the reply")
    return right() if math.isclose(expected, found, rel_tol=1e-6, abs_tol=1e-9) else wrong("another number")


def _normalise(text: str) -> str:
    return " ".join(text.split()).casefold()


def exact(gold: str, reply: str) -> Score:
    """Right where the texts agree up to case and white space; JSON objects agree as values."""
    expected, found = json_object(gold), json_object(reply)
    if expected is not None:
        if found is None:
            return wrong("no JSON object in the reply")
        return right() if expected == found else wrong("another record")
    if not gold.strip():
        return not_scored("the gold answer is empty")
    return right() if _normalise(gold) == _normalise(reply) else wrong("another text")


def json_object(text: str) -> dict[str, Any] | None:
    """The first JSON object in a text (code fences and prose around it are passed over), or None."""
    decoder = json.JSONDecoder(strict=False)  # models put raw line breaks into JSON strings
    start = text.find("{")
    while start >= 0:
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start = text.find("{", start + 1)
            continue
        return value if isinstance(value, dict) else None
    return None


@dataclass(frozen=True, slots=True)
class Field:
    """How one field of a JSON record is compared."""

    compare: str = "exact"
    """`exact`, `text` (case and white space aside), `number`, `set` (order aside) or `ignored`."""
    tolerance: float = 0.0
    """Largest absolute difference that still counts as equal; for `number`."""

    def matches(self, expected: object, found: object) -> bool:
        """Whether the reply's value counts as right."""
        if self.compare == "text":
            return _normalise(str(expected)) == _normalise(str(found))
        if self.compare == "number":
            a, b = _to_number(str(expected)), _to_number(str(found))
            return a is not None and b is not None and abs(a - b) <= self.tolerance
        if self.compare == "set":
            if not isinstance(expected, list) or not isinstance(found, list):
                return False
            return {json.dumps(v, sort_keys=True) for v in expected} == {json.dumps(v, sort_keys=True) for v in found}
        return expected == found


COMPARISONS = ("exact", "text", "number", "set", "ignored")


def json_fields(fields: Mapping[str, Field]) -> Any:
    """A scorer of JSON records: right where every field matches; the value is the share that does."""
    required = {name: field for name, field in fields.items() if field.compare != "ignored"}

    def score(gold: str, reply: str) -> Score:
        expected = json_object(gold)
        if expected is None:
            return not_scored("the gold answer is no JSON object")
        missing = [name for name in required if name not in expected]
        if missing:
            return not_scored(f"the gold answer has no field {missing[0]!r}")
        found = json_object(reply)
        if found is None:
            return wrong("no JSON object in the reply")
        matched = [name in found and field.matches(expected[name], found[name]) for name, field in required.items()]
        if all(matched):
            return right()
        first = next(name for name, hit in zip(required, matched, strict=True) if not hit)
        return wrong(f"field {first!r}", sum(matched) / len(matched))

    return score
