"""What the teacher is asked for retrieval: a passage for a query, a query in other words, a query for a passage.

Instructions come first and the varying part last (prompt caching). The request for a pseudo-passage is Query2doc's
(arXiv 2303.07678) without examples.
"""

from __future__ import annotations

from enum import StrEnum

from engine.domain import Message, Request
from engine.strategies.base import TEMPERATURE

PASSAGE_TOKENS, QUERY_TOKENS = 160, 48
"""The most that a reply may be long."""
LONGEST_PASSAGE = 4000
"""Characters of a passage that are shown to the teacher."""


class RetrievalStrategy(StrEnum):
    """A way of turning teacher queries into a better search."""

    EXPANSION = "query_expansion"
    """A pseudo-passage for a training query, distilled into the query encoder (SoftQE)."""
    REPHRASE = "query_rephrase"
    """A training query in other words, with the same relevant passages."""
    NEW_QUERY = "new_query"
    """A query that a passage answers."""
    AT_SEARCH = "expansion_at_search"
    """A pseudo-passage for every query that is searched (Query2doc)."""


_INSTRUCTIONS = {
    RetrievalStrategy.EXPANSION: "Write a passage that answers the given query. Reply with the passage alone.",
    RetrievalStrategy.REPHRASE: "Rephrase the given search query in other words with the same meaning. "
    "Reply with the query alone.",
    RetrievalStrategy.NEW_QUERY: "Write a search query that the given passage answers, as a person would type it who "
    "does not know the passage. Reply with the query alone.",
}


def request(strategy: RetrievalStrategy, text: str, sample_index: int = 0) -> Request:
    """Asks about that query, or for new queries about that passage. What is asked at search time is what is asked for
    training, so that a reply is bought once."""
    kind = RetrievalStrategy.EXPANSION if strategy is RetrievalStrategy.AT_SEARCH else strategy
    given = f"Passage: {text[:LONGEST_PASSAGE]}" if kind is RetrievalStrategy.NEW_QUERY else f"Query: {text}"
    return Request(
        messages=(Message("system", _INSTRUCTIONS[kind]), Message("user", given)),
        max_tokens=PASSAGE_TOKENS if kind is RetrievalStrategy.EXPANSION else QUERY_TOKENS,
        temperature=TEMPERATURE,
        sample_index=sample_index,
    )


def asked_about(asked: Request) -> tuple[RetrievalStrategy, str] | None:
    """What a request asks and about which text, as a teacher without a language model reads it; None for any other."""
    instruction = asked.messages[0].content
    given = asked.messages[-1].content
    for strategy, told in _INSTRUCTIONS.items():
        if instruction == told:
            return strategy, given.partition(": ")[2]
    return None


def written_query(text: str) -> str | None:
    """The query in a reply that should hold nothing else; None where nothing is left, or much more than a query."""
    first = next((line.strip() for line in text.strip().splitlines() if line.strip()), "")
    for prefix in ("query:", "search query:", "rephrased query:"):
        if first.lower().startswith(prefix):
            first = first[len(prefix) :].strip()
    found = first.strip("`\"'* ").strip()
    return found if found and len(found) <= 400 else None


def written_passage(text: str) -> str | None:
    """The passage in a reply, on one line; None where it is empty. One that was cut off is a passage still."""
    found = " ".join(text.split())
    return found.removeprefix("Passage:").strip() or None
