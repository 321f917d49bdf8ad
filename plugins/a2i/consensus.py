"""One answer out of several reviewers'. Pure: neither Airflow nor boto3.

Amazon A2I hands back the answers side by side and does not vote; this is the vote. A field that no majority
decides is named as disputed, never settled by chance.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Consensus:
    """What the reviewers of one item agree on.

    :ivar fields: the value of every field that a majority gave; disputed fields are not in it.
    :ivar disputed: the fields without a majority, in the order asked for.
    """

    fields: Mapping[str, Any]
    disputed: tuple[str, ...]


@dataclass(frozen=True)
class Settlement:
    """The final fields of one item.

    :ivar source: ``model`` (no answer), ``person`` (one) or ``consensus`` (several).
    :ivar fields: the value of every field.
    :ivar disputed: the fields in which the answers have no majority and the model's value stands.
    """

    source: Literal["model", "person", "consensus"]
    fields: Mapping[str, Any]
    disputed: tuple[str, ...]


def settle(predicted: Mapping[str, Any], answers: Sequence[Mapping[str, Any]]) -> Settlement:
    """Decide the fields of an item: people's answers where they agree, the model's value where they do not.

    :param predicted: the model's value of every field; fields that only an answer has are left out.
    """
    if not answers:
        return Settlement("model", dict(predicted), ())
    agreed = consolidate(answers, predicted)
    return Settlement(
        "person" if len(answers) == 1 else "consensus",
        {name: agreed.fields.get(name, value) for name, value in predicted.items()},
        agreed.disputed,
    )


def normalise(value: Any) -> str:
    """Return what two answers are compared by: width, case and blank space do not make a difference."""
    if value is None:
        return ""
    if isinstance(value, str):
        return " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def consolidate(answers: Sequence[Mapping[str, Any]], fields: Iterable[str] | None = None) -> Consensus:
    """Decide every field by more than half of the answers.

    A field that an answer leaves out counts as blank: a form sends no empty inputs. One answer decides alone; two
    must agree. Of several spellings of the winning value the most frequent one is returned, and among equally
    frequent ones the first in code point order, so that the order of the answers never matters.

    :param fields: the fields to decide; by default every field of any answer.
    """
    names = list(fields) if fields is not None else _all_fields(answers)
    decided: dict[str, Any] = {}
    disputed: list[str] = []
    for name in names:
        values = [answer.get(name, "") for answer in answers]
        winner = _majority(values)
        if winner is None:
            disputed.append(name)
        else:
            decided[name] = winner[0]
    return Consensus(fields=decided, disputed=tuple(disputed))


def _all_fields(answers: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for answer in answers for name in answer))


def _majority(values: Sequence[Any]) -> tuple[Any] | None:
    votes = Counter(normalise(value) for value in values)
    if not votes:
        return None
    key, count = votes.most_common(1)[0]
    if count * 2 <= len(values):
        return None
    return (_usual_spelling([value for value in values if normalise(value) == key]),)


def _usual_spelling(values: Sequence[Any]) -> Any:
    spellings = Counter(json.dumps(value, sort_keys=True, ensure_ascii=False) for value in values)
    return json.loads(min(spellings, key=lambda spelling: (-spellings[spelling], spelling)))
