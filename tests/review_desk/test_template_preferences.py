"""What a template keeps is little and simple, of its own flow definition, and for one worker alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from portal_house import House
from review_desk_fixtures import SCOPE, Desk

from review_desk.engine.errors import InvalidError, NotFoundError
from review_desk.engine.template_preferences import MOST_FLOW_DEFINITIONS

PATH = "/portal/api/template-preferences"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"))
    house.desk.flow("of-others", "others")
    yield house
    house.close()


def test_it_is_kept_for_one_worker_and_one_flow_definition(house: House) -> None:
    other = house.desk.flow("other-flow")

    def kept(caller: str) -> Any:
        return house.call("GET", PATH, caller, None).json()["flow_definitions"]

    def change(caller: str, flow: str, changes: Any) -> Any:
        answer = house.call("PATCH", PATH, caller, {"flow_definition": flow, "changes": changes})
        assert answer.status_code == 200, answer.text
        return answer.json()["preferences"]

    first = {"keys.accept": "F2", "singles": False, "zoom": 1.5, "columns": 2}
    assert change("worker", house.flow, first) == first
    assert change("worker", other, {"zoom": 3}) == {"zoom": 3}
    assert change("worker", house.flow, {"zoom": None, "keys.accept": "F3"}) == {
        "keys.accept": "F3",
        "singles": False,
        "columns": 2,
    }
    assert kept("worker") == {
        house.flow: {"keys.accept": "F3", "singles": False, "columns": 2},
        other: {"zoom": 3},
    }
    assert kept("lead") == {}
    change("lead", house.flow, {"zoom": 1})
    assert house.call("DELETE", PATH, "worker", None).status_code == 204
    assert kept("worker") == {}
    assert kept("lead") == {house.flow: {"zoom": 1}}


@pytest.mark.parametrize(
    "changes",
    [
        [],
        {"": 1},
        {"<b>": 1},
        {"1a": 1},
        {"a b": 1},
        {"x" * 55: 1},
        {"a": {"b": 1}},
        {"a": [1]},
        {"a": "x" * 201},
        {"a": "\x00"},
        {"a": 1e16},
        {"a": -(10**400)},
        {f"a{number}": 1 for number in range(51)},
        {f"a{number}": "y" * 200 for number in range(20)},
        {f"a{number}": "ä" * 200 for number in range(4)},
    ],
)
def test_what_a_hostile_template_could_send_is_refused(house: House, changes: Any) -> None:
    answer = house.call(
        "PATCH",
        PATH,
        "admin",
        {"flow_definition": SCOPE.arn("flow-definition", "of-others"), "changes": changes},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Invalid")
    assert "\n" not in answer.json()["error"]["message"]
    assert house.call("GET", PATH, "admin", None).json() == {"flow_definitions": {}}


def test_limits_count_what_is_kept_already(desk: Desk) -> None:
    worker, flow = desk.worker("ann"), desk.flow()
    store = desk.service.template_preferences
    names = {f"a{number}": 1 for number in range(50)}
    assert store.change(worker, flow, names) == names
    with pytest.raises(InvalidError, match="at most 50"):
        store.change(worker, flow, {"b": 1})
    assert store.of(worker) == {flow: names}
    assert "b" in store.change(worker, flow, {"a0": None, "b": 1})


def test_flow_definitions_of_others_are_not_there(desk: Desk) -> None:
    worker = desk.worker("ann")
    desk.team("others")
    flow = desk.flow("of-others", "others")
    for arn in (
        flow,
        "x",
        flow.replace("us-east-1", "eu-west-1"),
        flow.replace("flow-definition", "workteam"),
    ):
        with pytest.raises(NotFoundError):
            desk.service.template_preferences.change(worker, arn, {"a": 1})
    assert desk.service.template_preferences.of(worker) == {}


def test_the_flow_definitions_changed_last_are_kept(tmp_path: Any) -> None:
    desk = Desk(tmp_path)
    worker, other = desk.worker("ann"), desk.worker("bob")
    store = desk.service.template_preferences
    flows = [desk.flow(f"flow-{number}") for number in range(MOST_FLOW_DEFINITIONS + 2)]
    store.change(other, flows[0], {"a": 1})
    for flow in flows:
        desk.clock.advance(1)
        store.change(worker, flow, {"a": 1})
    assert set(store.of(worker)) == set(flows[2:])
    assert set(store.of(other)) == {flows[0]}
    desk.service.database.engine.dispose()
