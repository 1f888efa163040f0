"""What the comparisons of a pilot say, in sentences."""

from __future__ import annotations

import numpy as np

from engine.domain import Arm, Baseline, Strategy
from engine.run_noise import POOL_SD
from engine.run_pairs import Contrast, RunPairs
from engine.wording import NAMES, listed


def verdict(found: RunPairs) -> str:
    """What the pairs at the largest budget say, in one sentence or two; nothing where there is no pair yet."""
    if not found.pairs:
        return ""
    place = max((pair.seeds, pair.budget) for pair in found.pairs)
    here = [pair for pair in found.pairs if (pair.seeds, pair.budget) == place]
    at = f"at {place[1]:,} queries"
    alone = [pair for pair in here if pair.other is Baseline.SEEDS_ONLY]
    between = [pair for pair in here if pair.other is not Baseline.SEEDS_ONLY]
    better = [pair for pair in alone if pair.winner is pair.one]
    worse = [pair for pair in alone if pair.winner is pair.other]
    said = []
    if better:
        said.append(f"better than your seeds alone {at}: {listed([_by(pair) for pair in better])}")
    if worse:
        said.append(f"worse than your seeds alone {at}: {listed([_by(pair) for pair in worse])}")
    won = [pair for pair in between if pair.winner is not None]
    for pair in won:
        first = pair if pair.winner is pair.one else None
        names = (pair.one, pair.other) if first else (pair.other, pair.one)
        lead = abs(100 * pair.found.difference)
        said.append(f"{_name(names[0])} lead {_name(names[1])} by {lead:.1f} points")
    if alone and not better and not worse:
        said.append(f"no strategy can be told from your seeds alone {at}")
    if between and not won:
        said.append("no strategy can be told from another")
    smallest = 100 * float(np.median([pair.detectable for pair in here]))
    sentence = "; ".join(said)
    return f"{sentence[:1].upper()}{sentence[1:]}. Differences under about {smallest:.1f} points drown in noise here."


def noise_told(found: RunPairs) -> str:
    """The parts of noise that the pairs count with, in words."""
    seeds = (
        "Every cell has one adapter only, so what another training seed would change is not known and not counted"
        if found.seed_sd is None
        else f"Trained again with another seed, a cell moves by about {100 * found.seed_sd:.1f} points"
    )
    if found.pool_sd is None:
        return f"{seeds}."
    source = (
        f"from {found.pool_gaps} gap{'s' if found.pool_gaps > 1 else ''} between independent pools, and a guess of "
        f"{POOL_SD:.2f} on the logit scale"
        if found.pool_gaps
        else "assumed: no cell has a second pool"
    )
    return f"{seeds}; on data made again, by about {100 * found.pool_sd:.1f} ({source})."


def _by(pair: Contrast) -> str:
    found = pair.found
    return (
        f"{_name(pair.one)} by {100 * found.difference:+.1f} points "
        f"(95 % interval {100 * found.low:+.1f} to {100 * found.high:+.1f})"
    )


def _name(arm: Arm) -> str:
    return NAMES[arm] if isinstance(arm, Strategy) else "your seeds alone"
