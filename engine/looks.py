"""Answers in rounds: after each, adapters that are clearly beaten, and races that nobody can win, are asked no more.

A trainer around a trainer. Items come in an order that is drawn once under a name, families whole; the rules and their
error rates are those of `engine.early_stop`, which hold however often one looks. Races are between the strategies of
one seed count, budget and replicate; baselines, variants and second pools are asked everything.

What was answered stands in each job's folder after each round, so that a killed run asks no item twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path

from engine.domain import CellJob, CellResult, GoldLikelihood, OnCellDone, OnProgress, Trainer
from engine.early_stop import Rules, clear_losers, is_futile, votes
from engine.job_files import job_mark, read_json, write_json

LOOKS = 6
"""Rounds; each asks as many items as the others."""
DRAW = "order of looks"
FILE = "looks.json"
NOT_ASKED = "not asked"
"""Stands where a reason does, for items that an adapter was not asked any more."""


Scored = Callable[[int, str], float | None]
"""Place of an item and a reply -> 1 right, 0 wrong, None not scored. It must cost nothing."""


class Looking:
    """Runs jobs by another trainer, their questions in rounds."""

    def __init__(
        self,
        trainer: Trainer,
        rules: Rules,
        race_of: Callable[[str], str | None],
        scored: Scored,
        families: Sequence[str | None],
    ) -> None:
        """`race_of` names the race that a job (by its key) runs in; None: it is asked everything."""
        self.trainer, self.rules, self.race_of, self.scored, self.families = trainer, rules, race_of, scored, families

    @property
    def processes(self) -> int:
        """As the trainer's own."""
        return self.trainer.processes

    def run(self, jobs: Sequence[CellJob], on_done: OnCellDone, on_progress: OnProgress) -> None:
        """As the trainer's own; a job that was stopped early has `unasked` questions."""
        racing = [job for job in jobs if self.race_of(job.key) is not None and len(job.questions) == len(self.families)]
        others = [job for job in jobs if job not in racing]
        if others:
            self.trainer.run(others, on_done, on_progress)
        if not racing:
            return
        order = order_of(self.families)
        said = {job.key: _Said(job) for job in racing}
        asking = {job.key: job for job in racing}
        begin = 0
        while begin < len(order) and asking:
            end = self._end(order, begin)
            part = order[begin:end]
            places = {key: [at for at in part if at not in said[key].answers] for key in asking}
            round_jobs = [_part(job, places[key]) for key, job in asking.items()]
            for key in self._round(round_jobs, places, asking, said, end / len(order), on_done, on_progress):
                del asking[key]
            begin = end
            if begin < len(order):
                for key, why in self._ended(order[:begin], asking, said).items():
                    on_done(asking.pop(key), said[key].result(why))
        for key, job in asking.items():
            on_done(job, said[key].result(""))

    def _round(
        self,
        jobs: Sequence[CellJob],
        places: Mapping[str, Sequence[int]],
        asking: Mapping[str, CellJob],
        said: Mapping[str, _Said],
        share: float,
        on_done: OnCellDone,
        on_progress: OnProgress,
    ) -> list[str]:
        """Asks one round's questions, which are at those places; returns the jobs that failed."""
        failed: list[str] = []

        def heard(job: CellJob, result: CellResult | Exception) -> None:
            if isinstance(result, Exception):
                failed.append(job.key)
                on_done(asking[job.key], result)
            else:
                said[job.key].take(places[job.key], result)

        self.trainer.run(jobs, heard, lambda shares: on_progress({key: share * done for key, done in shares.items()}))
        return failed

    def _end(self, order: Sequence[int], begin: int) -> int:
        """Where a round ends: not within a family."""
        end = min(len(order), begin + -(-len(order) // LOOKS))
        while (
            end < len(order)
            and self.families[order[end]] is not None
            and (self.families[order[end]] == self.families[order[end - 1]])
        ):
            end += 1
        return end

    def _ended(self, seen: Sequence[int], asking: Mapping[str, CellJob], said: Mapping[str, _Said]) -> dict[str, str]:
        """Who is asked no more, and why."""
        found: dict[str, str] = {}
        families = [self.families[at] for at in seen]
        for race in dict.fromkeys(self.race_of(key) for key in asking):
            # All that began: of one that was stopped, what it has answered until then.
            outcomes = {key: one.outcomes(seen, self.scored) for key, one in said.items() if self.race_of(key) == race}
            left = [key for key in asking if self.race_of(key) == race]
            if self.rules.losers:
                beaten = clear_losers(outcomes, families)
                found |= {key: f"beaten by {beaten[key]}" for key in left if key in beaten}
            rest = [key for key in left if key not in found]
            if (
                self.rules.futile
                and len(rest) > 1
                and all(is_futile(votes(outcomes[a], outcomes[b], families)) for a, b in combinations(rest, 2))
            ):
                found |= dict.fromkeys(rest, "nobody is ahead")
        return found


def order_of(families: Sequence[str | None]) -> list[int]:
    """The places of the items in the order in which they are asked: drawn, families together."""
    groups: dict[object, list[int]] = {}
    for at, name in enumerate(families):
        groups.setdefault(at if name is None else name, []).append(at)
    drawn = list(groups.values())
    random.Random(DRAW).shuffle(drawn)
    return [at for group in drawn for at in group]


class _Said:
    """What one job's adapter has answered so far, by the item's place; read from its folder where it began before."""

    def __init__(self, job: CellJob) -> None:
        self._file = Path(job.out) / FILE
        self._questions = len(job.questions)
        self._mark = job_mark(job)
        known = read_json(self._file) or {}
        known = known if known.get("job") == self._mark else {}
        self.answers: dict[int, str] = {int(at): text for at, text in known.get("answers", {}).items()}
        self._gold: dict[int, GoldLikelihood | None] = {
            int(at): None if one is None else GoldLikelihood(**one) for at, one in known.get("gold", {}).items()
        }
        self._seconds = float(known.get("seconds", 0.0))
        self._cut, self._unended = int(known.get("cut", 0)), int(known.get("unended", 0))
        self._last: CellResult | None = None

    def take(self, places: Sequence[int], result: CellResult) -> None:
        """The answers to the items at these places."""
        for number, at in enumerate(places):
            self.answers[at] = result.answers[number]
            if result.gold:
                self._gold[at] = result.gold[number]
        self._seconds += result.answer_seconds
        self._cut, self._unended = self._cut + result.cut_prompts, self._unended + result.unended
        self._last = result
        write_json(
            self._file,
            {
                "job": self._mark,
                "answers": self.answers,
                "gold": {at: None if one is None else asdict(one) for at, one in self._gold.items()},
                "seconds": self._seconds,
                "cut": self._cut,
                "unended": self._unended,
            },
        )

    def outcomes(self, seen: Sequence[int], scored: Scored) -> list[float | None]:
        """Scores of the items seen so far, in that order, up to the first that was not asked."""
        found: list[float | None] = []
        for at in seen:
            if at not in self.answers:
                break
            found.append(scored(at, self.answers[at]))
        return found

    def result(self, why: str) -> CellResult:
        """Everything that was said, as one result."""
        if self._last is None:
            raise RuntimeError("a job that was never run has no result")
        places = range(self._questions)
        return replace(
            self._last,
            answers=tuple(self.answers.get(at, "") for at in places),
            gold=tuple(self._gold.get(at) for at in places) if self._gold else (),
            answer_seconds=self._seconds,
            cut_prompts=self._cut,
            unended=self._unended,
            unasked=tuple(at for at in places if at not in self.answers),
            stopped=why,
        )


def _part(job: CellJob, places: Sequence[int]) -> CellJob:
    """The job with those questions alone; nothing is validated twice."""
    return replace(
        job,
        questions=tuple(job.questions[at] for at in places),
        golds=tuple(job.golds[at] for at in places) if job.golds else (),
    )
