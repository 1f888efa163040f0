"""What a task is: how its questions are put, how a reply becomes an answer, how it is scored.

A task holds pure functions and texts only; it never asks a teacher itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.domain import Message, Score, TaskType

Scorer = Callable[[str, str], Score]
"""`scorer(gold answer, reply)`; pure, and it never raises on a reply, however strange."""

Parser = Callable[[str], str | None]
"""From a teacher's reply to the answer that the student shall learn; None where there is none."""


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of question with its answer."""

    name: str
    type: TaskType
    teacher_instruction: str
    """Says how an answer has to look; goes before every question that a teacher answers."""
    student_instruction: str
    """Goes before the question in the student's prompt; may be empty."""
    question_form: str
    """What a question is, in words for the augmenter: `a maths word problem`."""
    parse_answer: Parser
    score: Scorer
    determined: bool
    """True where the question fixes the answer's text (a label, a JSON record): another answer
    to the same question then teaches nothing."""
    question_column: str = "question"
    answer_column: str = "answer"
    max_question_tokens: int = 300
    """Upper bound of a written question, in tokens."""
    max_answer_tokens: int = 512
    """Upper bound of a teacher's answer, in tokens."""

    def student_prompt(self, question: str) -> tuple[Message, ...]:
        """The conversation up to the student's turn."""
        content = f"{self.student_instruction}\n{question}" if self.student_instruction else question
        return (Message("user", content),)
