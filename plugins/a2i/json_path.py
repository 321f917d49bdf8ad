"""A small part of JSONPath (RFC 9535): one place in JSON, or the same place in every element. Pure.

``$`` is the whole document. After it any number of ``.name``, ``['any name']``, ``[0]`` (from 0, never negative) and
``[*]`` or ``.*`` (every element of a list, every member of an object). There are no filters, slices or ``..``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

#: What :meth:`JsonPath.find` returns for a place that is not there.
MISSING: Final = object()

_EVERY: Final = object()
_STEP: Final = re.compile(
    r"\.(?P<name>[^\W\d][\w-]*)|\[(?:'(?P<single>[^']+)'|\"(?P<double>[^\"]+)\"|(?P<index>\d{1,9}))\]"
    r"|(?P<every>\[\*\]|\.\*)"
)

Key = str | int


class JsonPathError(ValueError):
    """A text that is no path of this kind; the message says from where on."""


class Found(NamedTuple):
    """One place that a path leads to.

    :ivar keys: the element taken at every ``[*]``, in order.
    :ivar value: what is there, or :data:`MISSING`.
    :ivar holder: the object or list that it is in, or should be; None for ``$`` itself.
    """

    keys: tuple[Key, ...]
    value: Any
    holder: Any = None


class JsonPath:
    """A path, read once and used for many documents.

    :ivar is_in_list: whether it leads to a member of a list's elements, or of every member of an object.
    :raises JsonPathError: for a text that is no such path.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._steps = tuple(_steps(text))
        first, *others = _text_between(self._steps)
        self._texts = [f"${first}", *others]
        self.is_in_list = len(self._steps) > 1 and not isinstance(self._steps[-2], str)
        self._subject_texts = _text_between(self._steps[:-1] if len(self._steps) > 1 else self._steps)

    def find(self, document: Any) -> list[Found]:
        """Return every place that the path leads to.

        ``[*]`` finds nothing in an empty list or object. Everything else that is not there is one place with
        :data:`MISSING`.
        """
        places = [Found((), document)]
        for step in self._steps:
            if step is _EVERY:
                places = [inner for place in places for inner in _elements(place)]
            else:
                places = [
                    place
                    if place.value is MISSING
                    else Found(place.keys, _child(place.value, step), place.value)
                    for place in places
                ]
        return places

    def concrete(self, keys: tuple[Key, ...]) -> str:
        """Return the path with the given elements in place of every ``[*]``, such as ``$.fields[2].confidence``."""
        return _filled(self._texts, keys)

    def subject(self, keys: tuple[Key, ...]) -> str:
        """Return what a place is about: the concrete path without ``$.`` and, if more is left, the last step."""
        return _filled(self._subject_texts, keys).removeprefix(".") or "$"


def _text_between(steps: tuple[Any, ...]) -> list[str]:
    """Return the steps as text, cut at every ``[*]``."""
    texts = [""]
    for step in steps:
        if step is _EVERY:
            texts.append("")
        else:
            texts[-1] += _step_text(step)
    return texts


def _filled(texts: list[str], keys: tuple[Key, ...]) -> str:
    """Put the keys between the texts; where none is left, something is missing from there on."""
    filled = texts[0]
    for number, text in enumerate(texts[1:]):
        filled += (_step_text(keys[number]) if number < len(keys) else "[*]") + text
    return filled


def _steps(text: str) -> Iterator[Any]:
    if not text.startswith("$"):
        raise JsonPathError("must begin with $")
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise JsonPathError(
                f"cannot be read from {text[position:]!r} on; write .name, ['name'], [0], [*] or .*"
            )
        position = match.end()
        if match["every"]:
            yield _EVERY
        elif match["index"]:
            yield int(match["index"])
        else:
            yield match["name"] or match["single"] or match["double"]


def _step_text(step: Key) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if re.fullmatch(r"[^\W\d][\w-]*", step) else f"['{step}']"


def _child(value: Any, step: Key) -> Any:
    if isinstance(step, str):
        if type(value) is dict or isinstance(value, Mapping):
            return value.get(step, MISSING)
    elif isinstance(value, (list, tuple)) and step < len(value):
        return value[step]
    return MISSING


def _elements(place: Found) -> list[Found]:
    keys, value, _ = place
    if type(value) is dict or isinstance(value, Mapping):
        return [Found((*keys, key), child, value) for key, child in value.items()]
    if isinstance(value, (list, tuple)):
        return [Found((*keys, index), child, value) for index, child in enumerate(value)]
    return [place if value is MISSING else Found(keys, MISSING)]
