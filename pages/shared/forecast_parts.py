"""Forecasts against what was then measured: of one full run, and of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from engine.plan import PilotPlan
from engine.records import FULL
from engine.store import Store
from engine.track_record import Forecast, TrackRecord, track_record
from pages.shared import shown
from pages.shared.chart_style import DEEP_OCHRE, GREY, Figure, figure

MEASURED, FORECAST = DEEP_OCHRE, GREY
ROW_PX, APART = 54, 0.13
INTERVALS = {
    name: st.column_config.NumberColumn(format="%.1f")
    for name in ("Forecast, %", "80 % from", "to", "Measured, %", "measured from", "measured to", "Error, points")
}


def of_run(store: Store, run_id: str, plan: PilotPlan, trained: dict[str, Any] | None) -> None:
    """What was forecast of this full run, and, once its student is measured, how that did."""
    forecast = None if plan.full is None else plan.full.forecast
    if trained is None:
        if forecast is not None:
            st.info(
                f"Forecast: {100 * forecast.mean:.0f} % right ({100 * forecast.low80:.0f} to "
                f"{100 * forecast.high80:.0f}, 80 %) on the pilot's test items.",
                icon=":material/online_prediction:",
            )
        return
    own = next((one for one in track_record(store).forecasts if one.run == run_id), None)
    if own is None:
        st.subheader(_without_forecast(trained), anchor=False)
        return
    shown.chart(chart([own]), takeaway(own), key="run_forecast", note=NOTE)
    shown.values(
        lambda: table([own]), key="run_forecast", alt="Forecast and measured accuracy", column_config=INTERVALS
    )


NOTE = (
    "80 % intervals; a forecast held where the two meet, since the test items are a sample of what it speaks about. "
    "The student was measured on the pilot's test items."
)


def record(store: Store) -> None:
    """How all past forecasts did; nothing where there is none yet."""
    found = track_record(store)
    if found.judged:
        shown_record(found)


def shown_record(found: TrackRecord) -> None:
    """Every forecast with what was then measured."""
    shown.chart(
        chart(found.forecasts),
        summary(found),
        key="track_record",
        note="Each row is a full run: what was forecast before it, and what its student then got right. With 80 % "
        "intervals, about four of five forecasts should hold.",
    )
    shown.values(lambda: table(found.forecasts), key="track_record", alt="Every past forecast", column_config=INTERVALS)


def summary(found: TrackRecord) -> str:
    """Title of the record."""
    error = found.mean_error_points or 0.0
    return (
        f"{found.held} of {found.judged} past forecasts held; measured lies {abs(error):.1f} points "
        f"{'above' if error >= 0 else 'below'} forecast on average"
    )


def takeaway(one: Forecast) -> str:
    """`The forecast held: 71 % expected (66 to 76), 70 % measured (65 to 75)`."""
    return (
        f"The forecast {'held' if one.held else 'did not hold'}: {100 * one.forecast:.0f} % right expected "
        f"({100 * one.forecast_low80:.0f} to {100 * one.forecast_high80:.0f}), {100 * one.measured:.0f} % measured "
        f"({100 * one.measured_low80:.0f} to {100 * one.measured_high80:.0f})"
    )


def _without_forecast(trained: dict[str, Any]) -> str:
    found = trained["measured"]
    if found is None:
        return "The student was trained, and none of its answers could be scored"
    return (
        f"{100 * found['mean']:.0f} % right ({100 * found['low80']:.0f} to {100 * found['high80']:.0f}, 80 %) on "
        f"{trained['items']:,} test items; no forecast was given"
    )


def chart(found: Sequence[Forecast]) -> Figure:
    """Two marks a run, each with its interval."""
    # Names of users stand in a figure as text: Plotly reads a little HTML.
    names = [f"{escape(one.name[:32])}<br>{one.run.removeprefix(FULL)}" for one in found]
    return figure(
        [
            _marks(found, "Forecast", FORECAST, "forecast", filled=False),
            _marks(found, "Measured", MEASURED, "measured", filled=True),
        ],
        xaxis={"title": {"text": "Right, % (80 % intervals)"}, "fixedrange": True},
        yaxis={
            "tickvals": list(range(len(found))),
            "ticktext": names,
            "range": [len(found) - 0.5, -0.5],
            "automargin": True,
            "fixedrange": True,
        },
        height=150 + ROW_PX * len(found),
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "xanchor": "left"},
        hovermode="closest",
    )


def _marks(found: Sequence[Forecast], name: str, colour: str, what: str, *, filled: bool) -> dict[str, Any]:
    values = [[100 * getattr(one, f"{what}{side}") for side in ("", "_low80", "_high80")] for one in found]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [mean for mean, _, _ in values],
        # One above the other, so that neither interval hides the other.
        "y": [place + (APART if filled else -APART) for place in range(len(found))],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high - mean for mean, _, high in values],
            "arrayminus": [mean - low for mean, low, _ in values],
            "color": colour,
            "thickness": 1.8,
            "width": 5,
        },
        "marker": {
            "size": 12,
            "symbol": "circle" if filled else "diamond",
            "color": colour if filled else "rgba(0,0,0,0)",
            "line": {"width": 2, "color": colour},
        },
        "hovertemplate": f"{name}: %{{x:.1f}} %<extra></extra>",
    }


def table(found: Sequence[Forecast]) -> pd.DataFrame:
    """One row a run; percent."""
    return pd.DataFrame(
        [
            {
                "Run": one.run,
                "Name": one.name,
                "Forecast, %": 100 * one.forecast,
                "80 % from": 100 * one.forecast_low80,
                "to": 100 * one.forecast_high80,
                "Measured, %": 100 * one.measured,
                "measured from": 100 * one.measured_low80,
                "measured to": 100 * one.measured_high80,
                "Error, points": 100 * (one.measured - one.forecast),
                "Test items": one.items,
                "Held": "yes" if one.held else "no",
            }
            for one in found
        ]
    )
