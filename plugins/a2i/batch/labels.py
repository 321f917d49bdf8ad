"""What reviewers answered to each field, kept on disk: for measures and estimates that need all answers of a batch."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from a2i.agreement import agreement_report
from a2i.dawid_skene import dawid_skene
from a2i.normalisers import Normaliser, normaliser_of

Normalisers = Mapping[str, str | Normaliser]
#: A field with more different answers is no closed question: estimating error rates for each of them says nothing.
MOST_LABELS: Final = 50


class Spool:
    """Rows on the local disk, to be read as often as needed; memory does not grow with them."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row."""
        self._file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._file.seek(0)
        for line in self._file:
            yield json.loads(line)

    def close(self) -> None:
        """Give the disk's space back."""
        self._file.close()


class Labels:
    """The answers of a batch, by field."""

    def __init__(self, normalisers: Normalisers | None) -> None:
        self._normalisers = normalisers
        self._spool = Spool()
        self._fields: dict[str, None] = {}

    def add(self, number: int, answers: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> None:
        """Take the answers to an item; a field that an answer leaves out is blank."""
        self._fields.update(dict.fromkeys(fields))
        self._spool.add(
            {
                "number": number,
                "answers": [
                    {
                        "worker_id": answer["worker_id"],
                        "content": {name: answer["content"].get(name, "") for name in fields},
                    }
                    for answer in answers
                ],
            }
        )

    def agreement(self) -> dict[str, dict[str, Any]]:
        """Measure how far the reviewers agree; items with one answer say nothing."""
        return agreement_report(
            (row for row in self._spool if len(row["answers"]) > 1), normalisers=self._normalisers
        )

    def estimate(self) -> dict[str, dict[int, Any]]:
        """Estimate the fields by Dawid-Skene, one field after the other.

        :return: by field and number of the item the likeliest value; an item without one is not in it, nor is a field
            with more than :data:`MOST_LABELS` different answers.
        """
        estimated = {name: self._estimate(name) for name in self._fields}
        return {name: values for name, values in estimated.items() if values is not None}

    def _estimate(self, name: str) -> dict[int, Any] | None:
        normalise = normaliser_of(name, self._normalisers)
        answers: list[tuple[int, str, str]] = []
        spellings: dict[str, Counter[str]] = {}
        for row in self._spool:
            # A worker answers a human loop once; of an output that says otherwise the last answer counts.
            given = {answer["worker_id"]: answer["content"] for answer in row["answers"]}
            for worker, content in given.items():
                if name in content:
                    label = normalise(content[name])
                    spelling = json.dumps(content[name], sort_keys=True, ensure_ascii=False)
                    spellings.setdefault(label, Counter())[spelling] += 1
                    answers.append((row["number"], worker, label))
            if len(spellings) > MOST_LABELS:
                return None
        values = {
            label: json.loads(min(given, key=lambda spelling: (-given[spelling], spelling)))
            for label, given in spellings.items()
        }
        likeliest = dawid_skene(answers).labels
        return {
            cast("int", number): values[cast("str", label)]
            for number, label in likeliest.items()
            if label is not None
        }

    def close(self) -> None:
        """Give the disk's space back."""
        self._spool.close()
