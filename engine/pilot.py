"""Runs a prepared pilot: generate, curate, train, answer, score, record.

The order of things is the way of the data: pools first (one per strategy and seed count, generated
once at the largest budget), then every cell as a prefix of its pool. Everything that is done is found
again on resume: replies in the ledger, results in the store, so a pilot that was killed anywhere goes
on where it was. Collaborators are arguments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from engine.adaptive import Step, next_step, walk, weighed
from engine.beside import beside, needs_no_query
from engine.costs import calls_per_example
from engine.domain import (
    MATCHED_STEPS,
    UNTRAINED,
    Baseline,
    Cell,
    Score,
    Strategy,
    Teacher,
    Trainer,
)
from engine.errors import SeedPilotError
from engine.generation import Generator
from engine.ledger import Ledger, account
from engine.matched_steps import anchor_of, seeds_alone
from engine.measuring import ANSWERING, Measuring, Own, Pools
from engine.nothing_kept import TRIAL
from engine.paid_work import PaidWork
from engine.pilot_worth import situation_of
from engine.pools import none_kept
from engine.prepare import Prepared
from engine.rate_choice import settle
from engine.smoke import Smoke, smoke, worth_trying
from engine.stopping import STOP, Stopped, deaf_to_stop
from engine.store import Store
from engine.teacher_gate import not_above, paired_lead
from engine.training_set import asked_by
from engine.variants import pool_of, visits_of

NOT_RUN = "not run: you stopped the pilot before it was trained"


class Pilot:
    """One run of one prepared pilot."""

    def __init__(
        self,
        prepared: Prepared,
        *,
        run_id: str,
        teacher: Teacher,
        trainer: Trainer,
        store: Store,
        ledger: Ledger,
        check: Callable[[], None],
        augmenter: Generator | None = None,
        others: Mapping[str, Generator] | None = None,
    ) -> None:
        """`others` are further teachers by the names that the plan's variants and its judge use."""
        self.prepared = prepared
        self.run_id = run_id
        self.trainer = trainer
        self.store = store
        self.ledger = ledger
        self.check = check
        self.folder = store.folder(run_id)
        self._taken: list[Cell] = []
        """Cells that were bought step by step."""
        self.paid = PaidWork(run_id, teacher, store, ledger, check, augmenter, others or {})
        asked = asked_by((*prepared.seeds, *prepared.inputs))
        self.measuring = Measuring(run_id, trainer, store, check, self._scores, asked, self.paid.given_up)

    def run(self) -> str:
        """Runs what is left; returns what the user should know at the end (empty: nothing special)."""
        try:
            return self._to_its_end()
        except Stopped as stopped:
            if stopped.request != STOP:
                raise
            return self._kept()

    def _kept(self) -> str:
        """Stop and keep: what is trained is answered and scored, the rest is not run and says so."""
        check = self.check = deaf_to_stop(self.check)
        self.paid.check = self.measuring.check = check
        self.measuring.measure_trained(self.prepared)
        rows = self.store.cells(self.run_id)
        for row in rows:
            if row.state == "waiting":
                self.store.end_cell(self.run_id, row.cell, "skipped", NOT_RUN)
        counts = Counter(row.state for row in rows)
        parts = [
            f"{counts['done']} of {len(rows)} cells are measured",
            *([f"{counts['waiting']} were not run"] if counts["waiting"] else []),
            *([f"{counts['failed']} failed"] if counts["failed"] else []),
            *([f"{counts['skipped']} were left out before that"] if counts["skipped"] else []),
        ]
        return f"Stopped by you, and what was trained is kept: {', '.join(parts)}."

    def _to_its_end(self) -> str:
        self.store.plan_cells(self.run_id, self.prepared.cells)
        self.ledger.close_open_reservations()
        tried = self._smoke()
        if self.prepared.student.parameters is None:
            self._try_student()
        # A teacher that cannot be asked is known before anything is trained.
        self.paid.teacher_cell(self.prepared)
        recipe = settle(self.prepared, self.trainer, self.folder, self.check)
        self.prepared = replace(self.prepared, recipe=recipe)
        self._try_teacher()
        self.paid.guide(self.prepared, self.trainer)
        steps = weighed(self.prepared.plan, self.prepared.cells)
        why = "" if not steps else self._step_by_step(steps)
        rest = [cell for cell in self.prepared.cells if cell not in steps and cell.variant != MATCHED_STEPS]
        pools, ended = self._generate(rest, [*self._taken, *rest])
        # Where no strategy is left to measure, the control's steps are known, and it need not wait for the others.
        control = self._control() if steps else {}
        self._train([*control, *rest], pools, ended, control)
        why = why or ended
        if not steps:
            control = self._control()
            self._train(list(control), {}, "", control)
        failed = [row for row in self.store.cells(self.run_id) if row.state == "failed"]
        ours = [row for row in self.store.cells(self.run_id) if row.cell.arm != Baseline.TEACHER]
        if failed and len(failed) == sum(row.cell.variant != MATCHED_STEPS for row in ours):
            raise SeedPilotError(f"every cell failed; the first said: {failed[0].message}")
        given_up = dict.fromkeys(self.paid.given_up.values())
        notes = [*([why] if why else []), *given_up, *([tried.told] if tried else [])]
        reused = self.prepared.estimate.queries - account(self.store, self.run_id).settled
        if reused > 0 and not why and not given_up and not steps:
            notes.append(f"{reused} replies were there already, paid for by earlier runs.")
        if failed:
            notes.append(f"{len(failed)} cells failed; the first said: {failed[0].message}")
        return " ".join(notes)

    def _step_by_step(self, menu: Sequence[Cell]) -> str:
        """Measures what is worth its price; returns why it ended before the grid did (empty: it did not)."""
        plan = self.prepared.plan
        # The seeds alone are what every strategy is measured against: they come first.
        alone = [c for c in self.prepared.cells if c.arm == Baseline.SEEDS_ONLY and c.variant != MATCHED_STEPS]
        self._train(alone, {}, "")
        situation = situation_of(self.prepared)

        def decide(waiting: Sequence[Cell]) -> Step:
            self.store.progress(self.run_id, "Choosing what to measure next", 0, 1)
            self.check()
            rows = self.store.cells(self.run_id)
            measured = [row.measurement for row in rows if row.measurement is not None and row.measurement.scored]
            bought = {
                strategy: sum(
                    max((self._asked(c) for c in taken if c.arm is strategy and c.seeds == size), default=0)
                    for size in {c.seeds for c in menu}
                )
                for strategy in plan.grid.strategies
            }
            # What nothing is kept of is not worth another look.
            hopeful = [cell for cell in waiting if pool_of(plan, cell) not in self.paid.given_up]
            tried = replace(situation, none_kept=none_kept(self.store.pools(self.run_id)))
            step = next_step(tried, measured, hopeful, bought)
            if not hopeful:
                step = replace(step, why="Nothing is kept of any strategy whose cells are left.")
            chosen = [cell for cell in menu if cell.key in step.cells]
            settled = {row.cell.key for row in rows if row.state != "waiting"}
            ready = [
                cell
                for key, cell in in_any_case.items()
                if key not in settled and needs_no_query(plan, cell, [*taken, *chosen])
            ]
            found = beside(chosen, ready, self._steps, self.trainer.processes) if chosen else ()
            return replace(step, beside=tuple(cell.key for cell in found))

        taken = self._taken
        in_any_case = {cell.key: cell for cell in self.prepared.cells if cell not in menu}

        def measure(step: Step, chosen: Sequence[Cell], so_far: Sequence[Cell]) -> str:
            taken[:] = so_far
            together = [*chosen, *(in_any_case[key] for key in step.beside)]
            done = {row.cell.key for row in self.store.cells(self.run_id) if row.state == "done"}
            if all(cell.key in done for cell in together):  # a resumed run passes by what it has
                return ""
            pools, why = self._generate(together, [*so_far, *together])
            self._train(together, pools, why)
            return why

        why, left = walk(self.folder, menu, decide, measure)
        for cell in left:
            self.store.end_cell(self.run_id, cell, "skipped", why)
        return f"{why} {len(menu) - len(left)} of {len(menu)} cells were measured." if left else why

    def _asked(self, cell: Cell) -> int:
        """Queries that the cell's pool was given for it: no more than the trial's, where nothing of it was kept."""
        if pool_of(self.prepared.plan, cell) not in self.paid.given_up:
            return cell.budget
        return min(cell.budget, TRIAL * calls_per_example(Strategy(cell.arm)))

    def _steps(self, cell: Cell) -> int:
        """What a cell takes, in optimizer steps."""
        if cell.arm in UNTRAINED:
            return ANSWERING
        visits = visits_of(self.prepared.plan, cell.arm, cell.budget) if isinstance(cell.arm, Strategy) else 0
        return self.prepared.recipe.steps(cell.seeds + visits)

    def _smoke(self) -> Smoke | None:
        """One request that the teacher is going to be asked anyway, and one step of training and answering."""
        ready = self.prepared
        if not worth_trying(ready.estimate.memory, ready.student.parameters):
            return None
        self.store.progress(self.run_id, "Trying one step of everything", 0, 1)
        self.paid.try_teacher(ready)
        return smoke(ready, self.trainer, self.folder, self.check)

    def _try_student(self) -> None:
        """Measures the untuned student first: one that only the hub has may not load, and that should be
        known before a query is paid."""
        self._train([cell for cell in self.prepared.cells if cell.arm == Baseline.UNTUNED], {}, "")
        untuned = next(row for row in self.store.cells(self.run_id) if row.cell.arm == Baseline.UNTUNED)
        if untuned.state == "failed":
            raise SeedPilotError(untuned.message)

    def _try_teacher(self) -> None:
        """Measures the teacher and the seeds-only student before a strategy is paid; SeedPilotError where the teacher
        is no better on the test items that both answered. Replicates come along: one alone would leave cores idle."""
        arms = {row.cell.arm: row for row in self.store.cells(self.run_id) if row.state == "done"}
        if Baseline.TEACHER not in arms:
            return
        most = max(cell.seeds for cell in self.prepared.cells if cell.arm is Baseline.SEEDS_ONLY)
        best = Cell(Baseline.SEEDS_ONLY, most, 0, 0)
        alone = [cell for cell in self.prepared.cells if replace(cell, replicate=0) == best]
        self._train(alone, {}, "")
        student = next(row for row in self.store.cells(self.run_id) if row.cell == best)
        lead = paired_lead(arms[Baseline.TEACHER].outcomes, student.outcomes)
        if lead is not None and lead.stops:
            raise SeedPilotError(f"{not_above(lead)} To go on all the same, set test.teacher_items = 0.")

    # --- cells --------------------------------------------------------------------------------------

    def _control(self) -> Own:
        """The seeds alone for the steps of the largest cell that was measured; nothing where there is none."""
        cell = next((cell for cell in self.prepared.cells if cell.variant == MATCHED_STEPS), None)
        if cell is None:
            return {}
        rows = self.store.cells(self.run_id)
        anchor, alone = anchor_of(rows), seeds_alone(rows, cell.seeds)
        if anchor is None or alone is None:
            self.store.end_cell(self.run_id, cell, "skipped", "there is no measured cell whose steps it could take")
        elif anchor.detail["steps"] <= alone.detail["steps"]:
            self.store.end_cell(self.run_id, cell, "skipped", "no cell took more steps than the seeds alone")
        else:
            recipe = replace(self.prepared.recipe, min_steps=anchor.detail["steps"])
            return {cell: (recipe, {"anchor": anchor.cell.key})}
        return {}

    def _generate(self, cells: Sequence[Cell], so_far: Sequence[Cell]) -> tuple[Pools, str]:
        pools, second, why = self.paid.pools(self.prepared, cells, so_far)
        self.measuring.second |= second
        return pools, why

    def _train(self, chosen: Sequence[Cell], pools: Pools, why: str, own: Own | None = None) -> None:
        self.measuring.measure(self.prepared, chosen, pools, why, own)

    def _scores(self, replies: Sequence[str | None]) -> list[Score]:
        """Of replies to all test items."""
        return self.paid.scores(self.prepared, replies)
