"""The filters A2I adds to Liquid, and a guard around all filters."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from liquid import Environment, Markup, Undefined
from liquid.exceptions import FilterArgumentError, FilterError, LiquidError, ResourceLimitError
from liquid.filter import with_context

from review_desk.templates.limits import Limits
from review_desk.templates.values import JsonList, JsonObject, plain, to_json_text, weigh, wrap

if TYPE_CHECKING:
    from review_desk.templates.engine import TaskContext

_S3_URI = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9._-]{1,62})/(?P<key>.{1,1024})", re.DOTALL)
_S3_URL = re.compile(
    r"https?://s3\.amazonaws\.com/(?P<bucket>[a-z0-9][a-z0-9._-]{1,62})/(?P<key>.{1,3072})", re.DOTALL
)
_NOT_A2I = ("safe", "escapejs")
_MAX_INT_BITS = 4096
_MAX_UNIQ_ITEMS = 5_000
_MAX_STRIP_HTML_CHARS = 65_536


def canonical_s3_uri(text: str) -> str:
    """Return ``s3://bucket/key`` for the two forms A2I's grant_read_access takes.

    :raises ValueError: in A2I's words, for anything else.
    """
    if match := _S3_URI.fullmatch(text):
        return f"s3://{match['bucket']}/{match['key']}"
    if match := _S3_URL.fullmatch(text):
        return f"s3://{match['bucket']}/{unquote(match['key'])}"
    raise ValueError(f'"grant_read_access" input is not a valid S3 URI: "{text[:300]}"')


@with_context
def grant_read_access(value: object, *, context: TaskContext) -> str:
    """Turn an S3 URI into a short-lived address the reviewer's browser can read."""
    try:
        uri = canonical_s3_uri(plain(value))
    except ValueError as error:
        raise FilterArgumentError(str(error), token=None) from error
    try:
        return context.grant(uri)
    except ValueError as error:
        raise FilterArgumentError(str(error), token=None) from error
    except Exception as error:
        context.grant_failure = error
        raise


def to_json(value: object) -> Markup:
    """Write a value as JSON; an undefined value is null."""
    return Markup(to_json_text(value))


def skip_autoescape(value: object) -> Markup:
    """Print a value as it is, with its markup."""
    return Markup(plain(value) if not isinstance(value, Markup) else value)


def escape_once(value: object) -> str:
    """Undo escaping that is there already; the output escapes it again, once."""
    return Markup("" if value is None else str(value)).unescape()


def register(environment: Environment) -> None:
    """Give an environment A2I's filters, each behind the guard, and take away those A2I has not."""
    for name in _NOT_A2I:
        environment.filters.pop(name, None)
    for added in (to_json, grant_read_access, skip_autoescape, escape_once):
        environment.add_filter(added.__name__, added)
    for name, function in list(environment.filters.items()):
        environment.filters[name] = _guarded(name, function)


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    wants_context = getattr(function, "with_context", False)
    wants_environment = getattr(function, "with_environment", False)

    @functools.wraps(function)
    def guarded(value: object, *args: Any, context: TaskContext, **kwargs: Any) -> object:
        context.tick()
        limits = context.limits
        for argument in (value, *args):
            _check_items(name, argument, limits)
        if isinstance(value, tuple):
            value = JsonList(value)
        _check_growth(name, value, args, limits)
        if wants_context:
            kwargs["context"] = context
        if wants_environment:
            kwargs["environment"] = context.env
        try:
            result = function(value, *args, **kwargs)
        except LiquidError:
            raise
        except Exception as error:
            raise FilterError(f"the '{name}' filter: {error}", token=None) from error
        return _checked_result(name, result, limits)

    guarded.with_context = True  # type: ignore[attr-defined]
    guarded.with_environment = False  # type: ignore[attr-defined]
    return guarded


def _too_big(name: str, what: str, limit: int) -> ResourceLimitError:
    return ResourceLimitError(f"the '{name}' filter: {what}, the limit is {limit}", token=None)


def _check_items(name: str, value: object, limits: Limits) -> None:
    if isinstance(value, range) and len(value) > limits.list_items:
        raise _too_big(name, f"a range of {len(value)} items", limits.list_items)


def _check_growth(name: str, value: object, args: tuple[Any, ...], limits: Limits) -> None:
    """Refuse what would be too big before it is made."""
    estimate = 0
    if name == "replace" and args:
        old, new = len(str(args[0])), len(str(args[1])) if len(args) > 1 else 0
        text = weigh(value)
        estimate = text + (text // old if old else text + 1) * new
    elif name == "join" and isinstance(value, list | tuple | range):
        separator = len(str(args[0])) if args else 1
        estimate = weigh(list(value)) + len(value) * separator
    elif name == "uniq" and isinstance(value, list) and len(value) > _MAX_UNIQ_ITEMS:
        raise _too_big(name, f"a list of {len(value)} items", _MAX_UNIQ_ITEMS)
    elif name == "strip_html" and weigh(value) > _MAX_STRIP_HTML_CHARS:
        raise _too_big(name, f"{weigh(value)} characters", _MAX_STRIP_HTML_CHARS)
    elif name == "split":
        pieces = weigh(value) // (
            len(str(args[0])) or 1 if args and not isinstance(args[0], Undefined) else 1
        )
        estimate = weigh(value) * 3 if pieces > limits.list_items else 0
    if estimate > limits.value_chars:
        raise _too_big(name, f"up to {estimate} characters", limits.value_chars)


def _checked_result(name: str, result: object, limits: Limits) -> object:
    if isinstance(result, int) and result.bit_length() > _MAX_INT_BITS:
        raise _too_big(name, f"a number of {result.bit_length()} bits", _MAX_INT_BITS)
    if isinstance(result, list | tuple) and not isinstance(result, JsonList):
        if len(result) > limits.list_items:
            raise _too_big(name, f"a list of {len(result)} items", limits.list_items)
        result = JsonList(result)
    elif isinstance(result, dict) and not isinstance(result, JsonObject):
        result = wrap(result)
    if weigh(result) > limits.value_chars:
        raise _too_big(name, f"a value of {weigh(result)} characters", limits.value_chars)
    return result
