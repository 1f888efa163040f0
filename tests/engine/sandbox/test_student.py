"""The sandbox student: its tokenizer gives back what it was given, and the shipped weights can do a little."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from engine.domain import CellJob, Outcome, Recipe, TrainingExample
from engine.sandbox import language, problems
from engine.sandbox.maths import HARD, sample_easy
from engine.sandbox.pretrain import SUMS_A_DOCUMENT, documents, pretrain, random_sum
from engine.sandbox.recipe import SANDBOX_RECIPE
from engine.sandbox.student import build_model, build_tokenizer
from engine.sandbox.world import held_out, seeds, test_items
from engine.student import check_student
from engine.tasks.math import TASK
from engine.training import run_job

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return build_tokenizer()


def test_decoding_gives_back_the_text_of_the_world(tokenizer: PreTrainedTokenizerFast) -> None:
    rng = random.Random(0)
    for _ in range(500):
        problem = problems.sample_problem(rng)
        text = f"{language.write(problem, rng)}\n{language.worked(problem, rng)}"
        ids = tokenizer(text).input_ids
        assert tokenizer.unk_token_id not in ids, text
        assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_every_sentence_and_line_is_within_its_vocabulary(tokenizer: PreTrainedTokenizerFast) -> None:
    rng = random.Random(0)
    for kind, templates in language.SENTENCES.items():
        for template in templates:
            for _ in range(20):
                part = problems.Part(kind, problems._numbers(kind, rng))
                text = language.sentence(template, problems.sample_scene(rng), part)
                assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_a_number_is_one_token_wherever_it_stands_and_other_words_are_unknown(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    assert tokenizer.convert_ids_to_tokens(tokenizer("42 = 42").input_ids) == ["42", "▁=", "▁", "42"]
    assert tokenizer.convert_ids_to_tokens(tokenizer("= 407").input_ids) == ["=", "▁", "40", "7"]
    assert tokenizer.decode(tokenizer("#### 42").input_ids) == "#### 42"
    assert set(tokenizer("Grüße 日本").input_ids) == {tokenizer.unk_token_id}


def test_the_shipped_tokenizer_is_the_one_that_is_built(tokenizer: PreTrainedTokenizerFast) -> None:
    shipped = AutoTokenizer.from_pretrained(check_student("sandbox").path)
    assert shipped.get_vocab() == tokenizer.get_vocab()
    assert shipped.eos_token == tokenizer.eos_token
    assert not shipped.chat_template
    text = "Mia has 12 apples.\n#### 12"
    assert shipped.decode(shipped(text).input_ids) == text


def test_pretraining_shows_no_held_out_problem_and_nothing_hard_solved() -> None:
    rng = random.Random(0)
    for _ in range(200):
        problem = sample_easy(rng)
        assert not held_out(problem)
        assert not HARD & set(problem.kinds)
    assert all(problems.LOW <= random_sum(rng).result <= problems.HIGH for _ in range(500))


def test_of_a_sum_only_the_result_is_learnt_and_of_a_problem_only_the_answer(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    source = documents(tokenizer, random.Random(0))
    sums = answers = 0
    for document in (next(source) for _ in range(200)):
        said = tokenizer.decode([i for i, learnt in zip(document.ids, document.learnt, strict=True) if learnt])
        if said.endswith(tokenizer.eos_token):
            assert "?" not in said
            answers += 1
        elif not all(document.learnt):  # a question without an answer is learnt whole
            assert len(said.split()) == SUMS_A_DOCUMENT
            sums += 1
    assert sums > 5
    assert answers > 10


def test_pretraining_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pretrain(2, 0, tmp_path / name)
    a, b = (load_file(tmp_path / name / "model.safetensors") for name in "ab")
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_the_student_has_about_a_million_parameters(tokenizer: PreTrainedTokenizerFast) -> None:
    assert build_model(0, len(tokenizer)).num_parameters() == check_student("sandbox").parameters
    assert "engine.sandbox.pretrain" in (Path(check_student("sandbox").path) / "README.md").read_text()


def answered(examples: int, out: Path, items: int, recipe: Recipe = SANDBOX_RECIPE) -> float:
    tests = test_items(items)
    job = CellJob(
        key="cell",
        student="sandbox",
        examples=tuple(TrainingExample(TASK.student_prompt(i.question), i.answer) for i in seeds(examples, 12345)),
        recipe=recipe,
        seed=0,
        questions=tuple(TASK.student_prompt(item.question) for item in tests),
        max_new_tokens=150,
        out=str(out),
    )
    answers = run_job(job).answers
    scores = [TASK.score(item.answer, reply) for item, reply in zip(tests, answers, strict=True)]
    return sum(score.outcome is Outcome.RIGHT for score in scores) / items


def test_the_shipped_student_solves_some_problems_but_not_most(tmp_path: Path) -> None:
    assert 0.2 < answered(0, tmp_path, 150) < 0.5


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_much_good_data_makes_it_solve_nearly_all(tmp_path: Path) -> None:
    """So much data bears a higher rate than a pilot's: 88.7 % measured at 6e-3, about a quarter of an hour."""
    assert answered(16_000, tmp_path, 300, replace(SANDBOX_RECIPE, learning_rate=6e-3)) > 0.85
