"""Measures of agreement, against other implementations and textbooks."""

from __future__ import annotations

import random
import tracemalloc
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask
from nltk.metrics.distance import interval_distance
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss_kappa

import a2i.agreement
from a2i.agreement import (
    agreement_report,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
)

LABELS = st.sampled_from("abc")
ITEMS_OF_THREE = st.lists(st.tuples(LABELS, LABELS, LABELS), min_size=2, max_size=15)
ITEMS_WITH_GAPS = st.lists(st.tuples(*[st.one_of(st.none(), st.integers(1, 4))] * 4), min_size=1, max_size=15)

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability": four observers, twelve units, missing data.
KRIPPENDORFF = list(
    zip(
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
        strict=True,
    )
)
# Fleiss 1971 in the form of many textbooks: ten subjects, fourteen raters, five categories.
FLEISS = [
    (0, 0, 0, 0, 14),
    (0, 2, 6, 4, 2),
    (0, 0, 3, 5, 6),
    (0, 3, 9, 2, 0),
    (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0),
    (3, 2, 6, 3, 0),
    (2, 5, 3, 2, 2),
    (6, 5, 2, 1, 0),
    (0, 2, 2, 3, 7),
]


def ratings(counts: tuple[int, ...]) -> list[int]:
    return [category for category, times in enumerate(counts) for _ in range(times)]


def test_textbook_examples() -> None:
    assert krippendorff_alpha(KRIPPENDORFF).value == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(KRIPPENDORFF, "ordinal").value == pytest.approx(0.815, abs=5e-4)
    assert krippendorff_alpha(KRIPPENDORFF, "interval").value == pytest.approx(0.849, abs=5e-4)
    assert krippendorff_alpha(KRIPPENDORFF).items == 11
    assert fleiss_kappa(map(ratings, FLEISS)).value == pytest.approx(0.210, abs=5e-4)
    # 50 proposals, two readers: 20 yes by both, 15 no by both, 5 and 10 apart.
    table = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen_kappa(table).value == pytest.approx(0.4)
    assert percent_agreement(table).value == pytest.approx(70)
    assert percent_agreement([("a", "a", "b"), ("a", None, None), ("c", "c", "c")]).value == pytest.approx(
        200 / 3
    )


@given(ITEMS_OF_THREE)
def test_cohen_equals_scikit_learn(items: list[tuple[str, str, str]]) -> None:
    ours = cohen_kappa((first, second) for first, second, _ in items)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = cohen_kappa_score(
            [item[0] for item in items], [item[1] for item in items], labels=list("abc")
        )
    if ours.value is None:
        assert len({value for item in items for value in item[:2]}) == 1
    else:
        assert ours.value == pytest.approx(theirs)


@given(ITEMS_OF_THREE)
def test_fleiss_equals_statsmodels(items: list[tuple[str, str, str]]) -> None:
    ours = fleiss_kappa(items)
    if ours.value is None:
        assert len({value for item in items for value in item}) == 1
        return
    numbered = [["abc".index(value) for value in item] for item in items]
    assert ours.value == pytest.approx(statsmodels_fleiss_kappa(aggregate_raters(numbered)[0]))


@given(ITEMS_WITH_GAPS, st.sampled_from(["nominal", "interval"]))
def test_alpha_equals_nltk(items: list[tuple[int | None, ...]], level: Any) -> None:
    ours = krippendorff_alpha(items, level)
    data = [
        (f"r{reviewer}", number, value)
        for number, item in enumerate(items)
        if sum(value is not None for value in item) > 1
        for reviewer, value in enumerate(item)
        if value is not None
    ]
    if ours.value is None:
        assert len({value for _, _, value in data}) < 2
        assert ours.reason
        return
    theirs = AnnotationTask(data) if level == "nominal" else AnnotationTask(data, distance=interval_distance)
    assert ours.value == pytest.approx(theirs.alpha())


@given(ITEMS_WITH_GAPS)
def test_ordinal_alpha_equals_its_definition(items: list[tuple[int | None, ...]]) -> None:
    """Over single pairs, with the sum of ranks between two values as in Krippendorff's text."""
    units = [[value for value in item if value is not None] for item in items]
    units = [unit for unit in units if len(unit) > 1]
    values = [value for unit in units for value in unit]
    ours = krippendorff_alpha(items, "ordinal").value
    if len(set(values)) < 2:
        assert ours is None
        return

    def distance(one: int, other: int) -> float:
        low, high = sorted((one, other))
        between = sum(values.count(value) for value in set(values) if low <= value <= high)
        return (between - (values.count(low) + values.count(high)) / 2) ** 2

    observed = sum(distance(a, b) / (len(unit) - 1) for unit in units for a in unit for b in unit) / len(
        values
    )
    expected = sum(distance(a, b) for a in values for b in values) / (len(values) * (len(values) - 1))
    assert ours == pytest.approx(1 - observed / expected)


