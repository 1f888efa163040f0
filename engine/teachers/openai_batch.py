"""OpenAI's Batch API: a file of requests, answered within a day at a lower price (other providers offer it too).

A batch carries the ledger's own name for it in its metadata, so that one whose creation was cut off, or
whose worker died before it could write the id down, is found again instead of bought again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import openai

from engine.domain import Reply, Request
from engine.errors import OutcomeUnknownError, RateLimitedError, TeacherError, TeacherRefusedError
from engine.teachers.openai_compatible import OpenAICompatibleTeacher, reply_of

NAME = "seedpilot_batch"
"""Key of the metadata that holds the ledger's name of a batch."""
OVER = frozenset({"completed", "failed", "expired", "cancelled"})


@dataclass(frozen=True, slots=True)
class BatchState:
    """How far a batch is."""

    status: str
    done: int
    total: int
    files: tuple[str, ...]
    """Ids of the files with results and with errors, where there are any."""
    problem: str
    """Why the endpoint refused the whole batch; empty where it did not."""

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.status in OVER


class OpenAIBatches:
    """The batches of one endpoint, asked as one teacher."""

    def __init__(self, teacher: OpenAICompatibleTeacher) -> None:
        self.teacher = teacher
        self._client = openai.AsyncOpenAI(
            base_url=teacher.base_url,
            api_key=teacher.key_or_none,
            max_retries=0,
            timeout=teacher.timeout_s,
            http_client=openai.DefaultAsyncHttpxClient(follow_redirects=False),
        )

    async def upload(self, name: str, requests: Sequence[tuple[int, Request]]) -> str:
        """Uploads the file of (ledger row, request); its id at the endpoint. Nothing is asked yet."""
        lines = (
            json.dumps(
                {
                    "custom_id": str(row),
                    "method": "POST",
                    "url": "/v1/chat/completions",
                    "body": self.teacher.body(request),
                }
            )
            for row, request in requests
        )
        try:
            content = "\n".join(lines).encode()
            file = await self._client.files.create(file=(f"{name}.jsonl", content), purpose="batch")
        except openai.OpenAIError as error:
            raise self._translated(error) from None
        return file.id

    async def create(self, name: str, file_id: str) -> str:
        """Has the endpoint work off an uploaded file; the batch's id. After an OutcomeUnknownError the batch may be
        there, or come: `find` says."""
        try:
            batch = await self._client.batches.create(
                input_file_id=file_id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                metadata={NAME: name},
            )
        except openai.OpenAIError as error:
            raise self._translated(error) from None
        return batch.id

    async def find(self, name: str) -> str | None:
        """The id of the batch of that name; None where the endpoint has none."""
        try:
            async for batch in self._client.batches.list(limit=100):
                if (batch.metadata or {}).get(NAME) == name:
                    return batch.id
        except openai.OpenAIError as error:
            raise self._translated(error) from None
        return None

    async def forget(self, file_id: str) -> bool:
        """Deletes an uploaded file, so that no batch can be made of it any more; whether the endpoint says so."""
        try:
            return (await self._client.files.delete(file_id)).deleted
        except openai.NotFoundError:
            # It is gone, or this endpoint deletes no files: the two look alike.
            return False
        except openai.OpenAIError as error:
            raise self._translated(error) from None

    async def state(self, batch_id: str) -> BatchState:
        """How far it is."""
        try:
            batch = await self._client.batches.retrieve(batch_id)
        except openai.OpenAIError as error:
            raise self._translated(error) from None
        counts = batch.request_counts
        problems = [problem.message or "" for problem in (batch.errors.data or [])] if batch.errors else []
        return BatchState(
            status=batch.status,
            done=counts.completed + counts.failed if counts else 0,
            total=counts.total if counts else 0,
            files=tuple(file for file in (batch.output_file_id, batch.error_file_id) if file),
            problem=self.teacher.clean("; ".join(problems)),
        )

    async def results(self, state: BatchState) -> dict[int, Reply | TeacherError]:
        """Reply, or what became of it, by ledger row. Rows that are missing were not answered."""
        results: dict[int, Reply | TeacherError] = {}
        for file in state.files:
            try:
                content = await self._client.files.content(file)
            except openai.OpenAIError as error:
                raise self._translated(error) from None
            for line in content.text.split("\n"):
                if line.strip():
                    row, result = self._result(json.loads(line))
                    results[row] = result
        return results

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    def _result(self, line: dict[str, Any]) -> tuple[int, Reply | TeacherError]:
        row, response = int(line["custom_id"]), line.get("response") or {}
        status, body = response.get("status_code"), response.get("body") or {}
        if status == 200:
            try:
                return row, reply_of(body)
            except (AttributeError, LookupError, TypeError, ValueError):
                return row, OutcomeUnknownError(f"{self.teacher.name}: a line of the batch is no chat completion")
        error = body.get("error") or line.get("error") or {}
        said = self.teacher.clean(str(error.get("message") or error))
        if status is not None and 400 <= status < 500 and status not in (408, 429):
            return row, TeacherRefusedError(f"{self.teacher.name} refused a request of the batch ({status}): {said}")
        # Expired, limited or failed inside: what brought no reply is not billed, and may be asked again.
        return row, RateLimitedError(f"{self.teacher.name}: a request of the batch was not answered: {said}")

    def _translated(self, error: openai.OpenAIError) -> TeacherError:
        if isinstance(error, openai.APIStatusError):
            said = self.teacher.clean(error.message)
            if error.status_code == 429:
                return RateLimitedError(f"{self.teacher.name} asks to slow down (429): {said}")
            if error.status_code == 404:
                return TeacherRefusedError(
                    f"{self.teacher.base_url} has no batches (404): {said}. Leave teacher.batch out of the plan"
                )
            if error.status_code < 500 and error.status_code != 408:
                return TeacherRefusedError(f"{self.teacher.name} refused the batch ({error.status_code}): {said}")
        return OutcomeUnknownError(f"{self.teacher.name}: {self.teacher.clean(str(error)) or type(error).__name__}")
