"""The tree of activation conditions: And, Or and Not over checks, how it is read and how it combines. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from a2i.activation_checks import Check, Outcome
from a2i.activation_data import ActivationData
from a2i.activation_parameters import ConditionRuleError, as_json

MEMBER: Final = "HumanLoopActivationConditions"
FEWEST_OPERANDS: Final = 2


class ActivationConditionsError(ValueError):
    """Conditions that break a rule; the text is one line with the path and the rule."""


@dataclass(frozen=True)
class TaskType:
    """:ivar deepest: how many levels of And and Or may be nested; Not counts as one."""

    read: Callable[[Mapping[str, Any]], ActivationData]
    checks: Mapping[str, Callable[[Mapping[str, Any], bool], Check]]
    operators: tuple[str, ...]
    deepest: int
    longest: int | None


class _Leaf:
    """One condition of a type."""

    def __init__(self, check: Check, entry: Mapping[str, Any]) -> None:
        self._check = check
        self._shown = {"ConditionType": entry["ConditionType"]}
        if "ConditionParameters" in entry:
            self._shown = {"ConditionParameters": entry["ConditionParameters"], **self._shown}

    def evaluate(self, data: Any, item_id: str) -> tuple[Outcome, dict[str, Any]]:
        outcome = self._check.evaluate(data, item_id)
        return outcome, {**self._shown, "EvaluationResult": outcome.is_true}

    def describe(self) -> str:
        parameters = self._shown.get("ConditionParameters")
        told = (
            ", ".join(f"{name} {value}" for name, value in parameters.items()) if parameters else "every item"
        )
        return f"{self._shown['ConditionType']} of {told}"


class _Operator:
    """``And`` or ``Or`` of several nodes."""

    def __init__(self, name: str, operands: list[Node]) -> None:
        self._name = name
        self._operands = operands
        self._combine = all_of if name == "And" else any_of

    def evaluate(self, data: Any, item_id: str) -> tuple[Outcome, dict[str, Any]]:
        pairs = [operand.evaluate(data, item_id) for operand in self._operands]
        outcome = self._combine([outcome for outcome, _ in pairs])
        return outcome, {"EvaluationResult": outcome.is_true, self._name: [tree for _, tree in pairs]}

    def describe(self) -> str:
        return f"({f' {self._name.lower()} '.join(operand.describe() for operand in self._operands)})"


class _Not:
    """``Not`` of one node; it selects nothing by itself."""

    def __init__(self, operand: Node) -> None:
        self._operand = operand

    def evaluate(self, data: Any, item_id: str) -> tuple[Outcome, dict[str, Any]]:
        inner, tree = self._operand.evaluate(data, item_id)
        reasons = () if inner.is_true else (f"not true: {self._operand.describe()}",)
        outcome = Outcome(not inner.is_true, reasons, inner.confidence, is_missing=inner.is_missing)
        return outcome, {"EvaluationResult": outcome.is_true, "Not": tree}

    def describe(self) -> str:
        return f"not {self._operand.describe()}"


Node = _Leaf | _Operator | _Not


def all_of(outcomes: list[Outcome]) -> Outcome:
    """And: what the operands select, where Sampling among others narrows and selects nothing by itself."""
    is_true = all(outcome.is_true for outcome in outcomes)
    chosen = [outcome.selection for outcome in outcomes if outcome.selection is not None]
    return _joined(is_true, outcomes, frozenset().union(*chosen) if chosen else None)


def any_of(outcomes: list[Outcome]) -> Outcome:
    """Or: what the true operands select, everything if Sampling is one of them."""
    true = [outcome for outcome in outcomes if outcome.is_true]
    if not true:
        return _joined(False, outcomes, frozenset())
    chosen = [outcome.selection for outcome in true if outcome.selection is not None]
    return _joined(True, true, frozenset().union(*chosen) if len(chosen) == len(true) else None)


def _joined(is_true: bool, outcomes: list[Outcome], selection: frozenset[Any] | None) -> Outcome:
    return Outcome(
        is_true,
        tuple(reason for outcome in outcomes for reason in outcome.reasons) if is_true else (),
        min((outcome.confidence for outcome in outcomes if outcome.confidence is not None), default=None),
        selection,
        any(outcome.is_missing for outcome in outcomes),
    )


def parse_node(entry: Any, path: str, kind: TaskType, depth: int, speaks_for_review: bool = True) -> Node:
    if not isinstance(entry, Mapping):
        raise _problem(path, "must be a JSON object")
    given = [name for name in ("ConditionType", *kind.operators) if name in entry]
    if len(given) != 1:
        no_not = "" if "Not" in kind.operators else " (there is no Not)"
        raise _problem(
            path, f"must have exactly one of {', '.join(('ConditionType', *kind.operators))}{no_not}"
        )
    [name] = given
    for member in entry:
        if member != name and (name, member) != ("ConditionType", "ConditionParameters"):
            raise _problem(path, f"has the unknown member {member}")
    if name == "ConditionType":
        return _leaf(entry, path, kind, speaks_for_review)
    if depth == kind.deepest:
        raise _problem(
            f"{path}.{name}",
            f"is nested {depth + 1} deep, at most {kind.deepest} levels of {' and '.join(kind.operators)} are possible",
        )
    if name == "Not":
        return _Not(parse_node(entry[name], f"{path}.{name}", kind, depth + 1, not speaks_for_review))
    return _Operator(name, list(_operands(entry[name], f"{path}.{name}", kind, depth + 1, speaks_for_review)))


def _operands(
    operands: Any, path: str, kind: TaskType, depth: int, speaks_for_review: bool
) -> Iterator[Node]:
    if not isinstance(operands, list) or len(operands) < FEWEST_OPERANDS:
        raise _problem(path, f"must be a list of at least {FEWEST_OPERANDS} entries")
    for index, entry in enumerate(operands):
        yield parse_node(entry, f"{path}[{index}]", kind, depth, speaks_for_review)


def _leaf(entry: Mapping[str, Any], path: str, kind: TaskType, speaks_for_review: bool) -> _Leaf:
    name = entry["ConditionType"]
    if not isinstance(name, str) or name not in kind.checks:
        raise _problem(f"{path}.ConditionType", f"is {as_json(name)}, must be {' or '.join(kind.checks)}")
    place = f"{path}.ConditionParameters"
    parameters = entry.get("ConditionParameters", {})
    if not isinstance(parameters, Mapping):
        raise _problem(place, "must be a JSON object")
    try:
        return _Leaf(kind.checks[name](parameters, speaks_for_review), entry)
    except ConditionRuleError as error:
        raise _problem(f"{place}.{error.member}".rstrip("."), error.rule) from None


def _problem(path: str, rule: str) -> ActivationConditionsError:
    return ActivationConditionsError(f"{MEMBER}: {path} {rule}.")
