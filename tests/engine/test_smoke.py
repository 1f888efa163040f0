"""One step of everything is tried before a large or unknown student is trained, and what it took is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from engine import estimate, full_prepare, worker
from engine import smoke as module
from engine.domain import CellJob, OnCellDone, OnProgress
from engine.errors import SeedPilotError, StudentError
from engine.full_prepare import prepare_full
from engine.ledger import account
from engine.machine_fit import Machine, fit
from engine.plan import check_plan
from engine.prepare import Prepared, prepare
from engine.records import RunState
from engine.runs import file_full
from engine.smoke import ANSWERED, job_of, longest_rows, smoke, worth_trying
from engine.store import Store
from engine.student import check_student
from engine.trainer import LocalTrainer
from engine.training import as_row
from tests.openai_server import serving
from tests.pilots import ticket_plan
from tests.small_students import build_tiny_student, build_tiny_tokenizer
from tests.voices import TicketReader

TINY = Machine("cpu", 10**9, 10**9)


@pytest.fixture(scope="module")
def ready() -> Prepared:
    """The sandbox's plan, on a machine that is small enough for its student to matter."""
    found = prepare(check_plan({"max_new_tokens": 32, "training": {"batch_size": 4, "max_length": 200}}))
    assert found.student.shape is not None
    memory = fit(found.student.shape, found.recipe, found.student.context, 32, TINY)
    return replace(found, estimate=replace(found.estimate, memory=memory))


class Broken:
    """A trainer whose memory ends."""

    def run(self, jobs: list[CellJob], on_done: OnCellDone, on_progress: OnProgress) -> None:
        on_done(jobs[0], StudentError("student x and a batch of 4 do not fit into this machine's memory"))


def rows_of(prepared: Prepared) -> list[int]:
    """Tokens of each row of the step, as training counts them; none is left out there."""
    tokenizer = AutoTokenizer.from_pretrained(prepared.student.path)
    job = job_of(prepared, longest_rows(prepared), Path("out"))
    return [len(as_row(tokenizer, example, 0).ids) for example in job.examples]


def test_a_step_of_the_longest_row_and_seeds_and_a_batch_of_the_longest_items(ready: Prepared, tmp_path: Path) -> None:
    job = job_of(ready, longest_rows(ready), tmp_path)
    assert job.recipe.steps(len(job.examples)) == 1
    assert len(job.examples) == job.recipe.batch_size == 4
    longest = max(ready.seeds, key=lambda seed: len(seed.asked + seed.answer))
    assert job.examples[1].completion == longest.answer
    assert len(job.questions) == ANSWERED
    assert max(len(item.asked) for item in ready.test) <= len(job.questions[0][0].content)


def test_one_row_is_as_long_as_the_recipe_and_the_context_allow(ready: Prepared, tmp_path: Path) -> None:
    assert 196 <= rows_of(ready)[0] <= 200 < (ready.student.context or 0)
    assert max(rows_of(ready)[1:]) < 196, "no seed is so long"
    short = check_student(str(build_tiny_student(tmp_path / "short", context=160)))
    seeds = tuple(seed for seed in ready.seeds if len(seed.asked + seed.answer) < 150)
    assert 156 <= rows_of(replace(ready, student=short, seeds=seeds))[0] <= 160
    templated = check_student(str(build_tiny_student(tmp_path / "templated", chat_template=True)))
    room = replace(ready, student=templated, recipe=replace(ready.recipe, max_length=1000))
    first, second, *_ = rows_of(room)
    assert 1000 - 64 <= first <= 1000, "what the template adds has its place"
    assert 1000 - 256 <= second < first


def test_a_template_that_says_a_lot_leaves_the_second_row(ready: Prepared, tmp_path: Path) -> None:
    tokenizer = build_tiny_tokenizer(chat_template=True)
    tokenizer.chat_template = f"{'You are a careful helper. ' * 5}{tokenizer.chat_template}"
    folder = build_tiny_student(tmp_path / "wordy")
    tokenizer.save_pretrained(folder)
    recipe = replace(ready.recipe, max_length=1000, batch_size=1)
    wordy = replace(ready, student=check_student(str(folder)), recipe=recipe)
    first, second, *_ = rows_of(wordy)
    assert first > 1000 >= second
    with LocalTrainer(1) as trainer:
        found = smoke(wordy, trainer, tmp_path, lambda: None)
    assert found is not None
    assert found.tokens == 1000 - 256
    assert "a training step with a row of 744 tokens took" in found.told


