"""The Batch API's endpoints for the test server: files, batches, results; done as soon as they are created,
or after a number of looks."""

from __future__ import annotations

import json
import threading
from typing import Any


class Batches:
    """What the server keeps of uploaded files and created batches."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.looks_until_done = 1
        """How often a batch is found unfinished."""
        self.ends_as = "completed"
        """`expired` and `failed` end without answering anything."""
        self.created = threading.Event()
        self.hold_creation: threading.Event | None = None
        """Where set, the answer to a creation (which has then happened) waits for it."""
        self.arrived = threading.Event()
        self.hold_arrival: threading.Event | None = None
        """Where set, a creation that has arrived happens only after it."""
        self.hold_upload: threading.Event | None = None
        """Where set, an upload waits for it."""
        self.lists = True
        """Whether the list of batches can be asked; 500 otherwise."""
        self.deletes_files = True
        """Whether files can be deleted; without, the endpoint does not know the request."""
        self.refuse_creation = 0
        """So many creations fail with 500 before they happen."""
        self._uploads = 0
        self._looks: dict[str, int] = {}

    def upload(self, body: bytes, content_type: str) -> dict[str, Any]:
        boundary = content_type.split("boundary=")[1].strip('"').encode()
        content = next(part for part in body.split(b"--" + boundary) if b'name="file"' in part)
        self._uploads += 1
        name = f"file-{self._uploads}"
        self.files[name] = content.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n", 1)[0].decode()
        return {"id": name, "object": "file", "bytes": 1, "created_at": 0, "filename": name, "purpose": "batch"}

    def delete(self, name: str) -> dict[str, Any] | None:
        if not self.deletes_files or name not in self.files:
            return None
        del self.files[name]
        return {"id": name, "object": "file", "deleted": True}

    def create(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """None where its file is gone."""
        if body["input_file_id"] not in self.files:
            return None
        name = f"batch_{len(self.batches)}"
        self.batches[name] = {
            "id": name,
            "object": "batch",
            "endpoint": body["endpoint"],
            "input_file_id": body["input_file_id"],
            "completion_window": body["completion_window"],
            "metadata": body.get("metadata"),
            "status": "in_progress",
            "created_at": 0,
        }
        return self.batches[name]

    def look(self, name: str, complete: Any) -> dict[str, Any] | None:
        """The batch; after enough looks it is worked off with `complete(body) -> (status, body)`."""
        batch = self.batches.get(name)
        if batch is None or batch["status"] != "in_progress":
            return batch
        self._looks[name] = self._looks.get(name, 0) + 1
        if self._looks[name] <= self.looks_until_done:
            return batch
        batch["status"] = self.ends_as
        if self.ends_as == "failed":
            batch["errors"] = {"object": "list", "data": [{"code": "bad", "message": "the file is no batch"}]}
            return batch
        results, errors = [], []
        for line in self.files[batch["input_file_id"]].split("\n"):
            asked = json.loads(line)
            if self.ends_as == "expired":
                error = {"code": "batch_expired", "message": "This request could not be executed in time."}
                errors.append({"custom_id": asked["custom_id"], "response": None, "error": error})
                continue
            status, body = complete(asked["body"])
            row = {"custom_id": asked["custom_id"], "response": {"status_code": status, "body": body}, "error": None}
            (results if status == 200 else errors).append(row)
        # In whatever order: results are found by their id.
        for key, rows in (("output_file_id", results[::-1]), ("error_file_id", errors)):
            if rows:
                batch[key] = f"{name}-{key}"
                self.files[batch[key]] = "\n".join(json.dumps(row) for row in rows)
        return batch
