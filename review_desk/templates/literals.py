"""Attributes that are JavaScript literals, read as ``elements/runtime/literals.js`` reads them in the browser."""

from __future__ import annotations

import re
from typing import Any

_GAP = re.compile(r"(?:[\s\ufeff]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_NAME = re.compile(r"[\w$-]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:0[xX][\da-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)
_CODE = {"x": re.compile(r"[\da-fA-F]{2}"), "u": re.compile(r"[\da-fA-F]{4}|\{[\da-fA-F]{1,6}\}")}
_WORDS = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "None": None,
    "undefined": None,
}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}


def parse_literal(text: str) -> Any:
    """Read a literal: JSON, or what JavaScript takes beyond it (single quotes, bare names, trailing commas).

    :raises ValueError: it is none; says where and what was expected, in the words of the elements.
    """
    try:
        return _Reader(text).whole()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def whole(self) -> Any:
        result = self._value()
        self._skip()
        if self.at < len(self.text):
            raise self._expected("the end")
        return result

    def _value(self) -> Any:
        self._skip()
        following = self._next()
        if following == "{":
            return self._object()
        if following == "[":
            return self._list()
        if following and following in "\"'`":
            return self._string()
        start = self.at
        word = self._take(_WORD)
        if word in _WORDS:
            return _WORDS[word]
        self.at = start
        number = None if word else self._take(_NUMBER)
        if number is None:
            raise self._expected("a value")
        return int(number, 16) if "x" in number.lower() else float(number)

    def _string(self) -> str:
        quote = self._next()
        self.at += 1
        result: list[str] = []
        while self.at < len(self.text):
            character = self._next()
            self.at += 1
            if character == quote:
                return "".join(result)
            result.append(self._escaped() if character == "\\" else character)
        raise self._expected(f"a closing {quote}")

    def _escaped(self) -> str:
        character = self._next()
        self.at += 1
        if character in _ESCAPES:
            return _ESCAPES[character]
        if character not in _CODE:
            return character
        digits = self._take(_CODE[character])
        code = int(digits.strip("{}"), 16) if digits else None
        if code is None or code > 0x10FFFF:
            raise self._expected("hexadecimal digits")
        return chr(code)

    def _list(self) -> list[Any]:
        items: list[Any] = []
        self.at += 1
        while not self._ends("]"):
            items.append(self._value())
            if not self._separated("]"):
                break
        self.at += 1
        return items

    def _object(self) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        self.at += 1
        while not self._ends("}"):
            name = self._string() if self._next() in ('"', "'") else self._take(_NAME)
            if name is None:
                raise self._expected("a name")
            self._skip()
            if self._next() != ":":
                raise self._expected("a colon")
            self.at += 1
            entries[name] = self._value()
            if not self._separated("}"):
                break
        self.at += 1
        return entries

    def _separated(self, end: str) -> bool:
        if self._ends(end):
            return False
        if self._next() != ",":
            raise self._expected(f"a comma or {end}")
        self.at += 1
        return True

    def _ends(self, end: str) -> bool:
        self._skip()
        return self._next() == end

    def _skip(self) -> None:
        gap = _GAP.match(self.text, self.at)
        self.at = gap.end() if gap else self.at

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found.group()

    def _expected(self, what: str) -> ValueError:
        rest = self.text[self.at : self.at + 12]
        found = f"“{rest}”" if rest else "the end"
        return ValueError(f"expected {what} at character {self.at + 1}, found {found}")
