"""How long an example is in the student's tokens, without loading the student.

Read from its tokenizer.json; the few tokens that a chat template puts around a message are not counted, so training
still counts what they make too long.
"""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from engine.curation import Length, Room
from engine.domain import Recipe
from engine.student import StudentInfo
from engine.tasks import Task

LONGEST_TOKEN = 40
"""Bytes: an example with more than so many a token is too long, whatever the tokenizer."""


def room(student: StudentInfo, recipe: Recipe, task: Task) -> Room:
    """How long an example may be for that student under that recipe."""
    tokens = min(recipe.max_length, student.context or recipe.max_length)
    return Room(tokens, _length(student, task, tokens))


def _length(student: StudentInfo, task: Task, most: int) -> Length:
    file = Path(student.path) / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file)) if file.is_file() else None

    def length(question: str, answer: str) -> int | None:
        text = "\n".join([*(message.content for message in task.student_prompt(question)), answer])
        size = len(text.encode())
        if size > LONGEST_TOKEN * most:  # megabytes need no tokenizer
            return size // LONGEST_TOKEN
        return None if tokenizer is None else len(tokenizer.encode(text, add_special_tokens=False).ids)

    return length
