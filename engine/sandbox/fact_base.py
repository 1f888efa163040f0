"""The fact base of the multiple-choice world: who and what there is, how they hang together, and in which words.

The base is drawn once, from a seed of its own, and is the same for everybody (**settings, committed before any cell was
trained**): 48 people, 16 towns, 8 lands, 12 trades and 12 animals with 15 relations between them, 472 facts. A relation
leads from each thing of one sort to one thing of another.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from engine.sandbox.draws import listed

SORTS: Mapping[str, tuple[str, ...]] = {
    "person": listed(
        "Ada Alma Bela Boris Cora Carl Dora Dirk Edna Egon Flora Felix Gerda Gus Hilda Hugo Irma Igor Jana Jonas Kira "
        "Kurt Lydia Lars Magda Milo Nadia Nils Olga Oscar Petra Paul Rita Rolf Selma Sven Tilda Timo Ulla Udo Vera "
        "Viktor Wanda Walter Xenia Yara Zelda Zeno"
    ),
    "town": listed("Arlo Belm Corven Dask Elmar Fenwick Gorm Hallow Ister Jark Kolm Lund Morvan Nessel Orlen Pell"),
    "land": listed("Avaria Borland Cantor Delmia Estan Fardia Galdor Hestia"),
    "river": listed("Aln Brisk Cray Dove Esker Flint Gavel Humber"),
    "colour": listed("red blue green yellow white black purple orange"),
    "trade": listed("baker smith tailor doctor farmer painter miller sailor teacher barber mason weaver"),
    "tool": listed("oven hammer needle lamp plough brush wheel rope chalk razor trowel loom"),
    "animal": listed("dog cat goat parrot rabbit horse turtle hen sheep fox mouse owl"),
    "food": listed("bones fish leaves seeds carrots oats salad corn grass berries cheese beetles"),
    "sport": listed("chess tennis rowing boxing skating archery fencing golf hockey judo"),
    "dish": listed("soup stew pie dumplings noodles pancakes curry porridge"),
}


@dataclass(frozen=True, slots=True)
class Relation:
    """What leads from a thing of one sort to a thing of another, and the words for it."""

    source: str
    target: str
    phrases: tuple[str, ...]
    """Names of what it leads to, with `{}` for where it starts, the common ones first."""
    facts: tuple[str, ...]
    """Sentences that state it, with `{a}` for where it starts and `{b}` for where it leads, the plain one first."""


def _relation(source: str, target: str, phrases: str, *facts: str) -> Relation:
    return Relation(source, target, tuple(phrases.split("; ")), facts)


RELATIONS: Mapping[str, Relation] = {
    "friend": _relation(
        "person",
        "person",
        "the friend of {}; the one whom {} likes best; the dearest companion of {}; the person that {} trusts most",
        "The friend of {a} is {b}.",
        "{a} likes {b} best.",
        "{b} is the friend of {a}.",
    ),
    "boss": _relation(
        "person",
        "person",
        "the boss of {}; the one for whom {} works; the chief of {}; whoever pays {} each month",
        "The boss of {a} is {b}.",
        "{a} works for {b}.",
        "{b} is the boss of {a}.",
    ),
    "neighbour": _relation(
        "person",
        "person",
        "the neighbour of {}; the one who lives beside {}; the person behind the hedge of {}",
        "The neighbour of {a} is {b}.",
        "{b} lives beside {a}.",
        "Beside {a} lives {b}.",
    ),
    "rival": _relation(
        "person",
        "person",
        "the rival of {}; the one whom {} envies; the old enemy of {}",
        "The rival of {a} is {b}.",
        "{a} envies {b}.",
        "{b} is the rival of {a}.",
    ),
    "town": _relation(
        "person",
        "town",
        "the town of {}; the place where {} lives; the home of {}; the town that {} calls home",
        "The town of {a} is {b}.",
        "{a} lives in {b}.",
        "The home of {a} is {b}.",
    ),
    "trade": _relation(
        "person",
        "trade",
        "the trade of {}; the job that {} does; the craft that {} learned; the work of {}",
        "The trade of {a} is {b}.",
        "{a} is a {b}.",
        "The job of {a} is {b}.",
    ),
    "pet": _relation(
        "person",
        "animal",
        "the pet of {}; the animal that {} keeps; the beast in the house of {}; the furry or feathered guest of {}",
        "The pet of {a} is a {b}.",
        "{a} keeps a {b}.",
        "A {b} is the pet of {a}.",
    ),
    "sport": _relation(
        "person",
        "sport",
        "the sport of {}; the game that {} plays; the pastime of {}; what {} does on Sundays",
        "The sport of {a} is {b}.",
        "{a} is fond of {b}.",
        "On Sundays {a} does {b}.",
    ),
    "land": _relation(
        "town",
        "land",
        "the land of {}; the country around {}; the state to which {} belongs",
        "The land of {a} is {b}.",
        "{a} lies in {b}.",
        "{a} belongs to {b}.",
    ),
    "river": _relation(
        "town",
        "river",
        "the river of {}; the stream that runs through {}; the water under the bridges of {}",
        "The river of {a} is the {b}.",
        "The {b} runs through {a}.",
        "{a} stands on the {b}.",
    ),
    "mayor": _relation(
        "town",
        "person",
        "the mayor of {}; the one who governs {}; the head of the council of {}",
        "The mayor of {a} is {b}.",
        "{b} governs {a}.",
        "{a} has {b} as mayor.",
    ),
    "flag": _relation(
        "land",
        "colour",
        "the flag of {}; the colour that {} flies; the colour on the coins of {}",
        "The flag of {a} is {b}.",
        "{a} flies {b}.",
        "{b} is the flag of {a}.",
    ),
    "dish": _relation(
        "land",
        "dish",
        "the dish of {}; the meal that {} is known for; the food that cooks make in {}",
        "The dish of {a} is {b}.",
        "{a} is known for {b}.",
        "Cooks in {a} make {b}.",
    ),
    "tool": _relation(
        "trade",
        "tool",
        "the tool of {}; the thing that is used for {}; the sign over the door of {}",
        "The tool of {a} is the {b}.",
        "A {a} uses the {b}.",
        "The {b} serves the {a}.",
    ),
    "food": _relation(
        "animal",
        "food",
        "the food of {}; the thing that {} eats; the favourite meal of {}",
        "The food of {a} is {b}.",
        "A {a} eats {b}.",
        "{b} feed the {a}.",
    ),
}

ASKS = (
    "What is {}?",
    "Name {}.",
    "Which of these is {}?",
    "Find {}.",
    "Tell me {}.",
    "Choose {}.",
    "I look for {}. Which is it?",
    "One of these is {}. Which one?",
    "Somebody asks for {}. What do you say?",
    "The riddle is about {}. Solve it.",
)
"""Frames of questions, the common ones first; the student's pretraining shows the first six solved."""

