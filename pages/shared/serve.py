"""Starts Streamlit's server on app.py: `python -m pages.shared.serve [options of streamlit run]`.

Why not `streamlit run app.py`: until `st.navigation` has run once, Streamlit takes any folder named
pages/ for its old page discovery, and answers a first visit by link to any page but the first with a
"Page not found" dialog (seen on 1.67). Here it is told beforehand. Everything else is the same.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import sys
from pathlib import Path

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import cli

from pages import shared
from pages.shared import session, shell

ROOT = Path(__file__).resolve().parents[2]
BREATH_S = 0.12
"""With 0.05 the sentence stood on the screen after 1.38 s (median of 8), with 0.1 after 1.23, with 0.15 after 1.15,
without after 1.39."""


def main(options: list[str]) -> None:
    """Runs the server until it is stopped. `.streamlit/config.toml` counts wherever this was called from."""
    os.chdir(ROOT)
    if _address(options) not in ("localhost", "127.0.0.1", "::1"):
        # Workers inherit it: an endpoint is then asked only if it is on the list (engine/settings.py).
        os.environ["SEEDPILOT_EXPOSED"] = "1"
    PagesManager.uses_pages_directory = False
    shell.install()
    session.breath_s = BREATH_S
    warm_up()
    cli.main(["run", str(ROOT / "app.py"), *options], prog_name="streamlit")


def warm_up() -> None:
    """Brings in what every page needs before anybody asks, so that the first visitor waits as little as later ones.

    Then it is taken out of garbage collection, which would go through all that the libraries hold again and again.
    """
    for module in pkgutil.iter_modules(shared.__path__):
        if module.name != "serve":
            importlib.import_module(f"{shared.__name__}.{module.name}")
    for name in ("plotly.tools", "streamlit.web.server.starlette", "streamlit.web.server.starlette.starlette_server"):
        importlib.import_module(name)
    from engine import advice, next_pilot
    from engine.domain import Situation, TaskType
    from pages.shared import charts

    example = Situation(TaskType.MATH, 100, 3000)
    charts.curves(advice.recommend(example))
    next_pilot.next_pilot(example)
    gc.collect()
    gc.freeze()


def _address(options: list[str]) -> str:
    """Where the server will listen: the option, the environment, or the loopback of our own config."""
    for number, option in enumerate(options):
        name, equals, value = option.partition("=")
        if name == "--server.address":
            return value if equals else "".join(options[number + 1 : number + 2])
    return os.environ.get("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")


if __name__ == "__main__":
    main(sys.argv[1:])
