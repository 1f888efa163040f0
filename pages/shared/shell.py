"""What the browser draws before the app has spoken: Streamlit's own index.html, with room for the menu.

Streamlit draws the menu only when the first run has reached `st.navigation`, and then everything moves 300 px to the
right: a layout shift of 0.21 to 0.24 at 1440 px on every page (`tests/browser/test_layout.py`), of 0.1 that are good.
"""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from pathlib import Path

from streamlit import file_util

STYLE = """<style>
@media (min-width: 768px) {
  [data-testid="stApp"]:not([data-test-script-state="notRunning"])
    > [data-testid="stAppViewContainer"]:not(:has(> [data-testid="stSidebar"])) > div { margin-left: 300px; }
}
[data-testid="stMainBlockContainer"] { max-width: none !important; }
[data-testid="stMain"] [data-testid="stElementContainer"] [data-testid="stSkeleton"] { min-height: 68px; }
[data-testid="stMain"] [data-testid="stHorizontalBlock"] > [data-testid="stElementContainer"]
  [data-testid="stSkeleton"] { min-height: 40px; }
[data-testid="stMain"] [class*="st-key-runs_head_"] > [data-testid="stElementContainer"] [data-testid="stSkeleton"] {
  height: 26px !important; min-height: 0;
}
</style>
"""
"""The menu is 300 px wide where it is open at first; where a run ends without one (nobody is logged in), none is kept
free. The grey bars of the first moment stand as wide as all pages are, not in the middle; and the bar that stands for a
part until its code has come is as high as an input with its label, in a row of buttons as one of them."""
PARTS = (
    "StreamlitMarkdown", "Button", "ButtonGroup", "Checkbox", "DateInput", "DownloadButton", "FileUploader", "Metric",
    "Multiselect", "NumberInput", "PageLink", "Progress", "Radio", "Selectbox", "Slider", "TextArea", "TextInput",
)  # fmt: skip
"""Inputs and figures that Streamlit's page fetches when it first meets them: fetched at once, they come sooner."""
_IMPORT = re.compile(r"""(?:from|import)\s*["']\./([^"']+\.js)["']""")
TITLE = "<title>Streamlit</title>"


def install() -> None:
    """Has the server give out our index.html; everything else that Streamlit serves stays where it is."""
    theirs = Path(file_util.get_static_dir())
    folder = Path(tempfile.mkdtemp(prefix="seedpilot-shell-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for part in theirs.iterdir():
        if part.name != "index.html":
            (folder / part.name).symlink_to(part, target_is_directory=part.is_dir())
    html = (theirs / "index.html").read_text(encoding="utf-8")
    early = "".join(
        f'<link rel="modulepreload" crossorigin href="./static/js/{name}" />\n'
        for name in _with_imports(theirs / "static" / "js")
        if name not in html
    )
    html = html.replace(TITLE, "<title>SeedPilot</title>").replace("</head>", f"{early}{STYLE}</head>", 1)
    (folder / "index.html").write_text(html, encoding="utf-8")
    file_util.get_static_dir = lambda: str(folder)


def _with_imports(folder: Path) -> list[str]:
    """The files of PARTS and all that they import: a browser fetches of each link the file alone."""
    found: dict[str, None] = {}
    left = [path.name for part in PARTS for path in sorted(folder.glob(f"{part}.*.js"))]
    while left:
        name = left.pop(0)
        if name not in found and (folder / name).exists():
            found[name] = None
            left += _IMPORT.findall((folder / name).read_text(encoding="utf-8"))
    return list(found)
