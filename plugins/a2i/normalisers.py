"""What two answers are compared by, field by field. Pure: neither Airflow nor boto3.

A normaliser turns a value into a text; values with the same text are the same answer. What a normaliser cannot read
with certainty is compared as text, never guessed.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

Normaliser = Callable[[Any], str]

_YEAR_FIRST: Final = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_YEAR_LAST: Final = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})")
_DAY_MONTH: Final = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.? ([a-z]{3,9})\.?,? (\d{4})")
_MONTH_DAY: Final = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_MONTH_NAMES: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_DIGITS: Final = 40


def normalise_text(value: Any) -> str:
    """Return a value without differences of width, case and blank space; nothing at all is the empty text.

    Lists and objects become JSON with such texts. The member ``labels`` of an object, what
    crowd-classifier-multi-select and its relatives answer with, is a set: order and repetition do not count.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def normalise_number(value: Any) -> str:
    """Return a number without separators, currency sign and trailing zeros: ``$ 1,234.50`` is ``1234.5``.

    With both separators the last one is the decimal one. A single comma before exactly three digits separates
    thousands, any other single separator is the decimal one. What is no such number is compared as text.
    """
    text = normalise_text(value)
    number = "".join(
        "-" if sign == "\N{MINUS SIGN}" else sign
        for sign in text
        if sign not in " '\N{RIGHT SINGLE QUOTATION MARK}" and unicodedata.category(sign) != "Sc"
    )
    plain = _plain_number(number)
    if plain is None:
        return text
    shown = format(Decimal(plain).normalize(), "f")
    return "0" if shown == "-0" else shown


def normalise_date(value: Any, day_first: bool | None = None) -> str:
    """Return a date as ``YYYY-MM-DD``.

    Read are ``2026-04-03``, ``2026/4/3``, ``3.4.2026``, ``3 April 2026``, ``Apr 3rd, 2026`` (English months) and
    ``3/4/2026`` or ``3-4-2026``.

    :param day_first: what the last two mean; None reads them only where one number can be no month.
    """
    text = normalise_text(value)
    parts = _date_parts(text, day_first)
    if parts is None:
        return text
    try:
        return date(*parts).isoformat()
    except ValueError:
        return text


def normalise_labels(value: Any) -> str:
    """Return a list of labels as a set: order, repetition and the case of texts do not count."""
    labels = value.get("labels") if isinstance(value, Mapping) and set(value) == {"labels"} else value
    return (
        json.dumps(_set_of(labels), ensure_ascii=False) if isinstance(labels, list) else normalise_text(value)
    )


def _day_first(value: Any) -> str:
    return normalise_date(value, day_first=True)


def _month_first(value: Any) -> str:
    return normalise_date(value, day_first=False)


NORMALISERS: Final[Mapping[str, Normaliser]] = {
    "text": normalise_text,
    "number": normalise_number,
    "date": normalise_date,
    "date_day_first": _day_first,
    "date_month_first": _month_first,
    "labels": normalise_labels,
}


def normaliser_of(field: str, normalisers: Mapping[str, str | Normaliser] | None) -> Normaliser:
    """Return a field's normaliser, by default that of texts.

    :param normalisers: by the field's name a name of :data:`NORMALISERS` or a function.
    :raises ValueError: for an unknown name.
    """
    wanted = (normalisers or {}).get(field, "text")
    if not isinstance(wanted, str):
        return wanted
    if wanted not in NORMALISERS:
        raise ValueError(f"The normaliser of {field!r} is {wanted!r}, must be {' or '.join(NORMALISERS)}.")
    return NORMALISERS[wanted]


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return normalise_text(value)
    if isinstance(value, list):
        return [_plain(element) for element in value]
    if isinstance(value, Mapping):
        return {
            name: _set_of(member) if name == "labels" and isinstance(member, list) else _plain(member)
            for name, member in value.items()
        }
    return value


def _set_of(labels: list[Any]) -> list[str]:
    return sorted({normalise_text(label) for label in labels})


def _plain_number(text: str) -> str | None:
    """Return a number that ``Decimal`` reads, or None."""
    sign, digits = (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)
    if not re.fullmatch(rf"[\d.,]{{1,{_DIGITS}}}", digits):
        return None
    if "." in digits and "," in digits:
        decimal = max(".,", key=digits.rfind)
    elif digits.count(".") == 1 or (digits.count(",") == 1 and not re.fullmatch(r"\d{1,3},\d{3}", digits)):
        decimal = "." if "." in digits else ","
    else:
        decimal = ""
    whole, point, fraction = digits.partition(decimal) if decimal else (digits, "", "")
    if point and not fraction.isdecimal():
        return None
    if not re.fullmatch(r"\d*|\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*", whole):
        return None
    return f"{sign}{re.sub('[.,]', '', whole) or '0'}.{fraction or '0'}"


def _date_parts(text: str, day_first: bool | None) -> tuple[int, int, int] | None:
    """Return year, month and day, which need not exist."""
    if match := _YEAR_FIRST.fullmatch(text):
        return int(match[1]), int(match[3]), int(match[4])
    if match := _YEAR_LAST.fullmatch(text):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        if match[2] == ".":
            day_first = True
        if day_first is None and (first > 12 or first == second):
            day_first = True
        elif day_first is None and second > 12:
            day_first = False
        if day_first is None:
            return None
        return (year, second, first) if day_first else (year, first, second)
    if match := _DAY_MONTH.fullmatch(text):
        return _with_month(int(match[3]), match[2], int(match[1]))
    if match := _MONTH_DAY.fullmatch(text):
        return _with_month(int(match[3]), match[1], int(match[2]))
    return None


def _with_month(year: int, name: str, day: int) -> tuple[int, int, int] | None:
    if name == "sept":
        name = "sep"
    months = [number for number, month in enumerate(_MONTH_NAMES, start=1) if name in (month, month[:3])]
    return (year, months[0], day) if months else None
