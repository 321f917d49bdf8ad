"""Take the README's picture of the portal: ``PYTHONPATH=.:tests python tests/browser/screenshot.py [FILE]``.

A real task: a form of the demo, read by the OCR, started through the API, and a reviewer in the middle of it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import boto3
from chromium import ARGUMENTS, find_chromium
from moto.server import ThreadedMotoServer
from playwright.sync_api import Page, sync_playwright
from reviewing import FORM_REVIEW, focused, sign_in, task_frame
from support import REGION, STORAGE_KEYS, ReviewDesk

from include.demo.forms import Form, make_form
from include.ocr import read_form

OUTPUT = Path(__file__).resolve().parents[2] / "docs" / "images" / "portal.png"
FORM_NUMBER, SEED = 6, 7


def start_task(desk: ReviewDesk, s3_endpoint_url: str, form: Form) -> str:
    """Start the human loop of a form; return its name."""
    s3 = boto3.client(
        "s3",
        endpoint_url=s3_endpoint_url,
        region_name=REGION,
        aws_access_key_id=STORAGE_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=STORAGE_KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    s3.create_bucket(Bucket="documents")
    s3.put_object(Bucket="documents", Key=form.file_name, Body=form.image, ContentType="image/jpeg")
    arn = desk.create_flow_definition(
        "job-applications",
        FORM_REVIEW.read_text(),
        "s3://documents/answers",
        TaskTitle="Job applications",
        TaskDescription="Compare each value with the page and correct it.",
    )
    name = f"job-applications-{Path(form.file_name).stem}"
    task_input = {
        "taskObject": f"s3://documents/{form.file_name}",
        "formTitle": "Job application",
        "confidenceThreshold": 90,
        "fields": read_form(form.image)["fields"],
    }
    desk.client("sagemaker-a2i-runtime").start_human_loop(
        HumanLoopName=name, FlowDefinitionArn=arn, HumanLoopInput={"InputContent": json.dumps(task_input)}
    )
    return name


def review_until_an_error(page: Page, desk: ReviewDesk, human_loop: str, truth: dict[str, str]) -> None:
    """Accept what is right, correct the first field that is not, and stay there."""
    sign_in(page, desk)
    page.keyboard.press("Enter")
    frame = task_frame(page, human_loop)
    frame.wait_for_selector(".box")
    while frame.evaluate("document.activeElement.value") == truth[focused(frame)]:
        page.keyboard.press("Enter")
    page.keyboard.press("Control+a")
    page.keyboard.type(truth[focused(frame)])
    page.wait_for_selector(".save:has-text('Draft saved')")
    page.wait_for_timeout(500)


def main() -> None:
    """Start everything, take the picture, stop everything."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    output.parent.mkdir(parents=True, exist_ok=True)
    storage = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    storage.start()
    endpoint = "http://{}:{}".format(*storage.get_host_and_port())
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        desk = ReviewDesk(Path(directory), endpoint)
        desk.prepare()
        desk.start()
        try:
            form = make_form(FORM_NUMBER, SEED)
            name = start_task(desk, endpoint, form)
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
            page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light")
            review_until_an_error(page, desk, name, form.truth)
            page.screenshot(path=output)
            browser.close()
        finally:
            desk.stop()
            storage.stop()
    print(f"written: {output}")


if __name__ == "__main__":
    main()
