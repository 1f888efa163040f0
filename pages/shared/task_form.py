"""The user's own task as a form over the same task.toml that the command line takes.

It starts from what the answers look like, a named task, or a task file; what is changed stays as long as the
examples, their columns and the start stay. Faults are the engine's, all at once; of a field left empty in the form's
words.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st
import tomli_w

from engine.domain import TaskType
from engine.errors import InputError
from engine.mapping import FAMILY, guessed_columns
from engine.proposals import LOOKED_AT, Proposal, proposed
from engine.row_files import beginning
from engine.tasks import settings_in, task_from
from engine.tasks.presets import preset
from pages.shared import columns_form, scorer_form, uploads, words
from pages.shared.pilot_parts import KEEP, Asked, Place

PROPOSED, FROM_FILE = "What my answers look like", "A task file (task.toml)"
STARTS = {
    "Multiple choice": "multiple_choice",
    "Database query (SQL)": "text_to_sql",
    "Free text, scored by a judge": "open_ended",
    "Code with unit tests": "code",
}
"""Named tasks that a task of one's own may start from."""
PAIR, CHAT = "A question and its answer", "A chat (messages)"
RATIONALES = {"none": "None", "before": "Asked for before the answer, and trained with it"}
SCHEMA, SOURCE = "answer.schema.json", "score.py"
TASK = "task.toml"
LEFT_EMPTY = {
    "'name' is missing": "Name of the task: it is missing.",
    "'teacher' is missing": "What the teacher is told: it is missing.",
    "scorer.labels = []": "Labels: write two or more, one a line.",
    "scorer.rubric is missing": "Rubric: write what a right reply does.",
}
"""How a fault begins that is a field of the form left empty, and what is said in place of the task file's words."""


def ask(file: Path, asked: Asked, seeds: Place = nullcontext) -> tuple[str | None, dict[str, str]]:
    """Draws it for a file of examples, its rows and columns in the place of the seeds: the path of the task file that
    was made, None while there is none, and the plan's `map` for what a task file does not name."""
    start = st.selectbox("Start from", [PROPOSED, *STARTS, FROM_FILE], key="task_start", **KEEP)
    settings, source = _started(start, asked)
    with seeds():
        names = columns_form.preview(file, "pilot_file")
        if settings is None or not names:
            return None, {}
        columns, mapped = _columns(settings, names, f"{file.parent.name}_{source}")
    if not settings:
        found = _proposed(file, tuple(sorted(columns.items())))
        settings = found.settings
        if found.said:
            st.info(words.plain(found.said), icon=":material/lightbulb:")
    # What is typed belongs to this file, its answers and this start; others are proposed anew.
    tag = "_".join((file.parent.name, source, columns.get("answer") or columns.get("messages") or ""))
    raw, files, problems = _fields(settings, tag)
    kind = raw["scorer"]["kind"]
    columns, mapped = _further(kind, columns, mapped, settings, names, tag)
    raw["columns"] = columns
    # The columns stand before the tables that may be long.
    raw = {name: raw.pop(name) for name in list(raw) if name not in ("scorer", "schema")} | raw
    path, faults = _written(raw, files)
    problems += faults
    if problems:
        st.error(
            "\n".join(("- " if len(problems) > 1 else "") + words.plain(problem) for problem in problems),
            icon=":material/error:",
        )
        many = "A fault" if len(problems) == 1 else f"{len(problems)} faults"
        asked.problems.append(f"Your task: {many} to put right, told below its form.")
        asked.complete = False
    _download(path, [TASK, *files])
    return (None if problems else str(path)), mapped


def _started(start: str, asked: Asked) -> tuple[dict[str, Any] | None, str]:
    """The settings that the form begins with, and a name for them. Empty: they are proposed. None: none yet."""
    if start in STARTS:
        return preset(STARTS[start]), _source(start)
    if start == PROPOSED:
        return {}, _source(start)
    file = uploads.ask("Task file to start from (task.toml)", ["toml"], "task_file", "Its settings fill the form.")
    if file is None:
        asked.wait_for("Upload the task file to start from, or start from your answers.")
        return None, ""
    try:
        return settings_in(file), file.parent.name
    except InputError as error:
        asked.problems += [problem.replace(str(file), file.name) for problem in error.problems]
        asked.complete = False
        return None, ""


