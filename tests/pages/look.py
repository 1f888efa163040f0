"""What a test looks at on a page."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest


def metric(app: AppTest, label: str) -> str:
    return str(next(m.value for m in app.metric if m.label == label))


def chart(app: AppTest) -> dict:
    return json.loads(app.get("plotly_chart")[0].proto.spec)
