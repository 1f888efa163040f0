"""Builds the cage around one process and starts Python in it. A script of its own: `python -I -S cage.py CONFIG`.

It runs as a fresh process with one thread and an empty environment, because user namespaces can only be
entered so. Standard library only. What it builds, in this order:

    namespaces     no network device, no view of other processes, a mount table of its own; as an ordinary
                   user inside a user namespace, as root without one
    file system    an empty root; read-only: Python and the system's libraries; writable: /scratch, in
                   memory, bounded; nothing of the home folder, the store or /proc is there
    limits         address space, CPU seconds, file size, open files, threads
    rights         the user nobody, no capabilities, no way to gain any
    system calls   a filter (made by libseccomp in the parent) without processes, sockets and mounts

Exit status: that of the confined Python (0 or 1); 97 and a line on standard output where the cage
could not be built.
"""

import base64
import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

NOT_BUILT = 97
NOBODY = 65534
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
MNT_DETACH = 2
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
SYS_MOUNT_SETATTR = 442  # the same number on every architecture, since Linux 5.12
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 1, 22, 38, 2

_libc = ctypes.CDLL(None, use_errno=True)


def _call(function: str, *arguments: Any) -> None:
    """A call of the C library; OSError with its name where it fails."""
    ctypes.set_errno(0)
    if getattr(_libc, function)(*arguments) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{function}: {os.strerror(error)}")


def _mount(source: str, target: Path | str, kind: bytes | None, flags: int, options: str | None = None) -> None:
    _call("mount", source.encode(), str(target).encode(), kind, flags, options and options.encode())


def _read_only(target: Path, attributes: int, flags: int = 0) -> None:
    """mount_setattr(2): unlike a remount it keeps the flags that a user namespace must not clear."""
    wanted = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    _call(
        "syscall", SYS_MOUNT_SETATTR, AT_FDCWD, str(target).encode(), flags, ctypes.byref(wanted), ctypes.sizeof(wanted)
    )


def _enter_namespaces(as_root: bool) -> None:
    flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET
    user, group = os.geteuid(), os.getegid()
    _call("unshare", flags if as_root else flags | CLONE_NEWUSER)
    if not as_root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{NOBODY} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{NOBODY} {group} 1")


def _build_root(root: Path, shown: list[str], scratch_bytes: int) -> None:
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    _mount("none", root, b"tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    for path in shown:
        target = Path(str(root) + path)
        device = path.startswith("/dev/")
        if Path(path).is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        _mount(path, target, None, MS_BIND | MS_REC)
        closed = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | (0 if device else MOUNT_ATTR_NODEV)
        _read_only(target, closed, AT_RECURSIVE)
    scratch = root / "scratch"
    scratch.mkdir()
    _mount("none", scratch, b"tmpfs", MS_NOSUID | MS_NODEV, f"mode=1777,size={scratch_bytes},nr_inodes=1024")
    if not (root / "tmp").exists():  # it exists where Python itself is installed below /tmp
        (root / "tmp").symlink_to("/scratch")
    _read_only(root, MOUNT_ATTR_RDONLY)
    os.chdir(root)
    _call("syscall", SYS_PIVOT_ROOT[os.uname().machine], b".", b".")
    _call("umount2", b".", MNT_DETACH)
    os.chdir("/scratch")


def _limit(memory_bytes: int, cpu_s: int, scratch_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (scratch_bytes, scratch_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_NPROC, (512, 512))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _drop_rights(as_root: bool) -> None:
    if as_root:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    # In a user namespace the capabilities end with the execve of a user that is not its root.
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _filter_calls(compiled: bytes) -> None:
    code = ctypes.create_string_buffer(compiled, len(compiled))
    program = _Program(len(compiled) // 8, ctypes.cast(code, ctypes.c_void_p))
    _call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)


def _confine(config: dict[str, Any], as_root: bool) -> None:
    """In the first process of the new namespaces; ends in the confined Python."""
    os.setsid()
    os.closerange(3, 4096)
    _build_root(Path(config["root"]), config["shown"], config["scratch_bytes"])
    _limit(config["memory_bytes"], config["cpu_s"], config["scratch_bytes"])
    _drop_rights(as_root)
    _filter_calls(base64.b64decode(config["filter"]))
    # One thread in numerical libraries: each more would take address space.
    environment = {"LANG": "C.UTF-8", "HOME": "/scratch", "TMPDIR": "/scratch"}
    environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    os.execve(config["command"][0], config["command"], environment)  # noqa: S606 our own Python


def main() -> int:
    """Builds the cage, waits for the confined process and ends with its status."""
    config = json.loads(sys.argv[1])
    as_root = os.geteuid() == 0
    try:
        _enter_namespaces(as_root)
        child = os.fork()
    except OSError as error:
        print(f"no namespaces here ({error.strerror})")
        return NOT_BUILT
    if child == 0:
        try:
            _confine(config, as_root)
        except BaseException as error:
            print(f"the cage could not be built ({error})", flush=True)
        os._exit(NOT_BUILT)
    # Should the parent die, the confined process lives no longer than it may: it dies with this one.
    signal.alarm(config["wall_s"] + 5)
    status = os.waitpid(child, 0)[1]
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1


if __name__ == "__main__":
    sys.exit(main())
