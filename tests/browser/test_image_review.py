"""An image, judged with the keyboard alone: from the sign-in to the answer in S3, and on to the next image."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect
from reviewing import output_uri, sign_in, task_frame
from support import ACCOUNT_ID, REGION, ReviewDesk, wait_for_json

MODERATION = "AWS/Rekognition/DetectModerationLabels/Image/V3"
TEMPLATE = Path(__file__).parents[2] / "include" / "templates" / "image_moderation.liquid.html"
LABELS = [
    {"name": "Violence", "parentName": "", "confidence": 91.5},
    {"name": "Weapons", "parentName": "Violence", "confidence": 61},
    {"name": "Smoking", "parentName": "Drugs & Tobacco"},
]
FILTER = "(image) => getComputedStyle(image).filter"


def picture() -> bytes:
    image = Image.new("RGB", (640, 420), "steelblue")
    ImageDraw.Draw(image).ellipse((180, 60, 460, 360), fill="gold")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def chosen(desk: ReviewDesk, s3: Any, name: str) -> list[str]:
    (answer,) = wait_for_json(s3, output_uri(desk, name))["humanAnswers"]
    return [label["name"] for label in answer["answerContent"][MODERATION]["moderationLabels"]]


def test_the_keyboard_alone_from_sign_in_to_the_answer(
    page: Page, review_desk_server: ReviewDesk, s3: Any
) -> None:
    s3.put_object(Bucket="documents", Key="judged.png", Body=picture(), ContentType="image/png")
    # The queue of this test alone has the focus after the sign-in.
    review_desk_server.command("team", "create", "judges")
    review_desk_server.add_worker("judge", "judges")
    arn = review_desk_server.create_flow_definition(
        "judged",
        TEMPLATE.read_text("utf-8"),
        WorkteamArn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:workteam/private-crowd/judges",
    )
    for number in (1, 2, 3):
        review_desk_server.client("sagemaker-a2i-runtime").start_human_loop(
            HumanLoopName=f"judged-{number}",
            FlowDefinitionArn=arn,
            HumanLoopInput={
                "InputContent": json.dumps({"taskObject": "s3://documents/judged.png", "labels": LABELS})
            },
        )
    sign_in(page, review_desk_server, "judge")
    page.keyboard.press("Enter")

    # Blurred, revealed while the key is held; a number takes a label away.
    frame = task_frame(page, "judged-1")
    image = frame.locator("img.image")
    expect(image).to_be_visible()
    page.keyboard.press("b")
    assert "blur(" in image.evaluate(FILTER)
    page.keyboard.down("Space")
    assert "blur(" not in image.evaluate(FILTER)
    page.keyboard.up("Space")
    assert "blur(" in image.evaluate(FILTER)
    page.keyboard.press("2")
    page.keyboard.press("Enter")

    # As predicted: one key.
    task_frame(page, "judged-2")
    page.keyboard.press("Enter")

    # None of them: two keys.
    task_frame(page, "judged-3")
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    page.wait_for_selector(".outcome[data-reason=done], .outcome[data-reason=empty]")
    desk = review_desk_server
    assert chosen(desk, s3, "judged-1") == ["Violence"]
    assert chosen(desk, s3, "judged-2") == ["Violence", "Weapons"]
    assert chosen(desk, s3, "judged-3") == []
