"""Both generations of output.json, and files that are none."""

from __future__ import annotations

import json

import pytest

from a2i.answers import AnswersError, parse_output

CUSTOM = {
    "flowDefinitionArn": "arn:aws:sagemaker:us-east-1:111122223333:flow-definition/fd",
    "humanLoopName": "fraud-detector-1",
    "inputContent": {"score": 17},
    "humanAnswers": [
        {
            "acceptanceTime": "2021-02-17T19:20:52.563Z",
            "submissionTime": "2021-02-17T19:23:38.092Z",
            "timeSpentInSeconds": 165.529,
            "workerId": "ef7294f850a3d9d1",
            "answerContent": {"category": {"label": "Legitimate"}},
        }
    ],
}


def test_the_present_generation() -> None:
    output = parse_output(json.dumps(CUSTOM))
    assert output.human_loop_name == "fraud-detector-1"
    assert output.input_content == {"score": 17}
    answer = output.answers[0]
    assert answer.worker_id == "ef7294f850a3d9d1"
    assert answer.seconds == 165.529
    assert answer.content == {"category": {"label": "Legitimate"}}
    assert json.loads(json.dumps(answer.to_dict()))["submitted"] == "2021-02-17T19:23:38.092Z"


def test_the_early_generation() -> None:
    early = {
        "humanLoopName": "early",
        "aiServiceRequest": {"document": {}},
        "selectedAiServiceResponse": {"blocks": []},
        "humanAnswers": [
            {"submissionTime": "2020-04-03T10:00:00.000Z", "workerId": "a", "answerContent": {"k": "v"}}
        ],
    }
    output = parse_output(json.dumps(early).encode())
    assert output.input_content.keys() == {"aiServiceRequest", "selectedAiServiceResponse"}
    assert output.answers[0].accepted is None
    assert output.answers[0].seconds is None


def test_time_spent_is_reckoned_where_it_is_not_given() -> None:
    document = json.loads(json.dumps(CUSTOM))
    del document["humanAnswers"][0]["timeSpentInSeconds"]
    assert parse_output(json.dumps(document)).answers[0].seconds == pytest.approx(165.529)


@pytest.mark.parametrize("answers", [[], None])
def test_a_loop_without_an_answer(answers: object) -> None:
    assert parse_output(json.dumps({**CUSTOM, "humanAnswers": answers})).answers == ()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"<html>", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"humanAnswers": {}}', "humanAnswers is not a list"),
        (b'{"humanAnswers": ["x"]}', "humanAnswers[0] is not an object"),
        (b'{"humanAnswers": [{"answerContent": []}]}', "humanAnswers[0].answerContent is not an object"),
    ],
)
def test_what_is_no_output_is_refused_with_a_reason(content: bytes, complaint: str) -> None:
    with pytest.raises(AnswersError) as caught:
        parse_output(content)
    assert complaint in str(caught.value)