@given(ITEMS_OF_THREE, st.randoms())
def test_neither_the_order_of_items_nor_of_reviewers_matters(
    items: list[Any], shuffler: random.Random
) -> None:
    shuffled = [tuple(shuffler.sample(item, 3)) for item in items]
    shuffler.shuffle(shuffled)
    for measure in (percent_agreement, fleiss_kappa, krippendorff_alpha):
        one, other = measure(items), measure(shuffled)
        assert one.reason == other.reason
        assert one.value == pytest.approx(other.value)


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        (percent_agreement([("a",), ("b", None)]), "no item has two answers"),
        (percent_agreement([]), "no item has two answers"),
        (cohen_kappa([("a", None)]), "no item has two answers"),
        (
            cohen_kappa([("a", "a")] * 3),
            "every answer has the same value, so chance alone explains the agreement",
        ),
        (fleiss_kappa([("a", "b"), ("a", None)]), "the items have different numbers of answers; use Kripp"),
        (fleiss_kappa([("a", "a")]), "every answer has the same value"),
        (krippendorff_alpha([("a", None)]), "no item has two answers"),
        (krippendorff_alpha([("a", "a")]), "every answer has the same value"),
        (krippendorff_alpha([(1, 1)], "interval"), "every answer has the same value"),
        (krippendorff_alpha([(1, None)], "ordinal"), "no item has two answers"),
    ],
)
def test_what_is_not_defined_says_why(measure: Any, reason: str) -> None:
    assert measure.value is None
    assert measure.reason.startswith(reason)
    assert measure.items == 0


def row(*answers: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"answers": [{"worker_id": worker, "content": content} for worker, content in answers]}


def test_the_report_has_every_field() -> None:
    rows = [
        row(("w1", {"name": "Ann", "total": "12.00"}), ("w2", {"name": "ann", "total": "12"})),
        row(("w2", {"name": "Bob", "total": "7"}), ("w1", {"name": "Rob", "total": "7"})),
        row(("w1", {"name": "Eve"}), ("w2", {"name": "Eve", "total": "3"})),
        row(),
        {"answers": []},
    ]
    report = agreement_report(rows, normalisers={"total": "number"})
    pairs = [("ann", "ann"), ("rob", "bob"), ("eve", "eve")]
    assert report["name"] == {
        "items": 3,
        "answers": 6,
        "percent": pytest.approx(200 / 3),
        "cohen_kappa": pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True))),
        "fleiss_kappa": fleiss_kappa(pairs).value,
        "krippendorff_alpha": krippendorff_alpha(pairs).value,
        "undefined": {},
    }
    assert report["total"]["percent"] == pytest.approx(200 / 3)
    assert list(agreement_report(rows, fields=["name"])) == ["name"]


def test_the_report_says_what_three_reviewers_leave_undefined() -> None:
    rows = [row(("w1", {"a": "x"}), ("w2", {"a": "x"})), row(("w3", {"a": "y"}), ("w1", {"a": "y"}))]
    report = agreement_report([*rows, row(("w1", {"a": "x"}))])["a"]
    assert (report["percent"], report["krippendorff_alpha"]) == (100, 1)
    assert (report["cohen_kappa"], report["fleiss_kappa"]) == (None, None)
    assert report["undefined"] == {
        "cohen_kappa": "there are more than two reviewers; use Krippendorff's alpha",
        "fleiss_kappa": "the items have different numbers of answers; use Krippendorff's alpha",
    }
    assert (report["items"], report["answers"]) == (2, 5)


def test_the_memory_of_a_report_is_bounded_by_the_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Free text, every answer another one: percent stays exact, the rest says why it is not there."""
    monkeypatch.setattr(a2i.agreement, "MOST_VALUES", 500)

    def rows(count: int) -> Iterator[dict[str, Any]]:
        for number in range(count):
            yield row(("w1", {"a": f"{number} " * 40}), ("w2", {"a": f"{number}{' x' * (number % 2)} " * 40}))

    peaks = []
    for count in (2_000, 20_000):
        tracemalloc.start()
        report = agreement_report(rows(count))["a"]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert report["percent"] == 50
        assert report["krippendorff_alpha"] is None
        assert set(report["undefined"]) == {"cohen_kappa", "fleiss_kappa", "krippendorff_alpha"}
        assert "different values" in report["undefined"]["cohen_kappa"]
    assert peaks[1] < 1.2 * peaks[0]


def test_cohen_goes_by_the_reviewer_not_by_who_answered_first() -> None:
    rows = [row(("w1", {"a": "x"}), ("w2", {"a": "y"})), row(("w2", {"a": "y"}), ("w1", {"a": "x"}))]
    assert agreement_report(rows)["a"]["cohen_kappa"] == 0
    assert cohen_kappa([("x", "y"), ("y", "x")]).value == -1


def test_long_answers_are_not_kept() -> None:
    def rows() -> Iterator[dict[str, Any]]:
        for number in range(300):
            text = f"{number} {'x' * 20_000}"
            yield row(("w1", {"a": text}), ("w2", {"a": f" {text}"}))

    tracemalloc.start()
    report = agreement_report(rows())["a"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report["krippendorff_alpha"] == 1
    assert peak < 2_000_000
