"""JSON as RFC 8259 has it, of a bounded depth: what is accepted here, every reader of output.json can read.

Python's own reader takes NaN and Infinity, makes Infinity of 1e400, and fails on deep nesting wherever it comes by.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

DEEPEST = 100
"""Levels of lists and objects."""

_TOO_DEEP = f"lists and objects are nested deeper than {DEEPEST} levels"
_NO_NUMBER = "NaN, Infinity and numbers beyond 1.8e308 are no JSON numbers"


def parse(text: str | bytes) -> Any:
    """Parse a JSON text; in bytes it is UTF-8.

    A number beyond the range of a double comes out as infinity, which :func:`written` refuses.

    :raises ValueError: it is no JSON, or nested too deeply; the message is one line without its values.
    """
    try:
        value = _DECODER.decode(text.decode() if isinstance(text, bytes) else text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        raise ValueError("a number has too many digits" if "digits" in str(error) else str(error)) from None
    check_depth(value)
    return value


def written(value: Any, *, canonical: bool = False) -> str:
    """Write a value as JSON, in ASCII.

    :param canonical: the same text for the same value: sorted, without spaces.
    :raises ValueError: a number in it is NaN or infinite.
    """
    try:
        return json.dumps(
            value, allow_nan=False, sort_keys=canonical, separators=(",", ":") if canonical else None
        )
    except ValueError:
        raise ValueError(_NO_NUMBER) from None


def scalar_text(value: Any) -> Any:
    """Return a parsed value whose texts are Unicode: half a surrogate pair becomes U+FFFD, as in an HTML form.

    A browser sends half a pair when a field's maximum length cuts an emoji in two.

    :raises ValueError: it could not be written as JSON, or is nested too deeply.
    """
    check_depth(value)
    text = written(value)
    if "\\ud" not in text:
        return value
    whole = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass")
    return json.loads(whole.decode("utf-16", "replace"))


def check_depth(value: Any) -> None:
    """Look at a parsed value's nesting.

    :raises ValueError: it is too deep.
    """
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        if not level:
            return
        level = [
            item
            for container in level
            for item in (container.values() if type(container) is dict else container)
            if type(item) is dict or type(item) is list
        ]
    if level:
        raise ValueError(_TOO_DEEP)


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError(_NO_NUMBER)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
