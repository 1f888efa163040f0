"""Questions over the fact base without their words: chains of relations; writing them, and reading them back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from engine.sandbox.draws import tailed
from engine.sandbox.fact_base import ASKS, BASE, RELATIONS, SORT_OF, SORTS

ORDER = {
    "person": ("friend", "town", "trade", "boss", "pet", "neighbour", "sport", "rival"),
    "town": ("land", "mayor", "river"),
    "land": ("flag", "dish"),
    "trade": ("tool",),
    "animal": ("food",),
}
"""Relations that start from each sort, the common ones first."""
HOPS = (2, 3)
FROM_A_PERSON = 0.9
LETTERS = "ABCD"


@dataclass(frozen=True, slots=True)
class Chain:
    """A question without its wording: where it starts, which relations it follows, and the choices in order."""

    start: str
    relations: tuple[str, ...]
    """In the order in which they are followed."""
    choices: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[tuple[str, str], ...]:
        """The facts that lead to the answer, in order, as (relation, where it starts)."""
        found, at = [], self.start
        for relation in self.relations:
            found.append((relation, at))
            at = BASE[relation, at]
        return tuple(found)

    @property
    def end(self) -> str:
        """What is asked for."""
        return BASE[self.steps[-1]]


def drawn(rng: random.Random, hops: int, allowed: frozenset[str] | None = None, start: str | None = None) -> Chain:
    """A chain as the world weighs relations; with `allowed` only those."""
    while True:
        sort = "person" if rng.random() < FROM_A_PERSON else "town"
        begin = start or rng.choice(SORTS[sort])
        at, relations = SORT_OF[begin], list[str]()
        while len(relations) < hops:
            known = [one for one in ORDER.get(at, ()) if allowed is None or one in allowed]
            if not known:
                break
            relations.append(tailed(known, rng))
            at = RELATIONS[relations[-1]].target
        if len(relations) == hops:
            return Chain(begin, tuple(relations))
        if start:
            hops = max(1, hops - 1)


def type_of(problem: Chain) -> tuple[str, ...]:
    """What the world has a long tail of: the chain of relations."""
    return problem.relations


def sample(rng: random.Random) -> Chain:
    """A problem as the world's weights have it."""
    return with_choices(drawn(rng, rng.choice(HOPS)), rng)


def with_choices(chain: Chain, rng: random.Random) -> Chain:
    """The chain with its answer among three other things of its sort, each under the letter that it always has."""
    things = SORTS[SORT_OF[chain.end]]
    own = things.index(chain.end) % len(LETTERS)
    return replace(
        chain,
        choices=tuple(
            chain.end if place == own else rng.choice(things[place :: len(LETTERS)]) for place in range(len(LETTERS))
        ),
    )


def write(chain: Chain, rng: random.Random, phrases: int = 99, asks: int = 99) -> str:
    """The question in words with its choices below it, one a line; of phrases and frames only the first so many."""
    phrase = chain.start
    for relation in chain.relations:
        phrase = tailed(RELATIONS[relation].phrases[:phrases], rng).format(phrase)
    text = tailed(ASKS[:asks], rng, 0.7).format(phrase)
    listed = (f"{letter}. {thing}" for letter, thing in zip(LETTERS, chain.choices, strict=True))
    return "\n".join((text[0].upper() + text[1:], *listed))


def drawn_evenly(rng: random.Random) -> Chain:
    """A chain whose relations are drawn evenly, not as the world weighs them."""
    while True:
        start, relations = rng.choice(SORTS[rng.choice(("person", "town"))]), list[str]()
        at = SORT_OF[start]
        for _ in range(rng.choice(HOPS)):
            if at not in ORDER:
                break
            relations.append(rng.choice(ORDER[at]))
            at = RELATIONS[relations[-1]].target
        if len(relations) in HOPS:
            return Chain(start, tuple(relations))


# --- reading ------------------------------------------------------------------------------------------


@cache
def _cut(template: str) -> tuple[str, str]:
    before, _, after = template.partition("{}")
    return before[:1].upper() + before[1:] if template in ASKS else before, after


def _chains(phrase: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    if phrase in SORT_OF:
        yield phrase, ()
    for name, relation in RELATIONS.items():
        for template in relation.phrases:
            before, after = _cut(template)
            inner = phrase[len(before) : len(phrase) - len(after)]
            if phrase.startswith(before) and phrase.endswith(after) and inner:
                for start, relations in _chains(inner):
                    at = RELATIONS[relations[-1]].target if relations else SORT_OF[start]
                    if at == relation.source:
                        yield start, (*relations, name)


def read(question: str, rng: random.Random) -> Chain | None:
    """The problem that a question of the world asks; None for other texts, and where no choice is right."""
    text, *lines = [line.strip() for line in question.splitlines() if line.strip()] or [""]
    choices = tuple(line[3:] for letter, line in zip(LETTERS, lines, strict=False) if line.startswith(f"{letter}. "))
    if len(choices) != len(LETTERS) or len(lines) != len(LETTERS):
        return None
    for ask in ASKS:
        before, after = _cut(ask)
        if not (text.startswith(before) and text.endswith(after)):
            continue
        for start, relations in _chains(text[len(before) : len(text) - len(after)]):
            found = Chain(start, relations, choices)
            if relations and found.end in choices:
                return found
    return None
