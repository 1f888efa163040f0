"""The table of a plan that measures retrieval: the collection, the encoder, and what the teacher's queries go to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import Field

from engine.plan_parts import SANDBOX, Part

SCRATCH = "scratch"


class RetrievalPlan(Part):
    """A retrieval pilot; teacher and ceiling are the plan's own."""

    collection: str = SANDBOX
    """A folder in BEIR layout, or `sandbox`."""
    out_of_domain: str | None = None
    """A further folder whose queries are tests only, with a corpus of its own."""
    encoder: str = SANDBOX
    """A folder, a hub id, `sandbox`, or `scratch`: one that is made from the collection's passages."""
    query_prefix: str | None = None
    passage_prefix: str | None = None
    """What the encoder expects before a text; None: what its folder says."""
    train_queries: int | None = Field(default=None, ge=8)
    """Training queries with judgements that are used, from the first; None: all (300 in the sandbox)."""
    calls: int | None = Field(default=None, ge=8)
    """Teacher queries of each strategy that makes training data; None: one for each training query."""
    expand_tests: bool = True
    """Whether test queries are expanded too, which shows what expansion at search time gives: a query for each."""
    test_queries: int | None = Field(default=None, ge=20)
    """Test queries of a side that are used, from the first; None: all."""
    feedback: bool = False
    """Expansions come from BM25's own first passages (pseudo-relevance feedback), from no teacher."""
    weights: tuple[float, ...] = Field(default=(1.0, 4.0, 16.0), min_length=1)
    """Of the distillation; the best on the queries to choose by is taken."""
    replicates: int = Field(default=2, ge=1, le=20)
    """Training seeds."""
    steps: int | None = Field(default=None, ge=1)
    batch_size: int | None = Field(default=None, ge=2)
    learning_rate: float | None = Field(default=None, gt=0)
    rank: int | None = Field(default=None, ge=1)
    """Of the tuning; None: the recipe's."""
    latency_searches: int = Field(default=400, ge=20)
    """Searches that are timed for each way."""

    def moved(self, move: Callable[[str], str]) -> RetrievalPlan:
        """The same with `move` applied to each local path (a hub id is none)."""
        paths = {"collection": self.collection, "out_of_domain": self.out_of_domain, "encoder": self.encoder}
        there = {name: move(str(Path(path).expanduser())) for name, path in paths.items() if path is not None}
        return self.model_copy(
            update={
                name: path
                for name, path in there.items()
                if paths[name] not in (SANDBOX, SCRATCH) and (name != "encoder" or Path(path).exists())
            }
        )

    def sandbox_parts(self, teacher: str) -> tuple[str, ...]:
        """Which of collection, teacher and encoder are the sandbox's; `teacher` is its kind."""
        parts = {
            "collection": self.collection == SANDBOX,
            "teacher": teacher == SANDBOX and not self.feedback,
            "encoder": self.encoder == SANDBOX,
        }
        return tuple(part for part, is_sandbox in parts.items() if is_sandbox)

    def problems(self) -> list[str]:
        """What does not fit together."""
        found = [
            f"retrieval.weights: found {weight}, expected more than 0 (0 and the distance alone are measured anyway)"
            for weight in self.weights
            if weight <= 0
        ]
        if self.encoder == SANDBOX and self.collection != SANDBOX:
            found.append(
                "retrieval.encoder: the sandbox encoder reads the sandbox's invented words only; give a folder, a hub "
                f"id, or `{SCRATCH}`"
            )
        if self.collection == SANDBOX and self.out_of_domain is not None:
            found.append("retrieval.out_of_domain: the sandbox has a held-out side of its own; leave it out")
        return found
