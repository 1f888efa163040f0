r"""Maths word problems: a worked answer that ends in `#### N`, as GSM8K writes it.

Teachers are asked for that form; replies that state their result otherwise (`\boxed{}`, "the answer
is N", a JSON object with `reasoning` and `answer`) are brought into it. Symbolic answers are not
compared: only numbers are.
"""

from __future__ import annotations

from engine.domain import TaskType
from engine.tasks.base import Task
from engine.tasks.numbers import final_number, numeric
from engine.tasks.outcomes import by_answer
from engine.tasks.records import json_object


def parse_answer(reply: str) -> str | None:
    """The worked answer with its last line `#### N`; None where the reply ends in no number."""
    record = json_object(reply)
    if record is not None and "answer" in record:
        body, result = str(record.get("reasoning", "")), final_number(str(record["answer"]))
    else:
        body, result = reply.split("####")[0], final_number(reply)
    if result is None:
        return None
    return f"{body.strip()}\n#### {result:.12g}".strip()


TASK = Task(
    name="math",
    type=TaskType.MATH,
    teacher_instruction=(
        "Solve the question. Work step by step, one step a line, and end with a last line of the "
        "form '#### N' where N is the final number alone."
    ),
    student_instruction="",
    question_form="a maths word problem whose answer is one number",
    parse_answer=parse_answer,
    scorer=by_answer(numeric),
    determined=False,
)
