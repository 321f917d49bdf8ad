"""What all commands share."""

from __future__ import annotations

import json
import os
import pwd
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from pydantic import ValidationError

from review_desk.engine.arns import Scope
from review_desk.engine.audit import Actor, ActorKind
from review_desk.engine.database import DatabaseError
from review_desk.engine.errors import EngineError
from review_desk.secrets import SecretKeyError
from review_desk.service import Service
from review_desk.settings import Settings


def plain_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """Show what a user can put right as one line, without a traceback."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except ValidationError as error:
            problems = (_setting_problem(item["loc"], item["msg"]) for item in error.errors())
            raise click.ClickException("; ".join(problems)) from error
        except (EngineError, DatabaseError, SecretKeyError) as error:
            raise click.ClickException(str(error)) from error

    return run


def _setting_problem(place: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    # A rule over several settings names them itself.
    return f"REVIEW_DESK_{str(place[0]).upper()}: {text}" if place else text


def command_actor() -> Actor:
    """Return whoever runs this command, as the operating system knows them."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    return Actor(ActorKind.COMMAND, name)


def read_password(from_stdin: bool) -> str:
    """Read a password from standard input, or ask for it twice."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


def open_service() -> Service:
    """Build the service that the settings describe, over a database that is up to date."""
    service = Service(Settings())
    service.database.check()
    return service


def scope_of(service: Service) -> Scope:
    """Return the account and Region that commands act in."""
    return Scope(service.settings.account_id, service.settings.region)


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on one line."""
    click.echo(json.dumps(value))
