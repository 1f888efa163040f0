"""What a test looks at on a page."""

from __future__ import annotations

import json
import re
from typing import Any

from streamlit.testing.v1 import AppTest


def opened(app: AppTest, run_id: str) -> AppTest:
    """The app on a run's page."""
    app.switch_page("pages/pilot/run.py")
    app.query_params["run"] = run_id
    app.run()
    assert not app.exception
    return app


def metric(app: AppTest, label: str) -> str:
    return str(next(m.value for m in app.metric if m.label == label))


def told(app: AppTest) -> str:
    """All running text of the page as a reader sees it: without links and escapes."""
    text = "\n".join(element.value for element in (*app.markdown, *app.caption))
    return re.sub(r"\\([$_*~<>\[\]\\])", r"\1", re.sub(r"\[([^\[\]]*)\]\([^)]*\)", r"\1", text))


def figure(app: AppTest, key: str) -> dict[str, Any]:
    """The figure of that key."""
    (found,) = (e for e in app.get("plotly_chart") if e.proto.id.endswith(f"-{key}"))
    spec: dict[str, Any] = json.loads(found.proto.spec)
    return spec


def tables(app: AppTest, alt: str) -> list[Any]:
    """The tables whose description begins so."""
    return [element.value for element in app.dataframe if element.proto.alt.startswith(alt)]


def chart(app: AppTest) -> dict:
    return json.loads(app.get("plotly_chart")[0].proto.spec)
