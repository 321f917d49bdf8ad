"""The structure of HumanLoopActivationConditions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from review_desk.engine.activation_conditions import parse_activation_conditions
from review_desk.engine.errors import InvalidError

TEXTRACT = "AWS/Textract/AnalyzeDocument/Forms/V1"
REKOGNITION = "AWS/Rekognition/DetectModerationLabels/Image/V3"

SAMPLING = {"ConditionType": "Sampling", "ConditionParameters": {"RandomSamplingPercentage": 5}}
MISSING = {
    "ConditionType": "MissingImportantFormKey",
    "ConditionParameters": {"ImportantFormKey": "Total:", "ImportantFormKeyAliases": ["Total"]},
}
UNSURE = {
    "ConditionType": "ImportantFormKeyConfidenceCheck",
    "ConditionParameters": {"ImportantFormKey": "*", "KeyValueBlockConfidenceLessThan": 60},
}
SUGGESTIVE = {
    "ConditionType": "ModerationLabelConfidenceCheck",
    "ConditionParameters": {"ModerationLabelName": "Suggestive", "ConfidenceLessThan": 98},
}


@pytest.mark.parametrize(
    ("source", "conditions"),
    [
        (TEXTRACT, []),
        (TEXTRACT, [SAMPLING]),
        (TEXTRACT, [UNSURE, MISSING]),
        (TEXTRACT, [{"Or": [UNSURE, MISSING]}, SAMPLING]),
        (TEXTRACT, [{"Or": [{"And": [UNSURE, SAMPLING]}, MISSING, {"Or": [UNSURE, MISSING]}]}]),
        (TEXTRACT, [{"ConditionType": "Sampling"}]),
        (REKOGNITION, [{"And": [SUGGESTIVE, SAMPLING]}]),
    ],
)
def test_what_a2i_documents_is_accepted(source: str, conditions: list[Any]) -> None:
    assert parse_activation_conditions(json.dumps({"Conditions": conditions}), source) == conditions


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ('{"Conditions": [}', "is not JSON: Expecting value: line 1 column 17"),
        ("[" * 10_000, "is not JSON"),
        ("[]", 'must be a JSON object with a list, as in {"Conditions": […]}.'),
        ("null", "must be a JSON object with a list"),
        (json.dumps(SAMPLING), "must be a JSON object with a list"),
        ('{"Conditions": {}}', "must be a JSON object with a list"),
    ],
)
def test_what_is_no_list_of_conditions_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_activation_conditions(text, TEXTRACT)
    assert str(caught.value).startswith("HumanLoopActivationConditions ")
    assert words in str(caught.value)


TWO_DEEP = {"And": [SAMPLING, {"Or": [UNSURE, MISSING]}]}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("Sampling", "Conditions[1] must be a JSON object"),
        ({}, "Conditions[1] must have exactly one of ConditionType, And, Or"),
        (
            {"Not": SAMPLING},
            "Conditions[1] must have exactly one of ConditionType, And, Or (there is no Not)",
        ),
        ({"Or": [UNSURE, MISSING], **SAMPLING}, "Conditions[1] must have exactly one"),
        ({"And": [UNSURE, MISSING], "Or": [UNSURE, MISSING]}, "Conditions[1] must have exactly one"),
        ({"Or": [UNSURE]}, "Conditions[1].Or must be a list of at least 2 entries"),
        ({"And": UNSURE}, "Conditions[1].And must be a list of at least 2 entries"),
        ({"And": [UNSURE, {"Or": []}]}, "Conditions[1].And[1].Or must be a list of at least 2 entries"),
        ({"Or": [UNSURE, 5]}, "Conditions[1].Or[1] must be a JSON object"),
        (
            {"Or": [MISSING, TWO_DEEP]},
            "Conditions[1].Or[1].And[1].Or is nested 3 deep, at most 2 levels of And and Or are possible",
        ),
        (
            {"Or": [MISSING, {"ConditionType": "Guess"}]},
            'Conditions[1].Or[1].ConditionType is "Guess", must be ImportantFormKeyConfidenceCheck or '
            "MissingImportantFormKey or Sampling",
        ),
        ({"ConditionType": ["Sampling"]}, 'Conditions[1].ConditionType is ["Sampling"], must be'),
        (SUGGESTIVE, 'Conditions[1].ConditionType is "ModerationLabelConfidenceCheck", must be'),
        (
            {"ConditionType": "Sampling", "ConditionParameters": 5},
            "Conditions[1].ConditionParameters must be a JSON object",
        ),
    ],
)
def test_the_place_and_the_rule_are_named(entry: Any, words: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_activation_conditions(json.dumps({"Conditions": [SAMPLING, entry]}), TEXTRACT)
    assert str(caught.value).startswith(f"HumanLoopActivationConditions: {words}")


def test_each_source_has_its_own_types() -> None:
    with pytest.raises(InvalidError, match="must be ModerationLabelConfidenceCheck or Sampling"):
        parse_activation_conditions(json.dumps({"Conditions": [MISSING]}), REKOGNITION)
