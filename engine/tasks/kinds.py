"""The kinds of scorers that a `task.toml` names, each built from its own settings."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import regex

from engine.confinement import Limits
from engine.settings import Settings as ServerSettings
from engine.tasks import code, sql
from engine.tasks.base import Judge, Parser, Scorer
from engine.tasks.judge import HIGHEST, LOWEST, RubricJudge
from engine.tasks.numbers import numeric_within
from engine.tasks.outcomes import by_answer
from engine.tasks.records import COMPARISONS, Field, json_fields, json_object, tool_call, tool_calls
from engine.tasks.scorers import choice, chosen, exact, label_parser, labels, nothing_scores, pattern
from engine.tasks.symbolic import parse_worked, symbolic

Find = Callable[[str], Path | None]


class Built(NamedTuple):
    """What a kind of scorer brings to its task."""

    scorer: Scorer
    parser: Parser
    label_of: Parser | None = None
    judge: Judge | None = None
    databases: Find | None = None


class Settings:
    """The `[scorer]` table of a task file; collects every problem instead of stopping at the first."""

    def __init__(self, raw: Mapping[str, Any], folder: Path | None, where: str, problems: list[str]) -> None:
        self.raw, self.folder, self.where, self.problems = raw, folder, where, problems
        self._known = {"kind"}

    def problem(self, text: str) -> None:
        """Adds a problem of this table."""
        self.problems.append(f"{self.where}: {text}")

    def take(self, name: str, kind: type | tuple[type, ...], default: Any, expected: str) -> Any:
        """A setting of that type, or the default; a problem where it is of another type."""
        self._known.add(name)
        value = self.raw.get(name, default)
        if name in self.raw and (not isinstance(value, kind) or isinstance(value, bool) != (kind is bool)):
            self.problem(f"scorer.{name} = {value!r}; expected {expected}")
            return default
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number within bounds."""
        value = self.take(name, (int, float), default, f"a number from {low:g} to {high:g}")
        if not low <= value <= high:
            self.problem(f"scorer.{name} = {value!r}; expected a number from {low:g} to {high:g}")
            return default
        return float(value)

    def finish(self) -> None:
        """Every setting that nobody asked for is a problem."""
        known = ", ".join(sorted(self._known))
        for name in self.raw:
            if name not in self._known:
                self.problem(f"unknown setting scorer.{name}; known for this kind are {known}")


def parse_record(reply: str) -> str | None:
    """The reply's JSON object on one line; None where it holds none."""
    record = json_object(reply)
    return None if record is None else json.dumps(record, ensure_ascii=False)


def parse_text(reply: str) -> str | None:
    """The reply without white space around it; None where nothing is left."""
    return reply.strip() or None


def parse_record_or_text(reply: str) -> str | None:
    """A JSON object where the reply holds one, else its text: the exact scorer takes both."""
    return parse_record(reply) or parse_text(reply)


def _exact(given: Settings) -> Built:
    return Built(by_answer(exact), parse_record_or_text)


def _numeric(given: Settings) -> Built:
    tolerance = given.number("tolerance", 1e-9, 0.0, 1e12)
    relative = given.number("relative", 1e-6, 0.0, 1.0)
    if given.take("symbolic", bool, False, "true or false"):
        return Built(by_answer(symbolic), parse_worked)
    return Built(by_answer(numeric_within(tolerance, relative)), parse_worked)


def _labels(given: Settings) -> Built:
    allowed = given.take("labels", list, [], 'a list of at least two texts, like ["spam", "ham"]')
    if len(allowed) < 2 or not all(isinstance(label, str) and label.strip() for label in allowed):
        given.problem(f'scorer.labels = {allowed!r}; expected a list of at least two texts, like ["spam", "ham"]')
        allowed = ["?"]
    parse = label_parser(allowed)
    return Built(by_answer(labels(allowed)), parse, label_of=parse)


def _json_fields(given: Settings) -> Built:
    fields = _fields(given)
    if not any(field.compare != "ignored" for field in fields.values()):
        given.problem("[scorer.fields] names no field to compare; expected at least one")
        return Built(nothing_scores("no field"), parse_record)
    return Built(by_answer(json_fields(fields)), parse_record)


def _tool_call(given: Settings) -> Built:
    def parse(reply: str) -> str | None:
        calls = tool_calls(reply)
        listed = [{"name": name, "arguments": arguments} for name, arguments in calls or ()]
        return json.dumps(listed, ensure_ascii=False) if listed else None

    return Built(by_answer(tool_call(_fields(given))), parse)


def _fields(given: Settings) -> dict[str, Field]:
    raw = given.take("fields", dict, {}, "a table of field = comparison")
    return {name: _field(given, name, value) for name, value in raw.items()}


