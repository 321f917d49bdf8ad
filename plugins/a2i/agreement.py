"""How far reviewers agree: percent, Cohen's kappa, Fleiss' kappa, Krippendorff's alpha. Pure Python.

An item is the sequence of its reviewers' answers, None where a reviewer gave none. Answers are compared by ``==``.
Every measure takes one item after the other and keeps counts by value, never items. Where a measure is not defined its
value is None and ``reason`` says why.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Literal

from a2i.agreement_counts import MOST_VALUES, NO_PAIRS, ONE_VALUE, Answers, CohenCounts, Counts, Measure
from a2i.normalisers import Normaliser, normaliser_of

Level = Literal["nominal", "ordinal", "interval"]


def percent_agreement(items: Iterable[Answers]) -> Measure:
    """Return the share of equal pairs of answers in an item, as the mean over the items, 0 to 100.

    Items with fewer than two answers are left out.
    """
    counts = Counts()
    for answers in items:
        counts.add(answers)
    return counts.percent()


def cohen_kappa(pairs: Iterable[tuple[Hashable | None, Hashable | None]]) -> Measure:
    """Return Cohen's kappa of the same two reviewers (Cohen 1960); pairs with a missing answer are left out."""
    table = CohenCounts()
    for first, second in pairs:
        if first is not None and second is not None:
            table.add(first, second)
    return table.result()


def fleiss_kappa(items: Iterable[Answers]) -> Measure:
    """Return Fleiss' kappa (Fleiss 1971), defined for the same number of answers, two or more, in every item only."""
    counts = Counts()
    for answers in items:
        counts.add(answers)
    return counts.fleiss()


def krippendorff_alpha(items: Iterable[Answers], level: Level = "nominal") -> Measure:
    """Return Krippendorff's alpha (Krippendorff 2011), for any number of reviewers and with missing answers.

    Items with fewer than two answers are left out.

    :param level: how far apart two values are: equal or not (``nominal``), by rank (``ordinal``), or by difference
        (``interval``); the last two want numbers.
    """
    if level == "nominal":
        counts = Counts()
        for answers in items:
            counts.add(answers)
        return counts.alpha()
    coincidences: dict[tuple[Any, Any], float] = defaultdict(float)
    used = 0
    for answers in items:
        given = [answer for answer in answers if answer is not None]
        if len(given) > 1:
            used += 1
            for one, first in enumerate(given):
                for other, second in enumerate(given):
                    if one != other:
                        coincidences[first, second] += 1 / (len(given) - 1)
    return _alpha_of_numbers(coincidences, level, used)


def agreement_report(
    rows: Iterable[Mapping[str, Any]],
    *,
    fields: Iterable[str] | None = None,
    normalisers: Mapping[str, str | Normaliser] | None = None,
) -> dict[str, dict[str, Any]]:
    """Measure the agreement on every field of collected answers, field by field.

    Memory grows with the fields and their values, at most :data:`MOST_VALUES` a field, not with the rows.

    :param rows: what the collect operator writes: each with ``answers``, a list of ``worker_id`` and ``content``. Rows
        without answers are left out. A field that an answer leaves out is blank: a form sends no empty inputs.
    :param fields: the fields to measure; by default a row counts for the fields that any of its answers has.
    :param normalisers: what the answers of a field are compared by, as in :func:`a2i.consensus.consolidate`.
    :return: by field: ``items`` (with two answers or more), ``answers``, ``percent`` (0 to 100), ``cohen_kappa``,
        ``fleiss_kappa``, ``krippendorff_alpha`` (1 is full agreement, 0 what chance gives) and ``undefined``: why, by
        the name of every measure that is None.
    """
    wanted = None if fields is None else list(fields)
    found: dict[str, _Field] = {}
    for row in rows:
        answers = row.get("answers") or ()
        contents = [answer["content"] for answer in answers]
        workers = [answer.get("worker_id", "") for answer in answers]
        for name in wanted if wanted is not None else _names(contents):
            if name not in found:
                found[name] = _Field(normaliser_of(name, normalisers))
            found[name].add(workers, [content.get(name, "") for content in contents])
    return {name: found[name].report() for name in sorted(found)}


def _names(contents: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    return dict.fromkeys(name for content in contents for name in content)


class _Field:
    """One field of a report."""

    def __init__(self, normalise: Normaliser) -> None:
        self._normalise = normalise
        self._counts = Counts(MOST_VALUES)
        self._cohen = CohenCounts(MOST_VALUES)
        self._reviewers: set[str] = set()
        self._is_pair = True

    def add(self, workers: Sequence[str], values: Sequence[Any]) -> None:
        texts = [_short(self._normalise(value)) for value in values]
        self._counts.add(texts)
        self._is_pair = self._is_pair and len(self._reviewers | set(workers)) <= 2
        if self._is_pair:
            self._reviewers.update(workers)
            if len(set(workers)) == len(texts) == 2:
                # By the worker, not by who was first: the order differs from item to item.
                first, second = (text for _, text in sorted(zip(workers, texts, strict=True)))
                self._cohen.add(first, second)

    def report(self) -> dict[str, Any]:
        cohen = (
            self._cohen.result()
            if self._is_pair
            else Measure(None, "there are more than two reviewers; use Krippendorff's alpha", 0)
        )
        measures = {
            "percent": self._counts.percent(),
            "cohen_kappa": cohen,
            "fleiss_kappa": self._counts.fleiss(),
            "krippendorff_alpha": self._counts.alpha(),
        }
        return {
            "items": self._counts.items,
            "answers": self._counts.answers,
            **{name: measure.value for name, measure in measures.items()},
            "undefined": {name: measure.reason for name, measure in measures.items() if measure.reason},
        }


def _short(text: str) -> str:
    """Return what stands for a text in the counts: long ones, such as boxes and transcripts, would fill the memory."""
    return text if len(text) <= 64 else hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _alpha_of_numbers(coincidences: Mapping[tuple[Any, Any], float], level: Level, items: int) -> Measure:
    if not items:
        return Measure(None, NO_PAIRS, 0)
    totals: dict[Any, float] = defaultdict(float)
    for (first, _), weight in coincidences.items():
        totals[first] += weight
    if len(totals) == 1:
        return Measure(None, ONE_VALUE, 0)
    places = _ranks(totals) if level == "ordinal" else {value: float(value) for value in totals}
    observed = sum(
        weight * (places[one] - places[other]) ** 2 for (one, other), weight in coincidences.items()
    )
    expected = sum(
        totals[one] * totals[other] * (places[one] - places[other]) ** 2 for one in totals for other in totals
    )
    return Measure(1 - (sum(totals.values()) - 1) * observed / expected, None, items)


def _ranks(totals: Mapping[Any, float]) -> dict[Any, float]:
    """Return the middle rank of every value: the distance of two is the answers between them, ends counted by half."""
    ranks, below = {}, 0.0
    for value in sorted(totals):
        ranks[value] = below + totals[value] / 2
        below += totals[value]
    return ranks
