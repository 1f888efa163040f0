"""Code by unit tests and the user's own scorer: both confined, or not scored."""

import pytest

from engine import confinement
from engine.confinement import Limits
from engine.domain import Item, Outcome
from engine.tasks.code import find_code, unit_tests, user_scorer

caged = pytest.mark.skipif(
    confinement.why_missing() is not None, reason=f"no confinement here: {confinement.why_missing()}"
)
RIGHT, WRONG, NOT_SCORED = Outcome.RIGHT, Outcome.WRONG, Outcome.NOT_SCORED
REFERENCE = "def add(a, b):\n    return a + b"
ASSERTS = "assert add(1, 2) == 3\nassert add(0, 0) == 0"
score = unit_tests(Limits(wall_s=10, cpu_s=2))


def item(tests: str = ASSERTS, entry_point: str = "", answer: str = REFERENCE) -> Item:
    return Item("", "Write add(a, b).", answer, fields={"tests": tests, "entry_point": entry_point})


def test_code_is_found_between_fences_and_prose_is_none():
    assert find_code("Here:\n```python\ndef f():\n    return 1\n```\nUse it:\n```python\nprint(f())\n```") == (
        "def f():\n    return 1"
    )
    assert find_code("```py\nx = 1") == "x = 1", "a cut-off fence still holds code"
    assert find_code(REFERENCE) == REFERENCE
    assert find_code("I cannot do that") is None
    assert find_code("Sure") is None


@caged
def test_all_tests_must_pass_and_the_share_stands_beside():
    assert score(item(), f"```python\n{REFERENCE}\n```").outcome == RIGHT
    half = score(item(), "def add(a, b): return a - b")
    assert (half.outcome, half.value, half.reason) == (WRONG, 0.5, "AssertionError")
    assert score(item(), "def add(a, b): return").outcome == WRONG
    assert score(item(), "def plus(a, b): return a + b").reason.startswith("NameError")


@caged
@pytest.mark.parametrize(
    "tests",
    [
        "def test_sum():\n    assert add(1, 2) == 3\ndef test_zero():\n    assert add(0, 0) == 0",
        "import unittest\nfrom solution import add\nclass T(unittest.TestCase):\n    def test_sum(self):\n"
        "        self.assertEqual(add(1, 2), 3)",
        "import math\nassert add(math.inf, 1) == math.inf\nassert add(1, 2) == 3",
    ],
)
def test_functions_unittest_cases_and_plain_scripts_are_tests(tests: str):
    assert score(item(tests), REFERENCE).outcome == RIGHT
    assert score(item(tests), "def add(a, b): return 7").outcome == WRONG


@caged
def test_a_check_of_a_candidate_is_called_with_the_entry_point():
    tests = "def check(candidate):\n    assert candidate(1, 2) == 3"
    assert score(item(tests, "add"), REFERENCE).outcome == RIGHT
    assert score(item(tests, "add"), "def add(a, b): return 4").outcome == WRONG


@caged
def test_tests_that_their_own_reference_fails_judge_nobody():
    told = score(item("assert add(1, 1) == 3"), "def add(a, b): return 4")
    assert (told.outcome, told.reason) == (NOT_SCORED, "the reference solution fails its own tests")
    assert score(item(tests=""), REFERENCE).outcome == NOT_SCORED


@caged
@pytest.mark.parametrize(
    "reply",
    [
        "import os\nos._exit(0)",
        "import sys\nsys.exit(0)",
        "while True: pass",
        "held = bytearray(3 << 30)",
        "import os\nwhile True: os.fork()",
        "import socket\nsocket.create_connection(('127.0.0.1', 80))",
        "def test_mine(): pass\nclass X: pass",
        "raise SystemExit",
        "def check(candidate): pass",
    ],
)
def test_code_that_attacks_or_cheats_is_wrong(reply: str):
    assert score(item(), reply).outcome == WRONG


@caged
def test_a_users_scorer_gives_a_value_a_reason_or_none():
    source = (
        "def score(input, answer, reply):\n"
        "    if not reply: return None, 'nothing to read'\n"
        "    if reply == 'crash': return 1 / 0\n"
        "    if reply == 'five': return 5\n"
        "    if reply == 'nan': return float('nan')\n"
        "    return (len(set(reply) & set(answer)) / len(set(answer)), 'letters of ' + input)\n"
    )
    own = user_scorer(source, "score.py", right_at=0.75)
    asked = Item("", "abcd?", "abcd")
    assert (own(asked, "abc").outcome, own(asked, "abc").value) == (RIGHT, 0.75)
    assert (own(asked, "ab").outcome, own(asked, "ab").reason) == (WRONG, "letters of abcd?")
    assert (own(asked, "").outcome, own(asked, "").reason) == (NOT_SCORED, "nothing to read")
    assert own(asked, "crash").reason == "the scorer failed: ZeroDivisionError: division by zero"
    assert own(asked, "five").reason == "the scorer gave 5.0, expected 0 to 1"
    assert own(asked, "nan").outcome == NOT_SCORED


@caged
def test_a_users_scorer_that_hangs_or_reaches_out_is_not_scored():
    hangs = user_scorer("def score(input, answer, reply):\n    while True: pass", "s.py", 1.0, Limits(cpu_s=1))
    assert hangs(item(), "x").outcome == NOT_SCORED
    reads = user_scorer("def score(input, answer, reply):\n    return open('/etc/passwd').read()", "s.py", 1.0)
    assert "FileNotFoundError" in reads(item(), "x").reason


def test_where_nothing_can_be_confined_nothing_is_run_and_nothing_is_scored(monkeypatch: pytest.MonkeyPatch):
    """The branch for other machines; test_confinement builds such a machine for real."""
    monkeypatch.setattr(
        "engine.confinement.why_missing", lambda: "this machine cannot run code confined: no namespaces"
    )
    told = score(item(), REFERENCE)
    assert (told.outcome, told.value) == (NOT_SCORED, None)
    assert "cannot run code confined" in told.reason
    assert user_scorer("def score(i, a, r): return 1", "s.py", 1.0)(item(), "x").outcome == NOT_SCORED
