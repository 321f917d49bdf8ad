"""Templates render to text; the API wants numbers."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from a2i.shapes import ShapeError, coerce, comparable, differences


@pytest.fixture(scope="module")
def shape() -> Any:
    model = botocore.session.get_session().get_service_model("sagemaker")
    return model.operation_model("CreateFlowDefinition").input_shape


def test_texts_become_numbers_where_the_shape_wants_them(shape: Any) -> None:
    request = {
        "FlowDefinitionName": "2",
        "HumanLoopConfig": {
            "TaskCount": "3",
            "TaskTimeLimitInSeconds": 60,
            "TaskTitle": "7",
            "TaskKeywords": ["1"],
            "PublicWorkforceTaskPrice": {"AmountInUsd": {"Cents": "12"}},
        },
        "NotInTheModel": "5",
    }
    assert coerce(shape, request) == {
        "FlowDefinitionName": "2",
        "HumanLoopConfig": {
            "TaskCount": 3,
            "TaskTimeLimitInSeconds": 60,
            "TaskTitle": "7",
            "TaskKeywords": ["1"],
            "PublicWorkforceTaskPrice": {"AmountInUsd": {"Cents": 12}},
        },
        "NotInTheModel": "5",
    }


def test_a_text_that_is_no_number_is_named(shape: Any) -> None:
    with pytest.raises(ShapeError, match=r"^HumanLoopConfig\.TaskCount must be a number, got 'two'$"):
        coerce(shape, {"HumanLoopConfig": {"TaskCount": "two"}})


def test_differences_name_the_member_and_both_values() -> None:
    wanted = {"A": {"x": 1, "y": 2}, "B": "b"}
    found = {"A": {"x": 1, "y": 3, "default": True}, "Status": "Active"}
    assert differences(wanted, found) == ["A.y is 3, wanted 2", "B is not set, wanted 'b'"]
    assert differences(wanted, {**wanted, "more": 1}) == []


def test_blanks_in_activation_conditions_make_no_difference() -> None:
    def configuration(text: str) -> dict[str, Any]:
        conditions = {"HumanLoopActivationConditions": text}
        return {"HumanLoopActivationConfig": {"HumanLoopActivationConditionsConfig": conditions}}

    assert comparable(configuration('{"a": 1}')) == comparable(configuration('{ "a":1 }'))
    assert comparable(configuration('{"a": 1}')) != comparable(configuration('{"a": 2}'))
    assert comparable(configuration("no JSON")) == configuration("no JSON")
    assert comparable({"RoleArn": "r"}) == {"RoleArn": "r"}
