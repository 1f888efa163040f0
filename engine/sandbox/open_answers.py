"""A world of advice: short open answers of which several are right, so that nothing can verify them.

"What is a good present for Nora? Nora likes music. It must not be loud. I can pay 30 dollars." A flute will do, and so
will a songbook: the answer names something of the catalogue that has what is wanted, has not what is ruled out, and
costs no more than the limit, with its right price. The catalogue is not in the question; pretraining shows it. The task
is `open_ended`: no scorer, no vote and no gold answer says whether an answer is right, and replies to test items are
graded by a judge. The judge of the sandbox is the world itself (`judged`, `verdict`).

**Settings, committed before any cell was trained:** the catalogue and its words (`open_words.py`); domains, wants,
avoids, and the sentences for each, the k-th with weight 1 / k; limits evenly from the cheapest thing that fits to 60. A
question's type is what is wanted, in its words, and what is ruled out. What tests never ask, and augmenters do: prices.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from engine.domain import Item
from engine.sandbox.draws import Drawn, tailed, words_of
from engine.sandbox.open_words import ANSWERS, DOMAINS, LIMITS, NAMES, PRICE_ASKS, PRICES, TAGS
from engine.sandbox.worlds import Augmenter, is_held_out

CATALOGUE = {thing: (price, frozenset(tags)) for one in DOMAINS.values() for thing, (price, tags) in one.things.items()}
HIGHEST_LIMIT = 60
RIGHT, INEXACT, UNFIT, NOTHING = 5, 3, 2, 1
"""Grades: fits with its right price; fits; does not fit; names nothing of the catalogue. Right from 4 on."""

EASY_DOMAINS, EASY_TAGS, EASY_SENTENCES = 2, 3, 1
"""Of domains, of wants and avoids, and of the sentences for each, so many are shown solved by pretraining."""
SAME_WISH = 0.5
"""Share of new questions that keep the seed's want and what it rules out."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A question without its wording."""

    domain: str
    want: str
    avoid: str
    limit: int
    name: str
    thing: str = ""
    """What the price is asked of, where that is the question."""
    words: str = field(default="", compare=False)
    """The sentence for the want in the question that was read; empty where none was."""

    @property
    def fitting(self) -> tuple[str, ...]:
        """All that would be right, in the catalogue's order."""
        return tuple(
            thing
            for thing, (price, tags) in DOMAINS[self.domain].things.items()
            if self.want in tags and self.avoid not in tags and price <= self.limit
        )


def _wish(domain: str, want: str, avoid: str, rng: random.Random) -> Wish | None:
    """With a limit that something meets; None where nothing has the one tag without the other."""
    free = replace(Wish(domain, want, avoid, HIGHEST_LIMIT, rng.choice(NAMES)))
    if not free.fitting:
        return None
    cheapest = min(CATALOGUE[thing][0] for thing in free.fitting)
    return replace(free, limit=rng.randint(cheapest, HIGHEST_LIMIT))


def sample(rng: random.Random) -> Wish:
    """A problem as the world's weights have it."""
    while True:
        domain = tailed(tuple(DOMAINS), rng)
        one = DOMAINS[domain]
        if found := _wish(domain, tailed(tuple(one.wants), rng), tailed(tuple(one.avoids), rng), rng):
            return found


def type_of(problem: Wish) -> tuple[str, str]:
    """What the world has a long tail of, of a question that was read: the want in its words, and what is ruled out."""
    return problem.words, problem.avoid


def write(wish: Wish, rng: random.Random, sentences: int = 99) -> str:
    """The question in words; of the sentences for each part only the first so many."""
    if wish.thing:
        return tailed(PRICE_ASKS[:sentences], rng).format(thing=wish.thing)
    one = DOMAINS[wish.domain]
    ask, want, avoid, limit = (
        tailed(known[:sentences], rng).format(name=wish.name, a=wish.limit)
        for known in (one.ask, one.wants[wish.want], one.avoids[wish.avoid], LIMITS)
    )
    facts = [want, avoid, limit]
    if rng.random() < 0.4:
        rng.shuffle(facts)
    return " ".join([ask, *facts] if rng.random() < 0.7 else [*facts, ask])


# --- reading ------------------------------------------------------------------------------------------


