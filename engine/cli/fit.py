"""`seedpilot fit`: the bare curve engine on anybody's points."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.cli.frame import Commands, command, dumps
from engine.fitting.fit import Fit, as_json, fit
from engine.fitting.points_file import PointsFile, read_points_file
from engine.fitting.recorded import read_recorded


def add(commands: Commands) -> None:
    """Declares the command."""
    fitting = command(
        commands,
        "fit",
        _fit,
        "Extends measured curves to a larger budget, with calibrated intervals.",
        "seedpilot fit points.csv --at 8000 --json",
    )
    fitting.add_argument("points", type=Path, help="CSV: strategy, n, and correct, total or value, stderr")
    fitting.add_argument("--at", type=float, required=True, help="the budget to look at, in the unit of n")
    fitting.add_argument(
        "--seeds", type=float, help="labelled examples to look at, where the points name theirs (default: the most)"
    )
    fitting.add_argument(
        "--floor", type=float, default=0.0, help="share that guessing gets right (0.25 of four choices)"
    )
    fitting.add_argument(
        "--archive", type=Path, help="CSV of whole curves of the same strategies: dataset, learner, n, error"
    )
    fitting.add_argument("--raw", action="store_true", help="also values that are too far away to be answered for")
    fitting.add_argument("--json", action="store_true")


def _fit(given: argparse.Namespace) -> int:
    found = read_points_file(given.points, given.floor)
    archive = read_recorded(given.archive).archive() if given.archive else None
    fits = [fit(group, given.at, seeds=given.seeds, archive=archive, raw=given.raw) for group in found.groups]
    print(dumps(as_json(found, fits, given.at)) if given.json else _text(found, fits, given.at))
    return 0


def _text(found: PointsFile, fits: list[Fit], at: float) -> str:
    lines = []
    for group, fitted in zip(found.groups, fits, strict=True):
        unit = 100 if group.scale.higher_is_better else 1
        beside = "" if fitted.seeds is None else f" examples beside {fitted.seeds:g} seeds"
        lines.append(f"{fitted.group + ': ' if fitted.group else ''}expected at {at:g}{beside}")
        for r in sorted(fitted.reached, key=lambda r: -r.p_best):
            if r.mean is None or r.interval80 is None:
                value = r.reason
            else:
                value = f"{unit * r.mean:.3g} ({unit * r.interval80[0]:.3g} to {unit * r.interval80[1]:.3g})"
            lines.append(f"  {r.strategy:<24} {value}{' %' if unit == 100 and r.mean is not None else ''}")
            lines[-1] += f"   likely best {100 * r.p_best:.0f} %"
        lines.append(f"  the leader at the largest common budget is overtaken with probability {fitted.crossing:.2f}")
        if fitted.assumed:
            lines.append(f"  assumed, not moved by the points: {', '.join(fitted.assumed)}")
    domain = fits[0].domain if fits else None
    lines.append(f"80 % intervals, {f'calibrated on {domain}' if domain else 'not calibrated'}.")
    return "\n".join([*lines, *(f"note: {note}" for note in found.notes)])
