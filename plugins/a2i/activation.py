"""HumanLoopActivationConditions: which items go to people, and why. Pure: neither Airflow nor boto3.

A2I's own JSON language (A2I guide, "JSON Schema for Human Loop Activation Conditions in Amazon Augmented AI") with one
parser and one evaluator for all: Textract's and Rekognition's conditions as A2I has them, and for any other model's
predictions the same language with ``ConfidenceCheck`` and ``Not``.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from a2i.activation_checks import (
    ConfidenceCheck,
    FormKeyConfidenceCheck,
    MissingFormKeyCheck,
    ModerationLabelCheck,
    Sampling,
    item_hash,
)
from a2i.activation_data import ActivationDataError, FormResponse, ModerationLabels, Prediction
from a2i.activation_tree import MEMBER, ActivationConditionsError, TaskType, any_of, parse_node

__all__ = [
    "ActivationConditions",
    "ActivationConditionsError",
    "ActivationDataError",
    "Evaluation",
    "least_sure",
    "parse_conditions",
]

#: HumanLoopActivationConditions of CreateFlowDefinition, in characters; for built-in task types only.
LONGEST_CONDITIONS: Final = 10_240
#: How many reasons an evaluation names; one more says how many there are beyond.
MOST_REASONS: Final = 20


_TASK_TYPES: Final = {
    "textract": TaskType(
        FormResponse,
        {
            "ImportantFormKeyConfidenceCheck": FormKeyConfidenceCheck,
            "MissingImportantFormKey": MissingFormKeyCheck,
            "Sampling": Sampling,
        },
        ("And", "Or"),
        deepest=2,
        longest=LONGEST_CONDITIONS,
    ),
    "rekognition": TaskType(
        ModerationLabels,
        {"ModerationLabelConfidenceCheck": ModerationLabelCheck, "Sampling": Sampling},
        ("And", "Or"),
        deepest=2,
        longest=LONGEST_CONDITIONS,
    ),
    "custom": TaskType(
        Prediction,
        {"ConfidenceCheck": ConfidenceCheck, "Sampling": Sampling},
        ("And", "Or", "Not"),
        deepest=10,
        longest=None,
    ),
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the conditions say of one item.

    :ivar is_activated: whether the item goes to people.
    :ivar reasons: why, in short sentences, such as ``total: confidence 61.3 is below 90``; empty if it does not. After
        20 one says how many more there are.
    :ivar confidence: the lowest confidence that any matching check saw, in the data's own unit; None if no confidence
        was looked at, as with Sampling.
    :ivar is_missing: whether a form key or a confidence is missing that the conditions ask for.
    :ivar results: the conditions with ``EvaluationResult`` on every node, as ``humanTaskActivationConditionResults``.
    :ivar selected: what a reviewer is to see: blocks, moderation labels, or JSON paths into the prediction.
    """

    is_activated: bool
    reasons: tuple[str, ...]
    confidence: float | None
    is_missing: bool
    results: Mapping[str, Any]
    selected: tuple[Any, ...]


class ActivationConditions:
    """Parsed conditions; made by :func:`parse_conditions`, used for any number of items.

    :ivar task_type: ``textract``, ``rekognition`` or ``custom``.
    :ivar entries: the entries of ``Conditions`` as they were given.
    """

    def __init__(self, task_type: str, entries: list[Any]) -> None:
        kind = _TASK_TYPES[task_type]
        self.task_type = task_type
        self.entries = entries
        self._read = kind.read
        self._nodes = [
            parse_node(entry, f"Conditions[{index}]", kind, 0) for index, entry in enumerate(entries)
        ]

    def evaluate(self, data: Mapping[str, Any], item_id: str) -> Evaluation:
        """Decide about one item. Every condition is evaluated, also after one is true.

        :param data: the response of AnalyzeDocument or DetectModerationLabels, or the model's prediction.
        :param item_id: what Sampling decides by; the same item always gets the same answer.
        :raises ActivationDataError: names the item, the place and the rule.
        """
        try:
            content = self._read(data)
            pairs = [node.evaluate(content, item_id) for node in self._nodes]
        except ActivationDataError as error:
            raise ActivationDataError(f"Item {item_id!r}: {error}.") from None
        results = {"Conditions": [tree for _, tree in pairs]}
        if not pairs:
            reason = ("there are no conditions: every item goes to review",)
            return Evaluation(True, reason, None, False, results, content.everything())
        outcome = any_of([outcome for outcome, _ in pairs])
        if not outcome.is_true:
            return Evaluation(False, (), None, False, results, ())
        selection = outcome.selection
        return Evaluation(
            True,
            _bounded(outcome.reasons),
            outcome.confidence,
            outcome.is_missing,
            results,
            content.everything() if selection is None else content.selected(selection),
        )


def parse_conditions(document: Mapping[str, Any] | str, task_type: str = "custom") -> ActivationConditions:
    """Read activation conditions: ``{"Conditions": […]}`` as JSON text or as data.

    :param task_type: ``textract`` and ``rekognition`` are exactly A2I's; ``custom`` has ConfidenceCheck and Not.
    :raises ActivationConditionsError: names the path and the rule.
    """
    if task_type not in _TASK_TYPES:
        raise ValueError(f"task_type is {task_type!r}, must be {' or '.join(_TASK_TYPES)}")
    length = len(document if isinstance(document, str) else json.dumps(document, default=repr))
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise ActivationConditionsError(f"{MEMBER} is not JSON: {error}.") from None
    entries = document.get("Conditions") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        raise ActivationConditionsError(
            f'{MEMBER} must be a JSON object with a list, as in {{"Conditions": […]}}.'
        )
    for name in document:
        if name != "Conditions":
            raise ActivationConditionsError(f"{MEMBER}: {name} is unknown, only Conditions is possible.")
    longest = _TASK_TYPES[task_type].longest
    if longest is not None and length > longest:
        raise ActivationConditionsError(f"{MEMBER} has {length} characters, at most {longest} are possible.")
    return ActivationConditions(task_type, entries)


def least_sure(evaluations: Iterable[tuple[str, Evaluation]], most: int) -> set[str]:
    """Return the ids of the activated items that go to review when at most ``most`` may.

    Items in which something is missing come first, then by the lowest confidence, and those without one (Sampling)
    last. Ties are decided by a digest of the id, so the order in which the items come never matters. No more than
    ``most`` are kept in memory.

    :raises ValueError: if ``most`` is negative.
    """
    if most < 0:
        raise ValueError(f"most is {most}, must be 0 or more")
    ranked = (
        (_rank(evaluation), item_hash("least sure", item_id), item_id)
        for item_id, evaluation in evaluations
        if evaluation.is_activated
    )
    return {item_id for _, _, item_id in heapq.nsmallest(most, ranked)}


def _rank(evaluation: Evaluation) -> float:
    if evaluation.is_missing:
        return -inf
    return inf if evaluation.confidence is None else evaluation.confidence


def _bounded(reasons: Iterable[str]) -> tuple[str, ...]:
    told = tuple(dict.fromkeys(reasons))
    if len(told) <= MOST_REASONS:
        return told
    return (*told[:MOST_REASONS], f"{len(told) - MOST_REASONS} more reasons")
