"""Rows of a file or a data set folder as training examples: chats, pairs of prompt and completion, or a task's rows.

What cannot be read is told with its line, all at once; a row that can be read and has nothing to learn from (it is all
prompt) is left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.domain import Message, TrainingExample
from engine.errors import InputError
from engine.items import MOST_PROBLEMS
from engine.row_files import content_of, parse_rows, unit
from engine.rows import names_of
from engine.tasks import Task
from engine.trainer_configs import FILES, MESSAGES

ROLES = ("system", "user", "assistant")
LAYOUT = "a data set folder of `seedpilot generate`, or a file with `messages` or `prompt` and `completion` in each row"


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """What a file holds."""

    name: str
    """As messages call it."""
    examples: tuple[TrainingExample, ...]
    all_prompt: int
    """Rows left out because they hold nothing that the student should say."""

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return len(self.examples) + self.all_prompt


def read_training_rows(path: Path, task: Task | None = None) -> TrainingRows:
    """The examples in a data set folder or a file; with a task, also rows of the task's own columns.

    InputError with every problem and its line: a broken row, a role or a turn that is no text, a file without a row to
    learn from.
    """
    file = path
    if path.is_dir():
        file = path / FILES[MESSAGES]
        if not file.is_file():
            raise InputError(f"{path}: holds no {file.name}; expected {LAYOUT}")
    problems: list[str] = []
    examples: list[TrainingExample] = []
    all_prompt = wrong = 0
    for number, row in parse_rows(content_of(file), file.name):
        found = row if isinstance(row, str) else _example(row, task)
        if isinstance(found, TrainingExample):
            examples.append(found)
        elif found is None:
            all_prompt += 1
        else:
            wrong += 1
            if len(problems) < MOST_PROBLEMS:
                problems.append(f"{file.name}, {unit(file.name)} {number}: {found}")
    if wrong > len(problems):
        problems.append(f"{file.name}: and {wrong - len(problems)} more rows with problems")
    if not problems and not examples:
        problems = [
            f"{file.name}: all of its {all_prompt} rows are prompts without an answer, and nothing can be learnt from "
            "them. Expected a last turn of the role assistant, with text"
        ]
    if problems:
        raise InputError(problems)
    return TrainingRows(file.name, tuple(examples), all_prompt)


def _example(row: Mapping[str, Any], task: Task | None) -> TrainingExample | str | None:
    """The example; None where it is all prompt; what is wrong with the row otherwise."""
    if "messages" in row:
        return _chat(row["messages"])
    if "prompt" in row and "completion" in row:
        return _pair(row["prompt"], row["completion"])
    if task is None:
        return f"expected `messages`, or `prompt` and `completion` (found: {names_of(row)}); rows of a task need --task"
    item = task.read_row(row)
    if isinstance(item, str):
        return item
    return TrainingExample(task.student_prompt(item.asked), item.answer)


def _chat(turns: Any) -> TrainingExample | str | None:
    messages = _messages(turns, "messages")
    if isinstance(messages, str):
        return messages
    if messages[-1].role != "assistant" or not messages[-1].content.strip():
        return None
    return TrainingExample(messages[:-1], messages[-1].content)


def _pair(prompt: Any, completion: Any) -> TrainingExample | str | None:
    """Texts, or chats cut before the answer, as trainers take both."""
    if isinstance(prompt, str) and isinstance(completion, str):
        # A student without a chat template reads a turn and a line end, which these prompts bring along.
        turn = Message("user", prompt.removesuffix("\n"))
        return TrainingExample((turn,), completion) if completion.strip() else None
    asked = _messages(prompt, "prompt")
    if isinstance(asked, str):
        return asked
    answered = () if completion == [] else _messages(completion, "completion")
    if isinstance(answered, str):
        return answered
    if not answered:
        return None
    return _chat([{"role": m.role, "content": m.content} for m in (*asked, *answered)])


def _messages(turns: Any, name: str) -> tuple[Message, ...] | str:
    if not isinstance(turns, Sequence) or isinstance(turns, str) or not turns:
        return f"`{name}` is no list of turns; expected [{{role, content}}, ...]"
    found = []
    for turn in turns:
        if not isinstance(turn, Mapping) or not isinstance(turn.get("content"), str):
            return f"`{name}` has a turn without a text as its content; expected {{role, content}}"
        if turn.get("role") not in ROLES:
            return f"`{name}` has the role {turn.get('role')!r}; expected one of {', '.join(ROLES)}"
        found.append(Message(turn["role"], turn["content"]))
    return tuple(found)
