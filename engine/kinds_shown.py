"""One example of every kind of answer, and how long a query about such an answer is taken to be.

The lengths are assumed, and said to be wherever they count: a user who knows better types their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain import TaskType


@dataclass(frozen=True, slots=True)
class Kind:
    """What one answer of that kind looks like, and a typical query in tokens of about four bytes."""

    question: str
    answer: str
    read: int
    """Tokens that the teacher reads: the example's question in the prompt that SeedPilot sends, rounded up."""
    written: int
    """Tokens that it writes: three times the example's answer, as teachers explain more than people do, rounded up."""


KINDS: dict[TaskType, Kind] = {
    TaskType.MATH: Kind(
        "A train covers 180 km in 2.5 hours. How far does it go in 4 hours at the same speed?",
        "In one hour it covers 180 / 2.5 = 72 km.\nIn 4 hours it covers 4 * 72 = 288 km.\nAnswer: 288",
        100,
        70,
    ),
    TaskType.MULTIPLE_CHOICE: Kind(
        "Which gas do plants take up to make sugar?\nA. Oxygen\nB. Nitrogen\nC. Carbon dioxide\nD. Helium",
        "Plants make sugar from carbon dioxide and water, with light.\nC",
        120,
        50,
    ),
    TaskType.TEXT_TO_SQL: Kind(
        "How many orders were sent in May 2026?",
        "SELECT COUNT(*) FROM orders WHERE sent_on BETWEEN '2026-05-01' AND '2026-05-31';",
        120,
        60,
    ),
    TaskType.STRUCTURED: Kind(
        "The export stops at 444 rows with error 502.",
        '{"category": "technical", "urgency": "normal", "order": null}',
        100,
        50,
    ),
    TaskType.CODE: Kind(
        "Write word_count(text): how often each word stands in a text.",
        "def word_count(text):\n    counts = {}\n    for word in text.lower().split():\n"
        "        counts[word] = counts.get(word, 0) + 1\n    return counts",
        100,
        110,
    ),
    TaskType.OPEN_ENDED: Kind(
        "My parcel has been at the depot for four days. What can I do?",
        "Check the tracking page for a note from the carrier, then call the depot with your parcel number: after "
        "three days without a move they can start a search.",
        90,
        120,
    ),
}
