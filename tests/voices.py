"""What the test server says: recorded replies to GSM8K questions, and a rule-based reader of tickets.

Neither knows the gold answers of the seeds or of the test items.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from pathlib import Path

from engine.domain import Message, Request
from engine.teachers.sandbox import SandboxTeacher

SHARED = Path(__file__).resolve().parents[2] / "shared"
GSM8K = SHARED / "data" / "gsm8k"


def asked(messages: list[dict[str, str]]) -> tuple[str, str]:
    """What is wanted (`answer`, `rephrase`, `new`) and of which question."""
    system = messages[0]["content"]
    question = messages[-1]["content"].removeprefix("Question: ")
    if "Rephrase it" in system:
        return "rephrase", question
    return ("new" if re.search(r"Write \w+ new questions?", system) else "answer"), question


def _rows(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (GSM8K / name).read_text(encoding="utf-8").splitlines()]


class RecordedGsm8k:
    """Replies that real models gave; a question without a recording gets a bad guess, as weak teachers do."""

    def __init__(self, teacher: str = "gpt-4o-mini-2024-07-18") -> None:
        self.replies = {row["question"]: row["reply"] for row in _rows(f"recorded_answers.{teacher}.jsonl")}
        self.rephrases: dict[str, list[str]] = {}
        self.news: dict[str, list[str]] = {}
        for row in _rows("recorded_rephrases.jsonl"):
            self.rephrases[row["seed_question"]] = [row["rephrase_a"], row["rephrase_b"]]
            for text in self.rephrases[row["seed_question"]]:
                plain = text.removeprefix("Question:").split("\nAnswer:")[0].strip()
                self.replies[plain] = self.replies[row["seed_question"]]
        for row in _rows("recorded_new_questions.jsonl"):
            self.news.setdefault(row["seed_question"], []).append(row["new_question"])
            self.replies[row["new_question"].strip()] = f"Worked out.\n{row['answer']}"
        self._times: Counter[tuple[str, str]] = Counter()

    def __call__(self, messages: list[dict[str, str]]) -> str:
        want, question = asked(messages)
        if want == "answer":
            guess = sum(float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", question))
            return self.replies.get(question, f"Adding up all numbers.\n#### {guess:g}")
        texts = (self.rephrases if want == "rephrase" else self.news)[question]
        self._times[want, question] += 1
        return texts[self._times[want, question] % len(texts)]


class TicketReader:
    """Reads tickets by key words, right most of the time, and writes them anew."""

    WORDS = (
        ("billing", ("charged", "invoice", "card", "discount", "refund")),
        ("shipping", ("arrived", "parcel", "tracking", "address")),
        ("technical", ("error", "app", "loading", "update", "export")),
        ("account", ("log in", "account", "password", "login")),
    )
    NEW = (
        "Hello, the courier left {order} at the wrong door.",
        "I paid {amount} dollars twice for {order}. This is urgent!",
        "Good morning, error {amount} comes up on the login page. No hurry.",
        "My invoice of {amount} dollars is missing. Please have a look.",
        "Hi there, the app forgets {order} after every update.",
    )

    def __call__(self, messages: list[dict[str, str]]) -> str:
        want, text = asked(messages)
        if want == "answer":
            return self.read(text)
        if want == "new":
            several = re.search(r"Write (\d+) new questions", messages[0]["content"])
            made = [self.new(random.Random()) for _ in range(int(several[1]) if several else 1)]
            return "\n".join(f"{i}. {one}" for i, one in enumerate(made, 1)) if several else made[0]
        opening = random.choice(["In short:", "As I said before,", "Dear team,", "Once more:"])
        return f"{opening} {text.split(', ', 1)[-1]}"

    def new(self, rng: random.Random) -> str:
        return rng.choice(self.NEW).format(
            order=f"{rng.choice('ABKX')}-{rng.randint(1000, 9999)}", amount=rng.randint(5, 480)
        )

    def read(self, text: str) -> str:
        lower = text.lower()
        category = next((name for name, words in self.WORDS if any(word in lower for word in words)), "other")
        urgency = "high" if re.search(r"urgent|today|cannot work", lower) else "normal"
        urgency = "low" if re.search(r"no hurry|whenever|just so", lower) else urgency
        order = re.search(r"\b[A-Z]-\d{4}\b", text)
        record = {"category": category, "urgency": urgency, "order": order.group() if order else None}
        return f"```json\n{json.dumps(record)}\n```"


class SandboxVoice:
    """The sandbox's teacher as a server speaks it; the same messages get another reply each time."""

    def __init__(self) -> None:
        self.teacher, self.asked = SandboxTeacher(), 0

    def __call__(self, messages: list[dict[str, str]]) -> str:
        self.asked += 1
        said = tuple(Message(one["role"], one["content"]) for one in messages)  # type: ignore[arg-type]
        request = Request(said, max_tokens=512, temperature=0.7, sample_index=self.asked)
        return asyncio.run(self.teacher.ask(request)).text
