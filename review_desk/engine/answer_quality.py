"""What answers say of the model and of each other: how often reviewers correct a field, how often they agree.

Pure counting over one answer after the other; what an answer holds is not kept.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
    """Compares answers with what their input predicted: ``{"fields": [{"name", "value", …}, …]}``.

    That is what our form template shows; it answers with ``{name: value}``. An empty value is a prediction too:
    that the field is blank. A field without a value, or that the answer does not have, is left out.
    """

    def __init__(self) -> None:
        self._edited: dict[str, int] = defaultdict(int)
        self._of: dict[str, int] = {}

    def add(self, task_input: Any, answer: dict[str, Any]) -> None:
        for name, predicted in _predictions(task_input):
            if name not in answer or (name not in self._of and len(self._of) >= MOST_FIELDS):
                continue
            self._of[name] = self._of.get(name, 0) + 1
            self._edited[name] += _text(answer[name]) != _text(predicted)

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
        answers.append({name: hash(_text(value).casefold()) for name, value in answer.items()})
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


def _predictions(task_input: Any) -> Iterator[tuple[str, Any]]:
    fields = task_input.get("fields") if isinstance(task_input, dict) else None
    for field in fields if isinstance(fields, list) else []:
        if isinstance(field, dict) and isinstance(field.get("name"), str) and field.get("value") is not None:
            yield field["name"], field["value"]


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value, sort_keys=True)
