"""A world of customers' messages, answered by a JSON record that the message determines.

"Hello, my kettle has not arrived. It is urgent. My order is 4217." has the record `{"category": "shipping",
"priority": "high", "order": 4217}`. Another answer to the same message can only be the same record, so that answer
augmentation is not applicable here (`engine.determined`).

**Settings, committed before any cell was trained:** 24 issues with their wordings (`ticket_words.py`), the k-th with
weight 1 / k, and so the wordings, cues, greetings and mentions; a cue that raises (lowers) the issue's priority in
three (two) of ten messages; an order's number in six of ten. Shares of the categories are skewed: about 40 % shipping,
3 % legal. A message's type is its issue in its words with what the cue does. What tests never ask, and augmenters do:
four foreign issues.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from engine.domain import Item
from engine.sandbox.draws import Drawn, tailed, words_of
from engine.sandbox.ticket_words import CUES, FOREIGN, GREETINGS, ISSUES, ORDERS, THINGS, Issue
from engine.sandbox.worlds import Augmenter, is_held_out

PRIORITIES = ("low", "normal", "high")
RAISED, LOWERED, ORDERED = 0.3, 0.2, 0.6
CATEGORIES = tuple(dict.fromkeys(issue.category for issue in (*ISSUES, *FOREIGN)))

EASY_ISSUES, EASY_WORDINGS, EASY_CUES = 9, 2, 3
"""Of issues, of each one's wordings, and of each kind of cue so many are shown solved by pretraining."""
SAME_ISSUE = 0.5
"""Share of new messages that keep the seed's issue."""

TASK = f"""
name = "tickets"
answer = "structured"
teacher = '''
Read the message of a customer and reply with one JSON object and nothing else, with the fields "category" \
({", ".join(CATEGORIES)}), "priority" ({", ".join(PRIORITIES)}) and "order" (the order's number, or null).'''
student = "Ticket:"
question = "a message of a customer to the support of a shop"
max_question_tokens = 100
max_answer_tokens = 100
[scorer]
kind = "json_fields"
[scorer.fields]
category = "exact"
priority = "exact"
order = "exact"
"""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A message without its wording."""

    issue: Issue
    cue: int
    """What it does to the priority: -1, 0 or 1."""
    thing: str
    order: int | None
    amount: int
    """The number in the issue; 0 where it has none."""
    wording: str = field(default="", compare=False)
    """The words for the issue in the message that was read; empty where none was."""

    @property
    def record(self) -> dict[str, object]:
        """What the message determines."""
        priority = PRIORITIES[max(0, min(2, self.issue.priority + self.cue))]
        return {"category": self.issue.category, "priority": priority, "order": self.order}


def _ticket(issue: Issue, rng: random.Random) -> Ticket:
    cue = rng.choices((1, -1, 0), (RAISED, LOWERED, 1 - RAISED - LOWERED))[0]
    order = rng.randint(1000, 9999) if rng.random() < ORDERED else None
    return Ticket(issue, cue, rng.choice(THINGS), order, rng.randint(2, 99) if issue.numbered else 0)


def sample(rng: random.Random) -> Ticket:
    """A problem as the world's weights have it."""
    return _ticket(tailed(ISSUES, rng), rng)


def type_of(problem: Ticket) -> tuple[str, int]:
    """What the world has a long tail of, of a message that was read: an issue in its words, and what the cue does."""
    return problem.wording, problem.cue


def write(ticket: Ticket, rng: random.Random, wordings: int = 99, cues: int = 99) -> str:
    """The message in words; of wordings and cues only the first so many."""
    body = tailed(ticket.issue.wordings[:wordings], rng).format(thing=ticket.thing, a=ticket.amount)
    greeting = tailed(GREETINGS, rng)
    opened = f"{greeting} {body}" if greeting else body[0].upper() + body[1:]
    parts = [f"{opened}.", tailed(CUES[ticket.cue][:cues], rng, 0.7)]
    if ticket.order is not None:
        parts.append(tailed(ORDERS, rng).format(n=ticket.order))
        if rng.random() < 0.3:
            parts[1:] = reversed(parts[1:])
    return " ".join(part for part in parts if part)


# --- reading ------------------------------------------------------------------------------------------


@cache
def _body(wording: str) -> re.Pattern[str]:
    pattern = re.escape(wording).replace(r"\{thing\}", rf"(?P<thing>{'|'.join(THINGS)})")
    return re.compile(pattern.replace(r"\{a\}", r"(?P<a>\d{1,2})") + r"\.(?= |$)", re.IGNORECASE)


_ORDERS = [re.compile(re.escape(mention).replace(r"\{n\}", r"(\d{4})")) for mention in ORDERS]


