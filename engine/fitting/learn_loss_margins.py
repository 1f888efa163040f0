"""Learns the margins of loss curves: `python -m engine.fitting.learn_loss_margins CURVES.csv`.

Writes data/calibration/losses.json and prints what intervals with margins of the other model families cover. Three
models of different families play strategies, fitted on their first 6, 8 or 10 points and judged beyond. For the
archive a model's own family is left out of the past.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from engine.fitting import calibration
from engine.fitting.archive import Archive
from engine.fitting.calibration import STRETCHES, Calibration, Margins, Scores, growing, interval, learn, score
from engine.fitting.fit import CALIBRATION
from engine.fitting.groups import Array, Group, LogScale, Method, Series
from engine.fitting.recorded_losses import STRATEGY, RecordedLosses, read_losses
from engine.fitting.saturating import SaturatingCurves

DOMAIN = "fine-tuning losses (FLAN, 30 models)"
FIRST = (6, 8, 10)
TRIPLES = 120

Judged = tuple[Scores, Array, list[tuple[str, ...]]]
"""Of one stretch: scores of G groups, draws less truth (G, K, 3), and the families of each group's models."""


def ends(method: Method, recorded: RecordedLosses, first: int) -> Array:
    """Draws of every model's log loss beyond its first points. (R, K, P - first)."""
    found = []
    for row, family in zip(recorded.losses, recorded.families, strict=True):
        used = method.without(family) if isinstance(method, Archive) else method
        series = Series(STRATEGY, recorded.n[:first], row[:first], np.zeros(first))
        found.append(used.forecast(Group("", (series,), LogScale()), recorded.n[first:]).draws[:, 0])
    return np.stack(found)


def groups(recorded: RecordedLosses, seed: int = 5) -> list[tuple[int, ...]]:
    """Triples of models of different families."""
    rng = np.random.default_rng(seed)
    families = np.array(recorded.families)
    found = []
    for _ in range(TRIPLES):
        chosen = rng.choice(np.unique(families), 3, replace=False)
        found.append(tuple(int(rng.choice(np.flatnonzero(families == family))) for family in chosen))
    return found


def scores(method: Method, recorded: RecordedLosses) -> dict[float, Judged]:
    """What the method's forecasts are worth, by stretch."""
    rng = np.random.default_rng(7)
    triples = groups(recorded)
    families = [tuple(recorded.families[i] for i in triple) for triple in triples]
    gathered: dict[float, tuple[list[Array], list[Array]]] = {}
    for first in FIRST:
        drawn = -ends(method, recorded, first)
        for place, n in enumerate(recorded.n[first:]):
            stretch = float(n / recorded.n[first - 1])
            if stretch not in STRETCHES:
                continue
            draws, truths = gathered.setdefault(stretch, ([], []))
            for triple in triples:
                # Curves are fitted one by one: their draws go together in any order.
                draws.append(np.stack([rng.permutation(drawn[i, :, place]) for i in triple], axis=1))
                truths.append(-recorded.losses[list(triple), first + place])
    found = {}
    for stretch, (draws, truths) in gathered.items():
        times = len(draws) // len(triples)
        one, truth = np.stack(draws), np.stack(truths)
        found[stretch] = (score(one, truth), one - truth[:, None, :], families * times)
    return found


def margins(found: dict[float, Judged], without: str | None = None) -> tuple[Margins, ...]:
    """Margins by stretch, groups with a model of the family `without` left out."""
    learned = []
    for stretch, (of_groups, _, families) in found.items():
        keep = np.array([without not in trio for trio in families])
        sets = np.array([trio[0] for trio in families])
        learned.append(learn(of_groups.of(keep), sets[keep], stretch))
    return growing(learned)


def covered(found: dict[float, Judged]) -> list[dict[str, float]]:
    """What intervals cover of a family's models with margins from the others, and their width in per cent."""
    rows = []
    names = sorted({family for _, _, families in found.values() for trio in families for family in trio})
    without = {name: {m.stretch: m for m in margins(found, name)} for name in names}
    for stretch, (_, off, families) in sorted(found.items()):
        row = {"stretch": stretch}
        for level in (80, 90):
            hit, width = [], []
            for group, trio in enumerate(families):
                for m, family in enumerate(trio):
                    margin = getattr(without[family][stretch], f"level{level}")
                    low, high = interval(off[group, :, m], level, margin)
                    hit.append(float(low) <= 0 <= float(high))
                    width.append(float(high - low))
            row[f"covers{level}"] = round(float(np.mean(hit)), 3)
            row[f"width{level}_percent"] = round(100 * float(np.expm1(np.mean(width))), 1)
        rows.append(row)
    return rows


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(description="Learns the margins of data/calibration/losses.json.")
    parser.add_argument("curves", type=Path)
    recorded = read_losses(parser.parse_args().curves)
    source = f"losses {recorded.digest}, {len(recorded.names)} models, python -m engine.fitting.learn_loss_margins"
    found = []
    for method in (SaturatingCurves(), recorded.archive()):
        of_method = scores(method, recorded)
        found.append(Calibration(DOMAIN, method.name, source, margins(of_method)))
        print(json.dumps({"method": method.name, "rows": covered(of_method)}), flush=True)
        print(f"{method.name}: done", file=sys.stderr)
    calibration.write(CALIBRATION / "losses.json", found)


if __name__ == "__main__":
    main()
