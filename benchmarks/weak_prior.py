"""Whether the atlas as one more study of the prior says anything of real students: `seedpilot bench weak_prior`.

Each paper of the evidence is left out in turn, as docs/prior-validation.md does, and predicted as a study that nobody
has run: by the prior of the other papers alone (as stored), and with the atlas beside them, all worlds as one study.
Levels and differences in points; a pair is two strategies of one paper that differ in nothing else, and ties (under
half a point) are in no share. Intervals resample papers, of which there are few. Fits take some two minutes each; what
is done is kept in the file of `--keep`, so that a run that was cut off goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks._atlas_prior import ATLAS, with_one_study
from engine.atlas.table import load
from engine.evidence import published
from engine.prior_left_out import Paper, apart, came, error, inside, leave_out, papers, right_sign, width
from engine.prior_validation import STORE, TIE_POINTS, clustered, resume
from engine.settings import Settings

ALONE, WITH = "the other papers", "the other papers and the atlas"


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--atlas", type=Path, default=Settings().data / "atlas")
    parser.add_argument("--keep", type=Path, help="file that keeps what is done")
    given = parser.parse_args()
    evidence = published()
    stored = resume(evidence, STORE)
    alone = stored["papers"]
    missing = [paper for paper in papers(evidence) if paper not in alone]
    if missing:
        sys.exit(f"{STORE} lacks {', '.join(missing)}; run python -m engine.prior_validation first")
    cells = list(load(given.atlas))
    made_from = {**stored, "papers": {}, "cells": len(cells)}
    kept = json.loads(given.keep.read_text()) if given.keep and given.keep.is_file() else {}
    found: dict[str, Paper] = kept["papers"] if kept.get("of") == made_from else {}
    for paper in papers(evidence):
        if paper not in found:
            found[paper] = leave_out(evidence, paper, more=lambda rows: with_one_study(rows, cells), pinned={ATLAS})
            if given.keep:
                given.keep.write_text(json.dumps({"of": made_from, "papers": found}))
            print(f"{paper}: largest R-hat {found[paper]['r_hat']}", file=sys.stderr, flush=True)
    print(json.dumps(judged({ALONE: alone, WITH: found})))


def judged(by_prior: Mapping[str, Mapping[str, Paper]]) -> list[dict[str, Any]]:
    """A row for each prior: errors, how often intervals hold, how often pairs are ordered as they were published; and
    what each is less than the first, paper by paper."""
    names = list(by_prior)
    rows = []
    for name in names:
        row: dict[str, Any] = {"prior": name, "papers": len(by_prior[name])}
        for figure, of in FIGURES.items():
            here = [of(paper) for paper in by_prior[name].values()]
            row[figure] = _told(here)
            if name != names[0]:
                first = [of(by_prior[names[0]][paper]) for paper in by_prior[name]]
                less = [[a - b for a, b in zip(one, two, strict=True)] for one, two in zip(here, first, strict=True)]
                row[f"{figure}, less the first"] = _told(less)
        row["largest_r_hat"] = max(paper["r_hat"] for paper in by_prior[name].values())
        row["cpu_seconds"] = round(sum(paper["cpu_seconds"] for paper in by_prior[name].values()))
        rows.append(row)
    return rows


def _told(by_paper: Sequence[Sequence[float]]) -> dict[str, Any]:
    mean, low, high = clustered(by_paper)
    return {"mean": round(mean, 3), "interval90": [round(low, 3), round(high, 3)], "of": sum(map(len, by_paper))}


FIGURES: Mapping[str, Callable[[Paper], list[float]]] = {
    "level_error": lambda paper: [error(one) for one in paper["rows"]],
    "level_covered80": lambda paper: [float(inside(one, 80)) for one in paper["rows"]],
    "level_width80": lambda paper: [width(one, 80) for one in paper["rows"]],
    "difference_error": lambda paper: [error(one) for one in paper["pairs"]],
    "difference_covered80": lambda paper: [float(inside(one, 80)) for one in paper["pairs"]],
    "difference_width80": lambda paper: [width(one, 80) for one in paper["pairs"]],
    "pairs_in_order": lambda paper: [float(right_sign(one)) for one in apart(paper["pairs"], TIE_POINTS)],
    "chance_given_to_what_came": lambda paper: [came(one) for one in apart(paper["pairs"], TIE_POINTS)],
    "crossover_error_doublings": lambda paper: [
        float(abs(np.log2(one["quantiles"][2] / one["value"]))) for one in paper["shifts"]
    ],
}


if __name__ == "__main__":
    main()
