"""The system calls that a confined process is refused, compiled by libseccomp."""

from __future__ import annotations

import errno
import functools
import tempfile

from engine.errors import SeedPilotError

_REFUSED = (
    # processes: threads are allowed, so that one address space bounds all memory
    "fork", "vfork",
    # the network; the cage has no device either
    "socket", "connect", "bind", "listen",
    # new namespaces and mounts, the way to capabilities that a kernel fault could be reached with
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsmount",
    "fspick", "mount_setattr", "open_by_handle_at", "name_to_handle_at",
    # other processes
    "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_open", "pidfd_getfd", "pidfd_send_signal",
    # memory that no limit counts
    "memfd_create", "memfd_secret", "shmget", "msgget", "semget", "mq_open",
    # parts of the kernel that no scorer needs
    "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl",
    "add_key", "request_key", "personality", "quotactl", "init_module", "finit_module", "delete_module",
    "kexec_load", "kexec_file_load", "swapon", "swapoff", "reboot", "syslog", "acct",
)  # fmt: skip
_CLONE_THREAD = 0x00010000
_PR_SET_PDEATHSIG = 1


@functools.cache
def compiled() -> bytes:
    """The filter as BPF; everything that is not refused is allowed. SeedPilotError without libseccomp."""
    try:
        import pyseccomp
    except (ImportError, RuntimeError, OSError) as error:
        raise SeedPilotError(
            f"libseccomp is missing ({error}); install it, on Debian with `apt install libseccomp2`"
        ) from error
    refuse = pyseccomp.ERRNO(errno.EPERM)
    made = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for name in _REFUSED:
        try:
            made.add_rule(refuse, name)
        except (OSError, ValueError):
            continue  # unknown to this architecture or to an old libseccomp
    made.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_THREAD, 0))
    # Its flags lie behind a pointer, so the filter cannot see them; the C library then takes clone.
    made.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    # The confined process must go on dying with the one that waits for it.
    made.add_rule(refuse, "prctl", pyseccomp.Arg(0, pyseccomp.EQ, _PR_SET_PDEATHSIG))
    with tempfile.TemporaryFile() as file:
        made.export_bpf(file)
        file.seek(0)
        return file.read()
