"""The service's log: one event a line on standard error, as JSON for machines or as text for people.

What was sent to the service stays out of it: a line names the request, its operation and a refusal's code, never a
body, a query or a path with its parameters. Tracebacks come without messages that may quote such values.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from sqlalchemy.exc import DataError, DBAPIError

from review_desk.engine.clock import iso_milliseconds
from review_desk.engine.database import DatabaseError
from review_desk.receivers import DeliveryError
from review_desk.secrets import SecretKeyError
from review_desk.storage import StorageError

LogFormat = Literal["json", "text"]
LEVELS = ("debug", "info", "warning", "error")

OWN_LOGGERS = ("review_desk", "uvicorn")
"""Loggers that ``--log-level`` moves; others stay at WARNING, since boto3's DEBUG lines hold whole requests."""

FIELDS = (
    "method",
    "path",
    "operation",
    "status",
    "duration_ms",
    "access_key_id",
    "worker_id",
    "error",
    "detail",
    "human_loop",
)
"""What a line may have beside its message, given as ``extra`` to a logging call."""

QUOTES_NOTHING = (
    OSError,
    RuntimeError,
    TypeError,
    AttributeError,
    NameError,
    ImportError,
    MemoryError,
    DatabaseError,
    SecretKeyError,
    StorageError,
    DeliveryError,
)
"""Exceptions whose messages speak of the machine or the code. A ValueError, a KeyError may quote an answer."""

MOST_FRAMES = 50


@dataclass(slots=True)
class RequestFacts:
    """What the log may say of the request at hand; handlers fill in what they learn.

    :param path: for a request that no route of the portal answers.
    :param error: code of a refusal.
    :param detail: which field broke which rule; no values.
    :param failure: what was raised when the service itself failed.
    """

    request_id: str
    path: str | None = None
    operation: str | None = None
    access_key_id: str | None = None
    worker_id: int | None = None
    error: str | None = None
    detail: str | None = None
    failure: Exception | None = None


current_request: ContextVar[RequestFacts | None] = ContextVar("current_request", default=None)


def note(**learnt: Any) -> None:
    """Add to the facts of the request at hand; outside a request nothing happens."""
    facts = current_request.get()
    if facts is not None:
        for name, value in learnt.items():
            setattr(facts, name, value)


def configure(log_format: LogFormat | None, level: str, stream: TextIO | None = None) -> None:
    """Send every logger's lines to one stream.

    :param log_format: ``None`` for text on a terminal and JSON elsewhere.
    :param level: one of :data:`LEVELS`.
    :param stream: standard error if left out.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    as_text = log_format == "text" or (log_format is None and stream.isatty())
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in OWN_LOGGERS:
        logging.getLogger(name).setLevel(level.upper())
    logging.captureWarnings(True)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info and record.exc_info[1]:
            line["exception"] = "".join(_traceback(record.exc_info[1]))
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """One line for a person; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        head = f"{_time(record)} {record.levelname} {record.name} {record.getMessage()}{fields}"
        # A line break in a message would let whoever causes it write lines of their own.
        line = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in head)
        if record.exc_info and record.exc_info[1]:
            line += "\n" + "".join(_traceback(record.exc_info[1])).rstrip("\n")
        return line


def described(error: BaseException) -> str:
    """Return an exception's type, and its message unless it may quote what somebody sent."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(error, DBAPIError):
        # The first line names the constraint; the DETAIL after it and SQLAlchemy's own text have the row's values.
        said = "" if isinstance(error, DataError) else str(error.orig).partition("\n")[0]
    else:
        said = str(error) if isinstance(error, QUOTES_NOTHING) else ""
    return f"{name}: {said}" if said else name


def _time(record: logging.LogRecord) -> str:
    return iso_milliseconds(datetime.fromtimestamp(record.created, UTC))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    request = current_request.get()
    values = {"request_id": getattr(record, "request_id", None) or (request.request_id if request else None)}
    values |= {name: getattr(record, name, None) for name in FIELDS}
    return {name: value for name, value in values.items() if value is not None}


def _traceback(error: BaseException) -> Iterator[str]:
    """Write an exception and what led to it, oldest first, as Python does."""
    if error.__cause__ is not None:
        yield from _traceback(error.__cause__)
        yield "\nThe above exception was the direct cause of the following exception:\n\n"
    elif error.__context__ is not None and not error.__suppress_context__:
        yield from _traceback(error.__context__)
        yield "\nDuring handling of the above exception, another exception occurred:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__, -MOST_FRAMES)
    yield described(error) + "\n"
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _traceback(inner)
