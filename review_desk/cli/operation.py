"""Commands for daily operation: loops, dead letters, backups."""

from __future__ import annotations

from pathlib import Path

import click

from review_desk.cli.common import open_service, plain_errors, print_json, scope_of
from review_desk.engine.clock import iso_milliseconds
from review_desk.engine.lifecycle import LoopStatus
from review_desk.settings import Settings


@click.group(help="Human loops.")
def loop() -> None:
    pass


@loop.command("list", help="Print one JSON object a line, newest first.")
@click.option("--flow-definition", help="Only loops of this flow definition.")
@click.option(
    "--status", type=click.Choice([str(status) for status in LoopStatus]), help="Only loops in this status."
)
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="At most this many."
)
@plain_errors
def list_loops(flow_definition: str | None, status: str | None, limit: int) -> None:
    service = open_service()
    for found in service.inspection.loops(scope_of(service), flow_definition, status, limit):
        print_json(found)


@loop.command(
    "show", help="Print the loop NAME: its state, who did what when, what is still to be delivered."
)
@click.argument("name")
@plain_errors
def show_loop(name: str) -> None:
    service = open_service()
    found, events, deliveries = service.inspection.loop(scope_of(service), name)
    print_json(found)
    for line in (*events, *deliveries):
        print_json(line)


@click.command(help="Copy the SQLite database to FILE while the service runs.")
@click.argument("file", type=click.Path(path_type=Path))
@plain_errors
def backup(file: Path) -> None:
    settings = Settings()
    service = open_service()
    if file.exists():
        raise click.ClickException(f"{file} exists: name a new file.")
    service.database.copy_to(file)
    file.chmod(0o600)
    key = "REVIEW_DESK_SECRET_KEY" if settings.secret_key else str(settings.key_file())
    click.echo(
        f"{file} is written. Without the secret key ({key}) its access keys cannot be read: keep that, too."
    )


@click.group("dead-letter", help="Outputs and events that could not be delivered for 24 hours.")
def dead_letter() -> None:
    pass


@dead_letter.command("list", help="Print one JSON object a line, oldest first.")
@plain_errors
def list_dead_letters() -> None:
    for letter in open_service().outbox.dead_letters():
        print_json(
            {
                "Id": letter.id,
                "Kind": letter.kind,
                "HumanLoopName": letter.human_loop,
                "GivenUpAt": iso_milliseconds(letter.given_up_at),
                "Attempts": letter.attempts,
                "Error": letter.error,
            }
        )


@dead_letter.command("requeue", help="Deliver again: the dead letter ID, or all of them.")
@click.argument("dead_letter_id", metavar="[ID]", type=int, required=False)
@click.option("--all", "everything", is_flag=True, help="All dead letters.")
@plain_errors
def requeue_dead_letter(dead_letter_id: int | None, everything: bool) -> None:
    if (dead_letter_id is None) != everything:
        raise click.UsageError("Give an ID, or --all.")
    count = open_service().outbox.requeue(dead_letter_id)
    click.echo(f"{count} put back; the running service delivers them.")
