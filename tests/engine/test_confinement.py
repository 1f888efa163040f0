"""Attacks on the cage, for real: each must fail, and what is allowed must still work."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from engine import confinement
from engine.confinement import ConfinementMissingError, Limits, run
from engine.confinement.process import shown_paths

caged = pytest.mark.skipif(
    confinement.why_missing() is not None, reason=f"no confinement here: {confinement.why_missing()}"
)

SHORT = Limits(wall_s=60, cpu_s=2, memory_bytes=512 << 20)
LONG = Limits(wall_s=200, cpu_s=60)


def tried(attack: str, payload: object = None, limits: Limits = SHORT) -> object:
    """What happened to an attack: the name of the error that stopped it, or what it got hold of."""
    body = "\n".join("    " + line for line in attack.strip().splitlines())
    done = run(
        f"def attack():\n{body}\ntry:\n    got = attack()\nexcept BaseException as error:\n"
        "    got = type(error).__name__\nreport(got)",
        payload,
        limits,
    )
    return done.value if not done.problem else done.problem


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


@caged
def test_what_is_allowed_works_and_comes_back_as_it_is():
    assert run("report([payload, sum(range(10))])", {"a": "ü\n"}).value == [{"a": "ü\n"}, 45]
    assert tried("import math, json, re, datetime\nreturn math.sqrt(4)") == 2.0
    assert tried("open('/scratch/note', 'w').write('x')\nreturn open('/scratch/note').read()") == "x"
    assert tried("import tempfile\nwith tempfile.TemporaryFile() as f: return f.write(b'abc')") == 3


@caged
def test_no_connection_reaches_a_server_that_listens_on_this_machine():
    reached = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        port = server.getsockname()[1]
        outcome = tried(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)\nreturn 'connected'")
        with contextlib.suppress(TimeoutError):
            reached.append(server.accept())
    assert outcome == "PermissionError"
    assert not reached


@caged
@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET"])
def test_no_kind_of_socket_can_be_made(family: str):
    assert (
        tried(f"import socket\nsocket.socket(socket.{family}, socket.SOCK_DGRAM)\nreturn 'made'") == "PermissionError"
    )


@caged
def test_no_process_can_be_started():
    assert tried("import os\nwhile True: os.fork()") == "PermissionError"
    assert tried("import subprocess, sys\nreturn subprocess.run([sys.executable, '-c', '']).returncode") in (
        "PermissionError",
        "BlockingIOError",
    )
    assert tried("import os\nreturn os.system('true')") != 0


@caged
def test_two_gigabytes_cannot_be_had_in_one_piece_in_many_or_in_files():
    assert tried("return len(bytearray(2 << 30))") == "MemoryError"
    assert tried("held = []\nwhile True: held.append(bytearray(1 << 20))") == "MemoryError"
    many = "import os\nfor i in range(200):\n    with open(f'/scratch/{i}', 'wb') as f: f.write(bytes(8 << 20))"
    assert tried(many) == "OSError"
    threads = """
