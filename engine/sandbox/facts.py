"""A world of multiple choice: two or three hops over a fixed base of facts, reasoned out, then the letter.

"What is the tool of the trade of the friend of Ada?" with four choices. **The facts are not in the
question.** They are in the student's reach: pretraining shows the whole base (`texts` states facts, `fact_base.py`),
and few kinds of questions about it. What is left to learn is which facts a question asks for, in which order.

**Settings, committed before any cell was trained:** the base and its words (`fact_base.py`); two or three hops, evenly;
nine of ten questions start from a person, the others from a town; the relations of each sort in the order of
`fact_chains.ORDER`, the k-th with weight 1 / k, and so the phrases of each relation and the frames of questions. A
question's type is its chain of relations. What tests never ask, and augmenters do (`Augmenter.off_distribution`):
questions of a single hop. A thing stands under the same letter wherever it is a choice: a student of this size does
not learn to look a letter up in the list (docs/sandbox.md), and the letter is then one more fact.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

from engine.domain import Item
from engine.sandbox.draws import Drawn, words_of
from engine.sandbox.fact_base import ASKS, BASE, OPENINGS, RELATIONS, SORT_OF, SORTS, stated
from engine.sandbox.fact_chains import LETTERS, Chain, drawn, drawn_evenly, read, sample, type_of, with_choices, write
from engine.sandbox.worlds import Augmenter, is_held_out

MARK = "Final answer:"
"""Before the letter: `engine.tasks.rationale` asks for it."""
EASY = frozenset({"friend", "town", "trade", "boss", "pet", "land", "tool", "mayor"})
"""Relations that pretraining shows solved, in chains of one or two."""
EASY_PHRASES, EASY_ASKS = 2, 6
"""Of each relation's phrases and of the frames, so many are shown solved."""
SAME_CHAIN = 0.5
"""Share of new questions that keep the seed's chain and start elsewhere."""


def answered(problem: Chain, rng: random.Random, *, flawed: bool) -> str:
    """The facts one by one in varying words, then the letter; flawed: a fact is misremembered, and the letter is the
    one of another choice."""
    sentences = [stated(relation, start, rng) for relation, start in problem.steps]
    end = problem.end
    if flawed:
        end = rng.choice([choice for choice in problem.choices if choice != problem.end])
        # The reasoning errs where its last fact says something else, and agrees with the letter.
        relation, start = problem.steps[-1]
        plain = stated(relation, start, rng, plain=True)
        sentences[-1] = plain.replace(f"{problem.end}.", f"{end}.")
    letter = LETTERS[problem.choices.index(end)]
    return f"{rng.choice(OPENINGS)}{' '.join(sentences)}\n\n{MARK} {letter}"


def rephrased(problem: Chain, question: str, rng: random.Random, *, flawed: bool) -> str:
    """Other words for the same chain, with the same choices; flawed: it starts elsewhere or follows another relation,
    so that another of the choices is right."""
    if flawed:
        problem = next(
            (
                one
                for _ in range(300)
                if (one := _another(problem, rng)).end in problem.choices and one.end != problem.end
            ),
            problem,
        )
        return write(replace(problem, choices=_listed(question)), rng)
    # Rarely drawn words are drawn at last.
    return next(text for text in (write(problem, rng) for _ in iter(int, 1)) if text != question)


def _listed(question: str) -> tuple[str, ...]:
    return tuple(line.strip()[3:] for line in question.strip().splitlines()[1:] if line.strip())


def _another(problem: Chain, rng: random.Random) -> Chain:
    """The chain from another start of the same sort, or with one relation exchanged for one between the same sorts."""
    if rng.random() < 0.5:
        return replace(problem, start=rng.choice(SORTS[SORT_OF[problem.start]]))
    place = rng.randrange(len(problem.relations))
    here = RELATIONS[problem.relations[place]]
    alike = [name for name, one in RELATIONS.items() if (one.source, one.target) == (here.source, here.target)]
    return replace(problem, relations=(*problem.relations[:place], rng.choice(alike), *problem.relations[place + 1 :]))


def invented(problem: Chain, rng: random.Random, augmenter: Augmenter) -> str:
    """A new question: the seed's chain from elsewhere, or a chain whose relations are drawn evenly, not as the world
    weighs them; or one of a single hop, or one that does not say where it starts."""
    if rng.random() < augmenter.off_distribution:
        relation, start = rng.choice(tuple(BASE))
        new = Chain(start, (relation,))
    elif rng.random() < SAME_CHAIN:
        new = replace(problem, start=rng.choice(SORTS[SORT_OF[problem.start]]))
    else:
        new = drawn_evenly(rng)
    new = with_choices(new, rng)
    text = write(new, rng)
    if rng.random() < augmenter.unanswerable:
        question, below = text.split("\n", 1)
        text = f"{question.replace(new.start, 'somebody' if SORT_OF[new.start] == 'person' else 'some place')}\n{below}"
    return text


# --- the world ----------------------------------------------------------------------------------------


def _item(chain: Chain, rng: random.Random) -> Item:
    listed = json.dumps(dict(zip(LETTERS, chain.choices, strict=True)))
    return Item("", write(chain, rng), answered(chain, rng, flawed=False), fields={"choices": listed})


class Facts(Drawn):
    """The world of multiple choice over the base of facts."""

    name = "facts"
    task = 'preset = "multiple_choice"'
    folder: Path | None = None
    read = staticmethod(read)
    answered = staticmethod(answered)
    rephrased = staticmethod(rephrased)
    invented = staticmethod(invented)
    type_of = staticmethod(type_of)

    def key(self, problem: Chain) -> str:
        """Where it starts and which relations it follows, whatever the choices."""
        return f"facts {problem.start} {' '.join(problem.relations)}"

    def drawn(self, rng: random.Random) -> tuple[str, Item]:
        """A problem as the world weighs them: its key, and its item without an id."""
        chain = sample(rng)
        return self.key(chain), _item(chain, rng)

    def easy(self, rng: random.Random) -> tuple[str, str]:
        """One or two hops of the easy relations, in the commonest words, with the reasoned answer."""
        while True:
            chain = drawn(rng, rng.choice((1, 2, 2)), EASY)
            if not is_held_out(self.key(chain)):
                chain = with_choices(chain, rng)
                return write(chain, rng, EASY_PHRASES, EASY_ASKS), answered(chain, rng, flawed=False)

    def texts(self, rng: random.Random) -> str:
        """Six facts of the base in any words, and below them a question of the whole world (on other facts)."""
        while is_held_out(self.key(chain := sample(rng))):
            pass
        facts = " ".join(stated(relation, start, rng) for relation, start in rng.sample(tuple(BASE), 6))
        return f"{facts}\n\n{write(chain, rng)}"

    def words(self) -> frozenset[str]:
        """All of the base, of its words, and of the task's own."""
        facts = [fact.format(a=a, b=b) for (name, a), b in BASE.items() for fact in RELATIONS[name].facts]
        phrases = [phrase for relation in RELATIONS.values() for phrase in relation.phrases]
        begun = [text[0].upper() + text[1:] for text in (*facts, *phrases) if not text.startswith("{")]
        own = ["somebody some place", f"{MARK} A. B. C. D.", "Answer with the label of one choice."]
        return words_of([*facts, *phrases, *begun, *ASKS, *OPENINGS, *SORT_OF, *own])


WORLD = Facts()
