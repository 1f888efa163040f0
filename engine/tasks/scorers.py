"""Pure scorers of texts: a gold answer and a reply give right, wrong or not scored.

A scorer never raises on a reply. What cannot be judged because the *gold* answer is unusable is
not scored; a reply without a usable answer is wrong, with the reason beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import regex

from engine.domain import Item, Score
from engine.tasks.base import Parser, Scorer
from engine.tasks.outcomes import AnswerScorer, not_scored, right, wrong
from engine.tasks.records import json_object, normalise

PATTERN_TIMEOUT_S = 1.0
"""A user's pattern on a hostile reply may take exponential time; it gets this long."""


def exact(gold: str, reply: str) -> Score:
    """Right where the texts agree up to case and white space; JSON objects agree as values."""
    expected, found = json_object(gold), json_object(reply)
    if expected is not None:
        if found is None:
            return wrong("no JSON object in the reply")
        return right() if expected == found else wrong("another record")
    if not gold.strip():
        return not_scored("the gold answer is empty")
    return right() if normalise(gold) == normalise(reply) else wrong("another text")


def label_parser(labels: Sequence[str]) -> Parser:
    """Finds the one label that a text states, as the user spells it.

    The whole text, else the `label` (or the only value) of a JSON object, else the one label that
    stands in the text as whole words; None where there is none or several.
    """
    spelled = {normalise(label): label for label in labels}
    longest_first = sorted(spelled, key=len, reverse=True)  # `not relevant` before `relevant`
    mention = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")

    def parse(text: str) -> str | None:
        record = json_object(text)
        if record is not None:
            value = record.get("label", next(iter(record.values())) if len(record) == 1 else None)
            return spelled.get(normalise(str(value)))
        plain = normalise(text)
        if (whole := plain.strip("*_`'\".,:;!() ")) in spelled:
            return spelled[whole]
        found = set(mention.findall(plain))
        return spelled[found.pop()] if len(found) == 1 else None

    return parse


def labels(allowed: Sequence[str]) -> AnswerScorer:
    """A scorer of class labels; a gold answer outside the list is not scored."""
    parse = label_parser(allowed)

    def score(gold: str, reply: str) -> Score:
        expected = parse(gold)
        if expected is None:
            return not_scored("the gold answer is none of the labels")
        found = parse(reply)
        if found is None:
            return wrong("not one label in the reply")
        return right() if expected == found else wrong(f"said {found!r}")

    return score


def pattern(source: str) -> AnswerScorer:
    """A scorer by a regular expression: its last match (the first group where it has one) is the answer.

    The gold answer may be written plainly or in the form of the pattern. Case and white space aside.
    """
    compiled = regex.compile(source)

    def find(text: str) -> str | None:
        last = None
        for last in compiled.finditer(text, timeout=PATTERN_TIMEOUT_S):  # noqa: B007 the last one is meant
            pass
        return None if last is None else normalise(last.group(1 if compiled.groups else 0) or "")

    def score(gold: str, reply: str) -> Score:
        try:
            expected, found = find(gold) or normalise(gold), find(reply)
        except TimeoutError:
            return not_scored("the pattern took too long")
        if not expected:
            return not_scored("the gold answer is empty")
        if found is None:
            return wrong("the pattern is not in the reply")
        return right() if expected == found else wrong("another text")

    return score


_STATED = re.compile(
    r"(?:####|\\boxed\s*\{|(?:answer|choice|option)(?:\s*(?:is|:|=))*)[\s*(\[\"'`]*"
    r"(?:\\text\{)?(?:option\s+|choice\s+)?\(?([A-Za-z0-9])(?![A-Za-z0-9'])",
    re.IGNORECASE,
)
_OPENS = re.compile(r"^[\s*(\[\"'`]*([A-Za-z0-9])[\s*)\]\"'`]*(?:$|[.):\n])")
_ALONE = re.compile(r"^[\s*(\[]*([A-Za-z0-9])[\s*)\].]*$", re.MULTILINE)


def chosen(reply: str, listed: dict[str, str]) -> str | None:
    """The label that a reply chooses among label -> text; None where it names none, or several texts.

    In this order: the `answer` of a JSON object, a stated answer ("the answer is B", `#### B`, a boxed
    one), a reply that opens with a label, a line that holds nothing else, and the text of one choice.
    """
    known = {label.casefold(): label for label in listed}
    record = json_object(reply)
    if record is not None and ("answer" in record or len(record) == 1):
        stated = str(record.get("answer", next(iter(record.values())))).strip()
        return known.get(stated.casefold()) or chosen(stated, listed)
    for form in (_STATED, _OPENS, _ALONE):
        if found := [known[name.casefold()] for name in form.findall(reply) if name.casefold() in known]:
            return found[-1]
    plain = normalise(reply)
    said = [label for label, text in listed.items() if normalise(text) and normalise(text) in plain]
    return said[0] if len(said) == 1 else None


def choice(item: Item, reply: str) -> Score:
    """Scores a multiple-choice reply; the item's `choices` (label -> text) come with it."""
    try:
        listed = json.loads(item.fields.get("choices", "")) or {}
    except ValueError:
        listed = dict.fromkeys("ABCDE", "")
    gold = item.answer.strip() if item.answer.strip() in listed else chosen(item.answer, listed)
    if gold is None:
        return not_scored("the gold answer is none of the choices")
    found = chosen(reply, listed)
    if found is None:
        return wrong("no choice in the reply")
    return right() if found == gold else wrong(f"chose {found}")


def nothing_scores(reason: str) -> Scorer:
    """A scorer that scores nothing, and says why."""
    return lambda item, reply: not_scored(reason)
