"""Laws that activation conditions keep, whatever the data."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2i.activation import Evaluation, least_sure, parse_conditions

CONFIDENCES = st.one_of(st.integers(0, 100), st.floats(0, 100), st.none())
DATA = st.fixed_dictionaries({}, optional=dict.fromkeys("abc", CONFIDENCES))
CHECKS = st.builds(
    lambda name, threshold, limit: {
        "ConditionType": "ConfidenceCheck",
        "ConditionParameters": {"Path": f"$.{name}", f"Confidence{threshold}": limit},
    },
    st.sampled_from("abc"),
    st.sampled_from(["LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals", "Equals"]),
    st.integers(0, 100),
)
SAMPLINGS = st.builds(
    lambda percentage: {
        "ConditionType": "Sampling",
        "ConditionParameters": {"RandomSamplingPercentage": percentage},
    },
    st.floats(0.01, 100),
)
TREES = st.recursive(
    st.one_of(CHECKS, SAMPLINGS),
    lambda inner: st.one_of(
        st.builds(lambda entries: {"And": entries}, st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda entries: {"Or": entries}, st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda entry: {"Not": entry}, inner),
    ),
    max_leaves=6,
).filter(lambda tree: depth(tree) <= 8)
NAMES = st.text(max_size=5)


def depth(tree: dict[str, Any]) -> int:
    inner = [tree["Not"]] if "Not" in tree else tree.get("And") or tree.get("Or") or []
    return 1 + max(map(depth, inner)) if inner else 0


def evaluate(tree: dict[str, Any], data: dict[str, Any], item_id: str) -> Evaluation:
    return parse_conditions({"Conditions": [tree]}).evaluate(data, item_id)


def is_true(tree: dict[str, Any], data: dict[str, Any], item_id: str) -> bool:
    return evaluate(tree, data, item_id).is_activated


@given(TREES, TREES, DATA, NAMES)
def test_and_or_and_not_are_those_of_logic(
    left: dict[str, Any], right: dict[str, Any], data: dict[str, Any], item_id: str
) -> None:
    one, other = is_true(left, data, item_id), is_true(right, data, item_id)
    assert is_true({"And": [left, right]}, data, item_id) == (one and other)
    assert is_true({"Or": [left, right]}, data, item_id) == (one or other)
    assert is_true({"And": [right, left]}, data, item_id) == (one and other)
    assert is_true({"And": [left, left]}, data, item_id) == one
    assert is_true({"Or": [left, {"And": [left, right]}]}, data, item_id) == one
    neither = {"Not": {"Or": [left, right]}}
    assert is_true(neither, data, item_id) == is_true({"And": [{"Not": left}, {"Not": right}]}, data, item_id)
    assert is_true({"Not": {"Not": left}}, data, item_id) == one
    entries = parse_conditions({"Conditions": [left, right]}).evaluate(data, item_id)
    assert entries.is_activated == (one or other)


@given(TREES, st.fixed_dictionaries({name: st.floats(0, 100) for name in "abc"}), NAMES)
def test_not_turns_the_answer_around_where_nothing_is_missing(
    tree: dict[str, Any], data: dict[str, float], item_id: str
) -> None:
    assert is_true({"Not": tree}, data, item_id) != is_true(tree, data, item_id)


@given(TREES, DATA, NAMES)
def test_an_activated_item_has_a_reason_and_every_node_its_result(
    tree: dict[str, Any], data: dict[str, Any], item_id: str
) -> None:
    result = evaluate(tree, data, item_id)
    assert bool(result.reasons) == result.is_activated
    assert result == evaluate(tree, data, item_id)

    def stripped(node: dict[str, Any]) -> dict[str, Any]:
        assert isinstance(node["EvaluationResult"], bool)
        kept: dict[str, Any] = {}
        for name, value in node.items():
            if name in ("And", "Or"):
                kept[name] = [stripped(entry) for entry in value]
            elif name == "Not":
                kept[name] = stripped(value)
            elif name != "EvaluationResult":
                kept[name] = value
        return kept

    assert stripped(result.results["Conditions"][0]) == tree
    assert result.results["Conditions"][0]["EvaluationResult"] == result.is_activated


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_thresholds_are_monotonic(confidence: float, one: float, other: float) -> None:
    low, high = sorted((one, other))

    def activated(name: str, limit: float) -> bool:
        parameters = {"Path": "$.c", f"Confidence{name}": limit}
        tree = {"ConditionType": "ConfidenceCheck", "ConditionParameters": parameters}
        return is_true(tree, {"c": confidence}, "i")

    for name in ("LessThan", "LessThanEquals"):
        assert activated(name, low) <= activated(name, high)
    for name in ("GreaterThan", "GreaterThanEquals"):
        assert activated(name, high) <= activated(name, low)
    assert activated("LessThan", one) != activated("GreaterThanEquals", one)
    assert activated("LessThanEquals", one) == (activated("LessThan", one) or activated("Equals", one))


@given(NAMES, st.floats(0.01, 100), st.floats(0.01, 100))
def test_a_higher_percentage_only_adds_items(item_id: str, one: float, other: float) -> None:
    low, high = sorted((one, other))

    def sampled(percentage: float) -> bool:
        parameters = {"RandomSamplingPercentage": percentage}
        tree = {"ConditionType": "Sampling", "ConditionParameters": parameters}
        return is_true(tree, {}, item_id)

    assert sampled(low) <= sampled(high)


@pytest.mark.parametrize("percentage", [0.01, 1, 5, 33.3, 50, 99.99, 100])
def test_the_sampled_share_is_right(percentage: float) -> None:
    """Within five standard deviations of a fair draw of 100,000; the ids are the worst ones, consecutive numbers."""
    conditions = parse_conditions(
        {
            "Conditions": [
                {
                    "ConditionType": "Sampling",
                    "ConditionParameters": {"RandomSamplingPercentage": percentage},
                }
            ]
        }
    )
    count = 100_000
    sampled = sum(conditions.evaluate({}, str(number)).is_activated for number in range(count))
    share = percentage / 100
    assert abs(sampled - count * share) <= 5 * (count * share * (1 - share)) ** 0.5
    assert (sampled == count) == (percentage == 100)


@given(st.dictionaries(NAMES, st.integers(0, 5), max_size=12), st.integers(0, 15), st.randoms())
def test_the_least_sure_do_not_depend_on_the_order(items: dict[str, int], most: int, random: Any) -> None:
    conditions = parse_conditions(
        {
            "Conditions": [
                {
                    "ConditionType": "ConfidenceCheck",
                    "ConditionParameters": {"Path": "$.c", "ConfidenceLessThan": 4},
                }
            ]
        }
    )
    found = [(name, conditions.evaluate({"c": confidence}, name)) for name, confidence in items.items()]
    chosen = least_sure(found, most)
    random.shuffle(found)
    assert least_sure(found, most) == chosen
    unsure = sorted(confidence for confidence in items.values() if confidence < 4)
    assert sorted(items[name] for name in chosen) == unsure[:most]
