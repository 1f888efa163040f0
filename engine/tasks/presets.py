"""The named tasks, written as the `task.toml` that they are."""

from __future__ import annotations

import tomllib
from typing import Any

_PRESETS = {
    "math": """
name = "math"
answer = "math"
teacher = "Solve the question. Work step by step, one step a line, and end with a last line of the form '#### N' \
where N is the final number alone."
question = "a maths word problem whose answer is one number"
[scorer]
kind = "numeric"
symbolic = true
""",
    "multiple_choice": """
name = "multiple_choice"
answer = "multiple_choice"
teacher = "Answer the multiple-choice question. The answer is the label of one choice alone."
student = "Answer with the label of one choice."
question = "a multiple-choice question with its choices below it, one a line, each with its label ('A. ...')"
rationale = "before"
[columns]
answer = "answerKey"
choices = "choices"
[scorer]
kind = "choice"
""",
    "text_to_sql": """
name = "text_to_sql"
answer = "text_to_sql"
teacher = "Write one SQLite query that answers the question about the database above it. Reply with the query \
alone, in a code block."
student = "Write one SQLite query that answers the question."
question = "a question about the data of a database, answered by one SQL query"
[columns]
answer = "query"
[scorer]
kind = "sql"
""",
    "open_ended": """
name = "open_ended"
answer = "open_ended"
teacher = "Answer helpfully, correctly and to the point."
question = "an instruction or a question of a user"
max_answer_tokens = 1024
[scorer]
kind = "judge"
rubric = "The reply does what the question asks, is correct, complete and to the point. Where there is a reference \
answer, it agrees with it in substance."
""",
    "code": """
name = "code"
answer = "code"
teacher = "Write Python code that solves the problem, in one code block, standard library only, without examples \
of its use."
question = "a programming problem that names the function to write"
max_answer_tokens = 1024
[columns]
tests = "tests"
[scorer]
kind = "tests"
""",
}

NAMES = tuple(_PRESETS)


def preset(name: str) -> dict[str, Any]:
    """The settings of a named task."""
    return tomllib.loads(_PRESETS[name])
