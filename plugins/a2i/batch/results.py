"""The rows of results: what is known of an item, in one schema for all writers. Pure: outcomes in, rows out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from a2i.batch.item_outcome import Outcome
from a2i.consensus import settle
from a2i.normalisers import Normaliser, normaliser_of

#: ``json`` is any JSON value; it is text in Parquet, where a column has one type.
Kind = Literal["text", "boolean", "number", "texts", "json", "record", "records"]
MARK: Final = ":mark"


@dataclass(frozen=True)
class Column:
    """A column of the results.

    :ivar of: the columns of a record, or of each of the records.
    """

    name: str
    kind: Kind
    meaning: str
    of: tuple[Column, ...] = ()


_HUMAN_LOOP: Final = (
    Column("human_loop_name", "text", "the item's human loop, null where there is none"),
    Column(
        "status",
        "text",
        "status of the human loop, or `Expired` (nobody answered in time), `Missing` (deleted), `Unreadable` "
        "(answers that are not of A2I's form), `NotNeeded` (nobody was asked), `NotStarted` (see `error`)",
    ),
    Column("failure_code", "text", "A2I's `FailureCode`: `ValidationError`, `Expired` or `InternalError`"),
    Column("failure_reason", "text", "A2I's `FailureReason`"),
    Column("output_uri", "text", "`output.json` of a loop that has ended"),
)
ANSWER_COLUMNS: Final = (
    Column("worker_id", "text", "the worker, stable within a workforce"),
    Column("accepted", "text", "when the worker took the task (ISO 8601, UTC)"),
    Column("submitted", "text", "when the worker sent the answer (ISO 8601, UTC)"),
    Column("seconds", "number", "active time in seconds"),
    Column("content", "json", "what the worker task template's form submitted"),
    Column("edits", "texts", "the fields whose value differs from the prediction, after normalising"),
    Column("marks", "json", 'what was said of a field beside its value, such as `{"city": "unreadable"}`'),
    Column("adjudicator", "boolean", "whether the answer was given to settle a dispute"),
)
COLUMNS: Final = (
    Column("item_id", "text", "the item's id"),
    Column(
        "source",
        "text",
        "who decided the fields: `model`, `person` (one), `consensus` (several), `adjudication`, or `none`",
    ),
    Column("reviewed", "boolean", "whether a person answered"),
    Column("reasons", "texts", "why the item was sent to people"),
    Column("prediction", "json", "what the model said, as the item had it; null where it had none"),
    Column("fields", "json", "the final value of every field; null where nothing decides"),
    Column("disputed_fields", "texts", "the fields without a majority; they keep the model's value"),
    Column("answers", "records", "what people answered", ANSWER_COLUMNS),
    *_HUMAN_LOOP,
    Column("adjudication", "record", "the human loop that settled a dispute, null without one", _HUMAN_LOOP),
    Column("error", "text", "why there is no answer although one was asked for"),
    Column(
        "input", "json", "what the loop was started with, if `include_input` is set and the loop has ended"
    ),
)
LOOP_NAMES: Final = tuple(column.name for column in _HUMAN_LOOP)


@dataclass(frozen=True)
class Decision:
    """How the fields of an item are decided.

    :ivar votes: whether several answers are consolidated; without it they stand side by side.
    :ivar fields: the fields that are decided; by default those of the prediction, or else those of the answers.
    :ivar normalisers: what the values of a field are compared by, see :func:`a2i.consensus.consolidate`.
    """

    votes: bool = True
    fields: tuple[str, ...] | None = None
    normalisers: Mapping[str, str | Normaliser] | None = None


def result_row(outcome: Outcome, decision: Decision) -> dict[str, Any]:
    """Put together what is known of an item, in the order of :data:`COLUMNS`."""
    row, state = outcome.row, outcome.state
    answers = [answer.to_dict() for answer in outcome.output.answers] if outcome.output else []
    contents = [answer["content"] for answer in answers]
    predicted = predicted_values(row.prediction)
    names = _names(decision, predicted, contents)
    for answer in answers:
        answer["edits"] = _edits(answer["content"], predicted, names, decision)
        answer["marks"] = _marks(answer["content"])
        answer["adjudicator"] = False
    source, fields, disputed = _decided(decision, predicted, contents, names)
    return {
        "item_id": row.item_id,
        "source": source,
        "reviewed": bool(answers),
        "reasons": list(row.reasons),
        "prediction": row.prediction,
        "fields": fields,
        "disputed_fields": disputed,
        "answers": answers,
        "human_loop_name": row.human_loop_name,
        "status": state.status,
        "failure_code": state.failure_code,
        "failure_reason": state.failure_reason,
        "output_uri": state.output_uri,
        "adjudication": None,
        "error": outcome.error,
        "input": outcome.output.input_content if outcome.output else None,
    }


def predicted_values(prediction: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the value of every field of a prediction: ``{field: value}`` or ``{field: {"value": …}}``."""
    return {
        name: given["value"] if isinstance(given, Mapping) and "value" in given else given
        for name, given in (prediction or {}).items()
    }


