"""What all commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from pydantic import ValidationError

from review_desk.engine.arns import Scope
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
            problems = (
                f"REVIEW_DESK_{'_'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
                for item in error.errors()
            )
            raise click.ClickException("; ".join(problems)) from error
        except (EngineError, DatabaseError, SecretKeyError) as error:
            raise click.ClickException(str(error)) from error

    return run


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
