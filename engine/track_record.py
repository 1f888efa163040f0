"""How the forecasts of this store's own full runs did: kept by the page, so that trust is earned and not claimed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from engine.full_report import report_of
from engine.records import FULL
from engine.store import Store


@dataclass(frozen=True, slots=True)
class Forecast:
    """One full run that was forecast and measured. Fractions."""

    run: str
    name: str
    finished_at: float | None
    forecast: float
    forecast_low80: float
    forecast_high80: float
    measured: float
    measured_low80: float
    measured_high80: float
    items: int
    held: bool
    """Whether the two intervals meet."""

    def as_json(self) -> dict[str, Any]:
        """As `seedpilot forecasts --json` prints it."""
        return asdict(self)

    @property
    def line(self) -> str:
        """One line for a terminal."""
        return (
            f"{self.run}  forecast {100 * self.forecast:.0f} % ({100 * self.forecast_low80:.0f} to "
            f"{100 * self.forecast_high80:.0f}), measured {100 * self.measured:.0f} % "
            f"({100 * self.measured_low80:.0f} to {100 * self.measured_high80:.0f}): "
            f"{'held' if self.held else 'did not hold'}"
        )


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """All of them, newest first."""

    forecasts: tuple[Forecast, ...]

    @property
    def judged(self) -> int:
        """Forecasts with a measurement."""
        return len(self.forecasts)

    @property
    def held(self) -> int:
        """Those that held."""
        return sum(one.held for one in self.forecasts)

    @property
    def mean_error_points(self) -> float | None:
        """Mean of measured less forecast, in points; None without any."""
        if not self.forecasts:
            return None
        return 100 * sum(one.measured - one.forecast for one in self.forecasts) / self.judged

    @property
    def summary(self) -> str:
        """One sentence."""
        if not self.forecasts:
            return "No full run has been forecast and measured yet; `seedpilot follow RUN` makes one after a pilot."
        error = self.mean_error_points or 0.0
        return (
            f"{self.held} of {self.judged} forecasts held (80 % intervals); measured less forecast is {error:+.1f} "
            "points on average."
        )


def track_record(store: Store) -> TrackRecord:
    """Every full run of the store that was forecast and measured."""
    found = []
    # By their folders: a store of a thousand runs would have to read all their plans.
    for folder in sorted(store.home.glob(f"{FULL}[0-9]*"), reverse=True):
        report = report_of(store, folder.name)
        told = None if report is None else report.get("trained")
        if told is None or told["held"] is None:
            continue
        run = store.run(folder.name)
        forecast, measured = told["forecast"], told["measured"]
        found.append(
            Forecast(
                run.id,
                run.name,
                run.finished_at,
                forecast["mean"],
                forecast["low80"],
                forecast["high80"],
                measured["mean"],
                measured["low80"],
                measured["high80"],
                told["items"],
                told["held"],
            )
        )
    return TrackRecord(tuple(found))
