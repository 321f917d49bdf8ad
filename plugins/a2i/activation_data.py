"""What activation conditions look at: an AI service's response, or any model's prediction. Pure.

Responses are read in both spellings: ``Blocks`` as the AI services answer, ``blocks`` as A2I passes them on in a
human loop's input.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from numbers import Real
from typing import Any, Final, Protocol


class ActivationDataError(ValueError):
    """Data that conditions cannot be evaluated on; the text names the item, the place and the rule."""


class ActivationData(Protocol):
    """One item's data, as the checks of its task type want it."""

    def selected(self, keys: Set[Any]) -> tuple[Any, ...]:
        """Return what the keys of a selection stand for, in the data's order."""

    def everything(self) -> tuple[Any, ...]:
        """Return all that a reviewer could be shown."""


def finite_number(value: Any) -> float | None:
    """Return a number as a float; None for anything else, such as a text, ``true`` or NaN."""
    if type(value) is not float and (isinstance(value, bool) or not isinstance(value, Real)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def _confidence(value: Any, place: str) -> float:
    number = finite_number(value)
    if number is None:
        raise not_a_number(value, place)
    return number


def not_a_number(value: Any, place: str) -> ActivationDataError:
    """Return the error for something else where a confidence is wanted."""
    return ActivationDataError(f"{place} is {repr(value)[:100]}, a confidence must be a number")


@dataclass(frozen=True, slots=True)
class Prediction:
    """Any model's prediction; what is selected are JSON paths into it."""

    document: Mapping[str, Any]

    def selected(self, keys: Set[str]) -> tuple[str, ...]:
        return tuple(sorted(keys))

    def everything(self) -> tuple[str, ...]:
        return ("$",)


class ModerationLabels:
    """The labels of a DetectModerationLabels response.

    :ivar labels: name, confidence and position of every label.
    :raises ActivationDataError: if it is no such response.
    """

    def __init__(self, response: Mapping[str, Any]) -> None:
        self._listed = _listed(response, "ModerationLabels", "a DetectModerationLabels response")
        self.labels: Final = [
            (
                str(_member(label, "Name")),
                _confidence(_member(label, "Confidence"), f"ModerationLabels[{index}].Confidence"),
                index,
            )
            for index, label in enumerate(self._listed)
        ]

    def selected(self, keys: Set[int]) -> tuple[Any, ...]:
        return tuple(label for index, label in enumerate(self._listed) if index in keys)

    def everything(self) -> tuple[Any, ...]:
        return tuple(self._listed)


@dataclass(frozen=True, slots=True)
class FormPair:
    """A key-value pair of a form.

    :ivar key: the texts of the key's words, joined by a blank.
    :ivar confidence: the KEY block's; Textract gives the VALUE block the same.
    :ivar words: the confidences of the words of key and value.
    :ivar block_ids: the pair's blocks: both KEY_VALUE_SET blocks and their children.
    """

    key: str
    confidence: float
    words: tuple[float, ...]
    block_ids: frozenset[str]


class FormResponse:
    """The key-value pairs of an AnalyzeDocument response with the feature FORMS.

    :raises ActivationDataError: if it is no such response.
    """

    def __init__(self, response: Mapping[str, Any]) -> None:
        self._listed = _listed(response, "Blocks", "an AnalyzeDocument response")

    @cached_property
    def pairs(self) -> tuple[FormPair, ...]:
        try:
            blocks = {_member(block, "Id"): block for block in self._listed}
            return tuple(_pair(blocks, block) for block in self._listed if _is_key(block))
        except (AttributeError, TypeError) as error:
            raise ActivationDataError(
                f"Blocks are not those of an AnalyzeDocument response: {error}"
            ) from None

    @cached_property
    def pairs_by_key(self) -> dict[str, list[FormPair]]:
        found: dict[str, list[FormPair]] = {}
        for pair in self.pairs:
            found.setdefault(pair.key, []).append(pair)
        return found

    def selected(self, keys: Set[str]) -> tuple[Any, ...]:
        return tuple(block for block in self._listed if _member(block, "Id") in keys)

    def everything(self) -> tuple[Any, ...]:
        """Return the blocks of all key-value pairs: Sampling shows a form with all its pairs."""
        return self.selected(frozenset().union(*(pair.block_ids for pair in self.pairs)))


def _member(mapping: Mapping[str, Any], name: str) -> Any:
    value = mapping.get(name)
    return mapping.get(name[0].lower() + name[1:]) if value is None else value


def _listed(response: Mapping[str, Any], name: str, what: str) -> list[Mapping[str, Any]]:
    listed = _member(response, name) if isinstance(response, Mapping) else None
    if not isinstance(listed, list) or not all(isinstance(entry, Mapping) for entry in listed):
        raise ActivationDataError(f"{name} is not a list of objects, so this is not {what}")
    return listed


def _pair(blocks: Mapping[Any, Mapping[str, Any]], key: Mapping[str, Any]) -> FormPair:
    values = _related(blocks, key, "VALUE")
    key_children = _related(blocks, key, "CHILD")
    children = [*key_children, *(child for value in values for child in _related(blocks, value, "CHILD"))]
    return FormPair(
        key=" ".join(str(_member(child, "Text") or "") for child in key_children if _is_word(child)).strip(),
        confidence=_block_confidence(key),
        words=tuple(_block_confidence(child) for child in children if _is_word(child)),
        block_ids=frozenset(_member(block, "Id") for block in (key, *values, *children)),
    )


def _related(
    blocks: Mapping[Any, Mapping[str, Any]], block: Mapping[str, Any], kind: str
) -> list[Mapping[str, Any]]:
    return [
        blocks[identifier]
        for relationship in _member(block, "Relationships") or ()
        if _member(relationship, "Type") == kind
        for identifier in _member(relationship, "Ids") or ()
        if identifier in blocks
    ]


def _is_word(block: Mapping[str, Any]) -> bool:
    return bool(_member(block, "BlockType") == "WORD")


def _is_key(block: Mapping[str, Any]) -> bool:
    return _member(block, "BlockType") == "KEY_VALUE_SET" and "KEY" in (_member(block, "EntityTypes") or ())


def _block_confidence(block: Mapping[str, Any]) -> float:
    return _confidence(_member(block, "Confidence"), f"Confidence of the block {_member(block, 'Id')!r}")
