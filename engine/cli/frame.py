"""What the commands share: how one is declared, and how it prints."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from engine.errors import InputError

Commands = Any
"""What `ArgumentParser.add_subparsers` returns; argparse does not name its type."""


def command(
    commands: Commands, name: str, action: Callable[[argparse.Namespace], int], says: str, example: str
) -> argparse.ArgumentParser:
    """Declares a command; `action` gets the parsed arguments and returns the exit status."""
    added: argparse.ArgumentParser = commands.add_parser(
        name,
        help=says,
        description=says,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.set_defaults(action=action)
    return added


def dumps(value: Any) -> str:
    """One JSON object as every command prints it; ValueError for a number that JSON cannot hold."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)


def tell(text: str) -> None:
    """A line for the person, kept apart from what `--json` prints."""
    print(text, file=sys.stderr)


def confirmed(question: str, *, yes: bool) -> bool:
    """Asks a person, who has to type `y`; `yes` answers for them. InputError where nobody is there to ask."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise InputError(f"{question} Nobody is there to answer; give --yes if that is what you want")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
