"""Tries to break out of the cage, once per process, before anything is trusted to it."""

from __future__ import annotations

import functools
import os
import socket
import tempfile
from pathlib import Path

from engine.confinement.process import Limits, run
from engine.errors import SeedPilotError

_ATTEMPTS = """
import os, socket, threading
held = []
def network():
    connection = socket.create_connection(("127.0.0.1", payload["port"]), 2)
def packets():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", payload["port"]))
def reading():
    open(payload["secret"]).read()
def writing():
    open(payload["secret"] + ".new", "w").write("x")
def writing_beside():
    open(os.path.join(os.path.dirname(os.__file__), "planted"), "w")
def processes():
    if os.fork() == 0:
        os._exit(0)
def memory():
    block = bytearray(2 * payload["memory_bytes"])
def environment():
    held.append(os.environ[payload["variable"]])
def parent():
    os.kill(payload["parent"], 0)
holes = []
for attempt in (network, packets, reading, writing, writing_beside, processes, memory, environment, parent):
    try:
        attempt()
    except (OSError, MemoryError, KeyError):
        continue
    holes.append(attempt.__name__)
open("/scratch/own", "w").write("x")
thread = threading.Thread(target=lambda: held.append("thread"))
thread.start()
thread.join()
report({"holes": holes, "works": held == ["thread"]})
"""
_LOOP = "while True: pass"


@functools.cache
def why_missing() -> str | None:
    """Why nothing can be run confined on this machine; None where the cage holds. About 1.5 s, once."""
    limits = Limits(wall_s=60, cpu_s=10)
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        secret = Path(folder) / "secret"
        secret.write_text("secret", encoding="utf-8")
        payload = {
            "port": server.getsockname()[1],
            "secret": str(secret),
            "variable": next(iter(os.environ), "PATH"),
            "parent": os.getpid(),
            "memory_bytes": limits.memory_bytes,
        }
        try:
            tried = run(_ATTEMPTS, payload, limits)
            looped = run(_LOOP, None, Limits(wall_s=60, cpu_s=1))
        except (SeedPilotError, OSError) as error:
            return f"this machine cannot run code confined: {error}"
    found = tried.value
    if not isinstance(found, dict) or not found.get("works"):
        return f"this machine cannot run code confined: the self-test {tried.problem or 'did not work'}"
    holes = list(found["holes"])
    if looped.problem != "ended before its report":  # killed at its CPU limit, not at the clock
        holes.append("processor")
    if holes:
        return f"this machine cannot run code confined: the self-test found a way out ({', '.join(holes)})"
    return None
