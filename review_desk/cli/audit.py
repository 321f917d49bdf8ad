"""Commands about the audit log."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from review_desk.cli.common import open_service, plain_errors, print_json
from review_desk.engine.clock import iso_milliseconds


def _moment(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} is no moment: write 2026-01-31 or 2026-01-31T08:00:00Z."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.group(help="The audit log: who changed what, when and from where.")
def audit() -> None:
    pass


@audit.command("list", help="Print one JSON object a line, newest first.")
@click.option("--since", callback=_moment, help="Only from this moment on, as 2026-01-31T08:00:00Z (UTC).")
@click.option("--actor", help="Only of this access key id, user name or user of the command line.")
@click.option("--action", help="Only this action, such as DeleteFlowDefinition or SignInFailed.")
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 1_000_000), help="At most this many."
)
@plain_errors
def list_audit(since: datetime | None, actor: str | None, action: str | None, limit: int) -> None:
    for event in open_service().audit.events(since=since, actor=actor, action=action, limit=limit):
        print_json(
            {
                "At": iso_milliseconds(event.at),
                "ActorKind": event.actor.kind,
                "Actor": event.actor.name,
                "Client": event.actor.client,
                "Action": event.action,
                "ResourceKind": event.resource_kind,
                "Resource": event.resource,
                "Detail": event.detail,
            }
        )