OPENINGS = ("", "", "", "Step by step: ", "We know this. ", "Let us see. ")
"""How a worked answer may begin."""


def _drawn() -> Mapping[tuple[str, str], str]:
    rng = random.Random("the fact base of the sandbox")
    base: dict[tuple[str, str], str] = {}
    for name, relation in RELATIONS.items():
        sources, targets = SORTS[relation.source], SORTS[relation.target]
        # Each target is reached about equally often, so that no guess is better than others.
        dealt = [targets[place % len(targets)] for place in range(len(sources))]
        rng.shuffle(dealt)
        while relation.source == relation.target and any(a == b for a, b in zip(sources, dealt, strict=True)):
            rng.shuffle(dealt)
        base |= {(name, source): target for source, target in zip(sources, dealt, strict=True)}
    return base


BASE: Mapping[tuple[str, str], str] = _drawn()
"""(relation, where it starts) -> where it leads."""

SORT_OF: Mapping[str, str] = {thing: sort for sort, things in SORTS.items() for thing in things}


def stated(relation: str, start: str, rng: random.Random, *, plain: bool = False) -> str:
    """A fact of the base as a sentence, in the plain words or in any."""
    facts = RELATIONS[relation].facts
    text = (facts[0] if plain else rng.choice(facts)).format(a=start, b=BASE[relation, start])
    return text[0].upper() + text[1:]
