"""A small part of JSONPath (RFC 9535): one place in JSON, or the same place in every element. Pure.

``$`` is the whole document. After it any number of ``.name``, ``['any name']``, ``[0]`` (from 0, never negative) and
``[*]`` or ``.*`` (every element of a list, every member of an object). There are no filters, slices or ``..``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

#: What :meth:`JsonPath.find` yields for a place that is not there.
MISSING: Final = object()

_EVERY: Final = object()
_STEP: Final = re.compile(
    r"\.(?P<name>[^\W\d][\w-]*)|\[(?:'(?P<single>[^']+)'|\"(?P<double>[^\"]+)\"|(?P<index>\d{1,9}))\]"
    r"|(?P<every>\[\*\]|\.\*)"
)

Key = str | int


class JsonPathError(ValueError):
    """A text that is no path of this kind; the message says from where on."""


@dataclass(frozen=True, slots=True)
class Found:
    """One place that a path leads to.

    :ivar keys: the element taken at every ``[*]``, in order.
    :ivar value: what is there, or :data:`MISSING`.
    :ivar holder: the object or list that it is in, None for ``$`` itself.
    """

    keys: tuple[Key, ...]
    value: Any
    holder: Any = None


class JsonPath:
    """A path, read once and used for many documents.

    :raises JsonPathError: for a text that is no such path.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._steps = tuple(_steps(text))

    def find(self, document: Any) -> Iterator[Found]:
        """Yield every place that the path leads to.

        ``[*]`` yields nothing for an empty list or object. Everything else that is not there is one place with
        :data:`MISSING`.
        """
        return self._walk(document, None, 0, ())

    def _walk(self, value: Any, holder: Any, position: int, keys: tuple[Key, ...]) -> Iterator[Found]:
        steps = self._steps
        while position < len(steps):
            step = steps[position]
            position += 1
            if step is _EVERY:
                children = _children(value)
                if children is None:
                    yield Found(keys, MISSING)
                    return
                for key, child in children:
                    yield from self._walk(child, value, position, (*keys, key))
                return
            holder, value = value, _child(value, step)
            if value is MISSING:
                yield Found(keys, MISSING)
                return
        yield Found(keys, value, holder)

    def concrete(self, keys: Iterable[Key]) -> str:
        """Return the path with the given elements in place of every ``[*]``, such as ``$.fields[2].confidence``."""
        return "".join(["$", *map(_step_text, self._concrete_steps(keys))])

    def subject(self, keys: Iterable[Key]) -> str:
        """Return what a place is about: the concrete path without ``$.`` and, if more is left, the last step."""
        steps = self._concrete_steps(keys)
        shown = "".join(map(_step_text, steps[:-1] if len(steps) > 1 else steps))
        return shown.removeprefix(".") or "$"

    def _concrete_steps(self, keys: Iterable[Key]) -> list[Any]:
        remaining = iter(keys)
        return [next(remaining, _EVERY) if step is _EVERY else step for step in self._steps]


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


def _step_text(step: Any) -> str:
    if step is _EVERY:
        return "[*]"
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if re.fullmatch(r"[^\W\d][\w-]*", step) else f"['{step}']"


def _child(value: Any, step: Key) -> Any:
    if isinstance(step, str):
        return value.get(step, MISSING) if isinstance(value, (dict, Mapping)) else MISSING
    if isinstance(value, (list, tuple)) and step < len(value):
        return value[step]
    return MISSING


def _children(value: Any) -> Iterable[tuple[Key, Any]] | None:
    if isinstance(value, (dict, Mapping)):
        return value.items()
    return enumerate(value) if isinstance(value, (list, tuple)) else None
