"""The condition types of activation conditions: what each reads, wants and selects. Pure.

Source of the built-in types: A2I guide, "Use Human Loop Activation Conditions JSON Schema with Amazon Textract" and
"… with Amazon Rekognition". ``ConfidenceCheck`` is this project's own, in the same terms.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from a2i.activation_data import FormResponse, ModerationLabels, Prediction, finite_number, not_a_number
from a2i.activation_parameters import (
    LARGEST_CONFIDENCE,
    SMALLEST_PERCENTAGE,
    Bounds,
    ConditionRuleError,
    as_json,
    check_members,
    form_keys,
    number_of,
    shown,
    some_bounds,
    text_of,
    thresholds,
)
from a2i.json_path import MISSING, Found, JsonPath, JsonPathError

ANY: Final = "*"
HASH_VALUES: Final = 2**64
#: How much of a name a reason quotes, in characters.
LONGEST_NAME: Final = 100


@dataclass(slots=True)
class Outcome:
    """What a condition says of one item.

    :ivar confidence: the lowest confidence among those that matched; if none did, among those that were looked at.
    :ivar selection: keys of what a reviewer is to see; None is everything, which Sampling asks for.
    :ivar is_missing: whether something is missing that was to be found.
    """

    is_true: bool
    reasons: tuple[str, ...] = ()
    confidence: float | None = None
    selection: frozenset[Any] | None = frozenset()
    is_missing: bool = False


class Check(Protocol):
    """One condition of a type."""

    def evaluate(self, data: Any, item_id: str) -> Outcome: ...


class FormKeyConfidenceCheck:
    """``ImportantFormKeyConfidenceCheck``: a pair with the key, or an alias, whose confidences meet the thresholds.

    A named key wants every word of key and value to meet the word thresholds, ``*`` (every key) any of them, as the
    guide words it.
    """

    def __init__(self, parameters: Mapping[str, Any], speaks_for_review: bool) -> None:
        blocks, words = "KeyValueBlockConfidence", "WordBlockConfidence"
        check_members(parameters, "ImportantFormKey", "ImportantFormKeyAliases", *thresholds(blocks, words))
        self._keys = form_keys(parameters)
        self._pair_bounds = Bounds(parameters, blocks, LARGEST_CONFIDENCE)
        self._word_bounds = Bounds(parameters, words, LARGEST_CONFIDENCE)
        self._enough_words = any if self._keys[0] == ANY else all
        if not self._pair_bounds and not self._word_bounds:
            raise ConditionRuleError(
                "", f"must have a threshold, such as {blocks}LessThan or {words}LessThan"
            )

    def evaluate(self, data: FormResponse, item_id: str) -> Outcome:
        if self._keys[0] == ANY:
            pairs = data.pairs
        else:
            by_key = data.pairs_by_key
            pairs = tuple(pair for key in self._keys for pair in by_key.get(key, ()))
        reasons, matched, seen = [], [], []
        block_ids: frozenset[str] = frozenset()
        for pair in pairs:
            looked_at: tuple[float, ...] = (pair.confidence,) if self._pair_bounds else ()
            looked_at += pair.words if self._word_bounds else ()
            lowest = min(looked_at, default=pair.confidence)
            seen.append(lowest)
            if self._meets(pair.confidence, pair.words):
                matched.append(lowest)
                block_ids |= pair.block_ids
                reasons.append(f"{pair.key}: {self._reason(pair.confidence, pair.words)}")
        return Outcome(bool(matched), tuple(reasons), min(matched or seen, default=None), block_ids)

    def _meets(self, confidence: float, words: tuple[float, ...]) -> bool:
        if self._pair_bounds and not self._pair_bounds.meets(confidence):
            return False
        return not self._word_bounds or self._enough_words(map(self._word_bounds.meets, words))

    def _reason(self, confidence: float, words: tuple[float, ...]) -> str:
        parts = []
        if self._pair_bounds:
            parts.append(f"confidence {shown(confidence)} is {self._pair_bounds}")
        if self._word_bounds:
            lowest = min(word for word in words if self._word_bounds.meets(word))
            parts.append(f"word confidence {shown(lowest)} is {self._word_bounds}")
        return " and ".join(parts)


class MissingFormKeyCheck:
    """``MissingImportantFormKey``: neither the key nor an alias was found; it selects no pair."""

    def __init__(self, parameters: Mapping[str, Any], speaks_for_review: bool) -> None:
        check_members(parameters, "ImportantFormKey", "ImportantFormKeyAliases")
        self._keys = form_keys(parameters)
        if self._keys[0] == ANY:
            raise ConditionRuleError("ImportantFormKey", 'is "*", must name one key')

    def evaluate(self, data: FormResponse, item_id: str) -> Outcome:
        by_key = data.pairs_by_key
        if any(key in by_key for key in self._keys):
            return Outcome(False)
        return Outcome(True, (f"the key {self._keys[0]!r} is missing",), is_missing=True)


class ModerationLabelCheck:
    """``ModerationLabelConfidenceCheck``: a label of the name (``*``: any) whose confidence meets the thresholds."""

    def __init__(self, parameters: Mapping[str, Any], speaks_for_review: bool) -> None:
        check_members(parameters, "ModerationLabelName", *thresholds("Confidence"))
        self._name = text_of(parameters, "ModerationLabelName")
        self._bounds = some_bounds(parameters, LARGEST_CONFIDENCE)

    def evaluate(self, data: ModerationLabels, item_id: str) -> Outcome:
        seen = [label for label in data.labels if self._name in (ANY, label[0])]
        matched = [label for label in seen if self._bounds.meets(label[1])]
        return Outcome(
            bool(matched),
            tuple(f"{name}: confidence {shown(value)} is {self._bounds}" for name, value, _ in matched),
            min((value for _, value, _ in matched or seen), default=None),
            frozenset(position for _, _, position in matched),
        )


class ConfidenceCheck:
    """``ConfidenceCheck``: a confidence at a JSON path of any prediction that meets the thresholds.

    A path with ``[*]`` wants any one of them to. Where there is no confidence, absent or null, the check speaks for
    review (``MissingConfidence`` ``Activate``, the default) or against it (``Ignore``); inside ``Not`` it does so, too.
    """

    def __init__(self, parameters: Mapping[str, Any], speaks_for_review: bool) -> None:
        check_members(parameters, "Path", "MissingConfidence", *thresholds("Confidence"))
        try:
            self._path = JsonPath(text_of(parameters, "Path"))
        except JsonPathError as error:
            raise ConditionRuleError("Path", str(error)) from None
        self._bounds = some_bounds(parameters, None)
        missing = parameters.get("MissingConfidence", "Activate")
        if missing not in ("Activate", "Ignore"):
            raise ConditionRuleError(
                "MissingConfidence", f"is {as_json(missing)}, must be Activate or Ignore"
            )
        self._true_if_missing = (missing == "Activate") == speaks_for_review

    def evaluate(self, data: Prediction, item_id: str) -> Outcome:
        reasons: list[str] = []
        places: list[str] = []
        matched: list[float] = []
        seen: list[float] = []
        is_missing = False
        for at in self._path.find(data.document):
            value = at.value
            if value is MISSING or value is None:
                is_missing = True
                if self._true_if_missing:
                    reasons.append(f"{self._subject(at)}: confidence is missing")
                    places.append(self._path.concrete(at.keys))
                continue
            confidence = finite_number(value)
            if confidence is None:
                raise not_a_number(value, self._path.concrete(at.keys))
            seen.append(confidence)
            if self._bounds.meets(confidence):
                matched.append(confidence)
                reasons.append(f"{self._subject(at)}: confidence {shown(confidence)} is {self._bounds}")
                places.append(self._path.concrete(at.keys))
        lowest = min(matched or seen, default=None) if matched or not places else None
        return Outcome(bool(places), tuple(reasons), lowest, frozenset(places), is_missing)

    def _subject(self, at: Found) -> str:
        """Return what a reason is about. Elements of a list are told apart by a name better than by a number."""
        if self._path.is_in_list and isinstance(at.holder, Mapping):
            name = at.holder.get("name")
            if isinstance(name, str) and name.strip():
                return " ".join(name.split())[:LONGEST_NAME]
        return self._path.subject(at.keys)


class Sampling:
    """``Sampling``: a share of all items, the same ones every time; it selects everything.

    Whether an item is in depends on its id and the percentage alone: a higher percentage only adds items.
    """

    def __init__(self, parameters: Mapping[str, Any], speaks_for_review: bool) -> None:
        check_members(parameters, "RandomSamplingPercentage")
        # The schema makes ConditionParameters optional; whoever gives none gets every item.
        self._percentage = (
            number_of(parameters, "RandomSamplingPercentage", SMALLEST_PERCENTAGE, 100)
            if parameters
            else 100.0
        )

    def evaluate(self, data: Any, item_id: str) -> Outcome:
        if item_hash("sampling", item_id) * 100 >= self._percentage * HASH_VALUES:
            return Outcome(False)
        return Outcome(True, (f"sampled at {shown(self._percentage)} percent",), selection=None)


def item_hash(purpose: str, item_id: str) -> int:
    """Return an evenly spread number below :data:`HASH_VALUES` that depends on the item and the purpose alone."""
    digest = hashlib.sha256(f"{purpose}\0{item_id}".encode(errors="surrogatepass"))
    return int.from_bytes(digest.digest()[:8], "big")
