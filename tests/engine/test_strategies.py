"""What becomes of written questions: their form, their answers, and what each of them costs."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from pydantic import SecretStr

from engine.curation import curate
from engine.domain import Item, Strategy
from engine.generation import Generator
from engine.ledger import Ceiling, Ledger, account
from engine.store import Store
from engine.strategies import Draft
from engine.tasks import Task, load_task
from engine.teachers.openai_compatible import OpenAICompatibleTeacher
from tests.openai_server import KEY, MODEL, OpenAIServer, Voice, serving

LETTERS = tuple(
    Item(
        f"s{i}",
        f"Which letter comes after {a}?\nA. {a}\nB. {b}",
        "B",
        fields={"choices": f'{{"A": "{a}", "B": "{b}"}}'},
    )
    for i, (a, b) in enumerate(zip("abcdefgh", "bcdefghi", strict=True))
)


def generator(server: OpenAIServer, folder: Path, run_id: str = "run") -> Generator:
    store = Store(folder / "home" / "seedpilot.sqlite")
    store.file_run(run_id, "pilot", {}, run_id)
    ledger = Ledger(store, run_id, Ceiling(None, None), bound=lambda _: 0.01, price=lambda _: 0.001)
    return Generator(
        OpenAICompatibleTeacher(server.base_url, MODEL, SecretStr(KEY)), ledger, concurrency=2, check=lambda: None
    )


def drafted(voice: Voice, folder: Path, strategy: Strategy, task: Task, seeds: tuple[Item, ...]) -> tuple[list, int]:
    with serving(voice) as server:
        asks = generator(server, folder)
        drafts, _ = asyncio.run(asks.pool(strategy, task, seeds, len(seeds), lambda: None))
        assert account(asks.ledger.store, "run").settled == server.answered
        return drafts, server.answered


def writes(messages: list[dict[str, str]]) -> bool:
    return "Reply with the" in messages[0]["content"]


def test_a_new_question_without_the_tasks_form_is_not_answered(tmp_path: Path):
    def voice(messages: list[dict[str, str]]) -> str:
        if not writes(messages):
            return "It is the next one.\nFinal answer: B"
        after = messages[-1]["content"].split("after ")[1][0]
        return f"What follows {after}?" + ("" if after in "abc" else "\nA. x\nB. y")

    drafts, asked = drafted(voice, tmp_path, Strategy.NEW_QUESTION, load_task("multiple_choice"), LETTERS)
    assert [d.rejected for d in drafts] == ["not_the_form"] * 3 + [None] * 5
    assert [len(d.query_ids) for d in drafts] == [1] * 3 + [2] * 5
    assert asked == 3 * 1 + 5 * 2, "what is refused before its answer is not paid twice"


def test_a_writer_that_gives_up_is_not_asked_to_answer_that(tmp_path: Path):
    drafts, asked = drafted(
        lambda _: "UNANSWERABLE", tmp_path, Strategy.NEW_QUESTION, load_task("multiple_choice"), LETTERS
    )
    assert {d.rejected for d in drafts} == {"unanswerable"}
    assert asked == 8


def test_a_rephrasing_whose_answer_is_not_the_seeds_is_rejected_and_counted(tmp_path: Path):
    sums = tuple(Item(f"s{i}", f"What is {i} and {i}?", f"#### {2 * i}") for i in range(10))

    def voice(messages: list[dict[str, str]]) -> str:
        n = int("".join(c for c in messages[-1]["content"].split(" and ")[0] if c.isdigit()))
        if writes(messages):
            return f"Add {n} and {n + (n % 3 == 0)}."  # every third rephrasing asks something else
        a, b = (int("".join(filter(str.isdigit, part))) for part in messages[-1]["content"].split(" and "))
        return f"Adding.\n#### {a + b}"

    drafts, asked = drafted(voice, tmp_path, Strategy.QUESTION_REPHRASE, load_task("math"), sums)
    assert [d.rejected for d in drafts] == [("answer_changed" if i % 3 == 0 else None) for i in range(10)]
    assert asked == 20, "the comparison asks nothing more"
    counts = curate(Strategy.QUESTION_REPHRASE, sums, (), drafts).counts
    assert counts == Counter(kept=6, answer_changed=4)


def test_an_answer_that_nothing_here_can_score_is_kept(tmp_path: Path):
    task = load_task("open_ended")
    seeds = (Item("s", "Explain rain.", "Water falls."),)
    drafts, _ = drafted(lambda _: "Some text.", tmp_path, Strategy.QUESTION_REPHRASE, task, seeds)
    assert drafts == [Draft("Some text.", "Some text.", None, (1, 2), seed_id="s", sample_index=0)]


def test_a_reply_that_declines_is_refused_and_one_that_is_cut_off_is_no_example(tmp_path: Path):
    seeds = tuple(Item(f"m{i}", f"How much is {i} and {i}?", f"#### {2 * i}") for i in range(1, 7))

    def voice(messages: list[dict[str, str]]) -> str:
        asked = messages[-1]["content"]
        if writes(messages):
            return "I'm sorry, but I can't help with that." if " 1 and" in asked else asked.replace("How", "So how")
        return "As an AI I cannot answer that." if " 2 and" in asked else "It is so.\n#### 4"

    drafts, asked = drafted(voice, tmp_path, Strategy.NEW_QUESTION, load_task("math"), seeds)
    assert [draft.rejected for draft in drafts] == ["refused", "refused", None, None, None, None]
    assert asked == 11, "what was not written is not answered"
    assert curate(Strategy.NEW_QUESTION, (), (), drafts).counts == {"refused": 2, "kept": 4}
    with serving(voice, fault_rates={"cut_off": 1.0}) as server:
        asks = generator(server, tmp_path / "cut")
        cut, _ = asyncio.run(asks.pool(Strategy.ANSWER_AUGMENTATION, load_task("math"), seeds, 6, lambda: None))
    assert curate(Strategy.ANSWER_AUGMENTATION, (), (), cut).counts == {"cut_off": 6}
