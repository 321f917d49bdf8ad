"""What a template may use up, and the error that says so."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_MESSAGE_CHARS = 1000
"""Length of a message; A2I's FailureReason holds 1024 characters."""


@dataclass(frozen=True)
class Limits:
    """Bounds of one rendering.

    :param seconds: wall-clock time, looked at before every node of the template.
    :param loop_iterations: iterations of all loops together, inner loops counted each time they run.
    :param output_chars: characters of the page.
    :param value_chars: characters of one value a filter or `capture` makes (a list: of all its items).
    :param local_chars: characters of all `assign`ed and `capture`d values together.
    :param list_items: items of a list or range a filter makes or reads.
    """

    seconds: float = 5.0
    loop_iterations: int = 500_000
    output_chars: int = 32_000_000
    value_chars: int = 16_000_000
    local_chars: int = 32_000_000
    list_items: int = 200_000


DEFAULT = Limits()


class TemplateError(Exception):
    """A worker task template that cannot be parsed or rendered.

    Its text is one line in the words of A2I's FailureReason: ``Task failed to render: line 3: …``.

    :param cause: what is wrong, without the line.
    :param line: line of the template, counted from 1; None where the cause has no place in it.
    """

    def __init__(self, cause: str, line: int | None = None) -> None:
        storable = cause.replace("\0", "\ufffd").encode(errors="replace").decode()
        self.cause = re.sub(r"\s+", " ", storable).strip()[:MAX_MESSAGE_CHARS]
        self.line = line
        super().__init__(f"Task failed to render: {self.where_and_cause}")

    @property
    def where_and_cause(self) -> str:
        """The cause, after its line where that is known."""
        return self.cause if self.line is None else f"line {self.line}: {self.cause}"
