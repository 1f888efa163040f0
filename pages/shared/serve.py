"""Starts Streamlit's server on app.py: `python -m pages.shared.serve [options of streamlit run]`.

Why not `streamlit run app.py`: until `st.navigation` has run once, Streamlit takes any folder named
pages/ for its old page discovery, and answers a first visit by link to any page but the first with a
"Page not found" dialog (seen on 1.67). Here it is told beforehand. Everything else is the same.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import cli

ROOT = Path(__file__).resolve().parents[2]


def main(options: list[str]) -> None:
    """Runs the server until it is stopped. `.streamlit/config.toml` counts wherever this was called from."""
    os.chdir(ROOT)
    PagesManager.uses_pages_directory = False
    cli.main(["run", str(ROOT / "app.py"), *options], prog_name="streamlit")


if __name__ == "__main__":
    main(sys.argv[1:])
