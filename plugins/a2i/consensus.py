"""One answer out of several reviewers'. Pure: neither Airflow nor boto3.

Amazon A2I hands back the answers side by side and does not vote; this is the vote. A field that no majority
decides is named as disputed, never settled by chance.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from a2i.normalisers import Normaliser, normaliser_of


@dataclass(frozen=True)
class Consensus:
    """What the reviewers of one item agree on.

    :ivar fields: the value of every field that a majority gave; disputed fields are not in it.
    :ivar disputed: the fields without a majority, in the order asked for.
    """

    fields: Mapping[str, Any]
    disputed: tuple[str, ...]


Source = Literal["model", "person", "consensus", "adjudication"]


@dataclass(frozen=True)
class Settlement:
    """The final fields of one item.

    :ivar source: ``model`` (no answer), ``person`` (one), ``consensus`` (several) or ``adjudication`` (a further person
        decided).
    :ivar fields: the value of every field.
    :ivar disputed: the fields in which the answers have no majority and the model's value stands.
    :ivar sources: where the value of each field comes from; ``model`` for the disputed ones.
    """

    source: Source
    fields: Mapping[str, Any]
    disputed: tuple[str, ...]
    sources: Mapping[str, Source] = field(default_factory=dict)


def settle(
    predicted: Mapping[str, Any],
    answers: Sequence[Mapping[str, Any]],
    *,
    adjudication: Mapping[str, Any] | None = None,
    normalisers: Mapping[str, str | Normaliser] | None = None,
) -> Settlement:
    """Decide the fields of an item: people's answers where they agree, the model's value where they do not.

    :param predicted: the model's value of every field; fields that only an answer has are left out.
    :param adjudication: the answer of a further person who decides: about every field that it has, and about the
        disputed ones, which are blank if it leaves them out. What was agreed on and is not in it stands.
    :param normalisers: what the answers of a field are compared by, see :func:`consolidate`.
    """
    fields: dict[str, Any] = dict(predicted)
    sources: dict[str, Source] = dict.fromkeys(predicted, "model")
    disputed: tuple[str, ...] = ()
    source: Source = "model"
    if answers:
        source = "person" if len(answers) == 1 else "consensus"
        agreed = consolidate(answers, predicted, normalisers)
        disputed = agreed.disputed
        fields.update(agreed.fields)
        sources.update(dict.fromkeys(agreed.fields, source))
    if adjudication is not None:
        decided = {
            name: adjudication.get(name, "") for name in predicted if name in adjudication or name in disputed
        }
        source, disputed = "adjudication", ()
        fields.update(decided)
        sources.update(dict.fromkeys(decided, source))
    return Settlement(source, fields, disputed, sources)


def consolidate(
    answers: Sequence[Mapping[str, Any]],
    fields: Iterable[str] | None = None,
    normalisers: Mapping[str, str | Normaliser] | None = None,
) -> Consensus:
    """Decide every field by more than half of the answers.

    A field that an answer leaves out counts as blank: a form sends no empty inputs. One answer decides alone; two
    must agree. Of several spellings of the winning value the most frequent one is returned, and among equally
    frequent ones the first in code point order, so that the order of the answers never matters.

    :param fields: the fields to decide; by default every field of any answer.
    :param normalisers: by field ``text`` (the default), ``number``, ``date``, ``date_day_first``,
        ``date_month_first``, ``labels``, or a function from the value to the text that is compared.
    :raises ValueError: for an unknown normaliser.
    """
    names = list(fields) if fields is not None else _all_fields(answers)
    decided: dict[str, Any] = {}
    disputed: list[str] = []
    for name in names:
        values = [answer.get(name, "") for answer in answers]
        winner = _majority(values, normaliser_of(name, normalisers))
        if winner is None:
            disputed.append(name)
        else:
            decided[name] = winner[0]
    return Consensus(fields=decided, disputed=tuple(disputed))


def _all_fields(answers: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for answer in answers for name in answer))


def _majority(values: Sequence[Any], normalise: Normaliser) -> tuple[Any] | None:
    votes = Counter(map(normalise, values))
    if not votes:
        return None
    key, count = votes.most_common(1)[0]
    if count * 2 <= len(values):
        return None
    return (_usual_spelling([value for value in values if normalise(value) == key]),)


def _usual_spelling(values: Sequence[Any]) -> Any:
    spellings = Counter(json.dumps(value, sort_keys=True, ensure_ascii=False) for value in values)
    return json.loads(min(spellings, key=lambda spelling: (-spellings[spelling], spelling)))
