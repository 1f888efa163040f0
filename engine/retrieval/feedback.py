"""Expansions without a language model: the beginnings of the passages that BM25 finds first.

Pseudo-relevance feedback knows nothing that is not in the corpus, and no judgement is looked at. It stands in for a
teacher's expansions where there is none, to check the plumbing on real texts, and is labelled so wherever it appears.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.domain import Reply, Request
from engine.errors import NoReplyError
from engine.retrieval.asks import RetrievalStrategy, asked_about
from engine.retrieval.lexical import BM25

PASSAGES, WORDS_EACH = 3, 25


class FeedbackTeacher:
    """A teacher that answers requests for a passage, and no others."""

    def __init__(self, passages: Mapping[str, str], fingerprint: str) -> None:
        """`fingerprint` names the passages: from others come other expansions."""
        self.name = f"BM25 feedback on {fingerprint}"
        self._passages = passages
        self._bm25 = BM25(passages)

    async def ask(self, request: Request) -> Reply:
        """The beginnings of the best passages, the best first; NoReplyError where none shares a word."""
        asked = asked_about(request)
        if asked is None or asked[0] is not RetrievalStrategy.EXPANSION:
            raise NoReplyError(f"{self.name}: makes expansions only")
        best = self._bm25.search([asked[1]], PASSAGES)[0]
        if not best:
            raise NoReplyError(f"{self.name}: no passage shares a word with {asked[1][:80]!r}")
        said = [word for name, _ in best for word in self._passages[name].split()[:WORDS_EACH]]
        return Reply(" ".join(said), "stop", len(asked[1].split()), len(said))