@cache
def _pattern(sentence: str) -> re.Pattern[str]:
    pattern = re.escape(sentence).replace(r"\{name\}", f"({'|'.join(NAMES)})").replace(r"\{a\}", r"(\d{1,2})")
    return re.compile(pattern.replace(r"\{thing\}", f"({'|'.join(CATALOGUE)})") + "(?: |$)")


def _sentences(domain: str) -> Iterator[tuple[str, str, str]]:
    """(part, tag, sentence) of a domain."""
    one = DOMAINS[domain]
    yield from (("ask", "", sentence) for sentence in one.ask)
    yield from (("want", tag, sentence) for tag, known in one.wants.items() for sentence in known)
    yield from (("avoid", tag, sentence) for tag, known in one.avoids.items() for sentence in known)
    yield from (("limit", "", sentence) for sentence in LIMITS)


def read(question: str, rng: random.Random) -> Wish | None:
    """The problem that a question of the world asks; None for other texts, and where a part is missing."""
    text = " ".join(question.split())
    for ask in PRICE_ASKS:
        if (asked := _pattern(ask).fullmatch(text)) is not None:
            return Wish("", "", "", 0, "", asked[1])
    for domain in DOMAINS:
        if found := _read(text, domain):
            return found
    return None


def _read(text: str, domain: str) -> Wish | None:
    parts: dict[str, tuple[str, str, re.Match[str]]] = {}
    at = 0
    while at < len(text):
        for part, tag, sentence in _sentences(domain):
            if part not in parts and (found := _pattern(sentence).match(text, at)):
                parts[part] = (tag, sentence, found)
                at = found.end()
                break
        else:
            return None
    names = {word for _, _, found in parts.values() for word in found.groups() if word in NAMES}
    if len(parts) < 4 or len(names) != 1:
        return None
    (want, words, _), (avoid, _, _) = parts["want"], parts["avoid"]
    wish = Wish(domain, want, avoid, int(parts["limit"][2][1]), names.pop(), words=words)
    return wish if wish.fitting else None


# --- the teacher and the judge ------------------------------------------------------------------------


def answered(problem: Wish, rng: random.Random, *, flawed: bool) -> str:
    """One thing that fits, with its price; flawed: one that does not fit, or a wrong price."""
    if problem.thing:
        price = CATALOGUE[problem.thing][0] + (rng.choice((-2, -1, 1, 2, 3)) if flawed else 0)
        return rng.choice(PRICES).format(thing=problem.thing, price=price)
    thing = rng.choice(problem.fitting)
    price = CATALOGUE[thing][0]
    if flawed and rng.random() < 0.75:
        thing = rng.choice([one for one in DOMAINS[problem.domain].things if one not in problem.fitting])
        price = CATALOGUE[thing][0]
    elif flawed:
        price += rng.choice((-2, -1, 1, 2, 3))
    return rng.choice(ANSWERS).format(want=problem.want, avoid=problem.avoid, thing=thing, price=price)


_THING = re.compile(rf"\b({'|'.join(CATALOGUE)})\b")
_PRICE = re.compile(r"\b(\d+) dollars")


def judged(question: str, reply: str) -> int:
    """The grade of a reply, 1 to 5 as `engine.tasks.judge` has it; right from 4 on. 1 for a question of no world."""
    problem, named = read(question, random.Random(0)), set(_THING.findall(reply))
    if problem is None or not named:
        return NOTHING
    if not named <= set((problem.thing,) if problem.thing else problem.fitting):
        return UNFIT
    told = {int(price) for price in _PRICE.findall(reply)}
    return RIGHT if len(named) == 1 and told == {CATALOGUE[next(iter(named))][0]} else INEXACT


def verdict(question: str, reply: str) -> str:
    """The judge's reply to `RubricJudge`: its grade and why."""
    reasons = {
        RIGHT: "it fits and the price is right",
        INEXACT: "it fits, but the price is wrong or missing, or there is more than one proposal",
        UNFIT: "it does not fit what is asked",
        NOTHING: "it proposes nothing that is known",
    }
    grade = judged(question, reply)
    return json.dumps({"reason": reasons[grade], "score": grade})


