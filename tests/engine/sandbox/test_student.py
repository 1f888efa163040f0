"""The sandbox student: its tokenizer gives back what it was given, and the shipped weights can do a little."""

from __future__ import annotations

import random
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from engine.domain import CellJob, Outcome, Recipe, TrainingExample
from engine.errors import InputError
from engine.sandbox import language, problems
from engine.sandbox.catalogue import NAMES, world_of
from engine.sandbox.documents import MIX, SUMS_A_DOCUMENT, TEXTS, documents, random_sum
from engine.sandbox.maths import HARD, sample_easy
from engine.sandbox.measure import right_answers
from engine.sandbox.pretrain import BATCHES_DRAWN, Making, begun, pretrain
from engine.sandbox.recipe import SANDBOX_RECIPE
from engine.sandbox.student import HEAD, build_model, build_tokenizer
from engine.sandbox.world import held_out, seeds, test_items
from engine.sandbox.worlds import WEAK
from engine.student import check_student
from engine.tasks import task_from
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
    source = documents(tokenizer, random.Random(0), {"maths": 1.0})
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


def test_the_base_of_facts_is_told_in_texts_and_in_more_of_them_than_another_world_has(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    def whole(world: str) -> float:
        source = documents(tokenizer, random.Random(0), {world: 1.0})
        return sum(all(next(source).learnt) for _ in range(300)) / 300

    assert whole("facts") == pytest.approx(TEXTS["facts"], abs=0.08)
    assert whole("open") == pytest.approx(MIX["texts"], abs=0.04)


def test_a_student_may_be_of_another_size(tmp_path: Path) -> None:
    pretrain(Making({"maths": 1.0}, 1, batch=2, width=2 * HEAD, layers=1), tmp_path)
    config = AutoModelForCausalLM.from_pretrained(tmp_path).config
    assert (config.hidden_size, config.num_hidden_layers, config.head_dim) == (2 * HEAD, 1, HEAD)


def test_pretraining_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pretrain(Making({"maths": 1.0, "sql": 1.0}, 2, batch=4), tmp_path / name)
    a, b = (load_file(tmp_path / name / "model.safetensors") for name in "ab")
    assert all(torch.equal(a[key], b[key]) for key in a)


class StoppedError(Exception):
    """Somebody stops the work."""


def test_a_stopped_pretraining_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    making = Making({"maths": 1.0}, BATCHES_DRAWN + 3, batch=2)
    pretrain(making, tmp_path / "whole")
    left = iter(range(BATCHES_DRAWN + 2))

    def check() -> None:
        if next(left, None) is None:
            raise StoppedError

    with pytest.raises(StoppedError):
        pretrain(making, tmp_path / "parts", checkpoint_s=0.0, check=check)
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    with pytest.raises(InputError, match="made otherwise"):
        pretrain(replace(making, seed=1), tmp_path / "parts")
    steps = iter(range(3))
    pretrain(making, tmp_path / "parts", check=lambda: [None][next(steps) // 3])  # three steps are left, no more
    whole, parts = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    assert not (tmp_path / "parts" / "checkpoint").exists()


def test_a_student_may_begin_with_anothers_weights_word_by_word() -> None:
    shipped = check_student("sandbox").path
    old = load_file(Path(shipped) / "model.safetensors")
    known = AutoTokenizer.from_pretrained(shipped).get_vocab()
    model, tokenizer = begun(Making({"sql": 1.0}, 1, start=shipped))
    found = model.state_dict()
    assert torch.equal(found["model.layers.0.mlp.up_proj.weight"], old["model.layers.0.mlp.up_proj.weight"])
    table = found["model.embed_tokens.weight"]
    assert len(table) == len(tokenizer) > len(known)
    for word in ("▁How", "▁many", "42", "?"):
        row = tokenizer.get_vocab()[word]
        assert torch.equal(table[row], old["model.embed_tokens.weight"][known[word]])


@pytest.mark.parametrize("name", NAMES)
def test_every_text_of_a_world_is_made_of_tokens_and_comes_back(name: str) -> None:
    """Prompts, answers and questions, right and flawed, of seeds, tests, pretraining and a weak augmenter."""
    world = world_of(name)
    task = task_from(tomllib.loads(world.task), world.folder, name)
    tokenizer = build_tokenizer(world.words())
    rng = random.Random(0)
    texts = []
    for item in (*world.seeds(100), *world.test_items(100)):
        problem = world.read(item.question, rng)
        answers = [task.parse_answer(world.answered(problem, rng, flawed=flawed)) for flawed in (False, True)]
        asked = [world.rephrased(problem, item.question, rng, flawed=flawed) for flawed in (False, True)]
        asked += [item.asked, world.invented(problem, rng, WEAK), world.easy(rng)[0]]
        texts += [message.content for question in asked for message in task.student_prompt(question)]
        texts += [one for one in (item.answer, *answers, world.easy(rng)[1], world.texts(rng)) if one]
    for text in texts:
        ids = tokenizer(text).input_ids
        assert tokenizer.unk_token_id not in ids, (text, tokenizer.convert_ids_to_tokens(ids))
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert len(texts) >= 2000


def test_the_student_has_about_a_million_parameters(tokenizer: PreTrainedTokenizerFast) -> None:
    assert build_model(0, len(tokenizer)).num_parameters() == check_student("sandbox").parameters
    assert "engine.sandbox.pretrain" in (Path(check_student("sandbox").path) / "README.md").read_text()


def test_the_shipped_student_of_all_worlds_knows_their_words_and_its_card_says_how_it_was_made() -> None:
    shipped = check_student("sandbox-worlds")
    words = [word for name in NAMES for word in world_of(name).words()]
    assert AutoTokenizer.from_pretrained(shipped.path).get_vocab() == build_tokenizer(words).get_vocab()
    assert shipped.parameters == build_model(0, len(build_tokenizer(words))).num_parameters()
    card = (Path(shipped.path) / "README.md").read_text()
    assert f"{shipped.parameters:,} parameters" in card
    assert all(f"- {name}: **" in card for name in NAMES)
    assert sum(file.stat().st_size for file in Path(shipped.path).iterdir()) < 25_000_000


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_student_of_all_worlds_can_do_a_part_of_each_untuned(name: str) -> None:
    # Asked for are 15 to 50 %, of which 150 items tell 4 points at one standard error.
    assert 0.15 < right_answers(name, "sandbox-worlds", 150) < 0.55


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
