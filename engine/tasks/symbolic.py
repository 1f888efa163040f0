r"""Answers of mathematics that are no plain number: `\frac{1}{2}`, `x^2 - 1`, an interval, a matrix."""

from __future__ import annotations

import re

from engine.domain import Score
from engine.tasks.helper import Helper
from engine.tasks.numbers import NUMBER, final_number, numeric
from engine.tasks.outcomes import not_scored, right, wrong
from engine.tasks.records import json_object

LONGEST_EXPRESSION = 2_000
"""Characters; nobody's answer is longer, and parsing takes more than linear time."""
_PLAIN = re.compile(rf"^[\s$€£]*{NUMBER}\s*(?:%|\\%|[A-Za-z ]*)?[.\s$]*$")
_SAID = re.compile(r"answer\s*(?:is|=|:)\s*(.+?)(?:\.?\s*$|\n)", re.IGNORECASE)
_compare = Helper("_symbolic_helper.py", deadline_s=20.0)


def parse_worked(reply: str) -> str | None:
    """The worked answer with its last line `#### N`; None where the reply ends in no result.

    N is a number, or the expression that the reply states as its answer. Replies that state their
    result otherwise (a boxed one, "the answer is N", a JSON object with `reasoning` and `answer`) are
    brought into this form.
    """
    record = json_object(reply)
    body = str(record.get("reasoning", "")) if record is not None and "answer" in record else reply.split("####")[0]
    stated = final_expression(reply)
    if stated is not None and not _PLAIN.match(stated) and len(stated) <= LONGEST_EXPRESSION and "\\" in stated:
        return f"{body.strip()}\n#### {stated}".strip()
    result = final_number(reply)
    return None if result is None else f"{body.strip()}\n#### {result:.12g}".strip()


def final_expression(text: str) -> str | None:
    r"""What a worked answer states as its result: after the last `####`, in the last `\boxed{}`, the
    `answer` of a JSON object, or after the last "answer is"; None where it states nothing."""
    if "####" in text:
        return text.rsplit("####", 1)[1].strip() or None
    if (boxed := _last_boxed(text)) is not None:
        return boxed
    record = json_object(text)
    if record is not None and "answer" in record:
        return str(record["answer"]).strip() or None
    said = _SAID.findall(text)
    return said[-1].strip() if said else None


def _last_boxed(text: str) -> str | None:
    start = text.rfind(r"\boxed{")
    if start < 0:
        return None
    depth, at = 0, start + len(r"\boxed")
    for end in range(at, len(text)):
        depth += (text[end] == "{") - (text[end] == "}")
        if depth == 0:
            return text[at + 1 : end].strip() or None
    return None


def symbolic(gold: str, reply: str) -> Score:
    """Right where the final numbers agree, or the stated expressions are equal as mathematics.

    Plain numbers on both sides are compared as numbers and nothing else. What cannot be compared in
    20 seconds is not scored.
    """
    expected = final_expression(gold) or gold.strip()
    found = final_expression(reply)
    plain = bool(_PLAIN.match(expected))
    if plain and (found is None or _PLAIN.match(found)):
        return numeric(gold, reply)
    if not plain and final_number(expected) is None and not expected:
        return not_scored("the gold answer is empty")
    said = found if found is not None else reply
    if max(len(expected), len(said)) > LONGEST_EXPRESSION:
        return wrong("the answer is too long") if len(expected) <= LONGEST_EXPRESSION else not_scored("gold too long")
    answer = _compare.ask({"gold": _as_latex(expected), "reply": _as_latex(said)})
    verdict = "slow" if answer is None else answer["verdict"]
    if verdict == "same":
        return right()
    if verdict == "slow":
        return not_scored("the comparison took too long")
    if verdict == "gold":
        return not_scored("the gold answer is no expression")
    if plain and "\\" not in said and numeric(gold, reply).value == 1.0:
        return right()  # words or a sum around a plain number, which math-verify reads otherwise
    return wrong("no expression in the reply" if verdict == "reply" else "another expression")


def _as_latex(text: str) -> str:
    """Bare expressions are put between dollars, where math-verify looks for them."""
    bare = text.strip().strip("$").strip()
    return text if len(bare) > 200 or "$" in bare or "\n" in bare else f"${bare}$"
