"""Commands about who may come in: access keys, work teams, workers."""

from __future__ import annotations

import sys

import click

from review_desk.cli.common import open_service, plain_errors, print_json, scope_of
from review_desk.engine.clock import iso_milliseconds
from review_desk.engine.errors import InUseError


@click.group("access-key", help="Access keys of API clients.")
def access_key() -> None:
    pass


@access_key.command("create", help="Create an access key and print it; the secret cannot be shown again.")
@click.option("--name", required=True, help="Whose key it is, for the list of keys.")
@plain_errors
def create_access_key(name: str) -> None:
    key_id, secret = open_service().access.create_access_key(name)
    print_json({"AccessKeyId": key_id, "SecretAccessKey": secret})


@access_key.command("list", help="Print one JSON object a line, oldest first.")
@plain_errors
def list_access_keys() -> None:
    for key in open_service().access.access_keys():
        print_json(
            {
                "AccessKeyId": key.access_key_id,
                "Name": key.name,
                "CreatedAt": iso_milliseconds(key.created_at),
                "RevokedAt": iso_milliseconds(key.revoked_at) if key.revoked_at else None,
            }
        )


@access_key.command("revoke", help="Refuse the access key ID from now on.")
@click.argument("access_key_id", metavar="ID")
@plain_errors
def revoke_access_key(access_key_id: str) -> None:
    open_service().access.revoke_access_key(access_key_id)
    click.echo(f"{access_key_id} is revoked.")


@access_key.command(
    "rotate", help="Create a key under the same name as ID and print it; ID stays until revoked."
)
@click.argument("access_key_id", metavar="ID")
@plain_errors
def rotate_access_key(access_key_id: str) -> None:
    access = open_service().access
    names = {key.access_key_id: key.name for key in access.access_keys()}
    if access_key_id not in names:
        raise click.ClickException(f"There is no access key {access_key_id!r}.")
    key_id, secret = access.create_access_key(names[access_key_id])
    print_json({"AccessKeyId": key_id, "SecretAccessKey": secret})


@click.group(help="Work teams.")
def team() -> None:
    pass


@team.command("create", help="Create the work team NAME, if it is not there yet, and print its ARN.")
@click.argument("name")
@click.option("--description", default="Created by review-desk", help="What the team is for.")
@plain_errors
def create_team(name: str, description: str) -> None:
    service = open_service()
    scope = scope_of(service)
    try:
        arn = service.workteams.create(scope, name, description, {})
    except InUseError:
        arn = scope.arn("workteam", name)
    print_json({"WorkteamArn": arn})


@click.group(help="Workers: the people who review.")
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
    service = open_service()
    is_new = service.access.ensure_worker(scope_of(service), name, password, team, lead=lead)
    click.echo(f"{name} {'is a new worker' if is_new else 'was there already and is'} in {team}.")


@worker.command("disable", help="Bar the worker NAME from the portal at once; their answers stay.")
@click.argument("name")
@plain_errors
def disable_worker(name: str) -> None:
    open_service().access.disable_worker(name)
    click.echo(f"{name} is disabled.")


@worker.command("remove", help="Take the worker NAME out of a team.")
@click.argument("name")
@click.option("--team", required=True, help="Work team.")
@plain_errors
def remove_worker(name: str, team: str) -> None:
    service = open_service()
    service.access.remove_from_team(scope_of(service), name, team)
    click.echo(f"{name} is no longer in {team}.")
