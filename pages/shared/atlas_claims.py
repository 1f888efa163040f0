"""What the atlas says of claims about the strategies: a verdict a world, and one of the worlds together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from engine.atlas.claims import ALL, CLAIMS, FAILED, HELD, UNDECIDED, Verdict
from pages.shared import chart_atlas, shown

TOGETHER = "All together"


def section(verdicts: Sequence[Verdict]) -> None:
    """The verdicts with their intervals; nothing where no claim can be judged yet."""
    if all(one.effect is None for one in verdicts):
        return
    st.subheader(takeaway(verdicts), anchor=False)
    alt = "Claims about the strategies with their verdicts by world"
    shown.table(table(verdicts), key="atlas_claims", alt=alt, name="seedpilot-claims")
    st.caption(
        "Held: the 90 % interval of what the claim says lies above zero; failed: below. In points of accuracy, but for "
        "crossovers (doublings) and the other student (points squared). *All together* is the mean of the worlds that "
        "speak, and says nothing of others. A made-up language and a simulated teacher: how your own task goes, only a "
        "pilot shows."
    )


def takeaway(verdicts: Sequence[Verdict]) -> str:
    """How many claims held and failed in the worlds together."""
    counts = Counter(one.verdict for one in verdicts if one.world == ALL and one.effect is not None)
    said = f"Of {len(CLAIMS)} claims about the strategies {counts[HELD]} hold here and {counts[FAILED]} fail"
    left = len(CLAIMS) - counts[HELD] - counts[FAILED]
    return said + (f"; {left} cannot be told yet" if left else "")


def table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """A row a claim: the worlds together first, then each."""
    worlds = [one.world for one in verdicts if one.claim == verdicts[0].claim and one.world != ALL]
    by = {(one.claim, one.world): one for one in verdicts}
    return pd.DataFrame(
        [
            {"Here": _verdict(by[name, ALL]), "Claim": name, TOGETHER: _said(by[name, ALL])}
            | {_name(world): _said(by[name, world]) for world in worlds}
            for name, _, _ in CLAIMS
        ]
    )


def _name(world: str) -> str:
    return chart_atlas.WORLDS.get(world, world)


def _verdict(one: Verdict) -> str:
    return "not known" if one.effect is None else "open" if one.verdict == UNDECIDED else one.verdict


def _said(one: Verdict) -> str:
    if one.effect is None or one.low90 is None or one.high90 is None:
        return "not known"
    return f"{_verdict(one)}: {one.effect:+.1f} ({one.low90:+.1f} to {one.high90:+.1f})"
