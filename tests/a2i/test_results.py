"""Bringing results back to their rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2i.batch.results import join_results
from a2i.consensus import settle


@given(st.lists(st.tuples(st.text(), st.booleans()), unique_by=lambda pair: pair[0]))
def test_every_row_once_with_its_own_result(given_rows: list[tuple[str, bool]]) -> None:
    rows = [{"item_id": name} for name, _ in given_rows]
    results = [{"item_id": name, "answer": name} for name, reviewed in given_rows if reviewed]
    joined = list(join_results(iter(rows), iter(results)))
    assert [row["item_id"] for row, _ in joined] == [name for name, _ in given_rows]
    assert [result and result["answer"] for _, result in joined] == [
        name if reviewed else None for name, reviewed in given_rows
    ]


def test_a_result_without_a_row_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="the result of 'b' belongs to no row"):
        list(join_results([{"item_id": "a"}], [{"item_id": "b"}]))


def test_settling_keeps_the_models_value_where_people_do_not_agree() -> None:
    predicted = {"name": "Amn", "city": "Rome", "note": "x"}
    alone = settle(predicted, [{"name": "Ann", "city": "Rome"}])
    assert (alone.source, alone.fields, alone.disputed) == (
        "person",
        {"name": "Ann", "city": "Rome", "note": ""},
        (),
    )
    two = settle(predicted, [{"name": "Ann", "note": "x"}, {"name": "Anne", "note": "x"}])
    assert (two.source, two.fields, two.disputed) == (
        "consensus",
        {"name": "Amn", "city": "", "note": "x"},
        ("name",),
    )
    assert settle(predicted, []).source == "model"
