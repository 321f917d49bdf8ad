"""Commands about work teams and workers."""

from __future__ import annotations

import click

from review_desk.cli.common import open_service, plain_errors, print_json, read_password, scope_of
from review_desk.engine.clock import iso_milliseconds
from review_desk.engine.errors import InUseError
from review_desk.engine.roles import Role
from review_desk.engine.workers import WorkerChange, check_email


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


@team.command("list", help="Print one JSON object a line, by name.")
@plain_errors
def list_teams() -> None:
    service = open_service()
    for found in service.inspection.teams(scope_of(service)):
        print_json(found)


@click.group(help="Workers: the people who review.")
def worker() -> None:
    pass


@worker.command(
    "create", help="Create the worker NAME in a team. A worker who exists joins the team as well."
)
@click.argument("name")
@click.option("--team", required=True, help="Work team.")
@click.option("--lead", is_flag=True, help="Leads see their teams' progress, stop loops and requeue tasks.")
@click.option("--admin", is_flag=True, help="Admins do that for every team, and manage workers.")
@click.option("--email", help="Where the worker is told of new work.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@plain_errors
def create_worker(
    name: str, team: str, lead: bool, admin: bool, email: str | None, password_stdin: bool
) -> None:
    if lead and admin:
        raise click.UsageError("Give --lead or --admin, not both: an admin may do all that a lead may.")
    if email:
        check_email(email)
    role = Role.ADMIN if admin else Role.LEAD if lead else Role.WORKER
    password = read_password(password_stdin)
    service = open_service()
    is_new = service.workers.ensure(scope_of(service), name, password, team, role)
    click.echo(f"{name} {'is a new worker' if is_new else 'was there already and is'} in {team}.")
    if email:
        service.workers.change(scope_of(service), name, WorkerChange(email=email))
    kept = service.workers.get(scope_of(service), name).role
    if kept is not role and role is not Role.WORKER:
        click.echo(f"{name} still has the role {kept}: `review-desk worker role {name} {role}` changes it.")


@worker.command("list", help="Print one JSON object a line, by name.")
@plain_errors
def list_workers() -> None:
    service = open_service()
    for found in service.workers.all(scope_of(service)):
        print_json(
            {
                "Name": found.username,
                "Role": found.role,
                "Teams": [{"Name": member.team, "Source": member.source} for member in found.teams],
                "Disabled": found.disabled_at is not None,
                "CreatedAt": iso_milliseconds(found.created_at),
                "SignsInWith": found.issuer or "password",
                "Email": found.email,
            }
        )


@worker.command("role", help="Give the worker NAME the role ROLE; it counts from their next click on.")
@click.argument("name")
@click.argument("role", type=click.Choice([str(role) for role in Role]))
@plain_errors
def set_role(name: str, role: str) -> None:
    _change(name, WorkerChange(role=Role(role)))
    click.echo(f"{name} has the role {role}.")


@worker.command("update", help="Give the worker NAME another e-mail address, or none.")
@click.argument("name")
@click.option("--email", required=True, help='Where the worker is told of new work; "" for nowhere.')
@plain_errors
def update_worker(name: str, email: str) -> None:
    _change(name, WorkerChange(email=email))
    click.echo(f"{name} {'is told of new work at ' + email if email else 'has no e-mail address any more'}.")


@worker.command("disable", help="Bar the worker NAME from the portal at once; their answers stay.")
@click.argument("name")
@plain_errors
def disable_worker(name: str) -> None:
    _change(name, WorkerChange(disabled=True))
    click.echo(f"{name} is disabled.")


@worker.command("enable", help="Let the worker NAME in again, with the password and teams they had.")
@click.argument("name")
@plain_errors
def enable_worker(name: str) -> None:
    _change(name, WorkerChange(disabled=False))
    click.echo(f"{name} is enabled.")


@worker.command("password", help="Give the worker NAME another password; they are signed out everywhere.")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@plain_errors
def set_password(name: str, password_stdin: bool) -> None:
    _change(name, WorkerChange(password=read_password(password_stdin)))
    click.echo(f"{name} has another password and is signed out everywhere.")


@worker.command("link", help="Hand the account of NAME over to a person of the OIDC provider.")
@click.argument("name")
@click.option("--subject", required=True, help="The person's sub at the provider.")
@plain_errors
def link_worker(name: str, subject: str) -> None:
    service = open_service()
    if service.settings.oidc_issuer is None:
        raise click.ClickException("REVIEW_DESK_OIDC_ISSUER is not set: there is no provider.")
    service.workers.link(name, service.settings.oidc_issuer, subject)
    click.echo(f"{name} signs in with {service.settings.oidc_issuer} from now on; the password is gone.")


@worker.command("remove", help="Take the worker NAME out of a team.")
@click.argument("name")
@click.option("--team", required=True, help="Work team.")
@plain_errors
def remove_worker(name: str, team: str) -> None:
    service = open_service()
    service.workers.remove_from_team(scope_of(service), name, team)
    click.echo(f"{name} is no longer in {team}.")


def _change(name: str, change: WorkerChange) -> None:
    service = open_service()
    service.workers.change(scope_of(service), name, change)