def rephrased(problem: Wish, question: str, rng: random.Random, *, flawed: bool) -> str:
    """The same wish in other words; flawed: with another limit, or with something else ruled out."""
    if flawed and not problem.thing:
        other = rng.choice([tag for tag in DOMAINS[problem.domain].avoids if tag != problem.avoid])
        changed = replace(problem, avoid=other) if rng.random() < 0.5 else replace(problem, limit=HIGHEST_LIMIT - 1)
        problem = changed if changed.fitting and changed != problem else replace(problem, limit=HIGHEST_LIMIT)
    return next(text for text in (write(problem, rng) for _ in iter(int, 1)) if text != question)


def invented(problem: Wish, rng: random.Random, augmenter: Augmenter) -> str:
    """A new question: the seed's want with another limit, or a wish that is drawn evenly, not as the world weighs; or
    one for a price, or one that does not say what is sought."""
    new = None
    if rng.random() < augmenter.off_distribution:
        new = Wish("", "", "", 0, "", rng.choice(tuple(CATALOGUE)))
    elif not problem.thing and rng.random() < SAME_WISH:
        new = _wish(problem.domain, problem.want, problem.avoid, rng)
    while new is None:
        domain = rng.choice(tuple(DOMAINS))
        one = DOMAINS[domain]
        new = _wish(domain, rng.choice(tuple(one.wants)), rng.choice(tuple(one.avoids)), rng)
    text = write(new, rng)
    if rng.random() < augmenter.unanswerable:
        if new.thing:
            return text.replace(new.thing, "thing")
        asks = [ask.format(name=new.name) for ask in DOMAINS[new.domain].ask]
        text = text.replace(next(ask for ask in asks if ask in text), f"Tell me about {new.name}.")
    return text


# --- the world ----------------------------------------------------------------------------------------


class OpenAnswers(Drawn):
    """The world of advice."""

    name = "open"
    task = 'preset = "open_ended"'
    folder: Path | None = None
    read = staticmethod(read)
    answered = staticmethod(answered)
    rephrased = staticmethod(rephrased)
    invented = staticmethod(invented)
    type_of = staticmethod(type_of)

    def key(self, problem: Wish) -> str:
        """What is wanted, ruled out and paid at most, whoever it is for."""
        return f"open {problem.want} {problem.avoid} {problem.limit} {problem.thing}"

    def drawn(self, rng: random.Random) -> tuple[str, Item]:
        """A problem as the world weighs them: its key, and its item without an id."""
        wish = sample(rng)
        return self.key(wish), Item("", write(wish, rng), answered(wish, rng, flawed=False))

    def easy(self, rng: random.Random) -> tuple[str, str]:
        """A common wish in common words, with an answer."""
        while True:
            domain = rng.choice(tuple(DOMAINS)[:EASY_DOMAINS])
            wants, avoids = (tuple(tags)[:EASY_TAGS] for tags in (DOMAINS[domain].wants, DOMAINS[domain].avoids))
            wish = _wish(domain, rng.choice(wants), rng.choice(avoids), rng)
            if wish is not None and not is_held_out(self.key(wish)):
                return write(wish, rng, EASY_SENTENCES), answered(wish, rng, flawed=False)

    def texts(self, rng: random.Random) -> str:
        """Prices and tags of three things, and below them a question of the whole world."""
        while is_held_out(self.key(wish := sample(rng))):
            pass
        told = []
        for thing in rng.sample(tuple(CATALOGUE), 3):
            price, tags = CATALOGUE[thing]
            told.append(rng.choice(PRICES).format(thing=thing, price=price))
            told.append(rng.choice(TAGS).format(thing=thing, tags=" and ".join(rng.sample(sorted(tags), len(tags)))))
        return f"{' '.join(told)}\n\n{write(wish, rng)}"

    def words(self) -> frozenset[str]:
        """All of the questions, of the catalogue, and of the answers."""
        asked = [sentence for domain in DOMAINS for _, _, sentence in _sentences(domain)]
        tags = [" ".join(tags) for _, tags in CATALOGUE.values()]
        return words_of(
            [*asked, *tags, *CATALOGUE, *NAMES, *ANSWERS, *PRICES, *TAGS, *PRICE_ASKS, "Tell me about thing and"]
        )


WORLD = OpenAnswers()