def read(question: str, rng: random.Random) -> Ticket | None:
    """What a message of the world says; None for another text, and for one that names no issue."""
    text = " ".join(question.split())
    for issue in (*ISSUES, *FOREIGN):
        for wording in issue.wordings:
            found = _body(wording).search(text)
            if found is None or text[: found.start()].strip() not in GREETINGS:
                continue
            rest = text[found.end() :].strip()
            order: int | None = None
            for mention in _ORDERS:
                if told := mention.search(rest):
                    order, rest = int(told[1]), (rest[: told.start()] + rest[told.end() :]).strip()
                    break
            for cue, sentences in CUES.items():
                if rest in sentences:
                    amount = int(found["a"]) if issue.numbered else 0
                    return Ticket(issue, cue, found["thing"].lower(), order, amount, wording)
    return None


# --- the teacher --------------------------------------------------------------------------------------


def answered(problem: Ticket, rng: random.Random, *, flawed: bool) -> str:
    """The record; flawed: with another category, another priority or another order's number."""
    record = problem.record
    if flawed:
        name = rng.choice(("category", "category", "priority", "priority", "order"))
        if name == "order":
            other: object = rng.randint(1000, 9999) if problem.order is None else None
        else:
            known = CATEGORIES if name == "category" else PRIORITIES
            other = rng.choice([value for value in known if value != record[name]])
        record = {**record, name: other}
    return json.dumps(record)


def rephrased(problem: Ticket, question: str, rng: random.Random, *, flawed: bool) -> str:
    """The same said in other words; flawed: the urgency is lost or made up, or the order's number is."""
    if flawed:
        if problem.order is not None and rng.random() < 0.5:
            problem = replace(problem, order=None)
        else:
            problem = replace(problem, cue=rng.choice([cue for cue in CUES if cue != problem.cue]))
    return next(text for text in (write(problem, rng) for _ in iter(int, 1)) if text != question)


def invented(problem: Ticket, rng: random.Random, augmenter: Augmenter) -> str:
    """A new message: on the seed's issue or on one that is drawn evenly, not as customers write; or on a foreign one,
    or one that forgets to say what it is about."""
    if rng.random() < augmenter.off_distribution:
        issue = rng.choice(FOREIGN)
    else:
        issue = problem.issue if rng.random() < SAME_ISSUE else rng.choice(ISSUES)
    new = _ticket(issue, rng)
    text = write(new, rng)
    if rng.random() < augmenter.unanswerable:
        body = next(found for wording in new.issue.wordings if (found := _body(wording).search(text)))
        text = f"{text[: body.start()]}I have a question on the {new.thing}.{text[body.end() :]}"
    return text


# --- the world ----------------------------------------------------------------------------------------


class Tickets(Drawn):
    """The world of customers' messages."""

    name = "tickets"
    task = TASK
    folder: Path | None = None
    read = staticmethod(read)
    answered = staticmethod(answered)
    rephrased = staticmethod(rephrased)
    invented = staticmethod(invented)
    type_of = staticmethod(type_of)

    def key(self, problem: Ticket) -> str:
        """All that a message says, whatever its words."""
        said = (problem.issue.wordings[0], problem.cue, problem.thing, problem.order, problem.amount)
        return f"tickets {said}"

    def drawn(self, rng: random.Random) -> tuple[str, Item]:
        """A problem as the world weighs them: its key, and its item without an id."""
        ticket = sample(rng)
        return self.key(ticket), Item("", write(ticket, rng), answered(ticket, rng, flawed=False))

    def easy(self, rng: random.Random) -> tuple[str, str]:
        """A message on a common issue in common words, with its record."""
        while is_held_out(self.key(ticket := _ticket(rng.choice(ISSUES[:EASY_ISSUES]), rng))):
            pass
        return write(ticket, rng, EASY_WORDINGS, EASY_CUES), answered(ticket, rng, flawed=False)

    def texts(self, rng: random.Random) -> str:
        """A message of the whole world."""
        while is_held_out(self.key(ticket := sample(rng))):
            pass
        return write(ticket, rng)

    def words(self) -> frozenset[str]:
        """All of the messages, of the records, and of the task's own."""
        bodies = [wording for issue in (*ISSUES, *FOREIGN) for wording in issue.wordings]
        begun = [body[0].upper() + body[1:] for body in bodies]
        cues = [cue for sentences in CUES.values() for cue in sentences]
        records = [
            json.dumps({"category": name, "priority": p, "order": None}) for name in CATEGORIES for p in PRIORITIES
        ]
        own = ["Ticket:", "I have a question on the kettle."]
        return words_of([*bodies, *begun, *cues, *records, *GREETINGS, *ORDERS, *THINGS, *own])


WORLD = Tickets()