@lru_cache(maxsize=32)
def _proposed(file: Path, columns: tuple[tuple[str, str], ...]) -> Proposal:
    """By the first rows; the folder of an upload is named by its content."""
    return proposed(beginning(file, LOOKED_AT), dict(columns))


def columns_chosen(file: Path, start: str, columns: Mapping[str, str]) -> dict[str, Any]:
    """The form's inputs for columns of that file that were chosen elsewhere."""
    of = f"{file.parent.name}_{_source(start)}"
    chat = "messages" in columns
    chosen = {f"{'task_chat' if chat else 'task_pair'}_{part}_{of}": name for part, name in columns.items()}
    return chosen | {f"task_shape_{of}": CHAT if chat else PAIR}


def _source(start: str) -> str:
    """How inputs that belong to a start are named."""
    return start if start in STARTS else "proposed"


def _columns(settings: Mapping[str, Any], names: list[str], of: str) -> tuple[dict[str, str], dict[str, str]]:
    """The task's columns by their parts, and the family's as the plan maps it."""
    given = {part: name for part, name in settings.get("columns", {}).items() if isinstance(name, str)}
    chats = guessed_columns({"messages": given.get("messages", "messages")}, names)
    pairs = guessed_columns({part: given.get(part, part) for part in ("question", "answer")}, names)
    chat = "messages" in given or ("messages" in chats and "question" not in pairs)
    shape = st.radio("One row holds", [PAIR, CHAT], index=int(chat), key=f"task_shape_{of}", horizontal=True, **KEEP)
    if shape == CHAT:
        chosen = columns_form.choose(["messages", FAMILY], names, chats, "task_chat", of)
    else:
        likely = pairs | ({"context": given["context"]} if given.get("context") in names else {})
        chosen = columns_form.choose(["question", "answer", "context", FAMILY], names, likely, "task_pair", of)
    family = chosen.pop(FAMILY, None)
    return chosen, {} if family in (None, FAMILY) else {FAMILY: str(family)}


def _further(
    kind: str,
    columns: dict[str, str],
    mapped: dict[str, str],
    settings: Mapping[str, Any],
    names: list[str],
    tag: str,
) -> tuple[dict[str, str], dict[str, str]]:
    """The columns that only a kind of scorer needs."""
    parts = {"choice": ["choices"], "tests": ["tests", "entry_point"], "sql": ["db_id"]}.get(kind, [])
    if not parts or ("messages" in columns and kind != "tests"):
        return columns, mapped
    given = settings.get("columns", {})
    likely = guessed_columns({part: str(given.get(part, part)) for part in parts}, names)
    chosen = columns_form.choose(parts, names, likely, "task_more", tag)
    database = chosen.pop("db_id", None)  # no column of a task file: its rows are read by that name
    return columns | chosen, mapped | ({} if database in (None, "db_id") else {"db_id": str(database)})


