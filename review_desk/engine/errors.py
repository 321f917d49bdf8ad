"""What can go wrong in the engine, in words for the person who asked."""

from __future__ import annotations


class EngineError(Exception):
    """A request that the engine refuses; the message is one sentence for its sender."""


class NotFoundError(EngineError):
    """The named thing does not exist, or not for whoever asks."""


class InUseError(EngineError):
    """A thing of this name exists already, or something uses it still."""


class ConflictError(EngineError):
    """A loop of this name exists with other input, or has ended."""


class InvalidError(EngineError):
    """The request is well-formed, but a rule forbids it."""


class QuotaError(EngineError):
    """There are as many of something as there may be."""


class StaleDraftError(EngineError):
    """Another window saved a newer draft of the task."""

    def __init__(self, message: str, draft: object, version: int) -> None:
        super().__init__(message)
        self.draft = draft
        self.version = version


class LeaseLostError(EngineError):
    """The task was taken again elsewhere, given up, or submitted already."""


class TooLateError(EngineError):
    """What was submitted can no longer be taken back."""


class LateAnswerError(EngineError):
    """The answer came when the loop no longer needed it; it is kept, but does not count."""
