"""Runs Python that nobody has read: no network, no files, bounded memory, CPU and wall time; or not at all.

`run(driver, payload)` starts one process in a cage (`cage.py` says what that is) and gives back what the
driver reported. Where this machine cannot build the cage, or the self-test finds a hole in it,
`why_missing()` says so and `run` raises: nothing is ever run unconfined.

What it covers: Linux (x86_64, aarch64) from 5.12, with libseccomp, as root or where users may make
namespaces. What it does not: Docker without extra rights, systems that forbid user namespaces to
ordinary users (Ubuntu from 24.04 unless allowed), macOS, Windows. Code that is tested shares its
process with the tests: it cannot leave the cage, but it can cheat about its own result.
"""

from engine.confinement.process import Confined, ConfinementMissingError, Limits, run
from engine.confinement.selftest import why_missing

__all__ = ["Confined", "ConfinementMissingError", "Limits", "run", "why_missing"]
