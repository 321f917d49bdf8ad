"""How a task ends that cannot go on: with one plain line in its log, and no traceback for a user's mistake.

Airflow's task runner logs the traceback of every exception but ``SystemExit``. So errors that are explained here
are logged as one line and end the task with :class:`TaskEnded`, a ``SystemExit`` that is retried, or not, as the
error says. Errors nobody foresaw keep their traceback. Outside of a task runner errors are raised as they are.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from a2i.compat import AirflowFailException, AirflowSensorTimeout, forbid_retry, running_context
from a2i.exceptions import A2IError, A2IServiceError, A2ITimeoutError, A2IUserError

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

THROTTLING_CODES: Final = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
)
_PASSING_CODES: Final = THROTTLING_CODES | {
    "InternalServerException",
    "InternalServerError",
    "InternalFailure",
    "InternalError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ExpiredToken",
    "ExpiredTokenException",
}
_ACCESS_CODES: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


_NO_ANSWER: Final = (BotoConnectionError, HTTPClientError, ConnectionError, TimeoutError)


class TaskEnded(SystemExit):
    """Ends the running task after its error was logged; the text is that error's."""

    def __init__(self, message: str) -> None:
        super().__init__(1)
        self.message = message

    def __str__(self) -> str:
        return self.message


def error_code(error: BaseException) -> str:
    """Return the AWS error code of a ``ClientError``, or ``""``."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def error_text(error: ClientError) -> str:
    """Return what the service said."""
    return str(error.response.get("Error", {}).get("Message") or error)


def _is_no_answer(error: BaseException) -> bool:
    # aiobotocore hands on some of aiohttp's own errors when a connection breaks while a body is read.
    return isinstance(error, _NO_ANSWER) or type(error).__module__.startswith("aiohttp.")


def is_passing(error: BaseException) -> bool:
    """Tell whether the same request may succeed later: no connection, an answer of 5xx, throttling."""
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return error_code(error) in _PASSING_CODES or status >= 500 or status == 429
    return _is_no_answer(error)


def explain(error: BaseException) -> A2IError | None:
    """Say in one line what an error of a service call means, or None if it is none that is known."""
    if isinstance(error, A2IError):
        return error
    if isinstance(error, AirflowSensorTimeout):
        return A2ITimeoutError(str(error))
    if isinstance(error, ClientError):
        return _explain_client_error(error)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return A2IUserError(f"No AWS credentials: {error}. Give the connection a login and a password.")
    if _is_no_answer(error):
        return A2IServiceError(f"No answer from the service: {error}")
    if isinstance(error, BotoCoreError):
        return A2IUserError(str(error))
    return None


def failed_event(error: Exception, log: Any, broken_off: str) -> dict[str, Any]:
    """Return what a trigger's event says of an error: ``status``, ``message``, and ``retry``, whether it may pass.

    :param broken_off: what is logged with the traceback of an error that :func:`explain` does not know.
    """
    explained = explain(error)
    if explained is None:
        log.exception(broken_off)
    return {
        "status": "error",
        "message": str(explained or f"{type(error).__name__}: {error}"),
        "retry": explained is None or isinstance(explained, A2IServiceError),
    }


def _explain_client_error(error: ClientError) -> A2IError:
    said = f"{error.operation_name} failed: {error_text(error)} ({error_code(error)})"
    if error_code(error) in _ACCESS_CODES:
        return A2IUserError(f"{said}. Check the login, password and rights of the connection.")
    return A2IServiceError(said) if is_passing(error) else A2IUserError(said)


@contextmanager
def plain_failures() -> Iterator[None]:
    """End the task with one line in its log for every error that :func:`explain` knows."""
    try:
        yield
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        _end(explained)


def one_line_failures(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate ``execute``, a method that a task resumes with, or the function of a ``@task``."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with plain_failures():
            return function(*args, **kwargs)

    wrapper.__dict__["ends_in_one_line"] = True
    return wrapper


def _end(error: A2IError) -> NoReturn:
    context: Any = running_context()
    if context is None:
        raise error from None
    log.error("%s", error)
    if isinstance(error, AirflowFailException | AirflowSensorTimeout):
        forbid_retry(context, TaskEnded)
    raise TaskEnded(str(error)) from None
