"""Compares mathematical expressions with math-verify; the script behind `symbolic.py`.

math-verify bounds its time by signals, which reach the main thread only: so it is called here, in the
main thread of a process that does nothing else.
"""

import json
import resource
import sys

SECONDS = 4
MEMORY_BYTES = 2 << 30


def compare(gold: str, reply: str) -> str:
    """`same`, `different`, `gold` or `reply` (whichever holds no expression), or `slow`."""
    from math_verify import parse, verify
    from math_verify.errors import TimeoutException

    try:
        expected = parse(gold, parsing_timeout=SECONDS, raise_on_error=True)
    except (Exception, TimeoutException):
        return "gold"
    try:
        found = parse(reply, parsing_timeout=SECONDS, raise_on_error=True)
    except TimeoutException:
        return "slow"
    except Exception:
        return "reply"
    if not expected:
        return "gold"
    if not found:
        return "reply"
    try:
        return "same" if verify(expected, found, timeout_seconds=SECONDS, raise_on_error=True) else "different"
    except TimeoutException:
        return "slow"
    except Exception:
        return "different"


def main() -> None:
    """Answers questions, one a line, until there are no more."""
    compare("$1$", "$1$")  # imports and warms up before anybody waits
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    print("ready", flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        try:
            verdict = compare(question["gold"], question["reply"])
        except (MemoryError, RecursionError):
            verdict = "slow"
        print(json.dumps({"verdict": verdict}), flush=True)


if __name__ == "__main__":
    main()
