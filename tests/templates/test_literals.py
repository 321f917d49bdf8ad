"""The two readers of literals, in Python for `template check` and in the browser, agree."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from literal_cases import READABLE, UNREADABLE

from review_desk.templates.literals import parse_literal


@pytest.mark.parametrize(("text", "value"), READABLE)
def test_what_javascript_reads_is_read(text: str, value: Any) -> None:
    assert parse_literal(text) == value


@pytest.mark.parametrize(("text", "message"), UNREADABLE)
def test_what_cannot_be_read_is_said_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_literal(text)
    assert str(error.value) == message


@given(st.text(alphabet="[]{}'\"`,:\\ux09aN-+./*\n \ud800"))
def test_anything_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_literal(text)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_literal("[" * 100_000)