def test_a_batch_that_is_known_not_to_fit_is_tried_in_parts(ready: Prepared, tmp_path: Path) -> None:
    def parts(of: Prepared) -> int:
        return job_of(of, longest_rows(of), tmp_path).recipe.gradient_accumulation

    assert parts(ready) == 1
    assert ready.estimate.memory is not None
    wide = replace(ready, recipe=replace(ready.recipe, batch_size=512))
    found = parts(wide)
    assert 1 < found < 512
    assert ready.student.shape is not None

    def takes(parts: int) -> int:
        recipe = replace(wide.recipe, gradient_accumulation=parts)
        return fit(ready.student.shape, recipe, ready.student.context, 32, TINY).training_bytes  # type: ignore[arg-type]

    assert takes(found) <= TINY.usable < takes(found // 2)
    unknown = replace(ready, student=replace(ready.student, shape=None))
    assert parts(unknown) == 4, "of what nothing is known, one row at a time"


def test_it_is_tried_once_and_told(ready: Prepared, tmp_path: Path) -> None:
    with LocalTrainer(1) as trainer:
        found = smoke(ready, trainer, tmp_path, lambda: None)
    assert found is not None
    assert found.step_seconds > 0
    assert found.answer_seconds > 0
    assert "GB were estimated" in found.told
    assert "a training step with a row of 196 tokens took" in found.told, "and it was not left out as too long"
    assert smoke(ready, Broken(), tmp_path, lambda: None) == found, "a resumed run reads what it took"


def test_what_fails_ends_the_run_with_the_cause(ready: Prepared, tmp_path: Path) -> None:
    with pytest.raises(SeedPilotError, match=r"before anything is paid, and failed: student x .* memory"):
        smoke(ready, Broken(), tmp_path, lambda: None)
    assert not (tmp_path / module.FILE).exists()


def test_a_student_that_is_small_beside_the_machine_is_not_tried(ready: Prepared, tmp_path: Path) -> None:
    memory = ready.estimate.memory
    assert memory is not None
    assert worth_trying(memory, 1000)
    large = replace(memory, machine=Machine("cpu", 10**12, 10**12))
    assert not worth_trying(large, 1000)
    assert worth_trying(None, None), "of a student on the hub nothing is known"
    small = replace(ready, estimate=replace(ready.estimate, memory=large))
    assert smoke(small, Broken(), tmp_path, lambda: None) is None


def full_plan(url: str, student: Path, folder: Path) -> dict[str, Any]:
    full = {"spending": {"new_question": 12}, "folder": str(folder), "train": True, "held_out": True}
    test = {"holdout": 40, "teacher_items": 0, "draw": "b"}
    return ticket_plan(url, student, full=full, test=test, grid={"budgets": [12], "strategies": ["new_question"]})


@pytest.fixture
def small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is small enough for a tiny student to matter."""
    for one in (estimate, full_prepare):
        monkeypatch.setattr(one, "this_machine", lambda: TINY)


@pytest.mark.usefixtures("small_machine")
def test_a_full_run_tries_its_student_before_it_asks_anything(store: Store, student: Path, tmp_path: Path) -> None:
    tried: list[bool] = []
    reader = TicketReader()

    def answers(messages: list[dict[str, str]]) -> str:
        tried.append(bool(list(store.home.glob(f"*/{module.FILE}"))))
        return reader(messages)

    with serving(answers) as server:
        run_id = file_full(prepare_full(check_plan(full_plan(server.base_url, student, tmp_path / "d"))), store, print)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
    assert len(tried) > 2
    assert all(tried)
    assert "a training step with a row of 396 tokens took" in store.run(run_id).message
    card = (tmp_path / "d" / "README.md").read_text(encoding="utf-8")
    assert "One step of everything" not in card


@pytest.mark.usefixtures("small_machine")
def test_a_full_run_whose_student_does_not_load_asks_nothing(store: Store, tmp_path: Path) -> None:
    broken = build_tiny_student(tmp_path / "broken")
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-5000])  # a download that broke off
    with serving(TicketReader()) as server:
        run_id = file_full(prepare_full(check_plan(full_plan(server.base_url, broken, tmp_path / "d"))), store, print)
        assert worker.run(run_id, store) == RunState.FAILED
        assert server.answered == 0
    assert "one step of everything was tried before anything is paid, and failed: " in store.run(run_id).message
    assert account(store, run_id).queries == 0