def _field(given: Settings, name: str, value: object) -> Field:
    raw = {"compare": value} if isinstance(value, str) else value
    right_keys = isinstance(raw, dict) and set(raw) <= {"compare", "tolerance", "required"}
    if not isinstance(raw, dict) or not right_keys or raw.get("compare") not in COMPARISONS:
        given.problem(
            f"field {name!r} = {value!r}; expected one of {', '.join(COMPARISONS)}, "
            'or { compare = "number", tolerance = 0.01, required = false }'
        )
        return Field()
    tolerance, required = raw.get("tolerance", 0.0), raw.get("required", True)
    if not isinstance(tolerance, int | float) or isinstance(tolerance, bool) or tolerance < 0:
        given.problem(f"field {name!r}: tolerance = {tolerance!r}; expected a number from 0 on")
        tolerance = 0.0
    if not isinstance(required, bool):
        given.problem(f"field {name!r}: required = {required!r}; expected true or false")
    return Field(raw["compare"], float(tolerance), required is not False)


def _regex(given: Settings) -> Built:
    source = given.take("pattern", str, "", "a regular expression; its last match, or first group, is the answer")
    try:
        if not source:
            raise ValueError("it is empty")
        return Built(by_answer(pattern(source)), parse_text)
    except (regex.error, ValueError) as error:
        given.problem(f"scorer.pattern = {source!r}: is no regular expression ({error})")
        return Built(nothing_scores("no pattern"), parse_text)


def _choice(given: Settings) -> Built:
    any_label = dict.fromkeys("ABCDEFGHIJ123456789", "")
    return Built(choice, lambda reply: chosen(reply, any_label))


def _sql(given: Settings) -> Built:
    named = given.take("databases", str, "", "the folder of the SQLite databases")
    folder = None if given.folder is None else database_folder(given.folder, named)
    if named and folder is None:
        given.problem(f"scorer.databases = {named!r}: there is no folder {(given.folder or Path()) / named}")
    server = ServerSettings()
    if folder is not None and server.exposed and not folder.resolve().is_relative_to(server.home.resolve()):
        given.problem(f"scorer.databases = {named!r} lies on the server; upload the databases with the task")
        folder = None
    find = sql.databases(folder)
    return Built(sql.sql(find), sql.parse_answer, databases=find)


def database_folder(beside: Path, named: str = "") -> Path | None:
    """The folder of databases: the one that is named, or `database` or `databases`; None without one."""
    tried = [beside / name for name in ([named] if named else ["database", "databases"])]
    return next((folder for folder in tried if folder.is_dir()), None)


def _tests(given: Settings) -> Built:
    return Built(code.unit_tests(_limits(given)), code.find_code)


def _limits(given: Settings) -> Limits:
    cpu = given.number("cpu_s", 5, 1, 300)
    memory = given.number("memory_mb", 1024, 128, 16_384)
    return Limits(wall_s=int(3 * cpu) + 15, cpu_s=int(cpu), memory_bytes=int(memory) << 20)


def _judge(given: Settings) -> Built:
    rubric = given.take("rubric", str, "", "a text that says what a right reply does")
    if not rubric.strip():
        given.problem("scorer.rubric is missing or empty; expected a text that says what a right reply does")
    right_at = given.number("right_at", 4, LOWEST + 1, HIGHEST)
    judge = RubricJudge(rubric, int(right_at))
    return Built(nothing_scores("no verdict of the judge yet"), parse_text, judge=judge)


def _python(given: Settings) -> Built:
    named = given.take("file", str, "", "the path of a Python file with score(input, answer, reply)")
    if ServerSettings().exposed:
        given.problem("scorer.kind: found 'python', but this server runs no programs of its users; take another kind")
        return Built(nothing_scores("no scorer"), parse_text)
    right_at = given.number("right_at", 1.0, 0.0, 1.0)
    limits = _limits(given)
    path = (given.folder or Path()) / named
    try:
        if not named:
            raise OSError(None, "scorer.file is missing")
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
    except OSError as error:
        given.problem(f"scorer.file: {path} cannot be read ({error.strerror}); expected a Python file")
    except (SyntaxError, ValueError) as error:
        given.problem(f"scorer.file: {path} is no valid Python ({error})")
    else:
        defined = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "score"]
        if not defined or len(defined[0].args.args) != 3:
            given.problem(f"scorer.file: {path} defines no score(input, answer, reply)")
        return Built(code.user_scorer(source, path.name, right_at, limits), parse_text)
    return Built(nothing_scores("no scorer"), parse_text)


KINDS: dict[str, Callable[[Settings], Built]] = {
    "exact": _exact,
    "labels": _labels,
    "json_fields": _json_fields,
    "numeric": _numeric,
    "regex": _regex,
    "choice": _choice,
    "sql": _sql,
    "tests": _tests,
    "tool_call": _tool_call,
    "judge": _judge,
    "python": _python,
}
