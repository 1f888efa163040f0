"""The page's own files come from memory, the same to the byte; everything else is Streamlit's to answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit import file_util

from pages.shared.shell import FromMemory

THEIRS = Path(file_util.get_static_dir())


@pytest.fixture
def server() -> TestClient:
    behind = Route("/{path:path}", lambda _: PlainTextResponse("asked behind"), methods=["GET", "POST"])
    return TestClient(Starlette(routes=[behind], middleware=[Middleware(FromMemory, folder=THEIRS)]))


def test_a_file_of_the_page_is_the_same_to_the_byte_and_may_be_kept_for_ever(server: TestClient) -> None:
    script = next((THEIRS / "static" / "js").glob("index.*.js"))
    answer = server.get(f"/static/js/{script.name}")
    assert answer.content == script.read_bytes()
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "asked", ["/", "/index.html", "/static/js/none.js", "/static/../index.html", "/_stcore/health", "/media/a.js"]
)
def test_everything_else_goes_on(server: TestClient, asked: str) -> None:
    assert server.get(asked).text == "asked behind"


def test_a_part_of_a_file_and_another_method_go_on(server: TestClient) -> None:
    script = next((THEIRS / "static" / "js").glob("index.*.js"))
    assert server.get(f"/static/js/{script.name}", headers={"Range": "bytes=0-9"}).text == "asked behind"
    assert server.post(f"/static/js/{script.name}").text == "asked behind"
