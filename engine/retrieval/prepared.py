"""A retrieval pilot made concrete: files read, queries and money counted. Nothing is asked or paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.costs import Price, upper_bound_usd, usd_for, usd_per_query
from engine.domain import Reply, Request, Teacher
from engine.errors import InputError
from engine.estimate import RETRY_ALLOWANCE, price_of, prompt_tokens_at_most
from engine.exposure import refusals
from engine.ledger import Ceiling, Ledger
from engine.plan import SANDBOX, PilotPlan, RetrievalPlan
from engine.retrieval import world
from engine.retrieval.asks import LONGEST_PASSAGE, RetrievalStrategy, request
from engine.retrieval.collection import OUT_OF_DOMAIN, Collection, Query, fingerprint_of
from engine.retrieval.data import read_collection
from engine.retrieval.recipe import SANDBOX_TUNING, TuningRecipe
from engine.retrieval.world_teacher import ERROR_RATE, WorldTeacher
from engine.settings import Settings
from engine.store import Store

FEEDBACK_LABEL = "pseudo-relevance feedback from BM25, no language model and no judgement: a check of the plumbing"
PASSAGE_TOKENS_EXPECTED = 100
"""Of a written passage, before one was seen."""


@dataclass(frozen=True, slots=True)
class PreparedRetrieval:
    """A plan with everything that it names."""

    plan: PilotPlan
    asked: RetrievalPlan
    collection: Collection
    outside: Collection | None
    """A further collection whose queries are tests only."""
    recipe: TuningRecipe
    queries: dict[RetrievalStrategy, int]
    """Teacher queries by what they are for, if none is asked twice."""
    ceiling: Ceiling
    price: Price
    expected_usd: float | None
    warnings: tuple[str, ...]

    @property
    def needed(self) -> int:
        """Teacher queries in all."""
        return sum(self.queries.values())

    @property
    def label(self) -> str:
        """What readers must know of the result wherever it is shown; empty for a real teacher on real texts."""
        if self.asked.feedback:
            return FEEDBACK_LABEL
        if self.asked.collection == SANDBOX:
            return f"sandbox: invented words, and a teacher that misses the matter in {ERROR_RATE:.0%} of its replies"
        return ""

    def sides(self) -> list[tuple[str, Collection, tuple[Query, ...]]]:
        """Each side that is tested, with its corpus and its test queries."""
        most = self.asked.test_queries
        found = [(side, self.collection, queries[:most]) for side, queries in self.collection.sides().items()]
        if self.outside is not None:
            # A folder of its own goes before queries that the first one marks as out of domain.
            found = [part for part in found if part[0] != OUT_OF_DOMAIN]
            found.append((OUT_OF_DOMAIN, self.outside, self.outside.test[:most]))
        return found


def prepare_retrieval(plan: PilotPlan) -> PreparedRetrieval:
    """Everything that the pilot needs; InputError with every problem of plan and files at once."""
    if plan.retrieval is None:
        raise InputError("retrieval: is missing; say which collection and which encoder are measured")
    asked = plan.retrieval
    problems = refusals(plan, Settings())
    if plan.teacher.kind == "sandbox" and asked.collection != SANDBOX and not asked.feedback:
        problems.append(
            "teacher: the sandbox teacher knows the sandbox's world only; name an endpoint, recorded replies, or "
            "expansions from feedback (retrieval.feedback, --teacher feedback)"
        )
    collection, outside = _read(asked, problems)
    if problems or collection is None:
        raise InputError(problems)
    recipe = _recipe(asked)
    queries = _queries(asked, collection, outside)
    needed = sum(queries.values())
    price = Price(0.0, 0.0) if asked.feedback else price_of(plan)
    most = plan.ceiling.queries or needed + round(RETRY_ALLOWANCE * needed) + 10
    longest, typical = _prompts(collection)
    upper = upper_bound_usd(most, price, longest, request(RetrievalStrategy.EXPANSION, "").max_tokens)
    expected = usd_for(needed, usd_per_query(price, typical, PASSAGE_TOKENS_EXPECTED))
    if needed > most:
        problems.append(
            f"ceiling.queries: found {most}, but the plan needs {needed} queries ({_told(queries)}); raise it, "
            "ask for fewer (retrieval.calls, retrieval.test_queries), or leave test queries unexpanded"
        )
    if plan.ceiling.usd is not None and expected is not None and expected > plan.ceiling.usd:
        problems.append(
            f"ceiling.usd: the plan is expected to cost ${expected:.2f}, more than the ceiling of "
            f"${plan.ceiling.usd:.2f}; raise it, or ask for fewer queries"
        )
    if problems:
        raise InputError(problems)
    warnings = [*collection.notes, *(() if outside is None else outside.notes)]
    if price.input_usd is None or price.output_usd is None:
        warnings.append("The teacher's price is unknown: the ceiling in queries alone holds, and prices stay unknown.")
    if len(queries) > 1 and asked.calls is not None and asked.calls > len(collection.train):
        warnings.append(
            f"{asked.calls} queries for {len(collection.train)} training queries: each is expanded and rephrased "
            "several times, and its target is the mean of its expansions."
        )
    usd = plan.ceiling.usd if plan.ceiling.usd is not None else upper
    return PreparedRetrieval(
        plan, asked, collection, outside, recipe, queries, Ceiling(most, usd), price, expected, tuple(warnings)
    )


def _read(asked: RetrievalPlan, problems: list[str]) -> tuple[Collection | None, Collection | None]:
    collection = outside = None
    try:
        if asked.collection == SANDBOX:
            if (asked.train_queries or 0) > world.MOST_QUERIES:
                raise InputError(
                    f"retrieval.train_queries: found {asked.train_queries}, the sandbox has {world.MOST_QUERIES}"
                )
            collection = world.collection(asked.train_queries or world.TRAIN_QUERIES)
        else:
            collection = read_collection(Path(asked.collection))
            collection = replace(collection, train=collection.train[: asked.train_queries])
    except InputError as error:
        problems += error.problems
    if asked.out_of_domain is not None:
        try:
            outside = read_collection(Path(asked.out_of_domain), tested_only=True)
        except InputError as error:
            problems += error.problems
    return collection, outside


def _recipe(asked: RetrievalPlan) -> TuningRecipe:
    # A small encoder takes larger steps: both of ours are of that size.
    default = SANDBOX_TUNING if asked.encoder in (SANDBOX, "scratch") else TuningRecipe()
    given = {name: getattr(asked, name) for name in ("steps", "batch_size", "learning_rate", "rank")}
    return replace(default, **{name: value for name, value in given.items() if value is not None})


def _queries(asked: RetrievalPlan, collection: Collection, outside: Collection | None) -> dict[RetrievalStrategy, int]:
    calls = asked.calls or len(collection.train)
    made = [RetrievalStrategy.EXPANSION]
    if not asked.feedback:
        made += [RetrievalStrategy.REPHRASE, RetrievalStrategy.NEW_QUERY]
    found = dict.fromkeys(made, calls)
    if asked.expand_tests:
        sides = [*collection.sides().values(), *(() if outside is None else (outside.test,))]
        found[RetrievalStrategy.AT_SEARCH] = sum(len(side[: asked.test_queries]) for side in sides)
    return found


def _told(queries: dict[RetrievalStrategy, int]) -> str:
    return ", ".join(f"{count} for {strategy.value}" for strategy, count in queries.items())


def _prompts(collection: Collection) -> tuple[int, float]:
    """Tokens of the longest prompt at most, and about those of a usual one."""
    longest = max(collection.passages.values(), key=len)[:LONGEST_PASSAGE]
    most = prompt_tokens_at_most(request(RetrievalStrategy.NEW_QUERY, longest))
    queries: Sequence[Query] = collection.train
    usual = sum(prompt_tokens_at_most(request(RetrievalStrategy.EXPANSION, q.text)) for q in queries) / len(queries) / 4
    return most, usual


def ledger_of(store: Store, run_id: str, prepared: PreparedRetrieval) -> Ledger:
    """The run's account, under its one ceiling."""

    def bound(asked: Request) -> float | None:
        return usd_per_query(prepared.price, prompt_tokens_at_most(asked), asked.max_tokens)

    def cost(reply: Reply) -> float | None:
        return usd_per_query(prepared.price, reply.input_tokens, reply.output_tokens)

    return Ledger(store, run_id, prepared.ceiling, bound, cost)


def own_teacher(prepared: PreparedRetrieval) -> Teacher | None:
    """The teacher that a collection brings along; None where the plan's is asked."""
    if prepared.asked.feedback:
        from engine.retrieval.feedback import FeedbackTeacher  # BM25, which pages and other runs do without

        known = [one for one in (prepared.collection, prepared.outside) if one is not None]
        passages = {f"{at} {name}": text for at, one in enumerate(known) for name, text in one.passages.items()}
        return FeedbackTeacher(passages, "".join(fingerprint_of(one)[:8] for one in known))
    if prepared.plan.teacher.kind == "sandbox":
        return WorldTeacher()
    return None
