"""Activation conditions: A2I's documented examples, the extensions, what is refused, and who goes first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from a2i.activation import (
    ActivationConditionsError,
    ActivationDataError,
    Evaluation,
    least_sure,
    parse_conditions,
)


def leaf(condition_type: str, **parameters: Any) -> dict[str, Any]:
    return {"ConditionType": condition_type, "ConditionParameters": parameters}


def form_key(key: str, *aliases: str, **thresholds: float) -> dict[str, Any]:
    return leaf(
        "ImportantFormKeyConfidenceCheck",
        ImportantFormKey=key,
        ImportantFormKeyAliases=list(aliases),
        **thresholds,
    )


def missing(key: str, *aliases: str) -> dict[str, Any]:
    return leaf("MissingImportantFormKey", ImportantFormKey=key, ImportantFormKeyAliases=list(aliases))


def label(name: str, **thresholds: float) -> dict[str, Any]:
    return leaf("ModerationLabelConfidenceCheck", ModerationLabelName=name, **thresholds)


def check(path: str, **parameters: Any) -> dict[str, Any]:
    return leaf("ConfidenceCheck", Path=path, **parameters)


def sampling(percentage: float) -> dict[str, Any]:
    return leaf("Sampling", RandomSamplingPercentage=percentage)


def form(*pairs: tuple[str, str, float, float], camel_case: bool = False) -> dict[str, Any]:
    """An AnalyzeDocument response: key, value, confidence of the pair, lowest confidence of its words (others 99)."""
    blocks: list[dict[str, Any]] = [{"BlockType": "PAGE", "Id": "page", "Confidence": 99.9}]
    for number, (key, value, confidence, lowest) in enumerate(pairs):
        word_ids: dict[str, list[str]] = {"k": [], "v": []}
        for side, text in (("k", key), ("v", value)):
            for position, word in enumerate(text.split()):
                word_ids[side].append(f"{number}-{side}{position}")
                sure = lowest if (side, position) == ("k", 0) else 99.0
                blocks.append(
                    {"BlockType": "WORD", "Id": word_ids[side][-1], "Text": word, "Confidence": sure}
                )
        children = {side: [{"Type": "CHILD", "Ids": ids}] if ids else [] for side, ids in word_ids.items()}
        blocks += [
            {
                "BlockType": "KEY_VALUE_SET",
                "EntityTypes": ["KEY"],
                "Id": f"{number}-key",
                "Confidence": confidence,
                "Relationships": [{"Type": "VALUE", "Ids": [f"{number}-value"]}, *children["k"]],
            },
            {
                "BlockType": "KEY_VALUE_SET",
                "EntityTypes": ["VALUE"],
                "Id": f"{number}-value",
                "Confidence": confidence,
                "Relationships": children["v"],
            },
        ]
    response = {"DocumentMetadata": {"Pages": 1}, "Blocks": blocks}
    return lower_camel(response) if camel_case else response


def lower_camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: lower_camel(member) for name, member in value.items()}
    return [lower_camel(member) for member in value] if isinstance(value, list) else value


def ids(evaluation: Evaluation) -> set[str]:
    return {block.get("Id") or block["id"] for block in evaluation.selected}


def evaluate(task_type: str, conditions: list[Any], data: Any, item_id: str = "item") -> Evaluation:
    return parse_conditions({"Conditions": conditions}, task_type).evaluate(data, item_id)


PAYSLIP = form(("Pay Date:", "7/10/2008", 61.3, 41.0), ("Net Pay", "$ 291.90", 95.5, 97.0))


@pytest.mark.parametrize("camel_case", [False, True])
def test_the_real_run_of_a_built_in_task(camel_case: bool) -> None:
    """The tree of a real A2I output: only the pair that was unsure is selected, and every node has its result."""
    data = form(("Total", "12.00", 41.29, 60.0), ("Name", "Ann Bee", 99.0, 99.0), camel_case=camel_case)
    unsure = form_key(
        "Total:", "Total Due:", "Total", KeyValueBlockConfidenceLessThan=45, WordBlockConfidenceLessThan=99.5
    )
    no_policy, no_total = missing("Policy Number:", "Policy No."), missing("Total:", "Total")
    result = evaluate("textract", [{"Or": [unsure, no_policy, no_total]}], data)
    assert result.is_activated
    assert json.dumps(result.results) == json.dumps(
        {
            "Conditions": [
                {
                    "EvaluationResult": True,
                    "Or": [
                        {
                            "ConditionParameters": entry["ConditionParameters"],
                            "ConditionType": entry["ConditionType"],
                            "EvaluationResult": is_true,
                        }
                        for entry, is_true in ((unsure, True), (no_policy, True), (no_total, False))
                    ],
                }
            ]
        }
    )
    assert ids(result) == {"0-key", "0-value", "0-k0", "0-v0"}
    assert result.reasons == (
        "Total: confidence 41.29 is below 45 and word confidence 60 is below 99.5",
        "the key 'Policy Number:' is missing",
    )
    assert result.confidence == 41.29


@pytest.mark.parametrize(
    ("condition", "is_true"),
    [
        (form_key("Pay Date:", KeyValueBlockConfidenceLessThan=65), True),
        (form_key("Pay Date:", KeyValueBlockConfidenceLessThan=61.3), False),
        (form_key("Pay Date:", KeyValueBlockConfidenceLessThanEquals=61.3), True),
        (form_key("Pay Date:", KeyValueBlockConfidenceEquals=61.3), True),
        (form_key("Pay Date:", KeyValueBlockConfidenceEquals=61), False),
        (form_key("Pay Date:", KeyValueBlockConfidenceGreaterThan=61.3), False),
        (form_key("Pay Date:", KeyValueBlockConfidenceGreaterThan=61), True),
        (form_key("Pay Date:", KeyValueBlockConfidenceGreaterThanEquals=61.3), True),
        (
            form_key("Pay Date:", KeyValueBlockConfidenceGreaterThan=50, KeyValueBlockConfidenceLessThan=65),
            True,
        ),
        (
            form_key("Pay Date:", KeyValueBlockConfidenceGreaterThan=62, KeyValueBlockConfidenceLessThan=65),
            False,
        ),
        (form_key("PayDate", "Pay Date:", KeyValueBlockConfidenceLessThan=65), True),
        (form_key("Pay  Date:", KeyValueBlockConfidenceLessThan=65), True),
        (form_key("Pay Date", KeyValueBlockConfidenceLessThan=65), False),
        (form_key("pay date:", KeyValueBlockConfidenceLessThan=65), False),
        (form_key("Net Pay", KeyValueBlockConfidenceLessThan=65), False),
        # Every word for a named key, any word for "*".
        (form_key("Pay Date:", WordBlockConfidenceLessThan=85), False),
        (form_key("Pay Date:", WordBlockConfidenceLessThan=99.5), True),
        (form_key("Pay Date:", WordBlockConfidenceLessThanEquals=99), True),
        (form_key("Pay Date:", WordBlockConfidenceGreaterThan=41), False),
        (form_key("Pay Date:", WordBlockConfidenceGreaterThanEquals=41), True),
        (form_key("Pay Date:", WordBlockConfidenceEquals=99), False),
        (form_key("*", WordBlockConfidenceEquals=41), True),
        (form_key("*", WordBlockConfidenceLessThan=85), True),
        (form_key("*", KeyValueBlockConfidenceLessThan=90, WordBlockConfidenceLessThan=90), True),
        (form_key("*", KeyValueBlockConfidenceGreaterThan=90, WordBlockConfidenceLessThan=90), False),
        (missing("Employer:", "Employer"), True),
        (missing("Pay date:", "Pay Date:"), False),
        (sampling(100), True),
        (sampling(0.01), False),
    ],
)
def test_textract_conditions(condition: dict[str, Any], is_true: bool) -> None:
    result = evaluate("textract", [condition], PAYSLIP)
    assert result.is_activated is is_true
    assert result.results == {"Conditions": [{**condition, "EvaluationResult": is_true}]}
    assert bool(result.reasons) is is_true


def test_what_a_reviewer_sees_of_a_form() -> None:
    unsure = form_key("*", KeyValueBlockConfidenceLessThan=65)
    first = {"0-key", "0-value", "0-k0", "0-k1", "0-v0"}
    every = first | {"1-key", "1-value", "1-k0", "1-k1", "1-v0", "1-v1"}
    none: set[str] = set()
    for conditions, expected in (
        ([unsure], first),
        ([form_key("*", KeyValueBlockConfidenceLessThan=99)], every),
        ([missing("Employer")], none),
        ([missing("Employer"), unsure], first),
        ([sampling(100)], every),
        ([{"And": [unsure, sampling(100)]}], first),
        ([{"And": [missing("Employer"), sampling(100)]}], none),
        ([{"And": [sampling(100), sampling(100)]}], every),
        ([{"Or": [unsure, sampling(100)]}], every),
        ([{"Or": [unsure, sampling(0.01)]}], first),
        ([], every),
    ):
        assert ids(evaluate("textract", conditions, PAYSLIP)) == expected, conditions


def test_every_entry_is_evaluated_also_after_a_true_one() -> None:
    entries = [missing("Employer"), form_key("*", KeyValueBlockConfidenceLessThan=65), missing("Net Pay")]
    results = evaluate("textract", entries, PAYSLIP).results["Conditions"]
    assert [entry["EvaluationResult"] for entry in results] == [True, True, False]
    nested = evaluate("textract", [{"And": entries[::-1]}], PAYSLIP).results["Conditions"][0]
    assert [entry["EvaluationResult"] for entry in nested["And"]] == [False, True, True]
    assert nested["EvaluationResult"] is False


def test_blocks_that_were_left_out_are_not_needed() -> None:
    """A page that was cut out of a longer response refers to blocks that it does not have."""
    cut = {"Blocks": [block for block in PAYSLIP["Blocks"] if block["Id"] not in ("0-v0", "1-value")]}
    result = evaluate("textract", [form_key("*", KeyValueBlockConfidenceLessThan=99)], cut)
    assert ids(result) == {"0-key", "0-value", "0-k0", "0-k1", "1-key", "1-k0", "1-k1"}


def test_a_pair_without_a_value_and_a_page_without_pairs() -> None:
    blank = form(("Signature", "", 88.0, 70.0))
    assert evaluate("textract", [form_key("Signature", WordBlockConfidenceLessThan=75)], blank).is_activated
    empty = form()
    result = evaluate("textract", [form_key("*", KeyValueBlockConfidenceLessThan=90)], empty)
    assert (result.is_activated, result.confidence, result.selected) == (False, None, ())


LABELS = {
    "ModerationLabels": [
        {"Confidence": 97.5, "Name": "Suggestive", "ParentName": ""},
        {"Confidence": 71.25, "Name": "Female Swimwear", "ParentName": "Suggestive"},
    ],
    "ModerationModelVersion": "7.0",
}


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        ([label("Suggestive", ConfidenceLessThan=98)], ["Suggestive"]),
        ([label("Suggestive", ConfidenceEquals=97.5)], ["Suggestive"]),
        ([label("suggestive", ConfidenceLessThan=98)], []),
        ([label("Suggestive", ConfidenceLessThanEquals=97.4)], []),
        ([label("*", ConfidenceGreaterThan=70)], ["Suggestive", "Female Swimwear"]),
        ([label("*", ConfidenceGreaterThanEquals=90, ConfidenceLessThanEquals=99)], ["Suggestive"]),
        (
            [
                {
                    "And": [
                        label("Suggestive", ConfidenceGreaterThanEquals=90),
                        label("*", ConfidenceLessThan=80),
                    ]
                }
            ],
            ["Suggestive", "Female Swimwear"],
        ),
        ([{"And": [label("*", ConfidenceLessThan=80), sampling(100)]}], ["Female Swimwear"]),
        ([sampling(100)], ["Suggestive", "Female Swimwear"]),
        ([label("Violence", ConfidenceGreaterThan=0)], []),
    ],
)
def test_rekognition_conditions(conditions: list[Any], names: list[str]) -> None:
    for data in (LABELS, lower_camel(LABELS)):
        result = evaluate("rekognition", conditions, data)
        assert [entry.get("Name") or entry["name"] for entry in result.selected] == names
        assert result.is_activated is bool(names)


INVOICE = {
    "total": {"value": "12.00", "confidence": 61.3},
    "date": {"value": "2026-01-02", "confidence": 95},
    "lines": [
        {"text": "Tea", "confidence": 88.5},
        {"name": "second line", "text": "Cup", "confidence": 45.0},
    ],
    "tax": {"confidence": None},
    "score": 0.5,
}


@pytest.mark.parametrize(
    ("condition", "reasons", "selected", "confidence"),
    [
        (
            check("$.total.confidence", ConfidenceLessThan=90),
            ["total: confidence 61.3 is below 90"],
            ["$.total.confidence"],
            61.3,
        ),
        (check("$.date.confidence", ConfidenceLessThan=90), [], [], None),
        (
            check("$['total']['confidence']", ConfidenceGreaterThan=60, ConfidenceLessThanEquals=61.3),
            ["total: confidence 61.3 is at most 61.3 and above 60"],
            ["$.total.confidence"],
            61.3,
        ),
        (
            check("$.lines[*].confidence", ConfidenceLessThan=90),
            ["lines[0]: confidence 88.5 is below 90", "second line: confidence 45 is below 90"],
            ["$.lines[0].confidence", "$.lines[1].confidence"],
            45.0,
        ),
        (
            check("$.lines[0].confidence", ConfidenceEquals=88.5),
            ["lines[0]: confidence 88.5 is exactly 88.5"],
            ["$.lines[0].confidence"],
            88.5,
        ),
        (
            check("$.score", ConfidenceLessThan=0.9),
            ["score: confidence 0.5 is below 0.9"],
            ["$.score"],
            0.5,
        ),
        (
            check("$.tax.confidence", ConfidenceLessThan=90),
            ["tax: confidence is missing"],
            ["$.tax.confidence"],
            None,
        ),
        (
            check("$.vat.confidence", ConfidenceGreaterThan=90),
            ["vat: confidence is missing"],
            ["$.vat.confidence"],
            None,
        ),
        (check("$.vat.confidence", ConfidenceLessThan=90, MissingConfidence="Ignore"), [], [], None),
        (
            {"Not": check("$.total.confidence", ConfidenceGreaterThanEquals=90)},
            ["not true: ConfidenceCheck of Path $.total.confidence, ConfidenceGreaterThanEquals 90"],
            [],
            61.3,
        ),
        (
            {"Not": check("$.vat.confidence", ConfidenceGreaterThanEquals=90)},
            ["not true: ConfidenceCheck of Path $.vat.confidence, ConfidenceGreaterThanEquals 90"],
            [],
            None,
        ),
        (
            {"Not": check("$.vat.confidence", ConfidenceGreaterThanEquals=90, MissingConfidence="Ignore")},
            [],
            [],
            None,
        ),
        (sampling(100), ["sampled at 100 percent"], ["$"], None),
    ],
)
def test_conditions_on_any_prediction(
    condition: dict[str, Any], reasons: list[str], selected: list[str], confidence: float | None
) -> None:
    result = evaluate("custom", [condition], INVOICE)
    assert (list(result.reasons), list(result.selected), result.confidence) == (reasons, selected, confidence)
    assert result.is_activated is bool(reasons)


def test_a_reason_is_told_once_and_what_is_missing_is_said() -> None:
    unsure, absent = (
        check("$.total.confidence", ConfidenceLessThan=90),
        check("$.vat.confidence", ConfidenceGreaterThan=9),
    )
    twice = evaluate("custom", [unsure, unsure], INVOICE)
    assert (len(twice.reasons), twice.is_missing) == (1, False)
    assert evaluate("custom", [absent], INVOICE).is_missing
    assert evaluate("custom", [{"Not": absent}], INVOICE).is_missing
    beyond = check("$.lines[2].confidence", ConfidenceLessThan=90)
    assert evaluate("custom", [beyond], INVOICE).reasons == ("lines[2]: confidence is missing",)


def test_without_conditions_every_item_goes_to_people() -> None:
    result = evaluate("custom", [], {})
    assert result.is_activated
    assert result.reasons == ("there are no conditions: every item goes to review",)
    assert result.results == {"Conditions": []}


def test_an_empty_list_has_nothing_to_be_unsure_of() -> None:
    assert not evaluate(
        "custom", [check("$.lines[*].confidence", ConfidenceLessThan=90)], {"lines": []}
    ).is_activated


def test_a_reason_names_an_element_of_a_list_in_one_short_line() -> None:
    lines = [{"name": "a\n" * 500, "score": 1}, {"name": " ", "score": 2}, {"name": 3, "score": 3}]
    result = evaluate("custom", [check("$.lines[*].score", ConfidenceLessThan=5)], {"lines": lines})
    assert [reason.split(":")[0] for reason in result.reasons] == [("a " * 50), "lines[1]", "lines[2]"]
    # A single record's name is a person's more often than a field's.
    [reason] = evaluate("custom", [check("$.score", ConfidenceLessThan=5)], lines[0]).reasons
    assert reason == "score: confidence 1 is below 5"


def test_not_tells_the_conditions_that_are_not_true() -> None:
    high = check("$.score", ConfidenceGreaterThan=1)
    [reason] = evaluate("custom", [{"Not": {"And": [high, {"Not": sampling(100)}]}}], INVOICE).reasons
    assert reason == (
        "not true: (ConfidenceCheck of Path $.score, ConfidenceGreaterThan 1 and not Sampling of "
        "RandomSamplingPercentage 100)"
    )


def test_many_reasons_are_counted() -> None:
    data = {"fields": [{"confidence": number} for number in range(50)]}
    result = evaluate("custom", [check("$.fields[*].confidence", ConfidenceLessThan=60)], data)
    assert len(result.selected) == 50
    assert len(result.reasons) == 21
    assert result.reasons[-1] == "30 more reasons"


@pytest.mark.parametrize(
    ("task_type", "condition", "data", "words"),
    [
        (
            "custom",
            check("$.fields[*].score", ConfidenceLessThan=9),
            {"fields": [{"score": 1}, {"score": "high"}]},
            "Item 'i-7': $.fields[1].score is 'high', a confidence must be a number.",
        ),
        (
            "custom",
            check("$.score", ConfidenceLessThan=9),
            {"score": True},
            "Item 'i-7': $.score is True, a confidence must be a number.",
        ),
        (
            "custom",
            check("$.score", ConfidenceLessThan=9),
            {"score": float("nan")},
            "Item 'i-7': $.score is nan, a confidence must be a number.",
        ),
        (
            "textract",
            missing("Total"),
            {"ModerationLabels": []},
            "Item 'i-7': Blocks is not a list of objects, so this is not an AnalyzeDocument response.",
        ),
        (
            "textract",
            form_key("Total", KeyValueBlockConfidenceLessThan=9),
            {"Blocks": [{"BlockType": "KEY_VALUE_SET", "Id": "b", "EntityTypes": ["KEY"]}]},
            "Item 'i-7': Confidence of the block 'b' is None, a confidence must be a number.",
        ),
        (
            "textract",
            missing("Total"),
            {"Blocks": [{"BlockType": "KEY_VALUE_SET", "EntityTypes": ["KEY"], "Relationships": ["b"]}]},
            "Item 'i-7': Blocks are not those of an AnalyzeDocument response: 'str' object has no attribute 'get'.",
        ),
        (
            "textract",
            missing("Total"),
            {"Blocks": [{"Id": ["b"]}]},
            "Item 'i-7': Blocks are not those of an AnalyzeDocument response: unhashable type: 'list'.",
        ),
        (
            "textract",
            missing("Total"),
            [],
            "Item 'i-7': Blocks is not a list of objects, so this is not an AnalyzeDocument response.",
        ),
        (
            "rekognition",
            label("*", ConfidenceLessThan=9),
            {"ModerationLabels": [{"Name": "Suggestive"}]},
            "Item 'i-7': ModerationLabels[0].Confidence is None, a confidence must be a number.",
        ),
    ],
)
def test_data_that_cannot_be_judged_names_the_item(
    task_type: str, condition: dict[str, Any], data: dict[str, Any], words: str
) -> None:
    with pytest.raises(ActivationDataError) as caught:
        evaluate(task_type, [condition], data, "i-7")
    assert str(caught.value) == words


PARAMETERS = "Conditions[0].ConditionParameters"


@pytest.mark.parametrize(
    ("task_type", "entry", "words"),
    [
        (
            "textract",
            form_key("Total", KeyValueBlockConfidenceLesThan=90),
            f"{PARAMETERS}.KeyValueBlockConfidenceLesThan is unknown, must be ImportantFormKey or",
        ),
        (
            "textract",
            form_key("Total"),
            f"{PARAMETERS} must have a threshold, such as KeyValueBlockConfidence",
        ),
        (
            "textract",
            form_key("Total", WordBlockConfidenceLessThan=101),
            f"{PARAMETERS}.WordBlockConfidenceLessThan is 101, must be a number from 0 to 100.",
        ),
        (
            "textract",
            form_key("Total", WordBlockConfidenceLessThan="90"),  # type: ignore[arg-type]
            f'{PARAMETERS}.WordBlockConfidenceLessThan is "90", must be a number from 0 to 100.',
        ),
        ("textract", missing("*"), f'{PARAMETERS}.ImportantFormKey is "*", must name one key.'),
        ("textract", missing(" "), f'{PARAMETERS}.ImportantFormKey is " ", must be a text.'),
        (
            "textract",
            leaf("MissingImportantFormKey"),
            f"{PARAMETERS}.ImportantFormKey is null, must be a text.",
        ),
        (
            "textract",
            leaf("MissingImportantFormKey", ImportantFormKey="a", ImportantFormKeyAliases="b"),
            f'{PARAMETERS}.ImportantFormKeyAliases is "b", must be a list of texts.',
        ),
        (
            "textract",
            missing("a", " "),
            f'{PARAMETERS}.ImportantFormKeyAliases is [" "], must be a list of texts.',
        ),
        (
            "textract",
            sampling(0),
            f"{PARAMETERS}.RandomSamplingPercentage is 0, must be a number from 0.01 to 100.",
        ),
        ("custom", sampling(True), f"{PARAMETERS}.RandomSamplingPercentage is true, must be a number from"),
        (
            "textract",
            {"Not": missing("a")},
            "Conditions[0] must have exactly one of ConditionType, And, Or (there",
        ),
        ("textract", {**missing("a"), "Comment": ""}, "Conditions[0] has the unknown member Comment."),
        (
            "textract",
            check("$.a", ConfidenceLessThan=9),
            'Conditions[0].ConditionType is "ConfidenceCheck", must',
        ),
        (
            "custom",
            missing("a"),
            'Conditions[0].ConditionType is "MissingImportantFormKey", must be ConfidenceCheck',
        ),
        ("rekognition", label("a"), f"{PARAMETERS} must have a threshold: ConfidenceEquals or"),
        (
            "rekognition",
            label("a", ConfidenceLessThan=-1),
            f"{PARAMETERS}.ConfidenceLessThan is -1, must be a",
        ),
        ("custom", check("$.a"), f"{PARAMETERS} must have a threshold"),
        (
            "custom",
            check("$.a", ConfidenceLessThan=float("inf")),
            "ConfidenceLessThan is Infinity, must be a number.",
        ),
        ("custom", check("$.a", ConfidenceLessThan=10**400), "must be a number."),
        ("custom", check("total", ConfidenceLessThan=9), f"{PARAMETERS}.Path must begin with $."),
        (
            "custom",
            check("$..total", ConfidenceLessThan=9),
            f"{PARAMETERS}.Path cannot be read from '..total' on",
        ),
        ("custom", check("$.a[-1]", ConfidenceLessThan=9), "Path cannot be read from '[-1]' on; write .name"),
        (
            "custom",
            check("$.a", ConfidenceLessThan=9, MissingConfidence="Skip"),
            f'{PARAMETERS}.MissingConfidence is "Skip", must be Activate or Ignore.',
        ),
        ("custom", {"Not": [sampling(5)]}, "Conditions[0].Not must be a JSON object."),
    ],
)
def test_what_breaks_a_rule_is_refused(task_type: str, entry: dict[str, Any], words: str) -> None:
    with pytest.raises(ActivationConditionsError) as caught:
        parse_conditions({"Conditions": [entry]}, task_type)
    message = str(caught.value)
    assert words in message
    assert message.startswith("HumanLoopActivationConditions: ")
    assert "\n" not in message


def test_limits() -> None:
    nested: Any = sampling(5)
    for _ in range(10):
        nested = {"Not": nested}
    parse_conditions({"Conditions": [nested]})
    with pytest.raises(
        ActivationConditionsError, match="is nested 11 deep, at most 10 levels of And and Or and Not"
    ):
        parse_conditions({"Conditions": [{"Not": nested}]})
    long = json.dumps({"Conditions": [sampling(5)] * 200})
    parse_conditions(long)
    with pytest.raises(ActivationConditionsError, match=f"has {len(long)} characters, at most 10240"):
        parse_conditions(long, "textract")
    with pytest.raises(ActivationConditionsError, match="Comment is unknown, only Conditions is possible"):
        parse_conditions({"Conditions": [], "Comment": ""})
    with pytest.raises(ValueError, match="task_type is 'forms', must be textract or rekognition or custom"):
        parse_conditions({"Conditions": []}, "forms")


def test_sampling_without_a_percentage_is_every_item() -> None:
    assert evaluate("textract", [{"ConditionType": "Sampling"}], PAYSLIP).is_activated


def test_the_least_sure_go_first() -> None:
    conditions = parse_conditions(
        {"Conditions": [check("$.c", ConfidenceLessThan=90), {"ConditionType": "Sampling"}]}
    )
    found = [
        (name, conditions.evaluate({"c": confidence}, name))
        for name, confidence in {"sure": 95, "unsure": 20, "less": 10, "none": None, "doubt": 80}.items()
    ]
    order = ["none", "less", "unsure", "doubt", "sure"]
    for most in range(7):
        assert least_sure(iter(found), most) == set(order[:most])
        assert least_sure(iter(found[::-1]), most) == set(order[:most])
    quiet = parse_conditions({"Conditions": [check("$.c", ConfidenceLessThan=5)]}).evaluate({"c": 7}, "a")
    assert least_sure([("a", quiet)], 5) == set()
    with pytest.raises(ValueError, match="most is -1"):
        least_sure([], -1)
