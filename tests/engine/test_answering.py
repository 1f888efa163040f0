"""A pack's adapters answer on one base in memory, each as if it were alone, with the gold answers' likelihood."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine import answering, inference
from engine.domain import CellJob, CellResult, Message, Recipe, TrainingExample
from engine.inference import answer
from engine.likelihood import gold_likelihoods
from engine.loading import load
from engine.training import run_job, run_jobs
from tests.small_students import build_tiny_student

torch.set_num_threads(1)
QUESTIONS = tuple((Message("user", f"Say {word}."),) for word in ("yes", "no", "perhaps"))
GOLDS = ("yes", "no", "")
EXAMPLES = tuple(
    TrainingExample((Message("user", f"Say {word}."),), word) for word in ("yes", "no", "well", "so", "if", "or")
)
RECIPE = Recipe(learning_rate=1e-2, batch_size=4, epochs=1, min_steps=6, rank=4, alpha=8, max_length=128)


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny", context=96)


@pytest.fixture(scope="module")
def jobs(student: Path, tmp_path_factory: pytest.TempPathFactory) -> list[CellJob]:
    folder = tmp_path_factory.mktemp("cells")
    first = CellJob("0", str(student), EXAMPLES, RECIPE, 0, QUESTIONS, 8, str(folder / "0"), golds=GOLDS)
    others = [replace(first, key=str(n), seed=n, out=str(folder / str(n))) for n in (1, 2)]
    return [replace(first, key="untuned", examples=(), out=str(folder / "u")), first, *others]


@pytest.fixture(scope="module")
def told(jobs: list[CellJob]) -> dict[str, CellResult]:
    found: dict[str, CellResult | Exception] = {}
    run_jobs(jobs, lambda job, result: found.update({job.key: result}))
    assert not [one for one in found.values() if isinstance(one, Exception)]
    return found  # type: ignore[return-value]


def test_each_adapter_says_what_it_says_alone_on_a_base_of_its_own(
    told: dict[str, CellResult], jobs: list[CellJob]
) -> None:
    assert list(told) == ["untuned", "0", "1", "2"]
    for job in jobs:
        adapter = told[job.key].adapter
        alone = load(job.student, None if adapter is None else Path(adapter))
        assert told[job.key].answers == answer(alone, QUESTIONS, 8)
        assert told[job.key].gold == gold_likelihoods(alone, QUESTIONS, GOLDS)
    assert told["0"].gold != told["untuned"].gold, "training moved it"


def test_gold_answers_have_their_likelihood_beside_the_reply_and_on_the_disk(
    told: dict[str, CellResult], jobs: list[CellJob]
) -> None:
    first, _, none = told["0"].gold
    assert first is not None
    assert first.tokens == 4, "three bytes and the end of text"
    assert first.log_likelihood < 0
    assert none is None, "an empty gold has no likelihood"
    assert run_job(jobs[1]) == told["0"], "what the folder holds is the same"
    assert told["0"].cut_prompts == 0
    assert 0 <= told["0"].unended <= len(QUESTIONS)


def test_the_base_is_loaded_once_for_all_of_them(
    told: dict[str, CellResult], jobs: list[CellJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []
    monkeypatch.setattr(answering, "load", lambda name: loads.append(name) or load(name))
    asked = [(job, None if (a := told[job.key].adapter) is None else Path(a)) for job in jobs]
    found = {job.key: one for job, one in answering.answers_each(asked, lambda *_: None)}
    assert len(loads) == 1
    assert {key: one.replies.texts for key, one in found.items() if not isinstance(one, Exception)} == {
        key: one.answers for key, one in told.items()
    }


def test_few_questions_share_a_batch_and_say_the_same(
    told: dict[str, CellResult], jobs: list[CellJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = []
    real = inference._replies_mixed
    monkeypatch.setattr(inference, "_replies_mixed", lambda *given: mixed.append(1) or real(*given))
    asked = [(job, None if (a := told[job.key].adapter) is None else Path(a)) for job in jobs]
    for job, one in answering.answers_each(asked, lambda *_: None):
        assert isinstance(one, answering.Answered)
        assert one.replies.texts == told[job.key].answers
    assert mixed == [1]


def test_a_student_without_a_chat_template_ends_where_its_job_says_and_one_with_a_template_does_not(
    told: dict[str, CellResult], jobs: list[CellJob], tmp_path: Path
) -> None:
    untuned = next(one for one in told["untuned"].answers if len(one) > 3)
    stop = untuned[2]
    job = replace(jobs[0], stop=(stop,), out=str(tmp_path / "plain"))
    cut = tuple(one.partition(stop)[0].strip() for one in told["untuned"].answers)
    assert run_job(job).answers == cut != told["untuned"].answers
    student = tmp_path / "student"
    shutil.copytree(job.student, student)
    (student / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}\n{% endfor %}")
    chatting = replace(job, student=str(student), out=str(tmp_path / "chat"))
    assert run_job(chatting).answers == run_job(replace(chatting, stop=(), out=str(tmp_path / "free"))).answers


def test_an_adapter_that_cannot_be_read_fails_alone(told: dict[str, CellResult], jobs: list[CellJob]) -> None:
    asked = [(jobs[1], Path("/nowhere")), (jobs[0], None)]
    (_, broken), (_, whole) = answering.answers_each(asked, lambda *_: None)
    assert isinstance(broken, Exception)
    assert isinstance(whole, answering.Answered)
    assert whole.replies.texts == told["untuned"].answers
