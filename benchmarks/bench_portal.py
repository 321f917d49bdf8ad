"""The portal in a reviewer's browser: keys, time until the next form is painted, bytes loaded.

One headless Chromium reviews the demo's forms, cut to seven fields that are all right and all to be checked, with the
keyboard alone, against a Review Desk on SQLite and a local S3, each a process of its own. Everything runs on 127.0.0.1
and stops by itself.

Prints a table and writes ``build/bench-portal.json``.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

from chromium import ARGUMENTS, find_chromium
from reviewing import FORM_REVIEW, TASK_FRAME, type_credentials
from support import REGION, STORAGE_KEYS, ReviewDesk, free_port, wait_until

from include.demo.form_page import BOX_HEIGHT, MARGIN, PAGE_SIZE
from include.demo.forms import Form, make_forms
from include.form_fields import JOB_APPLICATION

REPORT = ROOT / "build" / "bench-portal.json"
FIELDS = 7
KEYS_BAR = 8
PAINTED_BAR_MS = 150
ITEMS = 100
CLAIMS = 30
ITEMS_FOR_BYTES = 10
MOST_KEYS = 30
THINKING_SECONDS = 1.0
FIRST_ROW = 180

MARKS = """
(() => {
  const mark = (what) => window.benchMark(what, Date.now());
  const painted = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const keys = () => document.addEventListener("keydown", () => mark("key"), true);
  keys();
  if (window.parent === window) {
    const shown = new WeakSet();
    const look = () => {
      const frame = document.querySelector("FRAME");
      if (!frame || shown.has(frame)) return;
      shown.add(frame);
      painted().then(() => mark("shown"));
    };
    const watch = () => new MutationObserver(look).observe(document.body, {
      subtree: true, childList: true, attributes: true, attributeFilter: ["class"],
    });
    document.addEventListener("DOMContentLoaded", watch);
    return;
  }
  const drawn = async () => {
    const image = document.querySelector("#image");
    if (!image) return;
    await image.decode();
    await painted();
    mark("drawn");
  };
  const page = () => {
    document.addEventListener("focusin", (event) => event.target.matches("input") && mark("focus"));
    window.addEventListener("load", drawn);
    // The page of an offered task is loaded before: what counts is when it is drawn after it is shown.
    window.addEventListener("message", (event) => event.data?.type === "review-desk:show" && drawn());
  };
  page();
  // A page that is written into a frame which was prepared takes all listeners away when it begins.
  document.open = function () {
    Document.prototype.open.call(document);
    keys();
    page();
  };
})();
""".replace("FRAME", TASK_FRAME)


class Reviewer:
    """A signed-in page, and the moments that it and its frames have told since the last key."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._seen: dict[str, int] = {}
        context.set_default_timeout(20_000)
        context.expose_binding("benchMark", lambda _source, what, at: self._note(what, at))
        context.add_init_script(MARKS)
        self.page: Page = context.new_page()
        self.page.goto(f"{url}/portal/")
        self.page.wait_for_selector("#username:focus")
        type_credentials(self.page, "worker-1")
        self.page.wait_for_selector("main .card button:focus")

    def _note(self, what: str, at: int) -> None:
        self._seen[what] = at

    def press(self, key: str) -> None:
        self._seen.clear()
        self.page.keyboard.press(key)

    def loop(self) -> str:
        return self.page.text_content(".top-task .loop") or ""

    def wait_for_form(self) -> dict[str, float]:
        """Wait until a form is painted and has the focus; return how long each took since the key, in ms."""
        wanted = {"key", "shown", "drawn", "focus"}
        deadline = time.monotonic() + 20
        while not wanted <= self._seen.keys():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the form was not painted; told: {sorted(self._seen)}")
            self.page.wait_for_timeout(5)
        seen = self._seen
        return {
            "painted": max(seen["shown"], seen["drawn"]) - seen["key"],
            "interactive": max(seen["shown"], seen["focus"]) - seen["key"],
        }

    def count_keys(self) -> int:
        """Press Enter until the form is submitted; return how often."""
        form = self.loop()
        for pressed in range(1, MOST_KEYS + 1):
            self.press("Enter")
            self.page.wait_for_timeout(500)
            if self.loop() != form:
                return pressed
        raise RuntimeError(f"the form is not submitted after {MOST_KEYS} keys")

    def review(self, keys: int) -> dict[str, float]:
        """Accept every field, submit, wait for the next form."""
        for _ in range(keys - 1):
            self.press("Enter")
        self.page.wait_for_timeout(THINKING_SECONDS * 1000)
        self.press("Enter")
        return self.wait_for_form()

    def claim(self) -> dict[str, float]:
        """Start reviewing from the queue, and release the task again."""
        self.press("Enter")
        times = self.wait_for_form()
        self.page.wait_for_timeout(THINKING_SECONDS * 1000)
        self.press("Control+.")
        self.page.wait_for_selector("main .card button:focus")
        return times


