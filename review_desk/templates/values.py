"""Template values: JSON data that prints itself as A2I prints it."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from liquid import Markup, escape, is_undefined

_UNSAFE_IN_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "'": "\\u0027"})


def to_json_text(value: object) -> str:
    """Write a value as JSON that can stand in a script, in text or in a single-quoted attribute.

    The four characters HTML gives a meaning to are written as JSON's own ``\\u00XX``; the double quotes
    stay, so a double-quoted attribute needs ``| to_json | escape``, as AWS's own templates write it.
    """
    if is_undefined(value):
        return "null"
    text = json.dumps(value, ensure_ascii=False, default=_json_default)
    return text.translate(_UNSAFE_IN_HTML)


def _json_default(value: object) -> object:
    if is_undefined(value):
        return None
    if isinstance(value, range):
        return list(value)
    return str(value)


class JsonObject(dict[str, Any]):
    """An object of the input; printed bare it is its escaped JSON."""

    @cached_property
    def weight(self) -> int:
        return 2 + sum(len(key) + weigh(value) for key, value in self.items())

    def __str__(self) -> str:
        return json.dumps(self, ensure_ascii=False, default=_json_default)

    def __html__(self) -> str:
        return escape(str(self))


class JsonList(list[Any]):
    """A list of the input or of a filter; printed bare it is its escaped JSON."""

    @cached_property
    def weight(self) -> int:
        return 2 + sum(weigh(item) for item in self)

    def __str__(self) -> str:
        return json.dumps(self, ensure_ascii=False, default=_json_default)

    def __html__(self) -> str:
        return escape(str(self))


def weigh(value: object) -> int:
    """Return roughly how many characters a value has when it is printed."""
    if isinstance(value, str):
        return len(value) + 2
    if isinstance(value, JsonObject | JsonList):
        return value.weight
    if isinstance(value, list | tuple):
        return 2 + sum(weigh(item) for item in value)
    if isinstance(value, int):
        return value.bit_length() // 3 + 1
    return 20


def wrap(value: object) -> Any:
    """Turn parsed JSON into template values, at every depth."""
    if isinstance(value, dict):
        return JsonObject({str(key): wrap(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return JsonList([wrap(item) for item in value])
    return value


def plain(value: object) -> str:
    """Return the text of a value with the escaping of captured markup taken back."""
    if isinstance(value, Markup):
        return value.unescape()
    return "" if value is None else str(value)
