"""Checks a request against the shapes of botocore's service models, AWS's own definition of the API.

Required members, types, enums, patterns, lengths and ranges are checked here, also those that clients do not check.
Members that a model does not know are ignored, as AWS does.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import regex
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.utils import parse_timestamp

from review_desk.api.errors import ApiError

LONGEST_VALUE_SHOWN = 80
MOST_ERRORS_SHOWN = 10
NUMBER_RANGES = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


class Violation(NamedTuple):
    """A field that broke a rule; ``value`` is for the sender only, not for the log."""

    value: str
    path: str
    rule: str

    @property
    def message(self) -> str:
        return f"Value {self.value} at '{self.path}' failed to satisfy constraint: {self.rule}"


def validate(shape: Shape, value: Any) -> Any:
    """Return ``value`` as Python types, with timestamps as aware datetimes.

    :raises ApiError: ValidationException that names each field, its value and the rule, in AWS's words.
    """
    errors: list[Violation] = []
    result = _check(shape, value, "", errors)
    if errors:
        shown = errors[:MOST_ERRORS_SHOWN]
        count = f"{len(errors)} validation error{'s' if len(errors) > 1 else ''} detected: "
        raise ApiError(
            "ValidationException",
            count + "; ".join(violation.message for violation in shown),
            detail="; ".join(f"{violation.path}: {violation.rule}" for violation in shown),
        )
    return result


def _check(shape: Shape, value: Any, path: str, errors: list[Violation]) -> Any:
    if isinstance(shape, StructureShape):
        return _check_structure(shape, value, path, errors)
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            return _wrong_type(value, path, "a list", errors)
        if not _check_length(shape, value, path, errors, "length"):
            return value
        return [
            _check(shape.member, item, f"{path}.{index}.member", errors)
            for index, item in enumerate(value, start=1)
        ]
    if isinstance(shape, MapShape):
        if not isinstance(value, dict):
            return _wrong_type(value, path, "a map", errors)
        return {key: _check(shape.value, item, f"{path}.{key}", errors) for key, item in value.items()}
    return _check_scalar(shape, value, path, errors)


def _check_structure(shape: StructureShape, value: Any, path: str, errors: list[Violation]) -> Any:
    if not isinstance(value, dict):
        return _wrong_type(value, path, "a structure", errors)
    result: dict[str, Any] = {}
    for name, member in shape.members.items():
        member_path = f"{path}.{_lower_first(name)}" if path else _lower_first(name)
        if value.get(name) is not None:
            result[name] = _check(member, value[name], member_path, errors)
        elif name in shape.required_members:
            errors.append(Violation("null", member_path, "Member must not be null"))
    return result


def _check_scalar(shape: Shape, value: Any, path: str, errors: list[Violation]) -> Any:
    if shape.type_name == "string":
        if not isinstance(value, str):
            return _wrong_type(value, path, "a string", errors)
        if not _is_storable(value):
            return _wrong_type(value, path, "Unicode text without the character U+0000", errors)
        if _check_length(shape, value, path, errors, "length"):
            _check_enum_and_pattern(shape, value, path, errors)
        return value
    if shape.type_name in ("integer", "long"):
        if isinstance(value, bool) or not isinstance(value, int):
            return _wrong_type(value, path, "an integer", errors)
        _check_length(shape, value, path, errors, "value")
        return value
    if shape.type_name in ("float", "double"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return _wrong_type(value, path, "a number", errors)
        _check_length(shape, value, path, errors, "value")
        return value
    if shape.type_name == "boolean":
        return value if isinstance(value, bool) else _wrong_type(value, path, "a boolean", errors)
    if shape.type_name == "timestamp":
        return _check_timestamp(value, path, errors)
    raise NotImplementedError(f"shape type {shape.type_name} of {shape.name}")


def _check_timestamp(value: Any, path: str, errors: list[Violation]) -> Any:
    try:
        if isinstance(value, bool):
            raise TypeError
        moment = parse_timestamp(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, ArithmeticError, RuntimeError, OSError):
        # botocore and dateutil raise all of these, by how far a number is beyond the calendar.
        return _wrong_type(value, path, "a timestamp", errors)


def _is_storable(text: str) -> bool:
    """Whether every database stores a text: PostgreSQL takes no NUL, UTF-8 has no halves of surrogate pairs."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_length(shape: Shape, value: Any, path: str, errors: list[Violation], what: str) -> bool:
    """Check ``min`` and ``max``: of a number its value, of a string or list its length."""
    size = value if what == "value" else len(value)
    lowest, highest = NUMBER_RANGES.get(shape.type_name, (None, None))
    least, most = shape.metadata.get("min", lowest), shape.metadata.get("max", highest)
    before = len(errors)
    if least is not None and size < least:
        errors.append(_violation(value, path, f"Member must have {what} greater than or equal to {least}"))
    if most is not None and size > most:
        errors.append(_violation(value, path, f"Member must have {what} less than or equal to {most}"))
    return len(errors) == before


def _check_enum_and_pattern(shape: Shape, value: str, path: str, errors: list[Violation]) -> None:
    enum = shape.metadata.get("enum")
    if enum and value not in enum:
        errors.append(_violation(value, path, f"Member must satisfy enum value set: [{', '.join(enum)}]"))
    pattern = shape.metadata.get("pattern")
    if pattern and not compiled(pattern).fullmatch(value):
        errors.append(_violation(value, path, f"Member must satisfy regular expression pattern: {pattern}"))


@cache
def compiled(pattern: str) -> regex.Pattern[str]:
    """Compile a model's pattern; AWS matches it against the whole value.

    The models use Java's syntax, which has Unicode classes such as ``\\p{L}`` that Python's own ``re`` lacks.
    """
    return regex.compile(pattern, regex.DOTALL)


def _wrong_type(value: Any, path: str, wanted: str, errors: list[Violation]) -> Any:
    errors.append(_violation(value, path or "request", f"Member must be {wanted}"))
    return value


def _violation(value: Any, path: str, rule: str) -> Violation:
    shown = value if isinstance(value, str) else json.dumps(value, default=str)
    if len(shown) > LONGEST_VALUE_SHOWN:
        shown = f"{shown[:LONGEST_VALUE_SHOWN]}… ({len(shown)} characters)"
    return Violation(f"'{shown}'", path, rule)


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]


def shown_timestamp(moment: datetime, timestamp_format: str) -> float | str:
    """Serialise a timestamp as a protocol has it: ``unixtimestamp`` or ``iso8601``."""
    if timestamp_format == "unixtimestamp":
        return round(moment.timestamp(), 3)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
