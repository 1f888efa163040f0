"""A hub on this machine: the addresses that `datasets` and `huggingface_hub` ask for, over a folder of data sets.

Real HTTP with ranges, a commit and file sizes; it counts the bytes that it gives away. It takes uploads too, as the hub
did before Xet: weights by Git LFS, the rest inside the commit; `received/OWNER/NAME/...` holds them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves `folder/OWNER/NAME/...` as data sets."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.sent = 0
        self.asked: list[str] = []
        self.created: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        """What uploads were signed with."""
        self.writers: set[str] | None = None
        """Tokens that may write; None: any."""
        self.large: dict[str, bytes] = {}

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(folder: Path) -> Iterator[Hub]:
    hub = Hub(folder)
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(f"{self.command} {path}")
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)(?:/revision/[^/]+)?", path):
            return self._about(found[1])
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/tree/[^/]+/?(.*)", path):
            query = parse_qs(urlsplit(self.path).query)
            return self._tree(found[1], found[2], recursive=query.get("recursive", [""])[0].lower() == "true")
        if found := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            return self._file(self.server.folder / found[1] / found[2])
        return self._missing("EntryNotFound")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(f"{self.command} {path}")
        if self._is_upload(path):
            return self._upload(path, body)
        found = re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/paths-info/[^/]+", path)
        if not found:
            return self._missing("EntryNotFound")
        home = self.server.folder / found[1]
        named = json.loads(body)["paths"] if body.startswith(b"{") else parse_qs(body.decode()).get("paths", [])
        return self._json([self._entry(home, home / name) for name in named if (home / name).exists()])

    def do_PUT(self) -> None:
        path = urlsplit(self.path).path
        self.server.asked.append(f"{self.command} {path}")
        self.server.large[path.rpartition("/")[2]] = self.rfile.read(int(self.headers["Content-Length"]))
        self._send(200, b"", {})

    @staticmethod
    def _is_upload(path: str) -> bool:
        return bool(
            re.search(
                r"^/api/repos/create$|^/api/validate-yaml$|/preupload/|/commit/|\.git/info/lfs/objects/batch$", path
            )
        )

    def _upload(self, path: str, body: bytes) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.server.tokens.add(token)
        if self.server.writers is not None and token not in self.server.writers:
            return self._send(403, b"{}", {"X-Error-Message": "not yours"})
        if path == "/api/repos/create":
            self.server.created.append(json.loads(body))
            asked = self.server.created[-1]
            name = f"{asked.get('organization')}/{asked['name']}"
            return self._json({"url": f"{self.server.endpoint}/{name}", "name": name, "id": name})
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if path.endswith("objects/batch"):
            objects = json.loads(body)["objects"]
            href = f"{self.server.endpoint}/lfs/"
            actions = [{**one, "actions": {"upload": {"href": href + one["oid"]}}} for one in objects]
            return self._json({"objects": actions, "transfer": "basic"})
        if "/preupload/" in path:
            files = [file["path"] for file in json.loads(body)["files"]]
            modes = {name: "lfs" if name.endswith(".safetensors") else "regular" for name in files}
            return self._json(
                {"files": [{"path": n, "uploadMode": m, "shouldIgnore": False} for n, m in modes.items()]}
            )
        return self._commit(re.fullmatch(r"/api/\w+/([^/]+/[^/]+)/commit/.+", path)[1], body)

    def _commit(self, name: str, body: bytes) -> None:
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] not in ("file", "lfsFile"):
                continue
            target = self.server.folder / "received" / name / value["path"]
            target.parent.mkdir(parents=True, exist_ok=True)
            is_file = line["key"] == "file"
            target.write_bytes(base64.b64decode(value["content"]) if is_file else self.server.large[value["oid"]])
        url = f"{self.server.endpoint}/{name}/commit/{COMMIT}"
        self._json({"commitUrl": url, "commitOid": COMMIT, "hookOutput": ""})

    def _about(self, name: str) -> None:
        home = self.server.folder / name
        if not home.is_dir():
            return self._missing("RepoNotFound")
        files = [{"rfilename": str(file.relative_to(home))} for file in sorted(home.rglob("*")) if file.is_file()]
        return self._json({"_id": "1", "id": name, "sha": COMMIT, "private": False, "gated": False, "siblings": files})

    def _tree(self, name: str, below: str, *, recursive: bool) -> None:
        home = self.server.folder / name
        top = home / below
        if not top.is_dir():
            return self._missing("EntryNotFound")
        return self._json([self._entry(home, path) for path in sorted(top.rglob("*") if recursive else top.iterdir())])

    @staticmethod
    def _entry(home: Path, path: Path) -> dict[str, Any]:
        kind = {"type": "directory", "size": 0} if path.is_dir() else {"type": "file", "size": path.stat().st_size}
        return kind | {"path": str(path.relative_to(home)), "oid": hashlib.sha1(str(path).encode()).hexdigest()}

    def _file(self, path: Path) -> None:
        if not path.is_file():
            return self._missing("EntryNotFound")
        content = path.read_bytes()
        status, part, extra = 200, content, {}
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(asked[1]), min(int(asked[2] or len(content) - 1), len(content) - 1)
            status, part = 206, content[first : last + 1]
            extra = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
        etag = hashlib.sha1(content).hexdigest()
        return self._send(
            status, part, extra | {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        )

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _missing(self, code: str) -> None:
        self._send(404 if code != "RepoNotFound" else 401, b"{}", {"X-Error-Code": code, "X-Error-Message": code})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.server.sent += len(content)
            self.wfile.write(content)
