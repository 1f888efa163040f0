"""`seedpilot ...`: everything that the pages can do, headless.

`--json` prints one JSON object and nothing else on standard output. Errors go to standard error, with
exit status 2 for bad input and 1 where the work failed. One module a group of commands.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from engine.cli import (
    advise,
    atlas,
    bench,
    check,
    data,
    evaluate,
    fit,
    follow,
    generate,
    history,
    machine,
    pilots,
    report,
    retrieval,
    take_away,
    train,
)
from engine.errors import InputError, SeedPilotError


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script; ends the process with the command's exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        status = given.action(given)
    except InputError as error:
        print(error, file=sys.stderr)
        status = 2
    except SeedPilotError as error:
        print(error, file=sys.stderr)
        status = 1
    except BrokenPipeError:  # `seedpilot runs | head`
        sys.stderr.close()
        status = 0
    except OSError as error:
        print(
            f"{error.filename or 'the disk'}: {error.strerror or error}; check the path and the room on the disk",
            file=sys.stderr,
        )
        status = 1
    except KeyboardInterrupt:
        print("Stopped. `seedpilot runs` lists what there is; `seedpilot resume RUN` goes on.", file=sys.stderr)
        status = 1
    sys.exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="seedpilot", description="How to spend the next teacher query.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in (
        machine,
        advise,
        fit,
        check,
        pilots,
        history,
        report,
        take_away,
        follow,
        generate,
        bench,
        data,
        evaluate,
        train,
        retrieval,
        atlas,
    ):
        group.add(commands)
    return parser
