"""What answers say of the model and of each other: how often reviewers correct a field, how often they agree.

Pure counting over one answer after the other; what an answer holds is not kept.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from review_desk.engine.textract_pairs import answered_pairs, predicted_pairs

MARK = ":mark"
"""After a field's name: what our form template answers in place of its value."""

MOST_FIELDS = 100
"""How many fields are told apart; of templates with more, the first ones that are met."""


@dataclass(frozen=True)
class FieldShare:
    """How many of something a field has.

    :param count: answers that changed the field, or human loops that agree on it.
    :param of: answers that had a prediction of it, or human loops that were compared.
    """

    field: str
    count: int
    of: int


@dataclass(frozen=True)
class Agreement:
    """How often the answers of one human loop are the same.

    :param equal: human loops whose answers are the same in every field.
    :param of: human loops that were compared.
    """

    equal: int
    of: int
    fields: tuple[FieldShare, ...]


class EditCount:
    """Compares answers with what their input predicted: ``{"fields": [{"name", "value", …}, …]}``, or Textract's pairs.

    The first is what our form template shows; it answers with ``{name: value}``, or with a mark such as "unreadable" in
    place of the value, which counts as a correction. A value that an answer with other fields leaves out is blank, and
    an empty prediction says that the field is blank. A field without a prediction is left out. Of Textract's
    pairs the field is the predicted key; a pair that the reviewer took away is one that they corrected.
    """

    def __init__(self) -> None:
        self._edited: dict[str, int] = defaultdict(int)
        self._of: dict[str, int] = {}

    def add(self, task_input: Any, answer: dict[str, Any]) -> None:
        for name, is_edited in _comparisons(task_input, answer):
            if name not in self._of and len(self._of) >= MOST_FIELDS:
                continue
            self._of[name] = self._of.get(name, 0) + 1
            self._edited[name] += is_edited

    def result(self) -> tuple[FieldShare, ...]:
        """Return the fields, the ones that are corrected most often first."""
        shares = [FieldShare(name, self._edited[name], of) for name, of in self._of.items()]
        return tuple(sorted(shares, key=lambda share: (-share.count / share.of, share.field)))


class AgreementCount:
    """Compares the answers of each human loop, field by field, after trimming and case folding."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[dict[str, int]]] = {}
        self._loops = 0
        self._equal = 0
        self._fields: dict[str, list[int]] = {}

    def add(self, loop_id: int, wanted: int, answer: dict[str, Any]) -> None:
        """Take in an answer; a human loop is compared once all that it wants are there.

        :param wanted: the human loop's ``TaskCount``.
        """
        if wanted < 2:
            return
        answers = self._waiting.setdefault(loop_id, [])
        # Hashes: what people wrote is not gathered here.
        answers.append({name: hash(_text(value).casefold()) for name, value in _fields(answer).items()})
        if len(answers) == wanted:
            self._compare(self._waiting.pop(loop_id))

    def _compare(self, answers: list[dict[str, int]]) -> None:
        first, *others = answers
        self._loops += 1
        self._equal += all(other == first for other in others)
        for name in sorted({name for answer in answers for name in answer}):
            if name not in self._fields and len(self._fields) >= MOST_FIELDS:
                continue
            counts = self._fields.setdefault(name, [0, 0])
            counts[0] += len({answer.get(name) for answer in answers}) == 1
            counts[1] += 1

    def result(self) -> Agreement:
        """Return the fields that are agreed on least often first."""
        shares = [FieldShare(name, equal, of) for name, (equal, of) in self._fields.items()]
        ordered = sorted(shares, key=lambda share: (share.count / share.of, share.field))
        return Agreement(self._equal, self._loops, tuple(ordered))


def _comparisons(task_input: Any, answer: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield each field that was predicted and answered, and whether the answer is another one."""
    pairs = answered_pairs(answer)
    if pairs is not None:
        for key_id, predicted in predicted_pairs(task_input).items():
            yield predicted.key, pairs.get(key_id) != predicted
        return
    fields = task_input.get("fields") if isinstance(task_input, dict) else None
    values = {
        field["name"]: _text(field["value"])
        for field in (fields if isinstance(fields, list) else [])
        if isinstance(field, dict) and isinstance(field.get("name"), str) and field.get("value") is not None
    }
    if not any(name in answer or f"{name}{MARK}" in answer for name in values):
        return  # The answer is of something else.
    for name, value in values.items():
        yield name, f"{name}{MARK}" in answer or _text(answer.get(name, "")) != value


def _fields(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what is compared of an answer: of Textract's blocks the pairs, since the words' ids are new each time."""
    pairs = answered_pairs(answer)
    return answer if pairs is None else {pair.key: pair.value for pair in pairs.values()}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value, sort_keys=True)
