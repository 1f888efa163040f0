"""A retrieval pilot: ask, tune, search, score, time; the result as one JSON object.

Killed anywhere, it goes on where it was: replies lie in the ledger, and each tuned encoder leaves its scores behind.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from engine.errors import SeedPilotError
from engine.generation import Generator
from engine.job_files import fingerprint, read_json, write_json
from engine.progress import Count
from engine.retrieval import arms as known_arms
from engine.retrieval.arms import AT_SEARCH_TUNED, Arm, examples_of, trained_arms
from engine.retrieval.asks import RetrievalStrategy
from engine.retrieval.collection import Collection, fingerprint_of
from engine.retrieval.encoder import Encoder, encode, expanded, load
from engine.retrieval.filing import RESULT
from engine.retrieval.lessons import Texts, cosine, hard_negatives, lesson, with_expansion
from engine.retrieval.lexical import BM25, by_chance
from engine.retrieval.paid import Made, asked_about, made
from engine.retrieval.prepared import PreparedRetrieval
from engine.retrieval.ranking import NDCG, Scores, means, scored
from engine.retrieval.result import Measured, result_of
from engine.retrieval.scratch import STEPS, from_scratch, save
from engine.retrieval.search import Vectors, check_memory, search
from engine.retrieval.serving import served
from engine.retrieval.tuning import Index, Objective, save_adapter, tuned
from engine.similarity import Known, features
from engine.store import Store

Aims = Mapping[str, tuple[list[str], Vectors]]
"""By group of queries: their texts, and where their expansions lie."""
KEPT = ("sides", "step", "looks", "examples", "closeness")
"""What of an arm lies in its folder."""


@dataclass(frozen=True, slots=True)
class RetrievalPilot:
    """One pilot; `generator` asks on that run's account, `check` raises where the user wants to stop."""

    prepared: PreparedRetrieval
    run_id: str
    generator: Generator
    store: Store
    check: Callable[[], None]

    def run(self) -> str:
        """Measures what is left, writes the result, and returns what the user should know (empty: nothing)."""
        begun = time.perf_counter()
        self.generator.ledger.close_open_reservations()
        texts = asyncio.run(self._ask())
        encoder = self._encoder()
        indexes = self._indexes(encoder)
        measured = self._untrained(encoder, indexes, texts)
        measured += self._trained(encoder, indexes, texts)
        self.store.progress(self.run_id, "Timing searches", 0, 1)
        latency = served(self.prepared, encoder, indexes, measured, self._folder, texts)
        found = result_of(self.prepared, self.store, self.run_id, texts, measured, latency)
        found["encoder"] |= {"parameters": encoder.parameters, "width": encoder.width, "notes": list(encoder.notes)}
        found["seconds"] = round(time.perf_counter() - begun, 1)
        write_json(self._folder / RESULT, found)
        return " ".join(dict.fromkeys(one.why for one in texts.values() if one.why))

    @property
    def _folder(self) -> Path:
        return self.store.folder(self.run_id)

    # --- asking -----------------------------------------------------------------------------------------------

    async def _ask(self) -> Texts:
        prepared = self.prepared
        tests = [query for _, _, queries in prepared.sides() for query in queries]
        forbidden = Known([features(query.text) for query in tests])
        count = Count(self.store, self.run_id, "Asking the teacher", prepared.needed, paid=True)
        found: dict[RetrievalStrategy, Made] = {}
        for strategy, visits in prepared.queries.items():
            about = asked_about(strategy, prepared.collection, tests, visits)
            found[strategy] = await made(self.generator, strategy, about, visits, forbidden, count.one)
            count.leave(found[strategy].counts["not_asked"])
            if strategy is RetrievalStrategy.EXPANSION and not found[strategy].texts:
                # All arms of SoftQE would be plain tuning under its name.
                raise SeedPilotError(f"There is nothing to distil. {found[strategy].why}")
        return found

    # --- encoding ---------------------------------------------------------------------------------------------

    def _encoder(self) -> Encoder:
        asked = self.prepared.asked
        name = asked.encoder
        if name == "scratch":
            folder = self._folder / "encoder"
            if not (folder / "config.json").exists():
                count = Count(self.store, self.run_id, "Making an encoder", STEPS // 50 + 1)

                def told() -> None:
                    self.check()
                    count.one()

                save(from_scratch(self.prepared.collection, told=told), folder)
            name = str(folder)
        return load(name, query_prefix=asked.query_prefix, passage_prefix=asked.passage_prefix)

    def _indexes(self, encoder: Encoder) -> dict[str, Index]:
        """By side; sides of one collection share one."""
        found: dict[str, Index] = {}
        made: dict[int, Index] = {}
        for side, collection, _ in self.prepared.sides():
            if id(collection) not in made:
                self.check()
                made[id(collection)] = self._index(encoder, collection)
            found[side] = made[id(collection)]
        return found

    def _index(self, encoder: Encoder, collection: Collection) -> Index:
        ids = tuple(collection.passages)
        check_memory(len(ids), encoder.width)
        asked = self.prepared.asked
        mark = fingerprint([fingerprint_of(collection), asked.encoder, encoder.prefixes.get("passage", "")])
        kept = self._folder / f"passages-{mark[:16]}.npy"
        if kept.exists():
            vectors: Vectors = np.load(kept, allow_pickle=False)
        else:
            self.store.progress(self.run_id, "Encoding passages", 0, len(ids))
            vectors = encode(encoder, list(collection.passages.values()), "passage")
            kept.parent.mkdir(parents=True, exist_ok=True)
            with kept.with_suffix(".part").open("wb") as file:
                np.save(file, vectors)
            kept.with_suffix(".part").replace(kept)
        return Index(vectors, ids, {name: place for place, name in enumerate(ids)})

    # --- measuring --------------------------------------------------------------------------------------------

    def _untrained(self, encoder: Encoder, indexes: Mapping[str, Index], texts: Texts) -> list[Measured]:
        found: dict[str, dict[str, Scores]] = {}
        for side, collection, queries in self.prepared.sides():
            bm25 = BM25(collection.passages)
            plain = [query.text for query in queries]
            for name, rankings in (
                (known_arms.RANDOM, by_chance(collection.passages, len(queries))),
                (known_arms.BM25_ARM, bm25.search(plain)),
            ):
                found.setdefault(name, {})[side] = scored(queries, rankings, collection.judgements)
        found[known_arms.UNTUNED] = self._scores(encoder, indexes)
        written = texts.get(RetrievalStrategy.AT_SEARCH)
        if written is not None and written.texts:
            found[known_arms.AT_SEARCH] = self._scores(encoder, indexes, written)
        return [Measured(name, 0, sides) for name, sides in found.items()]

    def _scores(self, encoder: Encoder, indexes: Mapping[str, Index], written: Made | None = None) -> dict[str, Scores]:
        """Of each side's test queries, as they are or with what was written for them; a query that has no expansion
        is searched as it is, as one would."""
        found = {}
        for side, collection, queries in self.prepared.sides():
            asked = [with_expansion(encoder, query, written) for query in queries]
            rankings = search(encode(encoder, asked, "query"), indexes[side].vectors, indexes[side].ids)
            found[side] = scored(queries, rankings, collection.judgements)
        return found

    def _trained(self, encoder: Encoder, indexes: Mapping[str, Index], texts: Texts) -> list[Measured]:
        asked, main = self.prepared.asked, self.prepared.collection
        arms = trained_arms(asked.weights, {strategy for strategy, found in texts.items() if found.texts})
        index = next(iter(indexes.values()))  # in domain comes first, and its passages are those of training
        count = Count(self.store, self.run_id, "Tuning", len(arms) * asked.replicates)
        hard = hard_negatives(main, texts)
        written = texts[RetrievalStrategy.EXPANSION].texts
        plain = [expanded(encoder, query.text, written[query.id]) for query in main.train if query.id in written]
        targets = encode(encoder, plain, "query")
        aimed_at = self._aimed_at(encoder, texts)
        # Where the untuned encoder stands, for comparison.
        measured = [Measured(known_arms.UNTUNED, 0, {}, closeness=self._closeness(encoder, aimed_at))]
        for replicate in range(asked.replicates):
            distilled = targets
            for arm in arms:
                self.check()
                folder = self._folder / "arms" / f"{arm.name}-{replicate}"
                aims = distilled if arm.tuned_teacher else targets
                measured.append(self._arm(arm, replicate, encoder, indexes, index, texts, hard, aims, aimed_at, folder))
                if arm.name == AT_SEARCH_TUNED:
                    distilled = np.load(folder / "targets.npy", allow_pickle=False)
                count.one()
        return measured

    def _arm(
        self,
        arm: Arm,
        replicate: int,
        encoder: Encoder,
        indexes: Mapping[str, Index],
        index: Index,
        texts: Texts,
        hard: Mapping[str, tuple[str, ...]],
        targets: Vectors,
        aimed_at: Aims,
        folder: Path,
    ) -> Measured:
        prepared, main = self.prepared, self.prepared.collection
        written = texts[RetrievalStrategy.EXPANSION].texts
        examples = examples_of(arm, main, {} if arm.source is None else texts[arm.source].texts)
        rows = {name: row for row, name in enumerate(q.id for q in main.train if q.id in written)}
        at_search = arm.name == AT_SEARCH_TUNED
        lessons = [lesson(arm, one, rows, hard, encoder, written if at_search else {}) for one in examples]
        mark = fingerprint(
            [
                fingerprint_of(main),
                [(side, len(queries)) for side, _, queries in prepared.sides()],
                prepared.asked.encoder,
                prepared.asked.query_prefix,
                [asdict(each) for each in lessons],
                asdict(arm),
                asdict(prepared.recipe),
                float(targets.sum()) if arm.weight else 0,
                replicate,
            ]
        )
        kept = read_json(folder / "scores.json")
        if kept is not None and kept["mark"] == mark:
            return Measured(arm.name, replicate, **{name: kept[name] for name in KEPT})

        def look() -> float:
            found = search(encode(encoder, [q.text for q in main.dev], "query"), index.vectors, index.ids, 10)
            return means(scored(main.dev, found, main.judgements))[NDCG]

        with tuned(
            encoder,
            lessons,
            targets if arm.weight else None,
            index,
            Objective(arm.contrastive, arm.weight),
            prepared.recipe,
            replicate,
            # Its queries are expanded, and those to choose by are not: they would cost a query each.
            None if at_search else look,
            self.check,
        ) as state:
            folder.mkdir(parents=True, exist_ok=True)
            if at_search:
                own = [expanded(encoder, q.text, written[q.id]) for q in main.train if q.id in written]
                np.save(folder / "targets.npy", encode(encoder, own, "query"))
                bought = texts.get(RetrievalStrategy.AT_SEARCH)
                sides = {} if bought is None else self._scores(encoder, indexes, bought)
            else:
                sides = self._scores(encoder, indexes)
            if replicate == 0:
                save_adapter(encoder, folder / "adapter")
            closeness = {} if at_search else self._closeness(encoder, aimed_at)
        looks = tuple(tuple(one) for one in state.looks)
        found = Measured(arm.name, replicate, sides, state.step, looks, len(lessons), closeness)
        write_json(folder / "scores.json", {"mark": mark, **{name: getattr(found, name) for name in KEPT}})
        return found

    def _aimed_at(self, encoder: Encoder, texts: Texts) -> Aims:
        """Training queries and each side's test queries that have an expansion, with the vectors of these."""
        groups = {"train": (self.prepared.collection.train, texts[RetrievalStrategy.EXPANSION].texts)}
        if (bought := texts.get(RetrievalStrategy.AT_SEARCH)) is not None:
            groups |= {side: (queries, bought.texts) for side, _, queries in self.prepared.sides()}
        found: dict[str, tuple[list[str], Vectors]] = {}
        for name, (queries, written) in groups.items():
            known = [query for query in queries if query.id in written]
            longer = [expanded(encoder, query.text, written[query.id]) for query in known]
            if known:
                found[name] = ([query.text for query in known], encode(encoder, longer, "query"))
        return found

    def _closeness(self, encoder: Encoder, aims: Aims) -> dict[str, float]:
        """How near plain queries lie to where the untuned encoder puts them expanded: the mean cosine."""
        return {name: cosine(encode(encoder, plain, "query"), there) for name, (plain, there) in aims.items()}