import threading
held = []
threads = [threading.Thread(target=lambda: held.append(bytearray(200 << 20))) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
return len(held)"""
    assert tried(threads) in (0, 1, 2, "RuntimeError")  # 512 MB hold two of 200


@caged
def test_an_endless_loop_ends_at_its_processor_limit_and_a_sleep_at_the_clock():
    assert run("while True: pass", None, Limits(wall_s=100, cpu_s=1)).problem == "ended before its report"
    assert run("import time; time.sleep(60)", None, Limits(wall_s=1, cpu_s=1)).problem == "took too long"
    assert run(
        "import signal, time\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except OSError: pass\nwhile True: pass",
        None,
        Limits(wall_s=100, cpu_s=1),
    ).problem


@caged
def test_the_environment_holds_no_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-user")
    seen = str(tried("import os\nreturn dict(os.environ)"))
    assert "sk-secret" not in seen
    assert "OPENAI_API_KEY" not in seen
    assert tried("return open('/proc/self/environ').read()") == "FileNotFoundError"
    assert tried("return open('/proc/1/environ').read()") == "FileNotFoundError"


@caged
def test_no_file_of_the_user_can_be_read(tmp_path: Path):
    store = tmp_path / "seedpilot.sqlite"
    store.write_text("replies that were paid for")
    for path in (store, Path.home() / ".ssh" / "id_ed25519", Path(__file__), Path("/etc/passwd"), Path("/etc/shadow")):
        assert tried(f"return open({str(path)!r}).read()") == "FileNotFoundError", path
    listed = "import os\nfiles = [os.path.join(top, f) for top, _, fs in os.walk('/') for f in fs]\n"
    listed += "return [len(files) > 1000, [f for f in files if not f.startswith(tuple(payload))]]"
    assert tried(listed, shown_paths(), LONG) == [True, []]


@caged
def test_nothing_outside_can_be_written(tmp_path: Path):
    for path in (
        tmp_path / "planted",
        Path(os.__file__).parent / "planted.py",
        Path("/planted"),
        Path("/usr/lib/planted"),
    ):
        assert tried(f"open({str(path)!r}, 'w').write('x')\nreturn 'written'") in ("FileNotFoundError", "OSError")
        assert not path.exists()
    assert tried(f"import os\nos.chmod({os.__file__!r}, 0o777)\nreturn 'changed'") in ("OSError", "PermissionError")
    assert tried("import os\nos.remove('/usr/share/zoneinfo/UTC')\nreturn 'removed'") != "removed"


@caged
def test_no_other_process_can_be_seen_killed_or_traced():
    attack = f"import os, signal\nos.kill({os.getpid()}, signal.SIGKILL)\nreturn 'killed'"
    assert tried(attack) == "ProcessLookupError"
    assert tried("import os, signal\nos.killpg(0, signal.SIGTERM)\nreturn os.getppid()") in (
        0,
        "ended before its report",
    )
    assert tried("import os, signal\nos.kill(-1, signal.SIGKILL)\nreturn 'alive'") in ("alive", "ProcessLookupError")
    trace = f"import ctypes\nreturn ctypes.CDLL(None).ptrace(16, {os.getpid()}, None, None)"
    assert tried(trace) == -1


@caged
@pytest.mark.parametrize(
    "call",
    [
        "libc.unshare(0x10000000)",  # a user namespace, the way to capabilities
        "libc.mount(b'none', b'/scratch', b'tmpfs', 0, None)",
        "libc.setuid(0)",
        "libc.chroot(b'/scratch')",
        "libc.prctl(1, 0, 0, 0, 0)",  # to outlive the one that waits
        "libc.syscall(319, b'x', 0)",  # memfd_create
        "libc.syscall(425, 1, None)",  # io_uring_setup
    ],
)
def test_no_right_can_be_gained(call: str):
    assert tried(f"import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nreturn {call}") == -1


@caged
def test_a_limit_cannot_be_raised():
    raised = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))\nreturn 'raised'"
    assert tried(raised) in ("ValueError", "PermissionError")


@caged
def test_a_flood_of_output_is_cut():
    writes = "import os\nwhile True:\n    for fd in range(3, 9):\n        try: os.write(fd, b'x' * 65536)\n"
    assert run(writes + "        except OSError: pass", None, SHORT).problem == "wrote too much"


@caged
def test_a_report_without_the_token_is_no_report():
    forged = 'import os\nfor fd in range(3, 9):\n    try: os.write(fd, b\'{"token": "", "value": 1}\\n\')\n'
    assert run(forged + "    except OSError: pass\nos._exit(0)", None, SHORT).problem == "ended before its report"


@caged
def test_nothing_is_left_running_and_nothing_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = children()
    run("import time; time.sleep(60)", None, Limits(wall_s=1))
    run("report(1)", None)
    assert children() <= before
    assert not list(tmp_path.glob("seedpilot-cage-*"))


@caged
def test_many_threads_may_run_code_at_once():
    values = []
    threads = [threading.Thread(target=lambda i=i: values.append(run("report(payload)", i).value)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(values) == list(range(6))


SYSTEM_PYTHON = Path("/usr/bin/python3")


@caged
@pytest.mark.skipif(os.getuid() != 0 or not SYSTEM_PYTHON.exists(), reason="needs root, to become nobody")
def test_the_cage_holds_for_an_ordinary_user_too():
    """Inside a user namespace, where root needs none; with the system's Python, since root's may be unreadable."""
    packages = [path for path in sys.path if path.endswith("site-packages")]
    program = (
        f"import sys\nsys.path[:0] = {[str(Path(__file__).parents[2]), *packages]!r}\n"
        "from engine import confinement\nprint(confinement.why_missing())\n"
        "print(confinement.run('import os; report(os.getuid())', None).value)"
    )
    as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    done = subprocess.run(
        [*as_nobody, str(SYSTEM_PYTHON), "-c", program], capture_output=True, text=True, check=False, cwd="/"
    )
    if "pyseccomp" in done.stderr or "PermissionError" in done.stderr:
        pytest.skip("nobody may not read the packages")
    assert done.stdout.split("\n")[:2] == ["None", "65534"], done.stdout + done.stderr


def test_where_no_cage_can_be_built_nothing_runs(tmp_path: Path):
    """A process that may make no namespaces (as in Docker) runs nothing and says why."""
    marker = tmp_path / "ran"
    program = (
        "from engine import confinement\n"
        "from engine.confinement import run\n"
        "print(confinement.why_missing())\n"
        f"try: run(\"open({str(marker)!r}, 'w')\", None)\n"
        "except confinement.ConfinementMissingError as error: print('refused:', error)\n"
    )
    forbid = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-all"] if os.getuid() == 0 else []
    if not forbid and confinement.why_missing() is None:
        pytest.skip("an ordinary user who may make namespaces cannot give that up")
    done = subprocess.run([*forbid, sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "cannot run code confined" in done.stdout
    assert "refused: no namespaces here" in done.stdout
    assert not marker.exists()


def test_the_error_of_a_missing_cage_can_be_shown_to_the_user():
    assert "no namespaces" in str(ConfinementMissingError("no namespaces here"))
