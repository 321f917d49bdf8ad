"""The two things the supervisor does: the demo from sample forms to report, and keeping the stack up."""

from __future__ import annotations

import signal
import time

from include.demo.credentials import PERSON_NAMES
from include.demo.dag_run import OUTPUT_PREFIX, REPORT_FILE, DemoRun, airflow_api, input_prefix
from include.demo.forms import Form, digest_of, make_forms, write_forms
from include.demo.processes import sole_supervisor
from include.demo.settings import BUCKET, DAG_ID, Settings
from include.demo.stack import Stack
from include.demo.terminal import Terminal


def demo(settings: Settings, terminal: Terminal) -> None:
    """Run the demo to its report.

    :raises DemoError: anything that keeps it from its end.
    """
    with sole_supervisor(settings.build):
        (settings.build / REPORT_FILE).unlink(missing_ok=True)
        stack = Stack(settings, terminal.note)
        stack.prepare()
        try:
            forms = _start(stack, settings, terminal)
            run = DemoRun(stack, settings, terminal, forms)
            try:
                run.begin()
                run.follow()
                run.finish()
            finally:
                run.close()
        finally:
            _stop(stack, terminal)


def keep_up(settings: Settings, terminal: Terminal) -> None:
    """Start the stack and keep it running until interrupted.

    :raises DemoError: a part does not come up, or ends again and again.
    """
    with sole_supervisor(settings.build):
        stack = Stack(settings, terminal.note)
        stack.prepare()
        try:
            forms = _start(stack, settings, terminal)
            api = airflow_api(stack)
            api.wait_for_dag(DAG_ID, settings.start_timeout)
            api.unpause(DAG_ID)
            api.close()
            terminal.phase("Running until Ctrl-C")
            terminal.note(_addresses(stack))
            terminal.note(
                f"Forms to try it with: input_prefix {input_prefix(forms)}, output_prefix {OUTPUT_PREFIX}"
            )
            while True:
                stack.check()
                time.sleep(1)
        finally:
            _stop(stack, terminal)


def _start(stack: Stack, settings: Settings, terminal: Terminal) -> list[Form]:
    terminal.phase(f"Making {settings.forms} sample forms")
    forms = make_forms(settings.forms, settings.seed)
    write_forms(forms, settings.build / "forms" / digest_of(forms))
    terminal.phase("Starting the local S3, Review Desk and Airflow")
    stack.start()
    s3 = stack.client("s3")
    for form in forms:
        key = f"{input_prefix(forms).removeprefix(f's3://{BUCKET}/')}{form.file_name}"
        s3.put_object(Bucket=BUCKET, Key=key, Body=form.image, ContentType="image/jpeg")
    return forms


def _stop(stack: Stack, terminal: Terminal) -> None:
    # From here on an impatient second Ctrl-C would leave processes behind.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    terminal.phase("Stopping")
    stack.stop()


def _addresses(stack: Stack) -> str:
    settings, credentials = stack.settings, stack.credentials
    return "\n".join(
        (
            f"Airflow        {settings.airflow_url}   user admin, password {credentials.airflow_password}",
            f"Review portal  {settings.portal_url}   user {PERSON_NAMES[0]} (or {PERSON_NAMES[1]}, "
            f"{PERSON_NAMES[2]}), password {credentials.reviewer_password}",
            f"Local S3       {settings.s3_url}   bucket {BUCKET}",
            f"Logs           {settings.build / 'logs'}",
        )
    )
