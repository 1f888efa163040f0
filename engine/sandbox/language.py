"""Problems in words: writing a question, working out an answer, and reading a question back.

Writing and reading use the same sentences (`wording.py`); reading is what lets the sandbox teacher
answer the very text that it is sent, without knowing where the text came from.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache

from engine.sandbox import wording
from engine.sandbox.problems import Part, Problem, Scene, Sum, answer, sample_scene, solve

SENTENCES: dict[str, tuple[str, ...]] = {**wording.START, **wording.MIDDLE, **wording.ASK}


def sentence(template: str, scene: Scene, part: Part) -> str:
    """A part in the words of a template."""
    numbers = dict(zip("ab", part.numbers, strict=False))
    first = part.numbers[0] if part.numbers else 0
    text = template.format(
        name=scene.name,
        she="she" if scene.name in wording.WOMEN else "he",
        other=scene.other,
        things=scene.things,
        boxes=scene.boxes,
        friends=scene.friends,
        times=wording.TIMES.get(first, ""),
        part=wording.PARTS.get(first, ""),
        **numbers,
    )
    return text[0].upper() + text[1:]


def write(problem: Problem, rng: random.Random, share: float = 1.0) -> str:
    """The question in words, each sentence drawn from those that its kind can take.

    `share` keeps to the first part of each kind's sentences (at least one): what the student has seen solved.
    """
    sentences = []
    for part in problem.parts:
        known = SENTENCES[part.kind]
        template = rng.choice(known[: max(1, round(share * len(known)))])
        sentences.append(sentence(template, problem.scene, part))
    return " ".join(sentences)


def rephrasings(problem: Problem, rng: random.Random) -> Iterator[str]:
    """The same question in other words, again and again; facts and numbers stay as they are."""
    while True:
        yield write(problem, rng)


LINES = (
    *("{sum}", "{sum}", "{sum}.", "So {sum}.", "Then {sum}.", "That is {sum}.", "This makes {sum}."),
    *("Now there are {sum}.", "We get {sum}.", "Next, {sum}.", "Work out {sum}.", "The count is {sum}."),
)


def work(sums: tuple[Sum, ...], result: int, rng: random.Random) -> str:
    """A worked answer: one sum a line in varying words, and a last line `#### N`."""
    lines = []
    for one in sums:
        turned = one.sign in "+*" and rng.random() < 0.25
        shown = Sum(one.right, one.sign, one.left) if turned else one
        lines.append(rng.choice(LINES).format(sum=shown))
    return "\n".join([*lines, f"#### {result}"])


def worked(problem: Problem, rng: random.Random) -> str:
    """A right worked answer."""
    return work(solve(problem), answer(problem), rng)


# --- reading ------------------------------------------------------------------------------------------

_SLOTS = {
    "name": wording.NAMES,
    "other": wording.NAMES,
    "things": wording.THINGS,
    "boxes": wording.BOXES,
    "friends": wording.FRIENDS,
    "she": ("she", "he", "She", "He"),
    "times": tuple(wording.TIMES.values()),
    "part": tuple(wording.PARTS.values()),
}
_WORD_NUMBERS = {words: n for table in (wording.TIMES, wording.PARTS) for n, words in table.items()}


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """A template as a pattern: a slot that comes again has to hold the same word again."""
    pattern, seen = "", set()
    for piece in re.split(r"(\{\w+\})", template):
        slot = piece[1:-1] if piece.startswith("{") else ""
        if not slot:
            pattern += re.escape(piece)
        elif slot in seen:
            pattern += f"(?P={slot})"
        else:
            seen.add(slot)
            words = r"\d+" if slot in "ab" else "|".join(map(re.escape, _SLOTS[slot]))
            pattern += f"(?P<{slot}>{words})"
    return re.compile(pattern, re.IGNORECASE)


def read(text: str, rng: random.Random) -> Problem | None:
    """The problem that a text of the world tells; None for any other text.

    Who or what the text leaves open (a container that no sentence names) is drawn from `rng`.
    """
    text = " ".join(text.split())
    for parts, words in _parts(text, 0, "start", {}):
        drawn = sample_scene(rng)
        name = words.get("name", drawn.name)
        others = [n for n in (drawn.other, drawn.name, *wording.NAMES) if n != name]
        problem = Problem(
            Scene(
                name,
                words.get("other", others[0]),
                words.get("things", drawn.things),
                words.get("boxes", drawn.boxes),
                words.get("friends", drawn.friends),
            ),
            parts,
        )
        try:
            solve(problem)
        except ValueError:
            continue
        return problem
    return None


_NEXT = {"start": (wording.START,), "middle": (wording.MIDDLE, wording.ASK)}


def _parts(text: str, at: int, state: str, words: dict[str, str]) -> Iterator[tuple[tuple[Part, ...], dict[str, str]]]:
    """Every way to read the text from `at` on as sentences that agree on who and what they are about."""
    for table in _NEXT[state]:
        for kind, templates in table.items():
            for template in templates:
                match = _pattern(template).match(text, at)
                if match is None:
                    continue
                found = match.groupdict()
                part = Part(kind, _found_numbers(found))
                known = {**words}
                if any(known.setdefault(slot, found[slot]) != found[slot] for slot in _SCENE & found.keys()):
                    continue
                end = match.end()
                if table is wording.ASK:
                    if end == len(text):
                        yield (part,), known
                elif text[end : end + 1] == " ":
                    for rest, agreed in _parts(text, end + 1, "middle", known):
                        yield (part, *rest), agreed


_SCENE = {"name", "other", "things", "boxes", "friends"}


def _found_numbers(found: dict[str, str]) -> tuple[int, ...]:
    if "a" in found:
        return tuple(int(found[slot]) for slot in "ab" if slot in found)
    return tuple(_WORD_NUMBERS[found[slot].lower()] for slot in ("times", "part") if slot in found)
