"""Questions, prompts, replies, examples, and the protocol of a teacher."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.domain.kinds import Strategy


@dataclass(frozen=True, slots=True)
class Item:
    """A question with its answer: a seed, or a test item."""

    id: str
    question: str
    answer: str
    family: str | None = None
    """Items of one family belong together: they are split and resampled together."""
    context: str = ""
    """What the question is asked about, before it in every prompt, and what no strategy rewrites: the
    schema of a database, a passage. Empty where the question stands alone."""
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Other columns that the task's scorer reads, as text: `db_id`, `tests`, `choices`."""

    @property
    def asked(self) -> str:
        """What teacher and student read: the context, where there is one, and the question."""
        return f"{self.context}\n\n{self.question}" if self.context else self.question


def item_id(question: str, answer: str, context: str = "") -> str:
    """The same content is the same item in every file, so that its paid replies are found again."""
    parts = [question, answer, context] if context else [question, answer]
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """One call that a teacher is asked to answer."""

    messages: tuple[Message, ...]
    max_tokens: int
    """Upper bound of the reply's length, in tokens; the reservation is made for this many."""
    temperature: float
    sample_index: int
    """Which of several draws for the same prompt this is; part of the ledger's key."""
    response_schema: Mapping[str, Any] | None = None
    """JSON schema that the reply must follow, where the endpoint supports it (`response_format`)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from a teacher, before anybody parsed it."""

    text: str
    finish_reason: str
    """`stop`, or `length` where the reply was cut off."""
    input_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True, slots=True)
class Paid:
    """A reply and the row of the ledger that paid for it."""

    reply: Reply
    query_id: int


class Teacher(Protocol):
    """Answers one request, once: no retries and no hidden calls, so that each call can be paid for."""

    name: str
    """Names the model; part of the ledger's key and of every example's provenance."""

    async def ask(self, request: Request) -> Reply:
        """The reply, or one of the errors of `engine.errors` (TeacherError and its children)."""
        ...


@dataclass(frozen=True, slots=True)
class Example:
    """A generated question and answer, as one strategy made it from one seed."""

    seed_id: str
    strategy: Strategy
    question: str
    answer: str
    sample_index: int
    """The how-manieth visit to that seed produced it, from 0."""
    queries: int
    """Paid calls that it took."""
    query_ids: tuple[int, ...] = ()
    """Rows of the ledger that paid for it."""
