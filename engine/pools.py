"""A pool's files: each example beside its provenance, and what the pool came to by budget.

Written as the visits come, so that memory does not grow with them; whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, text

from engine.curation import KEPT, NO_REPLY, Curated
from engine.domain import Example, Strategy
from engine.job_files import read_json, write_json
from engine.label_shares import LabelShares
from engine.plan import PLAIN
from engine.pool_report import Progress, pool_report, write_report
from engine.prepare import Prepared
from engine.records import PoolRow
from engine.store import Store
from engine.strategies import TEMPERATURE, Draft, Making, answer_request, instruction
from engine.variants import Pool, pool_of, visits_of

EXAMPLES, REJECTED = "examples.jsonl", "rejected.jsonl"
SO_FAR = "so_far.json"
"""Visits by reason while a pool is made, about once a second; gone once it is whole."""
SO_FAR_EVERY_S = 1.0
_AT_ONCE = 500
"""Rows of the ledger in one look, and visits that wait for it."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """What all examples of a pool have in common, and what a student reads of one."""

    prepared: Prepared
    pool: Pool
    making: Making
    asked: Callable[[Example], str]
    """What the student reads of an example."""
    augmenter: str
    """Who writes questions."""


def name_of(pool: Pool) -> str:
    """What a pool is called in the store, and its folder on the disk."""
    strategy, size, variant = pool
    return f"{strategy.value}{'' if variant == PLAIN else '-' + variant}-s{size}"


class PoolFiles:
    """Takes a pool visit by visit. `budgets` says how many visits each budget in queries pays for."""

    def __init__(self, run_id: str, store: Store, origin: Origin, budgets: Mapping[int, int]) -> None:
        strategy = origin.pool[0]
        self.strategy, self.name = strategy, name_of(origin.pool)
        self.folder = store.folder(run_id) / "pools" / self.name
        self.counts: Counter[str] = Counter()
        """Visits by reason; once the pool is closed they add up."""
        self._run_id, self._store, self._origin = run_id, store, origin
        self._row = _rows_of(origin)
        self._progress = Progress(budgets)
        self._waiting: list[tuple[Sequence[int], Sequence[Example]]] = []
        self._told_at = 0.0
        self.folder.mkdir(parents=True, exist_ok=True)
        self._examples = _partial(self.folder / EXAMPLES).open("w", encoding="utf-8")
        self._rejected = _partial(self.folder / REJECTED).open("w", encoding="utf-8")

    @property
    def queries(self) -> int:
        """Different queries behind the visits until now, kept or not."""
        return self._progress.queries

    @property
    def usd(self) -> float | None:
        """Their price; None where one is unknown."""
        return self._progress.usd

    def take(self, query_ids: Sequence[int], kept: Sequence[Example]) -> None:
        """One visit: the rows of the ledger that paid for it, and the examples that were let in with it."""
        self.counts[KEPT] += len(kept)
        self._waiting.append((query_ids, kept))
        if time.monotonic() > self._told_at + SO_FAR_EVERY_S:
            write_json(self.folder / SO_FAR, self.counts)
            self._told_at = time.monotonic()
        if len(self._waiting) >= _AT_ONCE:
            self._write()

    def leave_out(self, reason: str, row: Row | None = None) -> None:
        """A visit that gave no example, and what is to be told of it beside its count."""
        self.counts[reason] += 1
        if row is not None:
            _line(self._rejected, {"strategy": self.strategy.value, "reason": reason, **row})

    def close(self) -> None:
        """Writes what is left, the figures by budget, and what became of the visits into the store."""
        self._write()
        for file, name in ((self._examples, EXAMPLES), (self._rejected, REJECTED)):
            file.close()
            _partial(self.folder / name).replace(self.folder / name)
        if not (self.folder / REJECTED).stat().st_size:
            (self.folder / REJECTED).unlink()
        adds = "answer" if self.strategy is Strategy.ANSWER_AUGMENTATION else "question"
        seeds = self._origin.prepared.visited(*self._origin.pool[:2])
        texts = partial(_texts, self.folder / EXAMPLES, adds)
        write_report(self.folder, pool_report(self._progress.reached(), texts, (getattr(seed, adds) for seed in seeds)))
        counts = {reason: count for reason, count in self.counts.items() if count}
        self._store.record_pool(self._run_id, self.name, counts, str(self.folder))
        (self.folder / SO_FAR).unlink(missing_ok=True)

    def _write(self) -> None:
        ids = {row for paid, kept in self._waiting for row in (*paid, *(i for e in kept for i in e.query_ids))}
        asked_of = _queries(self._store, sorted(ids))
        prices = {row: usd for row, (_, usd) in asked_of.items()}
        for paid, kept in self._waiting:
            self._progress.take(paid, prices, len(kept))
            for example in kept:
                _line(self._examples, self._row(example, asked_of))
        self._waiting.clear()


def kept_so_far(store: Store, run_id: str) -> int | None:
    """Examples that a run kept until now, those of pools under way among them (about a second late); None where no
    pool was begun."""
    counts = {Path(pool.folder): pool.counts for pool in store.pools(run_id)}
    for path in (store.folder(run_id) / "pools").glob(f"*/{SO_FAR}"):
        # A resumed run reads its replies again: what is under way counts, not what was there before.
        counts[path.parent] = read_json(path) or {}
    return sum(of.get(KEPT, 0) for of in counts.values()) if counts else None


def none_kept(rows: Sequence[PoolRow]) -> tuple[tuple[Strategy, int], ...]:
    """The strategies that were answered and of which no plain pool kept anything, each with how many were answered."""
    plain: dict[Strategy, Counter[str]] = {}
    for row in rows:
        for strategy in Strategy:
            if row.name.rpartition("-s")[0] == strategy.value:
                plain.setdefault(strategy, Counter()).update(row.counts)
    made = {strategy: counts.total() - counts[NO_REPLY] for strategy, counts in plain.items() if not counts[KEPT]}
    return tuple((strategy, count) for strategy, count in made.items() if count)


def told(made: Draft | Example | None) -> dict[str, Any]:
    """What is kept of a visit without an example, beside the reason."""
    if made is None:
        return {}
    return {
        "seed_id": made.seed_id,
        "visit": made.sample_index,
        "question": made.question,
        "answer": made.answer,
        "query_ids": list(made.query_ids),
    }


def write_pool(
    run_id: str, store: Store, origin: Origin, curated: Curated, drafts: Sequence[Draft | None] = ()
) -> None:
    """Writes a pool that is held: its examples, its figures by budget, and what became of its visits; of the `drafts`
    that were left out, what they said."""
    plan, (strategy, _, variant) = origin.prepared.plan, origin.pool
    budgets = {cell.budget for cell in origin.prepared.cells if pool_of(plan, cell) == origin.pool}
    visits = {budget: visits_of(plan, strategy, budget, variant) for budget in budgets}
    files = PoolFiles(run_id, store, origin, visits)
    for visit, kept in curated.arrivals():
        ids = curated.query_ids[visit]
        files.take(ids, [example for _, example in kept])
        if curated.reasons[visit] != KEPT:
            files.leave_out(curated.reasons[visit], told(drafts[visit]) if visit < len(drafts) else None)
    files.close()


def shares_of(prepared: Prepared, strategy: Strategy, seeds: int) -> LabelShares | None:
    """The shares of labels that a pool keeps; None where none are asked for."""
    label_of = prepared.task.label_of
    wanted = prepared.plan.unlabelled.keep_label_shares and strategy is Strategy.REAL_QUESTION
    if not wanted or label_of is None:
        return None
    return LabelShares(label_of, [seed.answer for seed in prepared.seeds[:seeds]])


def _rows_of(origin: Origin) -> Callable[[Example, Mapping[int, tuple[str, float | None]]], Row]:
    """How an example becomes a row of the data set files, with its provenance.

    Seed, strategy, visit and query ids are the example's own; `teacher` is whoever gave the answer. `augmenter` is
    null where no question was written, `prompts` the hash of everything that was said beside the item, `usd` the price
    of its queries (null where one is unknown).
    """
    prepared, task, making = origin.prepared, origin.prepared.task, origin.making
    strategy = origin.pool[0]
    said = {
        "augmenter": None if instruction(strategy, task) is None else origin.augmenter,
        "prompts": prompts_hash(prepared, strategy, making.together),
        "sampling": {
            "temperature": TEMPERATURE,
            "max_answer_tokens": task.max_answer_tokens,
            "max_question_tokens": task.max_question_tokens,
            "votes": making.votes,
        },
    }

    def row(example: Example, asked_of: Mapping[int, tuple[str, float | None]]) -> Row:
        return {
            "messages": [
                *(asdict(message) for message in task.student_prompt(origin.asked(example))),
                {"role": "assistant", "content": example.answer},
            ],
            **asdict(example),
            "teacher": asked_of[example.query_ids[-1]][0],
            **said,
            "usd": _sum([asked_of[row][1] for row in example.query_ids]),
        }

    return row


def prompts_hash(prepared: Prepared, strategy: Strategy, together: int) -> str:
    """Names the prompts of a strategy: the instructions, the schema and the draw of examples, in 16 hex digits."""
    said = [
        [asdict(message) for message in answer_request(prepared.task, "", 0).messages],
        prepared.task.response_schema,
        instruction(strategy, prepared.task, together),
        prepared.plan.prompts.model_dump(),
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def usd_of(store: Store, query_ids: Sequence[int]) -> float | None:
    """Price of those queries, each once; None where one is unknown."""
    return _sum([usd for _, usd in _queries(store, sorted(set(query_ids))).values()])


def _queries(store: Store, ids: Sequence[int]) -> dict[int, tuple[str, float | None]]:
    """Who was asked, and what it cost, by row of the ledger."""
    query = text("SELECT id, teacher, reply_usd FROM queries WHERE id IN :ids")
    query = query.bindparams(bindparam("ids", expanding=True))
    found: dict[int, tuple[str, float | None]] = {}
    with store.reading() as connection:
        for start in range(0, len(ids), _AT_ONCE):
            for row, who, usd in connection.execute(query, {"ids": list(ids[start : start + _AT_ONCE])}):
                found[row] = (who, usd)
    return found


def _sum(prices: Sequence[float | None]) -> float | None:
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None


def _partial(path: Path) -> Path:
    return path.with_suffix(f"{path.suffix}.partial")


def _line(file: Any, row: Row) -> None:
    file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _texts(path: Path, column: str) -> Iterator[str]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)[column]
