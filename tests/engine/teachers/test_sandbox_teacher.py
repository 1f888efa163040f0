"""The sandbox teacher on the very prompts that strategies send."""

from __future__ import annotations

import asyncio
import hashlib
import random
from typing import Any

import pytest

from engine.atlas.measure import task_of
from engine.domain import Item, Message, Outcome, Paid, Reply, Request, Strategy
from engine.sandbox import language, problems, wording, world
from engine.sandbox.catalogue import WORLDS
from engine.sandbox.measure import scored_by
from engine.sandbox.worlds import WEAK, Augmenter, World
from engine.strategies import Draft, Visit, answer_request, drafter, new_question, question_rephrase
from engine.strategies.base import UNANSWERABLE, question_request
from engine.tasks.math import TASK
from engine.teachers.sandbox import SandboxTeacher

FAULTLESS = Augmenter(unanswerable=0.0, off_distribution=0.2, changed=0.0)


def ask(teacher: SandboxTeacher, request: Request) -> Reply:
    return asyncio.run(teacher.ask(request))


def draft(teacher: SandboxTeacher, strategy: Strategy, seed: Item, sample_index: int) -> Draft:
    async def paid(request: Request) -> Paid:
        return Paid(await teacher.ask(request), 1)

    return asyncio.run(drafter(strategy)(Visit(TASK, seed, sample_index, paid, paid)))


def read(text: str | None) -> problems.Problem:
    found = language.read(text or "", random.Random(0))
    assert found is not None, text
    return found


SEEDS = world.seeds(100)


@pytest.mark.parametrize("known", WORLDS, ids=lambda one: one.name)
@pytest.mark.parametrize("rate", [0.0, 0.05, 0.3])
def test_it_errs_in_as_many_answers_as_it_states(known: World[Any], rate: float) -> None:
    teacher, task = SandboxTeacher(rate), task_of(known)
    items = known.test_items(500)
    said = [ask(teacher, answer_request(task, item.question, 0, context=item.context)).text for item in items]
    outcomes = [scored_by(task, item, reply).outcome for item, reply in zip(items, said, strict=True)]
    wrong = outcomes.count(Outcome.WRONG)
    assert wrong + outcomes.count(Outcome.RIGHT) == 500
    # In the open world a flawed answer may still be an answer that fits.
    low = 0.6 * rate if known.name == "open" else rate
    noise = 3.5 * (rate * (1 - rate) / 500) ** 0.5
    assert low - noise <= wrong / 500 <= rate + noise


def test_another_answer_to_a_seed_is_worded_otherwise() -> None:
    seed = max(SEEDS, key=lambda item: len(item.answer))
    drafts = [draft(SandboxTeacher(), Strategy.ANSWER_AUGMENTATION, seed, n) for n in range(20)]
    assert {d.question for d in drafts} == {seed.question}
    assert len({d.answer for d in drafts}) >= 19


def test_a_rephrasing_says_the_same_in_other_words_and_is_answered() -> None:
    teacher = SandboxTeacher(0.0, augmenter=FAULTLESS)
    for seed in SEEDS:
        made = draft(teacher, Strategy.QUESTION_REPHRASE, seed, 0)
        assert made.question != seed.question
        assert read(made.question).parts == read(seed.question).parts
        assert TASK.score(seed.answer, made.answer or "").outcome is Outcome.RIGHT


def test_a_new_question_has_other_facts_and_its_own_answer() -> None:
    teacher = SandboxTeacher(0.0, augmenter=FAULTLESS)
    made = [draft(teacher, Strategy.NEW_QUESTION, seed, 0) for seed in SEEDS]
    same = 0
    for seed, one in zip(SEEDS, made, strict=True):
        new, old = read(one.question), read(seed.question)
        assert new.parts != old.parts
        assert TASK.score(f"#### {problems.answer(new)}", one.answer or "").outcome is Outcome.RIGHT
        assert 1 <= len(new.parts) - 2 <= 3
        assert new.kinds[0] in wording.START
        assert new.kinds[-1] in wording.ASK
        same += new.kinds == old.kinds
    assert 40 <= same <= 75  # half keep the computation, and a change may fall on what was there


def test_flawed_new_questions_leave_a_number_out_and_are_refused_when_answered() -> None:
    teacher = SandboxTeacher(1.0, augmenter=Augmenter(1.0, 0.2, 1.0))
    made = [draft(teacher, Strategy.NEW_QUESTION, seed, 0) for seed in SEEDS[:30]]
    assert all(one.rejected == "unanswerable" for one in made)


