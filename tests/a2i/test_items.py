"""Items: what is taken, and why the rest is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2i.batch.items import LONGEST_INPUT, BadItem, Item, from_list, parse_item, parse_line, unique
from a2i.batch.parts import parts_of


async def gathered(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.text(min_size=1, max_size=50), st.dictionaries(st.text(), JSON))
def test_the_input_arrives_as_it_was(item_id: str, value: dict[str, Any]) -> None:
    item = parse_line(json.dumps({"id": item_id, "input": value}).encode(), "line 1")
    assert isinstance(item, Item)
    assert json.loads(item.content) == value


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"id": "a", "input": {"x": NaN}}', "NaN is no JSON number"),
        (b"[]", 'not an object with "id" and "input"'),
        (b'{"input": {}}', "no id"),
        (b'{"id": 7, "input": {}}', "id '7'"),
        (b'{"id": "", "input": {}}', "id ''"),
        (b'{"id": "a"}', "input is missing"),
        (b'{"id": "a", "input": "text"}', "not a JSON object"),
        (None, "too long"),
    ],
)
def test_bad_lines_say_what_is_wrong(line: bytes | None, complaint: str) -> None:
    item = parse_line(line, "line 3")
    assert isinstance(item, BadItem)
    assert complaint in item.error


def test_the_limit_of_the_input() -> None:
    overhead = len('{"x":""}')
    assert isinstance(
        parse_item({"id": "a", "input": {"x": "ä" * (LONGEST_INPUT - overhead)}}, "item 1"), Item
    )
    refused = parse_item({"id": "a", "input": {"x": "ä" * (LONGEST_INPUT - overhead + 1)}}, "item 1")
    assert isinstance(refused, BadItem)
    assert "3,145,729 characters" in refused.error


def test_a_value_that_json_cannot_hold() -> None:
    refused = parse_item({"id": "a", "input": {"x": {1, 2}}}, "item 1")
    assert isinstance(refused, BadItem)
    assert "not JSON" in refused.error


def test_the_second_of_two_equal_ids_is_refused() -> None:
    given_items = [{"id": "a", "input": {}}, {"id": "b", "input": {}}, {"id": "a", "input": {"other": 1}}]
    first, second, third = asyncio.run(gathered(unique(from_list(given_items))))
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert third == BadItem("item 3", "a", "duplicate id: an earlier item has it")


def test_parts_hold_a_thousand_items_or_fewer_long_ones() -> None:
    small = [{"id": str(number), "input": {}} for number in range(2001)]
    assert [len(part) for part in asyncio.run(gathered(parts_of(from_list(small))))] == [1000, 1000, 1]
    long = [{"id": str(number), "input": {"x": "x" * 3_000_000}} for number in range(13)]
    assert [len(part) for part in asyncio.run(gathered(parts_of(from_list(long))))] == [12, 1]
