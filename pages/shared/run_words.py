"""The words for a run: its state, its time and money, what became of its examples; and the names of the form."""

from __future__ import annotations

import re

from engine.nothing_kept import is_alone
from engine.plan import PilotPlan
from engine.records import CHECK, HELD, Run, RunState
from engine.stopping import STOP
from pages.shared import words

STATES: dict[RunState, tuple[str, str, str]] = {
    RunState.QUEUED: ("Waiting to start", "gray", ":material/hourglass_empty:"),
    RunState.RUNNING: ("Running", "blue", ":material/play_arrow:"),
    RunState.PAUSING: ("Pausing", "orange", ":material/pause:"),
    RunState.WAITING_FOR_KEY: ("Waiting for the key", "orange", ":material/key:"),
    RunState.PAUSED: ("Paused", "orange", ":material/pause:"),
    RunState.DONE: ("Finished", "green", ":material/check_circle:"),
    RunState.FAILED: ("Failed", "red", ":material/error:"),
    RunState.CANCELLED: ("Cancelled", "gray", ":material/cancel:"),
    RunState.LOST: ("Stopped unexpectedly", "red", ":material/link_off:"),
}
"""State -> words, colour, icon."""

LIVE = HELD | {RunState.QUEUED}
"""Runs that may change by themselves; only these are looked at again and again."""

CELL_STATES = {"waiting": "Waiting", "done": "Measured", "failed": "Failed", "skipped": "Left out"}

REASONS = {
    "kept": "Kept",
    "duplicate": "Repeats another",
    "near_seed": "Nearly a seed",
    "near_duplicate": "Nearly another",
    "near_test_item": "Too near a test item",
    "label_share": "Above its label's share",
    "wrong_by_verification": "Wrong by the seed's answer",
    "answer_changed": "Rephrasing changed the answer",
    "no_majority": "No majority of votes",
    "not_the_form": "Not the task's form",
    "other_language": "Other language",
    "too_long": "Too long for the student",
    "unparsable": "No answer found",
    "refused": "Refused",
    "unanswerable": "Not answerable",
    "cut_off": "Cut off",
    "no_reply": "No reply",
    "dropped_by_hand": "Dropped by hand",
}
"""What became of a visit to a seed, in the order of the table."""

FORM = {
    "seeds.count": "Seeds to use",
    "seeds": "Labelled examples",
    "test.teacher_items": "Test items for the teacher",
    "test.holdout": "Rows kept for testing",
    "test.path": "Test file",
    "test.stratify_by": "Column whose values are spread alike",
    "test.time_column": "Column of the time",
    "test.count": "Test items to use",
    "test items": "Test items",
    "teacher.base_url": "Base URL",
    "teacher.model": "Model",
    "teacher.batch": "Ask in batches",
    "teacher.replies": "Recorded replies",
    "augmenter.base_url": "Base URL of who writes the questions",
    "augmenter.model": "Model that writes the questions",
    "variants": "Variants",
    "teacher.usd_per_million_input": "Price of a million tokens read",
    "teacher.usd_per_million_output": "Price of a million tokens written",
    "grid.strategies": "Strategies",
    "grid.budgets": "Budgets",
    "grid.replicates": "Replicates",
    "grid.seed_sizes": "Seed sizes",
    "target.queries": "Whole budget",
    "target.seeds": "Seeds of the full run",
    "ceiling.queries": "Ceiling in queries",
    "ceiling.usd": "Ceiling in dollars",
    "training.learning_rate": "Learning rate",
    "training.batch_size": "Batch size",
    "training.max_length": "Longest example",
    "name": "Name",
}
"""Where a setting of a plan is found in the form."""


def badges(run: Run, plan: PilotPlan) -> str:
    """State and sandbox label as badges."""
    label, colour, icon = STATES[run.state]
    if run.state is RunState.DONE and is_alone(run.message):
        label, colour, icon = "Finished, nothing kept", "orange", ":material/warning:"
    found = f":{colour}-badge[{icon} {label}]"
    if run.state is RunState.RUNNING and run.request:
        found += f" :orange-badge[{'Stopping' if run.request == STOP else 'Cancelling'}]"
    # A check asks no student.
    practice = [part for part in plan.sandbox_parts if not (run.id.startswith(CHECK) and part == "student")]
    if practice:
        found += f" :violet-badge[:material/toys: Sandbox: {', '.join(practice)}]"
    return found


def progress(run: Run) -> tuple[float, str]:
    """Share done of the stage, and the sentence beside the bar."""
    if run.state is RunState.QUEUED:
        return 0.0, "Waiting to start"
    if not run.stage or not run.total:
        return 0.0, "Starting"
    left = "time left unknown" if run.seconds_left is None else f"{duration(run.seconds_left)} left"
    share = min(1.0, run.done / run.total)
    if run.stage == "Asking the teacher":
        return share, f"{run.stage}: {run.done:,.0f} of {run.total:,.0f} examples and answers{rate(run)}, {left}"
    return share, f"{run.stage}: {100 * share:.0f} % done, {left}"


def rate(run: Run) -> str:
    """`, 3.4 a second`; empty while it is not known."""
    if run.pace is None:
        return ""
    each_second = 1 / run.pace
    return f", {each_second:.1f} a second" if each_second >= 0.1 else f", {60 * each_second:.1f} a minute"


def duration(seconds: float | None) -> str:
    """`unknown`, `40 s`, `5 min`, `2 h 10 min`, about."""
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {int(seconds // 3600)} h {round(seconds % 3600 / 60)} min"


def money(usd: float | None) -> str:
    """Dollars and cents; what is unknown stays unknown."""
    if usd is None:
        return "unknown"
    if usd == 0:
        return "$0"
    return f"${usd:,.2f}" if usd >= 0.01 else "under $0.01"


def in_form_words(problem: str) -> str:
    """A problem of a plan, with its settings named as the form names them."""
    said = re.sub(r"(\S+)\.usd_per_million_input\s+and usd_per_million_output", "both prices of its tokens", problem)
    said = re.sub(r"teachers\.teacher_(\d)\.(base_url|model|replies)", _of_further, said.removeprefix("plan: "))
    said = re.sub(r"teachers\.teacher_(\d)", r"teacher \1", said)
    for setting in sorted(FORM, key=len, reverse=True):
        if "." in setting:
            said = re.sub(rf"(?<![\w./]){re.escape(setting)}(?!\w)", FORM[setting], said)
        elif said.startswith(f"{setting}:"):
            said = FORM[setting] + said.removeprefix(setting)
    return _listed(said)


def _listed(said: str) -> str:
    """Ways to shrink a plan (`engine.shrinking`) as a list, with lists and strategies in the form's words."""
    head, found, ways = said.partition(", for example (1) ")
    if not found:
        return said
    ways = re.sub(r" = \[([^\]]*)\]", lambda m: f": {m[1]}", ways).replace(" = ", ": ")
    ways = re.sub(r'"([a-z_]+)"', lambda m: words.row(m[1]).lower(), ways)
    lines = re.split(r"; \(\d\) ", ways)
    return "\n".join([f"{head}, for example", *(f"{at}. {line}" for at, line in enumerate(lines, 1))])


def _of_further(found: re.Match[str]) -> str:
    name = {"base_url": "Base URL", "model": "Model", "replies": "Recorded replies"}[found[2]]
    return f"{name} of teacher {found[1]}"
