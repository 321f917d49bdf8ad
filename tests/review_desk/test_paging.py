"""Pages of lists: loops of one millisecond, and tokens that no list returned."""

from __future__ import annotations

import base64

import pytest
from review_desk_fixtures import SCOPE, Desk

from review_desk.engine.errors import InvalidError
from review_desk.engine.paging import PageRequest


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("page_size", [1, 2, 3, 5, 6])
def test_loops_of_one_millisecond_are_not_lost_at_a_pages_edge(
    desk: Desk, page_size: int, ascending: bool
) -> None:
    flow = desk.flow()
    names = [f"loop-{number}" for number in range(6)]
    for number, name in enumerate(names):
        desk.start(flow, name)
        if number == 3:
            desk.clock.advance(0.001)
    found: list[str] = []
    token = None
    while True:
        request = PageRequest(ascending=ascending, token=token, limit=page_size)
        loops, token = desk.loops.list(SCOPE, flow, request)
        found += [loop.name for loop in loops]
        if token is None:
            break
    assert found == (names if ascending else names[::-1])


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "äöü",
        encoded("5"),
        encoded("[1]"),
        encoded("[1, 2, 3]"),
        encoded('["a", 1]'),
        encoded("[null, 1]"),
        encoded("[1, null]"),
        encoded('[1, "a"]'),
        encoded("[1e400, 1]"),
        encoded("[99999999999999999999, 1]"),
        encoded("[-99999999999999999, 1]"),
        encoded("[1, 99999999999999999999]"),
        encoded("[" * 5000),
    ],
)
def test_a_token_that_no_list_returned_is_refused(desk: Desk, token: str) -> None:
    flow = desk.flow()
    if token:
        with pytest.raises(InvalidError, match="NextToken is not one that this list returned"):
            desk.loops.list(SCOPE, flow, PageRequest(token=token))
    else:
        desk.loops.list(SCOPE, flow, PageRequest(token=token))


def test_a_token_of_another_order_is_refused(desk: Desk) -> None:
    for name in ("a", "b"):
        desk.team(name)
    teams = desk.service.workteams
    by_name = teams.list(SCOPE, PageRequest(limit=1), by_name=True).next_token
    by_time = teams.list(SCOPE, PageRequest(limit=1)).next_token
    with pytest.raises(InvalidError):
        teams.list(SCOPE, PageRequest(limit=1, token=by_name))
    with pytest.raises(InvalidError):
        teams.list(SCOPE, PageRequest(limit=1, token=by_time), by_name=True)
