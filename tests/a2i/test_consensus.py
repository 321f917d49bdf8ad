"""The vote on answers."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2i.consensus import consolidate, settle
from a2i.normalisers import NORMALISERS
from a2i.normalisers import normalise_text as normalise

ANSWERS = st.lists(
    st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "Ann", "ANN", "ann ", "Bob", "7"])),
    min_size=1,
    max_size=3,
)


def vote(*values: str) -> str | None:
    return consolidate([{"name": value} for value in values]).fields.get("name")


@pytest.mark.parametrize(
    ("values", "winner"),
    [
        (("Ann",), "Ann"),
        (("Ann", "Ann"), "Ann"),
        (("Ann", "Bob"), None),
        (("Ann", "Bob", "Ann"), "Ann"),
        (("Ann", "Bob", "Eve"), None),
        (("ann", " Ann", "Bob"), " Ann"),
        (("12 Main St", "12  main st", "12 main St"), "12  main st"),
        (("", "", "Ann"), ""),
    ],
)
def test_votes(values: tuple[str, ...], winner: str | None) -> None:
    assert vote(*values) == winner


def test_an_absent_field_is_a_blank_one() -> None:
    result = consolidate([{"name": "Ann"}, {}, {}], ["name"])
    assert result.fields == {"name": ""}
    assert consolidate([{"name": "Ann"}, {}], ["name"]).disputed == ("name",)


def test_values_that_are_no_text_are_compared_as_json() -> None:
    boxes = [{"boxes": [{"left": 1, "top": 2}]}, {"boxes": [{"top": 2, "left": 1}]}]
    assert consolidate(boxes).fields == {"boxes": [{"left": 1, "top": 2}]}


@given(ANSWERS)
def test_the_order_of_the_answers_does_not_matter(answers: list[dict[str, str]]) -> None:
    results = {
        (tuple(sorted(result.fields.items())), frozenset(result.disputed))
        for order in permutations(answers)
        for result in [consolidate(order)]
    }
    assert len(results) == 1


@given(ANSWERS)
def test_every_field_is_decided_or_disputed_and_decided_by_a_majority(answers: list[dict[str, str]]) -> None:
    result = consolidate(answers, "abc")
    assert set(result.fields) | set(result.disputed) == set("abc")
    assert not set(result.fields) & set(result.disputed)
    for name, value in result.fields.items():
        agreeing = [answer for answer in answers if normalise(answer.get(name, "")) == normalise(value)]
        assert 2 * len(agreeing) > len(answers)


NUMBERS = [
    ("1,234.50", "1234.5"),
    ("1.234,50", "1234.5"),
    ("$ 1,234", "1234"),
    ("1'234.00 €", "1234"),
    ("1 234 567", "1234567"),
    ("1.234.567", "1234567"),
    ("1.234", "1.234"),
    ("12,5", "12.5"),
    ("-0.00", "0"),
    ("−7", "-7"),
    (".5", "0.5"),
    (1234.5, "1234.5"),
    (12, "12"),
    ("1,23,456", "1,23,456"),
    ("12 USD", "12 usd"),
    ("1.2.2026", "1.2.2026"),
    ("5.", "5."),
    ("-", "-"),
    ("", ""),
    (None, ""),
    (True, "true"),
]
DATES = [
    ("2026-04-03", "2026-04-03"),
    ("2026/4/3", "2026-04-03"),
    ("3.4.2026", "2026-04-03"),
    ("3 April 2026", "2026-04-03"),
    ("3rd Apr. 2026", "2026-04-03"),
    ("APRIL 3, 2026", "2026-04-03"),
    ("Sept 3rd, 2026", "2026-09-03"),
    ("25/12/2026", "2026-12-25"),
    ("12/25/2026", "2026-12-25"),
    ("4/4/2026", "2026-04-04"),
    ("3/4/2026", "3/4/2026"),
    ("31.2.2026", "31.2.2026"),
    ("3/4/26", "3/4/26"),
    ("soon", "soon"),
]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        *(("number", *pair) for pair in NUMBERS),
        *(("date", *pair) for pair in DATES),
        ("date_day_first", "3/4/2026", "2026-04-03"),
        ("date_month_first", "3-4-2026", "2026-03-04"),
        ("date_month_first", "3.4.2026", "2026-04-03"),
        ("labels", ["b", "A", "a "], '["a", "b"]'),
        ("labels", {"labels": ["b", "a"]}, '["a", "b"]'),
        ("labels", "A", "a"),
        ("text", {"labels": ["b", "a", "b"]}, '{"labels": ["a", "b"]}'),
        ("text", {"cat": {"label": "Tabby  Cat"}}, '{"cat": {"label": "tabby cat"}}'),
        ("text", ["b", "a"], '["b", "a"]'),
    ],
)
def test_what_answers_are_compared_by(name: str, value: Any, text: str) -> None:
    assert NORMALISERS[name](value) == text


def test_each_field_has_its_normaliser() -> None:
    answers = [
        {"total": "1,234.50", "due": "3.4.2026", "tags": ["b", "a"]},
        {"total": "1234.5", "due": "2026-04-03", "tags": ["a", "b"]},
    ]
    assert consolidate(answers).disputed == ("total", "due", "tags")
    agreed = consolidate(answers, normalisers={"total": "number", "due": "date", "tags": "labels"})
    assert agreed.disputed == ()
    assert agreed.fields == {"total": "1,234.50", "due": "2026-04-03", "tags": ["a", "b"]}
    assert consolidate(answers, ["due"], {"due": lambda value: str(value)[-1]}).disputed == ("due",)
    with pytest.raises(
        ValueError, match="The normaliser of 'due' is 'day', must be text or number or date or"
    ):
        consolidate(answers, normalisers={"due": "day"})


def test_labels_are_sets_and_boxes_are_not() -> None:
    one = {"tags": {"labels": ["cat", "dog"]}, "boxes": {"boundingBoxes": [{"left": 1}, {"left": 2}]}}
    other = {"tags": {"labels": ["dog", "cat"]}, "boxes": {"boundingBoxes": [{"left": 2}, {"left": 1}]}}
    assert consolidate([one, other]).disputed == ("boxes",)


def test_every_field_says_where_it_comes_from() -> None:
    predicted = {"name": "Amn", "city": "Rome", "note": "x"}
    assert settle(predicted, []).sources == {"name": "model", "city": "model", "note": "model"}
    assert set(settle(predicted, [{}]).sources.values()) == {"person"}
    answers = [{"name": "Ann", "city": "Rom", "note": "y"}, {"name": "Anne", "city": "Rom", "note": "z"}]
    two = settle(predicted, answers)
    assert two.sources == {"name": "model", "city": "consensus", "note": "model"}
    decided = settle(predicted, answers, adjudication={"name": "Anna"})
    assert decided.source == "adjudication"
    assert decided.fields == {"name": "Anna", "city": "Rom", "note": ""}
    assert decided.sources == {"name": "adjudication", "city": "consensus", "note": "adjudication"}
    assert decided.disputed == ()
    assert settle(predicted, answers, adjudication={"city": "Roma"}).fields["city"] == "Roma"
    alone = settle(predicted, [], adjudication={"name": "Anna"})
    assert (alone.source, alone.fields["name"], alone.sources["city"]) == ("adjudication", "Anna", "model")


@pytest.mark.parametrize(
    ("values", "winner"),
    [
        (("a", "a", "b", "b"), None),
        (("a", "a", "a", "b"), "a"),
        (("a", "a", "b", "c"), None),
        (("a", "a", "b", "b", "a"), "a"),
        (("a", "a", "b", "b", "c"), None),
    ],
)
def test_votes_of_more_than_three(values: tuple[str, ...], winner: str | None) -> None:
    assert vote(*values) == winner
