"""Votes, gold answers, several questions in a call, several teachers: what is asked, kept and paid."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from engine.domain import Item, Strategy
from engine.generation import Generator
from engine.ledger import Ceiling, Ledger, account
from engine.store import Store
from engine.strategies import PLAIN, Draft, Making
from engine.strategies.base import parse_questions
from engine.tasks import load_task
from engine.teachers.openai_compatible import OpenAICompatibleTeacher
from engine.teachers.sandbox import SandboxTeacher
from tests.openai_server import KEY, MODEL, OpenAIServer, Voice, serving

SUMS = tuple(Item(f"s{i}", f"What is {i} and {i}?", f"#### {2 * i}") for i in range(6))
MATH = load_task("math")


def generator(server: OpenAIServer, folder: Path, **options: object) -> Generator:
    store = Store(folder / "home" / "seedpilot.sqlite")
    if not store.runs():
        store.file_run("run", "pilot", {}, "run")
    ledger = Ledger(store, "run", Ceiling(None, None), bound=lambda _: 0.01, price=lambda _: 0.001)
    teacher = OpenAICompatibleTeacher(server.base_url, MODEL, SecretStr(KEY))
    return Generator(teacher, ledger, concurrency=4, check=lambda: None, **options)  # type: ignore[arg-type]


def drafted(
    voice: Voice, folder: Path, strategy: Strategy, making: Making, visits: int = 6
) -> tuple[list[Draft | None], int]:
    with serving(voice) as server:
        asks = generator(server, folder)
        drafts, _ = asyncio.run(asks.pool(strategy, MATH, SUMS, visits, lambda: None, making))
        assert account(asks.ledger.store, "run").settled == server.answered
        return drafts, server.answered


def number(messages: list[dict[str, str]]) -> int:
    return int("".join(c for c in messages[-1]["content"].split(" and ")[0] if c.isdigit()))


def test_the_majoritys_answer_is_kept_and_every_vote_is_paid_once(tmp_path: Path):
    heard: dict[int, int] = {}

    def voice(messages: list[dict[str, str]]) -> str:
        n = number(messages)
        heard[n] = heard.get(n, 0) + 1
        if n == 5:  # three answers, three opinions
            return f"#### {heard[n]}"
        wrong = heard[n] == 1 and n % 2
        return f"Adding.\n#### {2 * n + bool(wrong)}"

    drafts, asked = drafted(voice, tmp_path, Strategy.ANSWER_AUGMENTATION, Making(votes=3))
    assert asked == 18
    kept = [d for d in drafts if d is not None and d.rejected is None]
    assert [d.answer for d in kept] == [f"Adding.\n#### {2 * n}" for n in range(5)]
    assert drafts[5] is not None
    assert drafts[5].rejected == "no_majority"
    assert all(d is not None and len(d.query_ids) == 3 for d in drafts)


def test_a_first_vote_is_the_plain_variants_answer_and_is_not_bought_again(tmp_path: Path):
    def voice(messages: list[dict[str, str]]) -> str:
        return f"#### {2 * number(messages)}"

    with serving(voice) as server:
        asks = generator(server, tmp_path)
        for making in (PLAIN, Making(votes=3), Making(votes=3)):
            asyncio.run(asks.pool(Strategy.ANSWER_AUGMENTATION, MATH, SUMS, 6, lambda: None, making))
        assert server.answered == 6 + 2 * 6


def test_votes_that_all_call_it_unanswerable_say_so(tmp_path: Path):
    drafts, _ = drafted(lambda _: "UNANSWERABLE", tmp_path, Strategy.ANSWER_AUGMENTATION, Making(votes=3))
    assert {d.rejected for d in drafts if d is not None} == {"unanswerable"}


def test_another_answer_that_is_not_the_seeds_is_rejected_where_gold_is_asked_for(tmp_path: Path):
    def voice(messages: list[dict[str, str]]) -> str:
        return f"#### {2 * number(messages) + (number(messages) == 4)}"

    drafts, asked = drafted(voice, tmp_path, Strategy.ANSWER_AUGMENTATION, Making(gold=True))
    assert [d.rejected for d in drafts if d is not None] == [None] * 4 + ["wrong_by_verification", None]
    assert asked == 6
    plain, _ = drafted(voice, tmp_path / "plain", Strategy.ANSWER_AUGMENTATION, PLAIN)
    assert all(d is not None and d.rejected is None for d in plain)


def test_several_new_questions_share_a_call(tmp_path: Path):
    def voice(messages: list[dict[str, str]]) -> str:
        if "Write 3 new questions" in messages[0]["content"]:
            n = number(messages)
            return "\n".join(f"{i}. What is {n}{i} and {n}{i}?" for i in (1, 2, 3))
        return f"#### {2 * number(messages)}"

    drafts, asked = drafted(voice, tmp_path, Strategy.NEW_QUESTION, Making(together=3), visits=9)
    assert asked == 3 + 9
    assert [d.question for d in drafts if d is not None] == [
        f"What is {n}{i} and {n}{i}?" for n in range(3) for i in (1, 2, 3)
    ]
    assert len({row for d in drafts if d is not None for row in d.query_ids}) == 12
    assert [(d.seed_id, d.sample_index) for d in drafts if d is not None][:4] == [
        ("s0", 0), ("s0", 1), ("s0", 2), ("s1", 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1. A?\n2. B?\n3. C?", ["A?", "B?", "C?"]),
        ("Here they are:\n\n1) A?\n2) B?", ["A?", "B?", None]),
        ("**1.** Pick one:\nA. x\nB. y\n**2.** Next?\n3. Last?", ["Pick one:\nA. x\nB. y", "Next?", "Last?"]),
        ("1. Steps:\n1. first\n2. B?\n3. C?", ["Steps:\n1. first", "B?", "C?"]),
        ("A? B? C?", [None, None, None]),
        ("", [None, None, None]),
        ("1.\n2. B?\n3. C?\n4. D?", [None, "B?", "C?\n4. D?"]),
    ],
)
def test_a_numbered_list_is_read_by_its_numbers(text: str, found: list[str | None]):
    assert parse_questions(text, 3) == found


def test_of_a_list_that_was_cut_off_only_the_last_question_is_lost(tmp_path: Path):
    def voice(messages: list[dict[str, str]]) -> str:
        if "Write 3 new questions" in messages[0]["content"]:
            return "1. What is 2 and 2?\n2. What is 30 and 30?\n3. What is 4 and 4?"
        return f"#### {2 * number(messages)}"

    with serving(voice) as server:
        server.faults = ["cut_off"]
        asks = generator(server, tmp_path)
        drafts, _ = asyncio.run(asks.pool(Strategy.NEW_QUESTION, MATH, SUMS, 3, lambda: None, Making(together=3)))
    assert [(d.question, d.rejected) for d in drafts if d is not None] == [
        ("What is 2 and 2?", None),
        (None, "cut_off"),
        (None, "cut_off"),
    ]


def test_teachers_share_the_visits_and_each_is_asked_for_its_own(tmp_path: Path):
    def strong(messages: list[dict[str, str]]) -> str:
        return f"Strong.\n#### {2 * number(messages)}"

    def weak(messages: list[dict[str, str]]) -> str:
        return f"Weak.\n#### {2 * number(messages)}"

    with serving(strong) as one, serving(weak) as two:
        cheap = generator(two, tmp_path)
        asks = generator(one, tmp_path, others={"cheap": cheap})
        making = Making(shares=(("teacher", 0.5), ("cheap", 0.5)))
        drafts, _ = asyncio.run(asks.pool(Strategy.ANSWER_AUGMENTATION, MATH, SUMS, 24, lambda: None, making))
        said = [d.answer.split(".")[0] for d in drafts if d is not None and d.answer is not None]
        assert (one.answered, two.answered) == (said.count("Strong"), said.count("Weak"))
    assert abs(said.count("Strong") - 12) <= 1
    assert {d.seed_id for d in drafts if d is not None and d.answer and d.answer.startswith("Weak")} == {
        s.id for s in SUMS
    }


def test_the_sandbox_teacher_writes_lists(tmp_path: Path):
    from engine.sandbox import world

    store = Store(tmp_path / "home" / "seedpilot.sqlite")
    store.file_run("run", "pilot", {}, "run")
    ledger = Ledger(store, "run", Ceiling(None, None), bound=lambda _: None, price=lambda _: None)
    asks = Generator(SandboxTeacher(), ledger, concurrency=4, check=lambda: None)
    seeds = world.seeds(5)
    drafts, _ = asyncio.run(asks.pool(Strategy.NEW_QUESTION, MATH, seeds, 40, lambda: None, Making(together=4)))
    kept = [d for d in drafts if d is not None and d.rejected is None]
    assert len(kept) >= 34
    assert len({d.question for d in kept}) == len(kept)
    assert account(store, "run").settled <= 10 + 40
