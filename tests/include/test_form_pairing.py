"""Labels find their values: under them, beside them, behind a colon, askew and misread."""

from __future__ import annotations

import math

import pytest

from include.form_fields import FormField, FormType
from include.form_pairing import Line, pair_fields

FORM = FormType(
    "test",
    "Test",
    (FormField("first_name", "First name"), FormField("last_name", "Last name"), FormField("city", "City")),
)


def line(text: str, left: float, top: float, *, score: float = 1.0, height: float = 30) -> Line:
    right = left + 14 * len(text)
    corners = ((left, top), (right, top), (right, top + height), (left, top + height))
    return Line(text, score, corners)


def turned(lines: list[Line], degrees: float) -> list[Line]:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [
        Line(
            item.text,
            item.score,
            tuple((x * cos - y * sin, x * sin + y * cos) for x, y in item.corners),  # type: ignore[arg-type]
        )
        for item in lines
    ]


BOXED = [
    line("About you", 60, 20),
    line("First name", 70, 100),
    line("Last name", 600, 100),
    line("Ann", 74, 140, score=0.8),
    line("O'Neill", 604, 140),
    line("City", 70, 220),
    line("New Ian", 74, 260),
    line("About the job", 60, 330),
]


@pytest.mark.parametrize("degrees", [0, 1.5, -1.5])
def test_values_under_their_labels(degrees: float) -> None:
    pairs = pair_fields(turned(BOXED, degrees), FORM)
    assert {name: pair.text for name, pair in pairs.items()} == {
        "first_name": "Ann",
        "last_name": "O'Neill",
        "city": "New Ian",
    }
    assert pairs["first_name"].score == 0.8
    assert all(pair.certainty == 1 for pair in pairs.values())


def test_values_beside_their_labels() -> None:
    lines = [
        line("First name", 70, 100),
        line("Ann", 300, 102),
        line("Last name", 70, 150),
        line("O'Neill", 300, 151),
    ]
    pairs = pair_fields(lines, FORM)
    assert {name: pair.text for name, pair in pairs.items()} == {"first_name": "Ann", "last_name": "O'Neill"}


def test_a_value_behind_a_colon() -> None:
    assert pair_fields([line("City: North Mark", 70, 100)], FORM)["city"].text == "North Mark"


def test_a_misread_label_is_found_and_less_certain() -> None:
    pairs = pair_fields([line("Frst narne", 70, 100), line("Ann", 74, 140)], FORM)
    assert pairs["first_name"].text == "Ann"
    assert 0.7 < pairs["first_name"].certainty < 1


def test_a_value_in_pieces_is_put_together_with_the_lowest_score() -> None:
    lines = [line("City", 70, 100), line("New", 74, 140, score=0.9), line("York", 130, 141, score=0.7)]
    pair = pair_fields(lines, FORM)["city"]
    assert (pair.text, pair.score) == ("New York", 0.7)


def test_the_neighbouring_box_is_not_drawn_in_when_its_label_is_lost() -> None:
    lines = [line("First name", 70, 100), line("Ann", 74, 140), line("O'Neill", 604, 140)]
    assert pair_fields(lines, FORM)["first_name"].text == "Ann"


def test_a_label_without_a_value_is_left_out() -> None:
    assert pair_fields([line("City", 70, 100), line("About the job", 60, 200)], FORM) == {}


def test_no_lines_no_pairs() -> None:
    assert pair_fields([], FORM) == {}
