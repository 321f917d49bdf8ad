"""Reading ``ConditionParameters``: members, texts, numbers and thresholds, each with its rule. Pure."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from a2i.activation_data import finite_number

LARGEST_CONFIDENCE: Final = 100
SMALLEST_PERCENTAGE: Final = 0.01


class ConditionRuleError(ValueError):
    """A condition that breaks a rule.

    :param member: the member of ``ConditionParameters``, empty for all of them.
    """

    def __init__(self, member: str, rule: str) -> None:
        super().__init__(f"{member} {rule}")
        self.member = member
        self.rule = rule


_COMPARISONS: Final[dict[str, tuple[Callable[[float, float], bool], str]]] = {
    "Equals": (operator.eq, "exactly"),
    "LessThan": (operator.lt, "below"),
    "LessThanEquals": (operator.le, "at most"),
    "GreaterThan": (operator.gt, "above"),
    "GreaterThanEquals": (operator.ge, "at least"),
}


class Bounds:
    """The thresholds of one confidence: ``…Equals``, ``…LessThan`` and so on; all of them must hold."""

    def __init__(self, parameters: Mapping[str, Any], prefix: str, largest: float | None) -> None:
        self._limits = [
            (compare, number_of(parameters, prefix + name, 0 if largest else None, largest), words)
            for name, (compare, words) in _COMPARISONS.items()
            if prefix + name in parameters
        ]

        self._text = " and ".join(f"{words} {shown(limit)}" for _, limit, words in self._limits)

    def __bool__(self) -> bool:
        return bool(self._limits)

    def __str__(self) -> str:
        return self._text

    def meets(self, confidence: float) -> bool:
        for compare, limit, _ in self._limits:  # noqa: SIM110 (an all() of a generator takes thrice as long)
            if not compare(confidence, limit):
                return False
        return True


def thresholds(*prefixes: str) -> Iterator[str]:
    """Return the names of the five thresholds of each confidence."""
    return (prefix + name for prefix in prefixes for name in _COMPARISONS)


def some_bounds(parameters: Mapping[str, Any], largest: float | None) -> Bounds:
    """Return the thresholds of ``Confidence``, at least one."""
    bounds = Bounds(parameters, "Confidence", largest)
    if not bounds:
        raise ConditionRuleError("", f"must have a threshold: {' or '.join(thresholds('Confidence'))}")
    return bounds


def check_members(parameters: Mapping[str, Any], *names: str) -> None:
    """Refuse members of other names: a misspelt threshold would be none."""
    for name in parameters:
        if name not in names:
            raise ConditionRuleError(name, f"is unknown, must be {' or '.join(names)}")


def text_of(parameters: Mapping[str, Any], member: str) -> str:
    """Return a text that is not blank."""
    value = parameters.get(member)
    if not isinstance(value, str) or not value.strip():
        raise ConditionRuleError(member, f"is {as_json(value)}, must be a text")
    return value


def form_keys(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """Return ``ImportantFormKey`` and its aliases, with single blanks, as Textract's words are joined."""
    aliases = parameters.get("ImportantFormKeyAliases", [])
    if not isinstance(aliases, list) or not all(
        isinstance(alias, str) and alias.strip() for alias in aliases
    ):
        raise ConditionRuleError("ImportantFormKeyAliases", f"is {as_json(aliases)}, must be a list of texts")
    keys = (text_of(parameters, "ImportantFormKey"), *aliases)
    return tuple(dict.fromkeys(" ".join(key.split()) for key in keys))


def number_of(
    parameters: Mapping[str, Any], member: str, smallest: float | None, largest: float | None
) -> float:
    """Return a finite number within the limits, both included."""
    value = parameters.get(member)
    number = finite_number(value)
    if (
        number is None
        or not (smallest is None or number >= smallest)
        or not (largest is None or number <= largest)
    ):
        limits = "" if largest is None else f" from {smallest} to {largest}"
        raise ConditionRuleError(member, f"is {as_json(value)}, must be a number{limits}")
    return number


def shown(number: float) -> str:
    """Return a number for a person, with at most four decimals."""
    return f"{number:.4f}".rstrip("0").rstrip(".")


def as_json(value: Any) -> str:
    """Return a value as it stands in JSON, for a message; at most 100 characters."""
    return json.dumps(value, ensure_ascii=False, default=repr)[:100]
