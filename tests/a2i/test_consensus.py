"""The vote on answers."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2i.consensus import consolidate, normalise

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
