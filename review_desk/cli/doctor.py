"""``review-desk doctor``: looks at everything that a working installation needs and says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import click

from review_desk.cli.common import open_service, plain_errors
from review_desk.engine.arns import Scope
from review_desk.notice_channels import ChannelDownError, EmailChannel, configured_channels
from review_desk.oidc import ProviderUnavailableError
from review_desk.secrets import SecretKeyError
from review_desk.service import Service
from review_desk.storage import StorageError

LARGEST_CLOCK_DIFFERENCE = 60.0


class ProblemError(Exception):
    """Something is wrong; the message says what to do."""


@click.command(help="Check database, secret key, storage, clock and settings, and say what to do.")
@plain_errors
def doctor() -> None:
    service = open_service()
    click.echo(f"ok       database  {service.database.safe_url()} answers and is up to date")
    problems = 0
    for name, check in CHECKS.items():
        try:
            for line in check(service):
                click.echo(f"ok       {name:<9} {line}")
        except ProblemError as problem:
            problems += 1
            click.echo(f"problem  {name:<9} {problem}")
    if problems:
        raise click.ClickException(f"{problems} problem{'s' if problems > 1 else ''} found.")


def _check_key(service: Service) -> Iterator[str]:
    try:
        count = sum(
            service.access.secret_of(key.access_key_id) is not None for key in service.access.access_keys()
        )
    except SecretKeyError as error:
        raise ProblemError(str(error)) from error
    if not count:
        raise ProblemError("There is no access key in force: `review-desk access-key create --name airflow`.")
    yield f"reads the secrets of {count} access key{'s' if count > 1 else ''}"


def _check_storage(service: Service) -> Iterator[str]:
    buckets = service.inspection.output_buckets()
    for bucket in sorted(buckets | service.settings.readable_bucket_names):
        try:
            service.storage.check_bucket(bucket)
        except StorageError as error:
            raise ProblemError(
                f"{error}. Check the bucket, REVIEW_DESK_S3_ENDPOINT_URL and the AWS_* variables."
            ) from error
        yield f"the bucket {bucket} answers"
    if not buckets:
        yield "no flow definition names a bucket yet"


def _check_clock(service: Service) -> Iterator[str]:
    difference = service.storage.clock_difference(service.clock.now())
    if difference is None:
        raise ProblemError("the store does not answer, so its clock could not be compared")
    if abs(difference) > LARGEST_CLOCK_DIFFERENCE:
        raise ProblemError(
            f"This machine's clock differs from the store's by {difference:.0f} s: set it, or signatures fail."
        )
    yield f"differs from the store's by {abs(difference):.0f} s"


def _check_settings(service: Service) -> Iterator[str]:
    settings = service.settings
    address = urlsplit(settings.public_url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ProblemError(f"REVIEW_DESK_PUBLIC_URL is {settings.public_url!r}: write https://name.")
    if address.scheme == "http" and address.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ProblemError(
            "REVIEW_DESK_PUBLIC_URL is http on another machine: passwords travel in the clear. Use https."
        )
    yield f"reviewers come to {settings.public_url.rstrip('/')}/portal/"
    if not settings.readable_bucket_names:
        yield "templates may show every bucket that this service can read (REVIEW_DESK_READABLE_BUCKETS limits it)"
    yield "bucket CORS is not needed: documents come through the portal"


def _check_teams(service: Service) -> Iterator[str]:
    scope = Scope(service.settings.account_id, service.settings.region)
    for team in service.inspection.teams(scope):
        name, members = team["Name"], team["Members"]
        # With a provider, members come with their first sign-in.
        if not members and service.oidc is None:
            raise ProblemError(
                f"Nobody is in the work team {name!r}: `review-desk worker create NAME --team {name}`."
            )
        yield f"{name} has {members} member{'s' if members > 1 else ''}"


def _check_provider(service: Service) -> Iterator[str]:
    provider, settings = service.oidc, service.settings
    if provider is None:
        yield "no OpenID Connect provider is set: workers sign in with passwords"
        return
    try:
        metadata = provider.metadata()
        keys = provider.signing_keys()
    except ProviderUnavailableError as error:
        raise ProblemError(f"{provider.issuer} does not answer as a provider does: {error}") from error
    offered: list[str] = metadata.get("scopes_supported") or []
    unknown = [scope for scope in settings.oidc_scopes.split() if offered and scope not in offered]
    if unknown:
        raise ProblemError(
            f"{provider.issuer} does not offer the scope {', '.join(unknown)}: set REVIEW_DESK_OIDC_SCOPES to what "
            f"it offers ({' '.join(offered)}), or add the scope there."
        )
    if "S256" not in metadata.get("code_challenge_methods_supported", ["S256"]):
        raise ProblemError(f"{provider.issuer} does not offer PKCE with S256.")
    yield f"{provider.issuer} answers, with {len(keys.keys)} signing key{'s' if len(keys.keys) > 1 else ''}"
    yield f"it must know the redirect URI {provider.redirect_uri}"
    scope = Scope(settings.account_id, settings.region)
    there = {team["Name"] for team in service.inspection.teams(scope)}
    for group, teams in settings.oidc_group_teams.items():
        for team in teams:
            if team not in there:
                raise ProblemError(
                    f"REVIEW_DESK_OIDC_GROUP_TEAMS: the group {group!r} means the work team {team!r}, which is "
                    f"not there: `review-desk team create {team}`."
                )


def _check_deliveries(service: Service) -> Iterator[str]:
    dead = len(service.outbox.dead_letters())
    if dead:
        raise ProblemError(f"{dead} deliveries were given up: `review-desk dead-letter list`, then requeue.")
    yield "no dead letters"


def _check_notices(service: Service) -> Iterator[str]:
    channels = configured_channels(service.settings, service.clock)
    if not channels:
        yield "nobody is told of new work (REVIEW_DESK_SMTP_URL, REVIEW_DESK_NOTICE_WEBHOOK_URL)"
    for channel in channels:
        if not isinstance(channel, EmailChannel):
            yield "a webhook is told of new work"
            continue
        try:
            channel.check()
        except ChannelDownError as error:
            raise ProblemError(f"{error}. Check REVIEW_DESK_SMTP_URL.") from error
        scope = Scope(service.settings.account_id, service.settings.region)
        workers = [found for found in service.workers.all(scope) if found.disabled_at is None]
        reached = sum(found.email is not None for found in workers)
        yield f"{channel.where} answers; {reached} of {len(workers)} workers have an e-mail address"


CHECKS: dict[str, Callable[[Service], Iterator[str]]] = {
    "key": _check_key,
    "settings": _check_settings,
    "storage": _check_storage,
    "clock": _check_clock,
    "teams": _check_teams,
    "sign-in": _check_provider,
    "delivery": _check_deliveries,
    "notices": _check_notices,
}
