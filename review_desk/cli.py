"""The ``review-desk`` command."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from pydantic import ValidationError

from review_desk import __version__
from review_desk.engine.arns import Scope
from review_desk.engine.clock import iso_milliseconds
from review_desk.engine.database import Database, DatabaseError
from review_desk.engine.errors import EngineError, InUseError
from review_desk.secrets import SecretKeyError, create_key_file
from review_desk.service import Service
from review_desk.settings import Settings


def plain_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """Show what a user can put right as one line, without a traceback."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except ValidationError as error:
            problems = (
                f"REVIEW_DESK_{'_'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
                for item in error.errors()
            )
            raise click.ClickException("; ".join(problems)) from error
        except (EngineError, DatabaseError, SecretKeyError) as error:
            raise click.ClickException(str(error)) from error

    return run


@click.group(help="Review Desk: human review with the API of Amazon Augmented AI (A2I).")
@click.version_option(__version__)
def main() -> None:
    pass


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
@plain_errors
def serve(host: str, port: int, access_log: bool) -> None:
    import uvicorn

    from review_desk.app import create_app

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    service = _service()
    logging.getLogger(__name__).info("portal: %s/portal/", service.settings.public_url.rstrip("/"))
    uvicorn.run(
        create_app(service),
        host=host,
        port=port,
        access_log=access_log,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


@main.group("access-key", help="Access keys of API clients.")
def access_key() -> None:
    pass


@access_key.command("create", help="Create an access key and print it; the secret cannot be shown again.")
@click.option("--name", required=True, help="Whose key it is, for the list of keys.")
@plain_errors
def create_access_key(name: str) -> None:
    key_id, secret = _service().access.create_access_key(name)
    click.echo(json.dumps({"AccessKeyId": key_id, "SecretAccessKey": secret}))


@access_key.command("list", help="Print one JSON object a line, oldest first.")
@plain_errors
def list_access_keys() -> None:
    for key in _service().access.access_keys():
        click.echo(
            json.dumps(
                {
                    "AccessKeyId": key.access_key_id,
                    "Name": key.name,
                    "CreatedAt": iso_milliseconds(key.created_at),
                    "RevokedAt": iso_milliseconds(key.revoked_at) if key.revoked_at else None,
                }
            )
        )


@access_key.command("revoke", help="Refuse the access key ID from now on.")
@click.argument("access_key_id", metavar="ID")
@plain_errors
def revoke_access_key(access_key_id: str) -> None:
    _service().access.revoke_access_key(access_key_id)
    click.echo(f"{access_key_id} is revoked.")


@access_key.command(
    "rotate", help="Create a key under the same name as ID and print it; ID stays until revoked."
)
@click.argument("access_key_id", metavar="ID")
@plain_errors
def rotate_access_key(access_key_id: str) -> None:
    access = _service().access
    names = {key.access_key_id: key.name for key in access.access_keys()}
    if access_key_id not in names:
        raise click.ClickException(f"There is no access key {access_key_id!r}.")
    key_id, secret = access.create_access_key(names[access_key_id])
    click.echo(json.dumps({"AccessKeyId": key_id, "SecretAccessKey": secret}))


@main.group(help="Work teams.")
def team() -> None:
    pass


@team.command("create", help="Create the work team NAME, if it is not there yet, and print its ARN.")
@click.argument("name")
@click.option("--description", default="Created by review-desk", help="What the team is for.")
@plain_errors
def create_team(name: str, description: str) -> None:
    service = _service()
    scope = _scope(service)
    try:
        arn = service.workteams.create(scope, name, description, {})
    except InUseError:
        arn = scope.arn("workteam", name)
    click.echo(json.dumps({"WorkteamArn": arn}))


@main.group(help="Workers: the people who review.")
def worker() -> None:
    pass


@worker.command(
    "create", help="Create the worker NAME in a team. A worker who exists joins the team as well."
)
@click.argument("name")
@click.option("--team", required=True, help="Work team.")
@click.option("--lead", is_flag=True, help="Leads see their teams' progress, too.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@plain_errors
def create_worker(name: str, team: str, lead: bool, password_stdin: bool) -> None:
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    service = _service()
    is_new = service.access.ensure_worker(_scope(service), name, password, team, lead=lead)
    click.echo(f"{name} {'is a new worker' if is_new else 'was there already and is'} in {team}.")


@worker.command("disable", help="Bar the worker NAME from the portal at once; their answers stay.")
@click.argument("name")
@plain_errors
def disable_worker(name: str) -> None:
    _service().access.disable_worker(name)
    click.echo(f"{name} is disabled.")


@worker.command("remove", help="Take the worker NAME out of a team.")
@click.argument("name")
@click.option("--team", required=True, help="Work team.")
@plain_errors
def remove_worker(name: str, team: str) -> None:
    service = _service()
    service.access.remove_from_team(_scope(service), name, team)
    click.echo(f"{name} is no longer in {team}.")


@main.group("dead-letter", help="Outputs and events that could not be delivered for 24 hours.")
def dead_letter() -> None:
    pass


@dead_letter.command("list", help="Print one JSON object a line, oldest first.")
@plain_errors
def list_dead_letters() -> None:
    for letter in _service().outbox.dead_letters():
        click.echo(
            json.dumps(
                {
                    "Id": letter.id,
                    "Kind": letter.kind,
                    "HumanLoopName": letter.human_loop,
                    "GivenUpAt": iso_milliseconds(letter.given_up_at),
                    "Attempts": letter.attempts,
                    "Error": letter.error,
                }
            )
        )


@dead_letter.command("requeue", help="Deliver again: the dead letter ID, or all of them.")
@click.argument("dead_letter_id", metavar="[ID]", type=int, required=False)
@click.option("--all", "everything", is_flag=True, help="All dead letters.")
@plain_errors
def requeue_dead_letter(dead_letter_id: int | None, everything: bool) -> None:
    if (dead_letter_id is None) != everything:
        raise click.UsageError("Give an ID, or --all.")
    count = _service().outbox.requeue(dead_letter_id)
    click.echo(f"{count} put back; the running service delivers them.")


def _service() -> Service:
    service = Service(Settings())
    service.database.check()
    return service


def _scope(service: Service) -> Scope:
    return Scope(service.settings.account_id, service.settings.region)
