"""A visitor of a Streamlit server without a browser: opens a session, moves an input, waits until the script has ended.

What is timed is the server's work and the way over the loopback; a browser draws on top of it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import aiohttp
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

LATEST_S = 120


class Visitor:
    """One session on one page. `async with Visitor(url, "map") as visitor`."""

    def __init__(self, url: str, page: str = "", query: str = "") -> None:
        self._url, self._page, self._query, self._asked = url.replace("http", "ws"), page, query, query
        self._hash = ""
        self._pages: dict[str, str] = {}
        self._inputs: dict[str, str] = {}
        self._states: dict[str, dict[str, Any]] = {}

    async def __aenter__(self) -> Visitor:
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(
            f"{self._url}/_stcore/stream", protocols=("streamlit",), max_msg_size=0
        )
        await self.rerun()
        if self._page:
            self._hash, self._query = self._pages[self._page], self._asked
            self._inputs.clear()
            await self.rerun()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        await self._http.close()

    async def move(self, key: str, **value: Any) -> float:
        """Sets the input of that key, as `double_value=150.0`; seconds until the page had run."""
        if key not in self._inputs:
            raise LookupError(f"no input {key!r} on this page; there are {', '.join(sorted(self._inputs))}")
        self._states[self._inputs[key]] = value
        return await self.rerun()

    async def rerun(self) -> float:
        """Runs the page with the inputs as they stand; seconds until it had run."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self._hash
        for name, value in self._states.items():
            widget = state.widget_states.widgets.add(id=name)
            _fill(widget, value)
        start = time.perf_counter()
        await self._socket.send_bytes(message.SerializeToString())
        await self._until_it_has_run()
        return time.perf_counter() - start

    async def _until_it_has_run(self) -> None:
        while True:
            received = await self._socket.receive(timeout=LATEST_S)
            if received.type is not aiohttp.WSMsgType.BINARY:
                raise ConnectionError(f"the server closed the session: {received.type.name}")
            message = ForwardMsg()
            message.ParseFromString(received.data)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._hash = message.new_session.page_script_hash
            elif kind == "navigation":
                self._pages = {each.url_pathname: each.page_script_hash for each in message.navigation.app_pages}
            elif kind == "page_info_changed":
                self._query = message.page_info_changed.query_string
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                self._note(message.delta.new_element)
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return

    def _note(self, element: Any) -> None:
        """Remembers an input: its id ends with the key that the page gave it."""
        found = getattr(element, element.WhichOneof("type") or "", None)
        name = str(getattr(found, "id", ""))
        if name.startswith("$$ID-"):
            self._inputs[name.split("-", 2)[2]] = name


def _fill(widget: Any, value: Mapping[str, Any]) -> None:
    for field, content in value.items():
        if isinstance(content, list):
            getattr(widget, field).data.extend(content)
        else:
            setattr(widget, field, content)
