"""`seedpilot follow`: the full run after a pilot, by the advised spending plan, trained, measured and held against the
forecast; `seedpilot forecasts`: how past forecasts did."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.cli.frame import Commands, command, dumps, tell
from engine.errors import InputError
from engine.following import follow
from engine.full_prepare import prepare_full
from engine.full_report import report_of
from engine.full_training import said
from engine.heart import release_if_dead
from engine.rate_choice import chosen_rate
from engine.records import RunState
from engine.runs import file_full
from engine.settings import Settings
from engine.store import Store
from engine.track_record import track_record


def add(commands: Commands) -> None:
    """Declares the commands."""
    after = command(
        commands,
        "follow",
        _follow,
        "The full run after a pilot: generates by the advised spending plan (what the pilot bought is reused), trains "
        "the student on it, measures it on the pilot's test items, and compares with the forecast.",
        "seedpilot follow 20261121-101500-ab12 --queries 20000 --out our-data",
    )
    after.add_argument("run", help="a pilot, as `seedpilot runs` lists it")
    after.add_argument(
        "--queries",
        type=int,
        metavar="N",
        help="the whole budget, the pilot's share in it (default: target.queries of its plan)",
    )
    after.add_argument("--ceiling-usd", type=float, metavar="USD", help="the most money that is charged")
    after.add_argument("--out", type=Path, required=True, metavar="DIR", help="the data set folder")
    after.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    after.add_argument("--json", action="store_true")
    record = command(
        commands, "forecasts", _forecasts, "How the forecasts of past full runs did.", "seedpilot forecasts"
    )
    record.add_argument("--json", action="store_true")


def _follow(given: argparse.Namespace) -> int:
    from engine import worker

    store = Store(Settings().store_path)
    run = store.run(given.run)
    if given.queries is not None and given.queries < 2:
        raise InputError(f"--queries {given.queries}: expected at least 2")
    found = follow(
        run,
        store.cells(run.id),
        store.pools(run.id),
        given.out.expanduser().absolute(),
        given.queries,
        chosen_rate(store.folder(run.id)),
    )
    plan = found.plan
    if given.ceiling_usd is not None:
        plan = plan.model_copy(update={"ceiling": plan.ceiling.model_copy(update={"usd": given.ceiling_usd})})
    ready = prepare_full(plan)
    parts = ", then ".join(
        f"{queries:,} queries on {strategy.value}" for strategy, queries in ready.full.spending.items()
    )
    tell(f"{found.advised.headline}")
    tell(f"{parts}; {found.reused:,} of them are paid already, {found.given_up:,} of the pilot's have no place in it")
    forecast = ready.full.forecast
    if forecast is not None:
        tell(f"forecast: {100 * forecast.mean:.0f} % right ({100 * forecast.low80:.0f} to {100 * forecast.high80:.0f})")
    for warning in ready.prepared.warnings:
        tell(f"note: {warning}")
    usd = min((usd for usd in (plan.ceiling.usd, ready.prepared.estimate.upper_usd) if usd is not None), default=None)
    cost = "at an unknown price" if usd is None else f"for at most ${usd:.4f}"
    judged = f", {found.verdicts:,} of them a judge's verdicts" if found.verdicts else ""
    tell(f"at most {found.most:,} new queries{judged}, {cost}; a lost reply is asked again out of them")
    if given.dry_run:
        told = {
            "spending": {s.value: q for s, q in ready.full.spending.items()},
            "reused": found.reused,
            "given_up": found.given_up,
            "total": found.total,
            "ceiling_queries": found.most,
            "ceiling_usd": usd,
            "forecast": None if forecast is None else forecast.model_dump(),
        }
        print(dumps(told) if given.json else "nothing was started")
        return 0
    filed = file_full(ready, store, lambda one: release_if_dead(one, store))
    tell(f"run {filed}; the same command goes on with it")
    state = worker.run(filed, store)
    report = report_of(store, filed)
    message = store.run(filed).message
    print(dumps({"run": filed, "state": state.value, "message": message, "report": report}) if given.json else message)
    if report is not None and report.get("trained") and not given.json:
        tell(said(report["trained"]))
    return 0 if state == RunState.DONE else 1


def _forecasts(given: argparse.Namespace) -> int:
    found = track_record(Store(Settings().store_path))
    if given.json:
        print(dumps({"forecasts": [one.as_json() for one in found.forecasts], "held": found.held, "of": found.judged}))
        return 0
    for one in found.forecasts:
        print(one.line)
    print(found.summary)
    return 0