def test_flawed_rephrasings_change_a_number() -> None:
    teacher = SandboxTeacher(1.0, augmenter=Augmenter(1.0, 0.2, 1.0))
    made = [draft(teacher, Strategy.QUESTION_REPHRASE, seed, 0) for seed in SEEDS[:30]]
    changed = [read(one.question).parts != read(seed.question).parts for one, seed in zip(made, SEEDS, strict=False)]
    assert sum(changed) >= 28
    wrong = [
        TASK.score(seed.answer, one.answer or "").outcome is Outcome.WRONG
        for one, seed in zip(made, SEEDS, strict=False)
    ]
    assert [one.rejected == "answer_changed" for one in made] == wrong
    assert sum(wrong) >= 25


@pytest.mark.parametrize("strategy", list(Strategy))
def test_what_it_cannot_read_it_calls_unanswerable(strategy: Strategy) -> None:
    made = draft(SandboxTeacher(), strategy, Item("x", "Who wrote Faust?", "Goethe"), 0)
    assert made.rejected == "unanswerable"


def test_messages_in_another_form_are_unanswerable() -> None:
    for messages in ((), (Message("user", "hello"),), (Message("system", "Solve the question."),)):
        assert ask(SandboxTeacher(), Request(messages, 100, 0.7, 0)).text == UNANSWERABLE


def test_the_same_request_has_the_same_reply_and_other_requests_have_others() -> None:
    question = SEEDS[1].question
    first = answer_request(TASK, question, 0)
    assert ask(SandboxTeacher(), first) == ask(SandboxTeacher(), first)
    others = [answer_request(TASK, question, n) for n in range(1, 10)]
    others += [answer_request(TASK, question, 0, temperature=t / 10) for t in range(6)]
    assert len({ask(SandboxTeacher(), request).text for request in (first, *others)}) > 10


def test_tokens_are_counted_in_words_and_a_short_limit_cuts_the_reply() -> None:
    request = answer_request(TASK, SEEDS[0].question, 0)
    reply = ask(SandboxTeacher(), request)
    assert reply.output_tokens == len(reply.text.split())
    assert reply.input_tokens == sum(len(m.content.split()) for m in request.messages)
    cut = ask(SandboxTeacher(), Request(request.messages, 3, request.temperature, 0))
    assert cut.finish_reason == "length"
    assert cut.output_tokens is not None
    assert cut.output_tokens <= 3
    assert reply.finish_reason == "stop"


@pytest.mark.parametrize("rate", [-0.1, 1.5])
def test_an_error_rate_is_a_share(rate: float) -> None:
    with pytest.raises(ValueError, match="a share from 0 to 1"):
        SandboxTeacher(rate)


def digest(texts: list[str]) -> str:
    return hashlib.sha256("\x00".join(texts).encode()).hexdigest()[:16]


def test_what_was_bought_of_the_maths_world_before_there_were_others_stays_as_it_is() -> None:
    assert digest([f"{i.id}|{i.question}|{i.answer}" for i in SEEDS]) == "13b7c4eddec4f0a7"
    assert digest([f"{i.id}|{i.question}|{i.answer}" for i in world.test_items(100)]) == "9223751b44f7b3a5"
    assert digest([f"{i.id}|{i.question}" for i in world.inputs(100)]) == "74518ebece9320cf"
    requests = [
        request
        for seed in SEEDS
        for k in range(3)
        for request in (
            answer_request(TASK, seed.question, k),
            question_request(TASK, question_rephrase.instruction(TASK), seed, k),
            question_request(TASK, new_question.instruction(TASK), seed, k),
            question_request(TASK, new_question.instruction(TASK, 4), seed, k, (), 4),
        )
    ]
    assert digest([ask(SandboxTeacher(), request).text for request in requests]) == "1cb59d37a99f0c30"


def test_a_weak_augmenter_asks_what_tests_never_ask_and_rephrases_nearly_as_well() -> None:
    teacher = SandboxTeacher(augmenter=WEAK)
    made = [draft(teacher, Strategy.NEW_QUESTION, seed, n) for seed in SEEDS for n in range(3)]
    kinds = [read(one.question).kinds for one in made if one.question is not None and one.rejected is None]
    assert 0.3 < sum(len(one) > 5 for one in kinds) / len(kinds) < 0.45
    assert 0.27 < sum(one.rejected == "unanswerable" for one in made) / len(made) < 0.43
    rephrased = [draft(teacher, Strategy.QUESTION_REPHRASE, seed, n) for seed in SEEDS for n in range(3)]
    assert sum(one.rejected is None for one in rephrased) / len(rephrased) > 0.85
