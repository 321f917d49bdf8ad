"""The ``review-desk`` command."""

from __future__ import annotations

import gc
import logging
import sys
from typing import cast

import click

from review_desk import __version__
from review_desk.cli import access, audit, doctor, operation, template, workers
from review_desk.cli.common import command_actor, open_service, plain_errors
from review_desk.engine.audit import SYSTEM, acting_as, become
from review_desk.engine.database import Database
from review_desk.logs import LEVELS, LogFormat, configure
from review_desk.secrets import create_key_file
from review_desk.settings import Settings

NEW_OBJECTS_PER_COLLECTION = 50_000


@click.group(help="Review Desk: human review with the API of Amazon Augmented AI (A2I).")
@click.version_option(__version__)
@click.pass_context
def main(context: click.Context) -> None:
    context.with_resource(acting_as(command_actor()))


@main.command(help="Create the database, or bring it up to date, and create the secret key if there is none.")
@plain_errors
def migrate() -> None:
    settings = Settings()
    create_key_file(settings)
    database = Database(settings.database_url)
    database.migrate()
    click.echo(f"{database.safe_url()} is up to date.")


@main.command(help="Serve the API and the portal until interrupted.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8700, show_default=True, help="Port to listen on.")
@click.option("--access-log/--no-access-log", default=False, help="Log every request.")
@click.option(
    "--forwarded-allow-ips",
    envvar="FORWARDED_ALLOW_IPS",
    default="127.0.0.1",
    show_default=True,
    help="Proxies, by commas, whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses or networks.",
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    help="How to write the log; by itself text on a terminal, JSON elsewhere.",
)
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True)
@plain_errors
def serve(
    host: str, port: int, access_log: bool, forwarded_allow_ips: str, log_format: str | None, log_level: str
) -> None:
    import uvicorn

    from review_desk.app import create_app

    # A request waits for one that computes, or for a delivery, for half a millisecond instead of Python's five.
    sys.setswitchinterval(0.0005)
    service = open_service()
    # What the service does by itself is not done by whoever started it.
    become(SYSTEM)
    configure(cast("LogFormat | None", log_format) or service.settings.log_format, log_level)
    logging.getLogger("review_desk").info("portal: %s/portal/", service.settings.public_url.rstrip("/"))
    app = create_app(service, access_log=access_log)
    service.deliver_from_own_process()
    # What is here stays for good: the collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS_PER_COLLECTION)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        # uvicorn's own lines would show paths, and some paths open documents.
        access_log=False,
        ws="none",
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=forwarded_allow_ips,
        timeout_graceful_shutdown=10,
    )


for command in (
    access.access_key,
    workers.team,
    workers.worker,
    operation.loop,
    operation.dead_letter,
    operation.backup,
    audit.audit,
    template.template,
    doctor.doctor,
):
    main.add_command(command)
