"""How figures look: one colour, dash, marker and hatch a strategy in all of them, and no colour that works alone.

Text takes its colour from the theme, so that the figures read in light and in dark.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from engine.domain import Strategy
from pages.shared import words

GREY = "#7a8797"
"""Readable on both backgrounds; for marks that belong to no strategy."""

CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
}
"""For `st.plotly_chart(config=...)`: what stays is the download of the picture."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a strategy looks; Okabe-Ito hues at a lightness that contrasts with white and with near-black."""

    colour: str
    fill: str
    dash: str
    marker: str
    hatch: str
    """Fills an assumed band."""


STYLES: dict[Strategy, Style] = {
    Strategy.ANSWER_AUGMENTATION: Style("#2f80c8", "rgba(47,128,200,0.09)", "solid", "circle", "/"),
    Strategy.QUESTION_REPHRASE: Style("#159a76", "rgba(21,154,118,0.09)", "dash", "square", "."),
    Strategy.NEW_QUESTION: Style("#d9602b", "rgba(217,96,43,0.09)", "dot", "diamond", "\\"),
    Strategy.REAL_QUESTION: Style("#7b5fc4", "rgba(123,95,196,0.09)", "dashdot", "triangle-up", "x"),
}


def config(name: str) -> dict[str, Any]:
    """The same, where the picture that is downloaded is called `name`.png."""
    return CONFIG | {"toImageButtonOptions": {"format": "png", "filename": name, "scale": 2}}


def look(strategy: str) -> tuple[Style, str]:
    """Style and name of a strategy, or of another arm of the published table."""
    if strategy in set(Strategy):
        return STYLES[Strategy(strategy)], words.row(strategy)
    return Style(GREY, "rgba(122,135,151,0.09)", "longdash", "cross", "x"), words.row(strategy)


def figure(traces: Iterable[dict[str, Any]], **layout: Any) -> go.Figure:
    """A figure from plain dictionaries: checked by Plotly's front end, not slowly, one by one, in Python."""
    return go.Figure(
        {
            "data": list(traces),
            "layout": {
                "height": 460,
                "margin": {"l": 8, "r": 28, "t": 16, "b": 8},
                "legend": {"orientation": "h", "yanchor": "top", "y": -0.28, "x": 0, "xanchor": "left"},
                "dragmode": False,
                "uirevision": "kept",
                **layout,
            },
        },
        skip_invalid=True,
    )
