"""Commands about the access keys of API clients."""

from __future__ import annotations

import click

from review_desk.cli.common import open_service, plain_errors, print_json
from review_desk.engine.clock import iso_milliseconds


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
    key_id, secret = open_service().access.rotate_access_key(access_key_id)
    print_json({"AccessKeyId": key_id, "SecretAccessKey": secret})
