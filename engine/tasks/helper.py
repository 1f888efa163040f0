"""A helper process that does risky work with bounded memory, and is ended when it takes too long.

One line of JSON in, one line out. It runs a script of this folder (not a module, so that it starts
without the rest of the engine), is started at the first question and again after it was ended. It
confines nobody's code: what runs in it is ours, on input that is not.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any


class Helper:
    """Asks a script questions, one at a time; safe to be called by many threads."""

    def __init__(self, script: str, deadline_s: float) -> None:
        self.script = Path(__file__).with_name(script)
        self.deadline_s = deadline_s
        """Seconds for one answer, the start of the process not included."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, question: dict[str, Any]) -> dict[str, Any] | None:
        """The script's answer; None where it gave none in time or died over the question."""
        with self._lock:
            if self._process is not None and self._process.poll() is not None:
                self._end()
            if self._process is None:
                self._process = self._start()
            try:
                return self._exchange(self._process, json.dumps(question).encode() + b"\n")
            except OSError:
                self._end()
            except ValueError:  # a line that is no JSON
                pass
            return None

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 our own script, no shell
            [sys.executable, "-I", str(self.script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},  # none of the user's keys
            start_new_session=True,
        )
        if process.stdout is not None:
            self._read_line(process, time.monotonic() + 60)  # it says when it is ready
        return process

    def _exchange(self, process: subprocess.Popen[bytes], line: bytes) -> dict[str, Any] | None:
        if process.stdin is None:
            return None
        process.stdin.write(line)
        process.stdin.flush()
        answer = self._read_line(process, time.monotonic() + self.deadline_s)
        if answer is None:
            self._end()
            return None
        value = json.loads(answer)
        return value if isinstance(value, dict) else None

    def _read_line(self, process: subprocess.Popen[bytes], deadline: float) -> bytes | None:
        """The next line, or None where the process ended or the deadline passed."""
        if process.stdout is None:
            return None
        read = b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while not read.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return None
                more = os.read(process.stdout.fileno(), 65_536)
                if not more:
                    return None
                read += more
        return read

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was not flushed has nobody to read it
                    continue
