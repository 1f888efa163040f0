"""Every error that SeedPilot raises on purpose.

    SeedPilotError                 the message is for the user: found, expected, what to do next
    +-- InputError                 what the user gave cannot be used; carries every problem found
    +-- StudentError               the student cannot be loaded or trained
    +-- StoreError                 the store cannot be opened or written
    |   +-- DiskFullError          nothing more fits; what was paid for is kept
    +-- CeilingReachedError        a reservation would pass the ceiling
    +-- KeyMissingError            the run waits for a key that only the user has
    +-- TeacherError               a teacher could not answer
        +-- TeacherRefusedError    nothing was charged and asking again will not help (403, 404, 400)
        |   +-- KeyRefusedError    with another key it may (401)
        +-- NoReplyError           nothing was charged and this one request has no reply; others may have one
        +-- TeacherUnreachableError  nothing was sent: the connection was refused or the name is unknown
        +-- RateLimitedError       nothing was charged (429); may say how long to wait
        +-- OutcomeUnknownError    sent, but the reply was lost (time-out, cut connection, 5xx, garbage)

Classes exist only where a caller treats them differently. Errors of other libraries are translated
where they arise, `from` their cause, with the message cleared of keys.
"""

from __future__ import annotations

from collections.abc import Sequence


class SeedPilotError(Exception):
    """Base of all; `str(error)` can be shown to the user as it is."""


class InputError(SeedPilotError):
    """What the user gave cannot be used. All problems are reported at once, one a line."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class StudentError(SeedPilotError):
    """The student cannot be loaded or trained."""


class StoreError(SeedPilotError):
    """The store cannot be opened or written."""


class DiskFullError(StoreError):
    """Nothing more fits on the disk; everything paid for until then is kept."""


class CeilingReachedError(SeedPilotError):
    """A reservation would pass the run's ceiling, in queries or in money."""


class KeyMissingError(SeedPilotError):
    """The teacher needs a key that is neither in the environment nor handed to this worker."""


class TeacherError(SeedPilotError):
    """A teacher could not answer."""


class TeacherRefusedError(TeacherError):
    """The endpoint refused the request itself; nothing was charged, and repeating it will not help."""


class KeyRefusedError(TeacherRefusedError):
    """The endpoint does not take this key, or not any more; the run waits for another one."""


class NoReplyError(TeacherError):
    """This request has no reply (nothing recorded, too long for the model), and cost nothing; others may."""


class TeacherUnreachableError(TeacherError):
    """No connection could be made; nothing was sent."""


class RateLimitedError(TeacherError):
    """The endpoint asked to slow down; nothing was charged."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        """Seconds that the endpoint asked for; None where it said nothing."""
        super().__init__(message)


class OutcomeUnknownError(TeacherError):
    """The request was sent and its outcome is unknown: its reservation stays charged."""
