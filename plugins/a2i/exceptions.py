"""What can go wrong, in two kinds: what a retry may cure, and what it cannot.

Every text is one line for a person: which item, which rule, what to do.
"""

from __future__ import annotations

from a2i.compat import AirflowException, AirflowFailException, AirflowSensorTimeout


class A2IError(AirflowException):
    """Base of this library's errors."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class A2IUserError(A2IError, AirflowFailException):
    """Something that someone has to correct first; the task fails without a retry."""


class A2IServiceError(A2IError):
    """A service that does not answer, or not now; a retry goes on where this try ended."""


class A2ITimeoutError(A2IError, AirflowSensorTimeout):
    """People took longer than the sensor may wait; the task fails without a retry."""
