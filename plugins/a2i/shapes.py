"""Request values and AWS API shapes. Pure: a shape is anything that looks like one of botocore's.

Airflow renders templates to text, so ``"{{ params.reviewers }}"`` gives ``"2"`` where the API wants 2.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol


class Shape(Protocol):
    """What is used of ``botocore.model.Shape``."""

    type_name: str


class ShapeError(ValueError):
    """A value that cannot become what the API wants; the text names the member."""


def coerce(shape: Any, value: Any, path: str = "") -> Any:
    """Return ``value`` with the texts turned into numbers and booleans where the shape asks for them.

    :param shape: a ``botocore.model.Shape``, such as an operation's ``input_shape``.
    :raises ShapeError: for a text that is no such number or boolean.
    """
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        return {key: _coerce_member(shape, key, item, path) for key, item in value.items()}
    if kind == "list" and isinstance(value, Sequence) and not isinstance(value, str):
        return [coerce(shape.member, item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, str):
        return _coerce_text(kind, value, path)
    return value


def _coerce_member(shape: Any, key: str, value: Any, path: str) -> Any:
    member = shape.members.get(key)
    inner = f"{path}.{key}" if path else key
    return value if member is None else coerce(member, value, inner)


def _coerce_text(kind: str, text: str, path: str) -> Any:
    try:
        if kind in ("integer", "long"):
            return int(text)
        if kind in ("float", "double"):
            return float(text)
    except ValueError:
        raise ShapeError(f"{path} must be a number, got {text!r}") from None
    if kind == "boolean":
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise ShapeError(f"{path} must be true or false, got {text!r}")
    return text


def comparable(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a flow definition's configuration as plain data.

    Activation conditions are JSON in a text; they are read, so that their blanks make no difference.
    """
    found = json.loads(json.dumps(configuration, default=str))
    outer = found.get("HumanLoopActivationConfig", {}).get("HumanLoopActivationConditionsConfig", {})
    with contextlib.suppress(KeyError, ValueError):
        outer["HumanLoopActivationConditions"] = json.loads(outer["HumanLoopActivationConditions"])
    return dict(found)


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Say in which members of ``wanted`` an existing configuration differs, one text a member.

    Members that only ``found`` has are left alone: the service fills in defaults.
    """
    return list(_differences(wanted, found, ""))


def _differences(wanted: Any, found: Any, path: str) -> Iterator[str]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key, value in wanted.items():
            inner = f"{path}.{key}" if path else key
            if key not in found:
                yield f"{inner} is not set, wanted {value!r}"
            else:
                yield from _differences(value, found[key], inner)
    elif wanted != found:
        yield f"{path} is {found!r}, wanted {wanted!r}"
