"""What the browser draws before the app has spoken: Streamlit's own index.html, with room for the menu, and its files.

Streamlit draws the menu only when the first run has reached `st.navigation`, and then everything moves 300 px to the
right: a layout shift of 0.21 to 0.24 at 1440 px on every page (`tests/browser/test_layout.py`), of 0.1 that are good.

A first visit asks for some 130 files. Streamlit reads each from the disk, through five layers, 1.5 ms of the server's
processor each; from memory it is 0.15.
"""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.middleware import Middleware
from streamlit import file_util
from streamlit.web.server.starlette import starlette_app
from streamlit.web.server.starlette.starlette_server_config import STATIC_ASSET_CACHE_MAX_AGE_SECONDS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

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
@media (max-width: 500px) {
  [data-testid="stMain"] .st-key-runs_actions { min-height: 96px; align-content: flex-start; }
  [data-testid="stMain"] [data-testid="stTabs"] [role="tablist"] { gap: 8px; }
}
[data-testid="stPageLink"] a :is(span, p) { white-space: normal; overflow: visible; }
</style>
"""
"""The menu is 300 px wide where it is open at first; where a run ends without one (nobody is logged in), none is kept
free. The grey bars of the first moment stand as wide as all pages are, not in the middle; and the bar that stands for a
part until its code has come is as high as an input with its label, in a row of buttons as one of them. On a phone what
can be done with runs takes two rows as soon as its labels are drawn, and is kept two rows from the start. The six
steps of a new pilot stand closer there, so that the last one is seen. A link to a page wraps, where Streamlit cuts it
off."""
PARTS = (
    "StreamlitMarkdown", "Button", "ButtonGroup", "Checkbox", "DateInput", "DownloadButton", "FileUploader", "Metric",
    "Multiselect", "NumberInput", "PageLink", "Progress", "Radio", "Selectbox", "Slider", "TextArea", "TextInput",
)  # fmt: skip
"""Inputs and figures that Streamlit's page fetches when it first meets them: fetched at once, they come sooner."""
_IMPORT = re.compile(r"""(?:from|import)\s*["']\./([^"']+\.js)["']""")
TITLE = "<title>Streamlit</title>"
KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".woff2": "font/woff2"}
"""Content types of the files that are kept in memory: names with a hash of the content in them, which never change."""


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
    behind = starlette_app.create_streamlit_middleware
    starlette_app.create_streamlit_middleware = lambda: [Middleware(FromMemory, folder=theirs), *behind()]


class FromMemory:
    """Gives out the files under static/ before anything else looks at the request; the rest is the app's."""

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self.app = app
        self.files: dict[str, tuple[list[tuple[bytes, bytes]], bytes]] = {}
        """Headers and content by the path that is asked for."""
        for path in (folder / "static").rglob("*"):
            if path.suffix not in KINDS:
                continue
            asked, body = f"/{path.relative_to(folder).as_posix()}", path.read_bytes()
            head = {
                "content-type": KINDS[path.suffix],
                "content-length": str(len(body)),
                "cache-control": f"public, immutable, max-age={STATIC_ASSET_CACHE_MAX_AGE_SECONDS}",
            }
            self.files[asked] = [(name.encode(), value.encode()) for name, value in head.items()], body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whole files for GET; what asks for a part of one, or anything else, goes on."""
        asked = scope["path"] if scope["type"] == "http" and scope["method"] == "GET" else ""
        if asked not in self.files or any(name == b"range" for name, _ in scope["headers"]):
            await self.app(scope, receive, send)
            return
        headers, body = self.files[asked]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


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
