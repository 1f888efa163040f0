"""What the worlds of the atlas show together: the trade-off in a few sentences, for who reads nothing else."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from engine.atlas.design import CROSSING
from engine.atlas.views import Lead, World, competing
from pages.shared import chart_atlas, words


def trade_off(strong: Sequence[World], weak: Sequence[World]) -> str:
    """Who wins at many examples a seed, what the choice moves at few, who wins nowhere, and what a weak augmenter
    changes; what was not measured is not spoken of."""
    few, many = CROSSING
    late = [lead for world in strong if (lead := world.band(many, math.inf)) is not None]
    early = [lead for world in strong if (lead := world.band(0, few)) is not None]
    said = []
    if late:
        said.append(f"**From {many:g} examples per seed on, {_ahead(late)}.**")
    if early:
        said.append(f"Up to {few:g} per seed the best is {_by(early)} points ahead of the next, world by world.")
    return " ".join((*said, *_nowhere(strong), *_with_a_weak_one(strong, weak)))


def _ahead(leads: Sequence[Lead]) -> str:
    """Who is clearly ahead, in how many worlds and by how much."""
    sure = [lead for lead in leads if chart_atlas.clear(lead)]
    of = f"of {len(leads)} world{'s' if len(leads) > 1 else ''}"
    each = []
    for arm, count in Counter(lead.arm for lead in sure).most_common():
        by = _by([lead for lead in sure if lead.arm == arm])
        each.append(f"{_name(arm)} are clearly ahead in {count} {of}, by {by} points")
    return words.listed(each) if each else f"it is too close to call in {len(leads)} {of}"


def _by(leads: Sequence[Lead]) -> str:
    """Points, from the smallest lead to the largest."""
    points = sorted(round(100 * lead.mean) for lead in leads)
    return words.span(f"{points[0]}", f"{points[-1]}")


def _nowhere(worlds: Sequence[World]) -> list[str]:
    """The strategies that are clearly ahead at no place where they compete."""
    names = dict.fromkeys(arm for world in worlds for arm in competing(world.name) if world.winners())
    losers = [_name(arm) for arm in names if not _wins(worlds)[arm]]
    return [f"{words.listed(losers).capitalize()} are clearly ahead nowhere."] if losers else []


def _with_a_weak_one(strong: Sequence[World], weak: Sequence[World]) -> list[str]:
    """Clear winners at the places that were measured with both augmenters."""
    both = {
        world.name: {(one.seeds, one.budget) for one in world.winners()}
        & {(one.seeds, one.budget) for one in other.winners()}
        for world, other in zip(strong, weak, strict=True)
    }
    places = sum(map(len, both.values()))
    if not places:
        return []
    with_strong, with_weak = (_clear_winners(_wins(worlds, both)) for worlds in (strong, weak))
    return [f"With a strong augmenter {with_strong} of {places} places; with a weak one {with_weak}."]


def _clear_winners(wins: Counter[str]) -> str:
    (first, count), *others = wins.most_common() or [("", 0)]
    if not count:
        return "no strategy is clearly ahead at any"
    more = [f"{_name(arm)} at {wins[arm]}" for arm, _ in others]
    return words.listed([f"{_name(first)} are clearly ahead at {count}", *more])


def _wins(worlds: Sequence[World], at: dict[str, set[tuple[int, int]]] | None = None) -> Counter[str]:
    """At how many places each strategy is clearly ahead; of all places, or of those named for each world."""
    return Counter(
        one.lead.arm
        for world in worlds
        for one in world.winners()
        if chart_atlas.clear(one.lead) and (at is None or (one.seeds, one.budget) in at[world.name])
    )


def _name(arm: str) -> str:
    return chart_atlas.name(arm).lower()