def decided_fields(row: Mapping[str, Any], decision: Decision) -> tuple[str, ...]:
    """Return the fields of a row that are decided, whether there is a decision or not."""
    contents = [answer["content"] for answer in row["answers"]]
    return _names(decision, predicted_values(row["prediction"]), contents)


def estimated(
    row: Mapping[str, Any], number: int, estimates: Mapping[str, Mapping[int, Any]]
) -> Mapping[str, Any]:
    """Put estimates into a row that several people answered; a field without one is disputed.

    :param number: of the item.
    :param estimates: by field and number of the item the value. Fields that are not in it stay as they are.
    """
    if len(row["answers"]) < 2 or row["fields"] is None:
        return row
    predicted = predicted_values(row["prediction"])
    fields, disputed = dict(row["fields"]), dict.fromkeys(row["disputed_fields"])
    for name in fields.keys() & estimates.keys():
        disputed.pop(name, None)
        if number in estimates[name]:
            fields[name] = estimates[name][number]
        else:
            fields[name] = predicted.get(name)
            disputed[name] = None
    return {**row, "fields": fields, "disputed_fields": [name for name in fields if name in disputed]}


def _names(
    decision: Decision, predicted: Mapping[str, Any], contents: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    if decision.fields is not None:
        return decision.fields
    names = predicted or dict.fromkeys(name for content in contents for name in content)
    return tuple(name for name in names if not name.endswith(MARK))


def _decided(
    decision: Decision,
    predicted: Mapping[str, Any],
    contents: Sequence[Mapping[str, Any]],
    names: Sequence[str],
) -> tuple[str, dict[str, Any] | None, list[str]]:
    if not contents and not predicted:
        return "none", None, []
    if len(contents) > 1 and not decision.votes:
        return "none", None, []
    settled = settle(
        {name: predicted.get(name) for name in names}, contents, normalisers=decision.normalisers
    )
    return settled.source, dict(settled.fields), list(settled.disputed)


def _edits(
    content: Mapping[str, Any], predicted: Mapping[str, Any], names: Iterable[str], decision: Decision
) -> list[str]:
    def compared(name: str, value: Any) -> str:
        return normaliser_of(name, decision.normalisers)(value)

    return [
        name
        for name in names
        # A form sends no empty inputs: a field that is not there was left or made blank.
        if name in predicted and compared(name, content.get(name, "")) != compared(name, predicted[name])
    ]


def _marks(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removesuffix(MARK): value for name, value in content.items() if name.endswith(MARK)}


def join_results(
    rows: Iterable[Mapping[str, Any]], results: Iterable[Mapping[str, Any]], key: str = "item_id"
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
    """Yield every row with its result, or None where the row was not sent to people.

    Both are read once and side by side, so that memory does not grow with them: the results must stand in the order
    of the rows, as the collect operator writes them.

    :raises ValueError: if a result belongs to no row, or the order differs.
    """
    waiting = iter(results)
    result = next(waiting, None)
    for row in rows:
        if result is not None and result[key] == row[key]:
            yield row, result
            result = next(waiting, None)
        else:
            yield row, None
    if result is not None:
        raise ValueError(
            f"the result of {result[key]!r} belongs to no row, or stands in another order than the rows"
        )
