"""How figures look: one colour, dash, marker and hatch a strategy in all of them, and no colour that works alone.

Text takes its colour from the theme, so that the figures read in light and in dark.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import plotly.graph_objects as go
import plotly.io
from numpy.typing import NDArray
from plotly.basedatatypes import BaseFigure

from engine.domain import Strategy
from pages.shared import words

GREY, OCHRE, DEEP_OCHRE = "#7a8797", "#c9a24a", "#8a6a1e"
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


class Figure(BaseFigure):
    """A figure as the plain dictionaries that Plotly's front end draws.

    Plotly's own class checks and copies value by value what it is given: 8 ms for the curves of the advice at each
    rerun, against 0.2 ms for the dictionaries. Here that is done where somebody looks into the figure: in the tests.
    """

    def __init__(self, spec: dict[str, Any]) -> None:  # of the base class nothing is needed but its name
        object.__setattr__(self, "_spec", spec)

    def to_dict(self) -> dict[str, Any]:
        """What Streamlit sends. Shared: nobody may change it."""
        return self._spec  # type: ignore[no-any-return]

    @property
    def data(self) -> Any:
        """The traces, checked by Plotly; ValueError names what is no property of one."""
        return go.Figure(self._spec).data

    @property
    def layout(self) -> Any:
        """The layout, checked by Plotly; ValueError names what is no property of it."""
        return go.Figure(self._spec).layout


def figure(traces: Iterable[dict[str, Any]], **layout: Any) -> Figure:
    """A figure from plain dictionaries; arrays of numbers as lists or `packed`."""
    return Figure(
        {
            "data": list(traces),
            "layout": {
                "template": _template(plotly.io.templates.default),
                "height": 460,
                "margin": {"l": 8, "r": 28, "t": 16, "b": 8},
                "legend": {"orientation": "h", "yanchor": "top", "y": -0.28, "x": 0, "xanchor": "left"},
                "dragmode": False,
                "uirevision": "kept",
                **layout,
            },
        }
    )


def packed(values: NDArray[Any]) -> dict[str, str]:
    """An array of 32 bit floats as Plotly's front end takes it whole: base64, and its shape where it has more than one
    axis."""
    found = {"dtype": "f4", "bdata": base64.b64encode(values.astype("<f4").tobytes()).decode()}
    return found if values.ndim == 1 else found | {"shape": ", ".join(str(size) for size in values.shape)}


@lru_cache(maxsize=1)
def _template(name: str) -> dict[str, Any]:
    """Streamlit's own look, whose colours its front end puts in by the theme."""
    return dict(plotly.io.templates[name].to_plotly_json())
