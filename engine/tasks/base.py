"""What a task is: how its questions are put, how a reply becomes an answer, how it is scored.

A task holds pure functions and texts only; it never asks a teacher itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.domain import Item, Message, Request, Score, TaskType
from engine.rows import INPUT_ALONE, QUESTION_AND_ANSWER, RowReader, any_text

Scorer = Callable[[Item, str], Score]
"""`scorer(item, reply)`: the item brings the gold answer and what else it is judged by; it never raises
on a reply, however strange."""

Parser = Callable[[str], str | None]
"""From a teacher's reply to the answer that the student shall learn; None where there is none."""


class Judge(Protocol):
    """Has a reply judged by an LLM. Pure halves of a paid query: the caller asks, under the ledger."""

    def request(self, item: Item, reply: str) -> Request:
        """The query that asks for a verdict on this reply."""
        ...

    def verdict(self, text: str) -> Score:
        """The score that the judge's reply states; not scored where it states none."""
        ...


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
    scorer: Scorer
    determined: bool
    """True where the question fixes the answer's text (a label, a JSON record) and no rationale is
    trained with it: another answer to the same question then teaches nothing."""
    question_column: str = "question"
    """What the seed and test files call the question, unless a mapping says otherwise."""
    answer_column: str = "answer"
    columns: Mapping[str, str] = field(default_factory=lambda: {"question": "question", "answer": "answer"}, hash=False)
    """Every column that rows are read by: its part in the task (`question`, `messages`, `db_id`) -> its name."""
    read_row: RowReader = QUESTION_AND_ANSWER
    """From one row of a file to an item, or to what is wrong with the row."""
    read_input: RowReader = INPUT_ALONE
    """The same for one of the user's unlabelled inputs; the item's answer is empty."""
    has_form: Callable[[str], bool] = any_text
    """Whether a written question looks like one of this task (multiple choice: it lists its choices)."""
    response_schema: Mapping[str, Any] | None = None
    """JSON schema that a teacher's answer must follow; sent where the endpoint supports it."""
    label_of: Parser | None = None
    """For labels: the label that a text states; macro-F1 is reported where this is given."""
    judge: Judge | None = None
    """Where only a judge can score a reply; `score_item` then says not scored."""
    max_question_tokens: int = 300
    """Upper bound of a written question, in tokens."""
    max_answer_tokens: int = 512
    """Upper bound of a teacher's answer, in tokens."""

    def student_prompt(self, question: str) -> tuple[Message, ...]:
        """The conversation up to the student's turn; `question` is an item's `asked`."""
        content = f"{self.student_instruction}\n{question}" if self.student_instruction else question
        return (Message("user", content),)

    def score_item(self, item: Item, reply: str) -> Score:
        """The reply to an item, judged."""
        return self.scorer(item, reply)

    def score(self, gold: str, reply: str) -> Score:
        """The reply judged by a gold answer alone; tasks that need more of the item say not scored."""
        return self.scorer(Item("", "", gold), reply)