def _fields(settings: Mapping[str, Any], tag: str) -> tuple[dict[str, Any], dict[str, bytes], list[str]]:
    """The settings as they stand in the form, the files beside them, and what only the form can see."""

    def text(column: Any, name: str, label: str, **options: Any) -> str:
        given = settings.get(name)
        start = given.strip() if isinstance(given, str) else ""
        return str(column.text_input(label, start, key=f"task_{name}_{tag}", **options, **KEEP)).strip()

    told = st.text_area(
        "What the teacher is told",
        str(settings.get("teacher", "")).strip(),
        key=f"task_teacher_{tag}",
        height=140,
        help="How an answer has to look. It goes before every question that the teacher answers.",
        **KEEP,
    ).strip()
    left, right = st.columns(2)
    raw: dict[str, Any] = {
        "name": text(left, "name", "Name of the task", max_chars=80),
        "teacher": told,
        "student": text(
            right, "student", "What the student is told", placeholder="nothing", help="Goes before every question."
        ),
        "question": text(
            left,
            "question",
            "What a question is",
            placeholder="a customer's message",
            help="In a few words, for the model that writes new questions.",
        ),
    }
    kinds = list(words.TASKS)
    given = settings.get("answer")
    raw["answer"] = right.selectbox(
        "What one answer looks like",
        kinds,
        index=kinds.index(TaskType(given)) if given in tuple(TaskType) else None,
        format_func=words.TASKS.__getitem__,
        key=f"task_answer_{tag}",
        help="The published studies are looked up by it.",
        **KEEP,
    )
    if raw["answer"] is not None:
        raw["answer"] = raw["answer"].value
    raw["rationale"] = st.radio(
        "Reasoning",
        list(RATIONALES),
        index=int(settings.get("rationale") == "before"),
        format_func=RATIONALES.__getitem__,
        key=f"task_rationale_{tag}",
        horizontal=True,
        help="Where the question fixes the answer (labels, JSON), another answer to it teaches nothing but its "
        "reasoning.",
        **KEEP,
    )
    raw["scorer"], source = scorer_form.ask(settings.get("scorer", {}), tag)
    schema, problems = _limits(raw, settings, tag)
    files: dict[str, bytes] = {} if source is None else {SOURCE: source.encode()}
    if schema is not None and "null" in json.dumps(schema):  # TOML has no null
        raw["schema"], files[SCHEMA] = SCHEMA, json.dumps(schema, indent=2, ensure_ascii=False).encode()
    elif schema is not None:
        raw["schema"] = schema
    return {name: value for name, value in raw.items() if value not in ("", None)}, files, problems


def _limits(raw: dict[str, Any], settings: Mapping[str, Any], tag: str) -> tuple[Any, list[str]]:
    """Lengths into `raw`; the schema, None where there is none, and whether what is typed is JSON."""
    given = settings.get("schema")
    with st.expander("Lengths, and a JSON schema of the answer", icon=":material/data_object:"):
        for column, name, label, default in zip(
            st.columns(2),
            ("max_answer_tokens", "max_question_tokens"),
            ("Longest answer, tokens", "Longest written question, tokens"),
            (512, 300),
            strict=True,
        ):
            start = settings.get(name)
            raw[name] = column.number_input(
                label,
                min_value=1,
                value=start if isinstance(start, int) and start > 0 else None,
                key=f"task_{name}_{tag}",
                placeholder=str(default),
                **KEEP,
            )
        typed = st.text_area(
            "JSON schema (optional)",
            json.dumps(given, indent=2, ensure_ascii=False) if isinstance(given, dict) else "",
            key=f"task_schema_{tag}",
            height=200,
            help="Sent as `response_format` to teachers that support it.",
            **KEEP,
        ).strip()
    if not typed:
        return None, []
    try:
        return json.loads(typed), []
    except ValueError as error:
        return None, [f"schema: is no valid JSON ({error})"]


def _written(raw: Mapping[str, Any], files: Mapping[str, bytes]) -> tuple[Path, list[str]]:
    """The task file, kept beside the uploads, and what the engine says is wrong with it."""
    folder = uploads.keep({**files, TASK: tomli_w.dumps(dict(raw), multiline_strings=True).encode()})
    try:
        task_from(raw, folder, "task")
    except InputError as error:
        found = [p.removeprefix("task: ").replace(f"{folder}/", "") for p in error.problems]
        return folder / TASK, [
            next((said for start, said in LEFT_EMPTY.items() if p.startswith(start)), p) for p in found
        ]
    return folder / TASK, []


def _download(path: Path, names: list[str]) -> None:
    """The task file alone, or with what lies beside it."""

    def archive() -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
            for name in names:
                file.write(path.parent / name, name)
        return packed.getvalue()

    alone = len(names) == 1
    st.download_button(
        "Download task.toml" if alone else "Download the task (ZIP)",
        path.read_bytes if alone else archive,
        TASK if alone else "task.zip",
        "application/toml" if alone else "application/zip",
        key="task_download",
        icon=":material/download:",
        on_click="ignore",
        help="The same task on the command line: --task task.toml",
    )
