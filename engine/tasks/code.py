"""Code that a model wrote, judged by unit tests; and the user's own scorer. Both run confined or not at all."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from engine import confinement
from engine.confinement import Confined, ConfinementMissingError, Limits
from engine.domain import Item, Score
from engine.tasks.outcomes import not_scored, right, wrong

_FENCED = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)

# Runs the tests and reports the share that passed. Tests are: every bare `assert` of a file that holds
# nothing but asserts; else functions `test_*`, unittest cases, and HumanEval's `check(candidate)`.
_TESTS_DRIVER = """
import ast, sys, types, unittest
def said(error):
    return (type(error).__name__ + ": " + str(error))[:200].rstrip(": ")
module = types.ModuleType("solution")
sys.modules["solution"] = module
space = module.__dict__
passed, total, first = 0, 0, ""
def attempt(action):
    global passed, total, first
    total += 1
    try:
        action()
        passed += 1
    except BaseException as error:
        first = first or said(error)
def finish(problem=""):
    report({"passed": passed, "total": total, "problem": problem or first})
try:
    exec(compile(payload["code"], "solution", "exec"), space)
except BaseException as error:
    finish(said(error))
else:
    tree = ast.parse(payload["tests"])
    if tree.body and all(isinstance(node, ast.Assert) for node in tree.body):
        for node in tree.body:
            attempt(lambda: exec(compile(ast.Module([node], []), "tests", "exec"), space))
        finish()
    else:
        problem = ""
        before = dict(space)
        try:
            exec(compile(tree, "tests", "exec"), space)
        except BaseException as error:
            problem, total = said(error), 1
        if not problem:
            # What the code itself calls a test is none: only names that the tests have set count.
            new = {name: value for name, value in space.items() if before.get(name) is not value}
            for name, value in new.items():
                if name.startswith("test") and isinstance(value, types.FunctionType):
                    attempt(value)
                elif isinstance(value, type) and unittest.TestCase in value.__mro__[1:]:
                    for case in unittest.defaultTestLoader.loadTestsFromTestCase(value):
                        attempt(case.debug)
            check, entry = new.get("check"), space.get(payload["entry_point"] or "")
            if callable(check) and payload["entry_point"]:
                attempt(lambda: check(entry))
            if total == 0:
                passed = total = 1
        finish(problem)
"""

_SCORER_DRIVER = """
space = {"__name__": "scorer"}
try:
    exec(compile(payload["source"], payload["name"], "exec"), space)
    got = space["score"](payload["input"], payload["answer"], payload["reply"])
    reason = ""
    if isinstance(got, tuple):
        got, reason = got
    if isinstance(got, bool):
        got = float(got)
    report({"value": None if got is None else float(got), "reason": str(reason)[:200]})
except BaseException as error:
    report({"error": (type(error).__name__ + ": " + str(error))[:200]})
"""


def find_code(reply: str) -> str | None:
    """The Python code in a reply: the last fenced block that defines something, else the last block,
    else the whole reply where it is Python; None where there is none."""
    blocks = [block.strip() for block in _FENCED.findall(reply) if block.strip()]
    if blocks:
        defining = [block for block in blocks if re.search(r"^\s*(?:async def|def|class)\s", block, re.MULTILINE)]
        return str((defining or blocks)[-1])
    try:
        tree = ast.parse(reply)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    prose = all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Constant) for node in tree.body)
    return None if prose else reply.strip()


def _confined(driver: str, payload: dict[str, str], limits: Limits) -> Confined | str:
    """How the run ended, or why nothing can be run here."""
    missing = confinement.why_missing()
    if missing:
        return missing
    try:
        return confinement.run(driver, payload, limits)
    except ConfinementMissingError as error:
        return f"this machine cannot run code confined: {error}"


def unit_tests(limits: Limits | None = None) -> Callable[[Item, str], Score]:
    """A scorer of Python code by the item's `tests` (and `entry_point`): right where all of them pass.

    The value is the share that passed. Where a reply fails, the reference solution has to pass:
    tests that it fails as well judge nobody. A reply shares its process with its tests, so it cannot
    leave the cage, but it could cheat about its result.
    """
    within = limits or Limits()

    def attempt(item: Item, code: str) -> Score:
        tests, entry = item.fields["tests"], item.fields.get("entry_point", "")
        done = _confined(_TESTS_DRIVER, {"code": code, "tests": tests, "entry_point": entry}, within)
        if isinstance(done, str):
            return not_scored(done)
        if not isinstance(done.value, dict):
            return wrong(done.problem or "ended before its report")
        passed, total = done.value["passed"], done.value["total"]
        if total and passed == total:
            return right()
        return wrong(str(done.value["problem"]) or "no test ran", passed / total if total else 0.0)

    def score(item: Item, reply: str) -> Score:
        if not item.fields.get("tests", "").strip():
            return not_scored("the item has no unit tests")
        code = find_code(reply)
        if code is None:
            return wrong("no code in the reply")
        judged = attempt(item, code)
        if judged.value == 1.0 or judged.value is None:
            return judged
        reference = find_code(item.answer)
        if reference is not None and attempt(item, reference).value != 1.0:
            return not_scored("the reference solution fails its own tests")
        return judged

    return score


def user_scorer(source: str, name: str, right_at: float, limits: Limits | None = None) -> Callable[[Item, str], Score]:
    """The user's `score(input, answer, reply)`: a number from 0 to 1, or None, or either with a reason.

    Right from `right_at` on. None, an error of the scorer, or a number outside 0 to 1: not scored.
    """
    within = limits or Limits()

    def score(item: Item, reply: str) -> Score:
        payload = {"source": source, "name": name, "input": item.asked, "answer": item.answer, "reply": reply}
        done = _confined(_SCORER_DRIVER, payload, within)
        if isinstance(done, str):
            return not_scored(done)
        if not isinstance(done.value, dict):
            return not_scored(f"the scorer {done.problem}")
        if "error" in done.value:
            return not_scored(f"the scorer failed: {done.value['error']}")
        value, reason = done.value["value"], done.value["reason"]
        if value is None:
            return not_scored(reason or "the scorer gave no score")
        if not 0.0 <= value <= 1.0:
            return not_scored(f"the scorer gave {value}, expected 0 to 1")
        return right(value, reason) if value >= right_at else wrong(reason or f"scored {value:.3g}", value)

    return score
