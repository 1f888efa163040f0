"""The plan and the values out of a report, from its HTML or its JSON: what is needed to run it again."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.plan import PilotPlan, check_plan
from engine.report.facts import FORMAT


def facts_in(path: Path) -> dict[str, Any]:
    """The values of the report in that file; InputError where it is none."""
    try:
        found = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a report ({error}); `seedpilot report RUN` writes one") from error
    inside = found
    if not found.lstrip().startswith("{"):
        reader = _Reader()
        reader.feed(found)
        inside = reader.found
    try:
        told = json.loads(inside)
    except ValueError:
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("plan"), dict) or "format" not in told:
        raise InputError(f"{path}: holds no report of SeedPilot's; `seedpilot report RUN --out FILE.html` writes one")
    if told["format"] != FORMAT:
        raise InputError(
            f"{path}: is a report of format {told['format']}, this SeedPilot reads {FORMAT}; the plan stands in it as "
            "text all the same"
        )
    return told


def plan_in(told: dict[str, Any]) -> PilotPlan:
    """The plan of those values, checked."""
    return check_plan(told["plan"], "the report's plan")


class _Reader(HTMLParser):
    """Reads the element that holds the values; what a browser would make of the rest is no matter."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "pre" and ("id", "report-json") in attrs

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found += data