class CountingProxy:
    """Passes connections on to a port, and counts the bytes that come back."""

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self.received = 0
        self._target = port
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        self._ready.wait(10)

    async def _run(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self._ready.set()
        await self._stopping.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self._target)
        # At the end the loop cancels what is still open, and would report that.
        with suppress(asyncio.CancelledError):
            await asyncio.gather(self._pass(reader, forth, count=False), self._pass(back, writer, count=True))

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, count: bool) -> None:
        try:
            while data := await source.read(65_536):
                self.received += len(data) if count else 0
                target.write(data)
                await target.drain()
        except ConnectionError:
            pass
        finally:
            target.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)


@contextmanager
def local_s3() -> Iterator[Any]:
    """Serve S3 from a process of its own; yields a client that has the buckets."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name=REGION,
            aws_access_key_id=STORAGE_KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=STORAGE_KEYS["AWS_SECRET_ACCESS_KEY"],
        )
        wait_until(lambda: made(client, "documents") and made(client, "answers"))
        yield client
    finally:
        process.terminate()
        process.wait(10)


def made(client: Any, bucket: str) -> bool:
    try:
        client.create_bucket(Bucket=bucket)
    except Exception:
        return False
    return True


def start_forms(desk: ReviewDesk, s3: Any, forms: list[Form], flow: str, count: int) -> None:
    """Start human loops of one flow definition; the forms are taken in turn."""
    arn = desk.create_flow_definition(flow, FORM_REVIEW.read_text(), TaskTitle=f"Forms: {flow}")
    runtime = desk.client("sagemaker-a2i-runtime")
    for number in range(count):
        form = forms[number % len(forms)]
        s3.put_object(Bucket="documents", Key=form.file_name, Body=form.image, ContentType="image/jpeg")
        task_input = {
            "taskObject": f"s3://documents/{form.file_name}",
            "formTitle": JOB_APPLICATION.title,
            "confidenceThreshold": 90,
            "fields": fields_of(form),
        }
        runtime.start_human_loop(
            HumanLoopName=f"{flow}-{number}",
            FlowDefinitionArn=arn,
            HumanLoopInput={"InputContent": json.dumps(task_input)},
        )


def fields_of(form: Form) -> list[dict[str, Any]]:
    """The first seven fields, as an OCR would give them that read all well and is sure of none."""
    width, height = PAGE_SIZE
    return [
        {
            "name": field.name,
            "label": field.label,
            "value": form.truth[field.name],
            "confidence": 50.0 + position,
            "box": {
                "left": MARGIN / width,
                "top": (FIRST_ROW + position * (BOX_HEIGHT + 10)) / height,
                "width": 0.4,
                "height": BOX_HEIGHT / height,
            },
        }
        for position, field in enumerate(JOB_APPLICATION.fields[:FIELDS])
    ]


def p95(values: list[float]) -> float:
    return round(statistics.quantiles(values, n=100, method="inclusive")[94], 1)


@contextmanager
def reviewer(browser: Browser, url: str) -> Iterator[Reviewer]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        yield Reviewer(context, url)
    finally:
        context.close()


def measure_times(browser: Browser, desk: ReviewDesk) -> dict[str, Any]:
    """Claim and release again and again, then review one form after the other."""
    with reviewer(browser, desk.url) as person:
        claims = [person.claim()["interactive"] for _ in range(CLAIMS)]
        person.press("Enter")
        person.wait_for_form()
        keys = person.count_keys()
        painted = [person.review(keys)["painted"] for _ in range(ITEMS)]
        return {
            "keys_7_fields": keys,
            "next_painted_p50_ms": round(statistics.median(painted), 1),
            "next_painted_p95_ms": p95(painted),
            "claim_to_interactive_p50_ms": round(statistics.median(claims), 1),
            "claim_to_interactive_p95_ms": p95(claims),
            "items": len(painted),
            "claims": len(claims),
        }


def measure_bytes(browser: Browser, desk: ReviewDesk, keys: int) -> dict[str, Any]:
    """Review in a new browser profile through a proxy that counts."""
    proxy = CountingProxy(desk.port)
    try:
        with reviewer(browser, f"http://127.0.0.1:{proxy.port}") as person:
            person.press("Enter")
            person.wait_for_form()
            person.page.wait_for_timeout(1000)
            first = last = proxy.received
            later = []
            for _ in range(ITEMS_FOR_BYTES):
                person.review(keys)
                person.page.wait_for_timeout(300)
                later.append(proxy.received - last)
                last = proxy.received
    finally:
        proxy.stop()
    return {"first_item": first, "each_later_item": round(statistics.median(later))}


def finish_open_tasks(desk: ReviewDesk) -> None:
    """Answer what is left, so that the next queue to start from is the only one with open tasks."""
    portal = desk.portal()
    while (claimed := portal.claim()).status_code == 200:
        portal.submit(claimed.json(), {}).raise_for_status()


def show(result: dict[str, Any]) -> None:
    """Print the table."""
    loaded = result["bytes_loaded"]
    rows = (
        ("keys for 7 correct fields", result["keys_7_fields"], f"bar {KEYS_BAR}"),
        ("submit to next form painted, p50 ms", result["next_painted_p50_ms"], f"{result['items']} forms"),
        ("submit to next form painted, p95 ms", result["next_painted_p95_ms"], f"bar {PAINTED_BAR_MS}"),
        ("claim to interactive, p50 ms", result["claim_to_interactive_p50_ms"], f"{result['claims']} claims"),
        ("claim to interactive, p95 ms", result["claim_to_interactive_p95_ms"], ""),
        ("bytes until the first form is there", loaded["first_item"], "sign-in included"),
        ("bytes of each later form, median", loaded["each_later_item"], "its image included"),
    )
    print()
    for name, value, remark in rows:
        print(f"{name:<40}{value:>10}   {remark}")


def main() -> None:
    forms = make_forms(12)
    with tempfile.TemporaryDirectory() as name, local_s3() as s3, sync_playwright() as playwright:
        desk = ReviewDesk(Path(name), s3.meta.endpoint_url)
        desk.prepare()
        desk.start()
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        try:
            start_forms(desk, s3, forms, "times", ITEMS + 2)
            result = measure_times(browser, desk)
            finish_open_tasks(desk)
            start_forms(desk, s3, forms, "bytes", ITEMS_FOR_BYTES + 2)
            result["bytes_loaded"] = measure_bytes(browser, desk, result["keys_7_fields"])
        finally:
            browser.close()
            desk.stop()
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(result, indent=2) + "\n")
    show(result)
    print(f"\n{REPORT.relative_to(ROOT)} is written.")


if __name__ == "__main__":
    main()
