"""JSON in replies: records compared field by field, and tool calls."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.domain import Score
from engine.tasks.outcomes import AnswerScorer, not_scored, right, wrong

COMPARISONS = ("exact", "text", "number", "set", "ignored")
_ABSENT = object()


def normalise(text: str) -> str:
    """Case and white space aside."""
    return " ".join(text.split()).casefold()


def to_number(text: str) -> float | None:
    """The number that the text is, `$`, commas and a fraction allowed; None where it is none."""
    cleaned = re.sub(r"[$,\s]", "", text)
    head, _, tail = cleaned.partition("/")
    try:
        value = float(head) / float(tail) if tail else float(head)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def json_values(text: str) -> Iterator[Any]:
    """The JSON objects and lists in a text, in order; code fences and prose around them are passed over."""
    decoder = json.JSONDecoder(strict=False)  # models put raw line breaks into JSON strings
    start = _next(text, 0)
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except RecursionError:
            return  # nested beyond reason; every later start would be tried as deep again
        except ValueError:
            end = start + 1
        else:
            yield value
        start = _next(text, end)


def _next(text: str, start: int) -> int:
    found = [at for at in (text.find("{", start), text.find("[", start)) if at >= 0]
    return min(found, default=-1)


def json_object(text: str) -> dict[str, Any] | None:
    """The first JSON object in a text, or None. One inside a list counts as well."""
    decoder = json.JSONDecoder(strict=False)
    start = text.find("{")
    while start >= 0:
        try:
            value, _ = decoder.raw_decode(text, start)
        except RecursionError:
            return None  # nested beyond reason; every later start would be tried as deep again
        except ValueError:
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
    required: bool = True
    """False: it counts in the mean field score, and does not decide between right and wrong."""

    def matches(self, expected: object, found: object) -> bool:
        """Whether the reply's value counts as right."""
        if self.compare == "text":
            return normalise(str(expected)) == normalise(str(found))
        if self.compare == "number":
            if expected is None or found is None:
                return expected is found
            a, b = to_number(str(expected)), to_number(str(found))
            return a is not None and b is not None and abs(a - b) <= self.tolerance
        if self.compare == "set":
            if not isinstance(expected, list) or not isinstance(found, list):
                return False
            return {json.dumps(v, sort_keys=True) for v in expected} == {json.dumps(v, sort_keys=True) for v in found}
        # True == 1 in Python, but not in JSON.
        return expected == found and isinstance(expected, bool) == isinstance(found, bool)


def _at(record: Any, path: str) -> Any:
    """The value of a field; `address.city` looks into the object `address`."""
    if isinstance(record, dict) and path in record:
        return record[path]
    for part in path.split("."):
        if not isinstance(record, dict) or part not in record:
            return _ABSENT
        record = record[part]
    return record


def json_fields(fields: Mapping[str, Field]) -> AnswerScorer:
    """A scorer of JSON records: right where every required field matches; the value is the share that does."""
    compared = {name: field for name, field in fields.items() if field.compare != "ignored"}

    def score(gold: str, reply: str) -> Score:
        expected = json_object(gold)
        if expected is None:
            return not_scored("the gold answer is no JSON object")
        missing = [name for name in compared if _at(expected, name) is _ABSENT]
        if missing:
            return not_scored(f"the gold answer has no field {missing[0]!r}")
        found = json_object(reply)
        if found is None:
            return wrong("no JSON object in the reply")
        return _judged(compared, expected, found)

    return score


def _judged(compared: Mapping[str, Field], expected: Any, found: Any) -> Score:
    matched = {
        name: (value := _at(found, name)) is not _ABSENT and field.matches(_at(expected, name), value)
        for name, field in compared.items()
    }
    share = sum(matched.values()) / len(matched)
    failed = [name for name, field in compared.items() if field.required and not matched[name]]
    return wrong(f"field {failed[0]!r}", share) if failed else right(share)


Call = tuple[str, dict[str, Any]]
"""A tool's name and its arguments."""


def tool_calls(text: str) -> list[Call] | None:
    """The tool calls in a text; None where there is none, or one without a name.

    `{"name", "arguments"}` (or `parameters`), OpenAI's `{"function": {...}}` with arguments as a string,
    lists of them, and `<tool_call>` tags around them.
    """
    raw: list[Any] = []
    for value in json_values(text):
        raw += value if isinstance(value, list) else value.get("tool_calls", [value])
    calls = [_call(one) for one in raw]
    return [call for call in calls if call] if calls and all(calls) else None


def _call(raw: Any) -> Call | None:
    if isinstance(raw, dict) and isinstance(raw.get("function"), dict):
        raw = raw["function"]
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str):
        return None
    arguments = raw.get("arguments", raw.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = json_object(arguments) or ({} if not arguments.strip() else None)
    return (raw["name"], arguments) if isinstance(arguments, dict) else None


def tool_call(fields: Mapping[str, Field]) -> AnswerScorer:
    """A scorer of tool calls: right where the same tools are called in order with matching arguments.

    Arguments that `fields` does not name are compared exactly, and further ones are wrong. The value is
    the share of names and arguments that match.
    """

    def score(gold: str, reply: str) -> Score:
        expected = tool_calls(gold)
        if not expected:
            return not_scored("the gold answer is no tool call")
        found = tool_calls(reply)
        if not found:
            return wrong("no tool call in the reply")
        if [name for name, _ in expected] != [name for name, _ in found]:
            return wrong("another tool" if len(expected) == len(found) else "another number of calls")
        results = [_compared(fields, want, got) for (_, want), (_, got) in zip(expected, found, strict=True)]
        matches, total = sum(r[0] for r in results), sum(r[1] for r in results)
        failed = [name for result in results for name in result[2]]
        share = (len(expected) + matches) / (len(expected) + total)
        return wrong(f"argument {failed[0]!r}", share) if failed else right(share)

    return score


def _compared(
    fields: Mapping[str, Field], want: Mapping[str, Any], got: Mapping[str, Any]
) -> tuple[int, int, Sequence[str]]:
    """How many arguments match, of how many, and the required ones that do not."""
    names = [n for n in dict.fromkeys((*want, *got)) if fields.get(n, Field()).compare != "ignored"]
    hits = {n: n in want and n in got and fields.get(n, Field()).matches(want[n], got[n]) for n in names}
    return sum(hits.values()), len(hits), [n for n in names if not hits[n] and fields.get(n, Field()).required]
