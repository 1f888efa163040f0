"""How far an atlas is, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.atlas.design import FIRST, WORLDS, Place, planned, weight
from engine.atlas.table import AtlasCell


class Pace:
    """Seconds that cells are expected to take, learnt from those that were measured."""

    def __init__(self, cells: Iterable[AtlasCell]) -> None:
        self.seconds: dict[str, float] = {}
        self.weights: dict[str, float] = {}
        self.add(cells)

    def add(self, cells: Iterable[AtlasCell]) -> None:
        """Learns from more cells."""
        for cell in cells:
            self.seconds[cell.world] = self.seconds.get(cell.world, 0.0) + cell.seconds
            self.weights[cell.world] = self.weights.get(cell.world, 0.0) + weight(cell.place)

    def expected(self, places: Iterable[Place]) -> float:
        """Seconds on one thread; 0 where nothing is known yet. A world without a cell takes what the others do."""
        rate = sum(self.seconds.values()) / total if (total := sum(self.weights.values())) else 0.0
        rates = {world: self.seconds[world] / self.weights[world] for world in self.seconds}
        return sum(weight(place) * rates.get(place.world, rate) for place in places)


def cpu_seconds_a_cell(cells: Iterable[AtlasCell]) -> float | None:
    """Seconds of the processor, the mean of the cells for which it is known; None without one."""
    known = [cell.cpu_seconds for cell in cells if cell.cpu_seconds is not None]
    return round(sum(known) / len(known), 1) if known else None


def status(cells: Sequence[AtlasCell], workers: int = 1, worlds: Sequence[str] = WORLDS) -> dict[str, Any]:
    """Cells done of planned by world, seconds per cell on one thread, and hours left for so many workers; None where
    nothing was measured that would say. Cells of a second student are counted where there is one."""
    slots = {cell.student for cell in cells} | {FIRST}
    wanted = [place for place in planned(tuple(worlds)) if place.student in slots]
    done = {cell.key for cell in cells}
    pace = Pace(cells)
    rows = []
    for world in worlds:
        of_world = [place for place in wanted if place.world == world]
        found = [cell for cell in cells if cell.world == world]
        left = [place for place in of_world if place.key not in done]
        rows.append(
            {
                "world": world,
                "done": len(of_world) - len(left),
                "planned": len(of_world),
                "seconds_a_cell": round(sum(cell.seconds for cell in found) / len(found), 1) if found else None,
                "cpu_seconds_a_cell": cpu_seconds_a_cell(found),
                "hours_left": round(pace.expected(left) / 3600 / workers, 2) if cells else None,
            }
        )
    return {
        "done": sum(int(str(row["done"])) for row in rows),
        "planned": len(wanted),
        "workers": workers,
        "hours_left": round(pace.expected([p for p in wanted if p.key not in done]) / 3600 / workers, 2)
        if cells
        else None,
        "worlds": rows,
    }
