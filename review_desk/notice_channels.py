"""How workers are told of new work: by e-mail, by a webhook."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from review_desk.engine.clock import Clock, iso_milliseconds
from review_desk.receivers import DeliveryError, WebhookReceiver
from review_desk.settings import LOOPBACK, Settings

SMTP_TIMEOUT_IN_SECONDS = 10.0
LONGEST_TITLE = 128

# What workers read.
SUBJECT_OF_ONE = "1 new task in Review Desk"
SUBJECT_OF_MANY = "{count} new tasks in Review Desk"
OPENING = "New tasks wait for you in Review Desk:"
LINE = "  {count} × {title}"
CLOSING = "Open them: {portal}\n\nYou can switch these notices off there, under “Preferences”."


class ChannelDownError(Exception):
    """Nobody can be told this way just now; the message says why in one line, without a secret."""


class RefusedAddressError(Exception):
    """This one worker cannot be told this way.

    :param for_good: whether it is of no use to try the same again.
    """

    def __init__(self, message: str, *, for_good: bool) -> None:
        super().__init__(message)
        self.for_good = for_good


@dataclass(frozen=True)
class NewWork:
    """How many new tasks of a flow definition wait."""

    flow_definition: str
    title: str
    count: int


@dataclass(frozen=True)
class Notice:
    """What one worker is told; a repetition has the same id.

    :param portal: its address.
    """

    id: str
    username: str
    email: str | None
    work: tuple[NewWork, ...]
    portal: str

    @property
    def count(self) -> int:
        """All new tasks together."""
        return sum(work.count for work in self.work)


class Channel(Protocol):
    """A way to tell workers."""

    name: str
    needs_address: bool

    def send(self, notice: Notice) -> None:
        """Tell one worker.

        :raises ChannelDownError: nobody can be told now.
        :raises RefusedAddressError: this one cannot be.
        """
        ...


class EmailChannel:
    """A mail server. STARTTLS is used where it offers it; a password goes only over TLS or on this machine.

    :param url: ``smtp://user:password@host:port`` or ``smtps://…``; ports 587 and 465 if none is named.
    :param sender: an address, with a name before it or without.
    """

    name = "email"
    needs_address = True

    def __init__(self, url: str, sender: str, clock: Clock) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._is_tls = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._is_tls else 587)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self.sender = sender
        self._clock = clock

    @property
    def where(self) -> str:
        """The server, without user and password."""
        return f"the mail server {self._host}:{self._port}"

    def check(self) -> None:
        """Connect and sign in as a notice would.

        :raises ChannelDownError: that fails.
        """
        with self._connected() as server:
            server.noop()

    def send(self, notice: Notice) -> None:
        assert notice.email is not None
        with self._connected() as server:
            try:
                server.send_message(self._message(notice))
            except smtplib.SMTPRecipientsRefused as error:
                [(code, _)] = error.recipients.values()
                raise self._refusal(code) from error
            except smtplib.SMTPDataError as error:
                raise self._refusal(error.smtp_code) from error

    def _refusal(self, code: int) -> RefusedAddressError:
        # What the server says may quote what it was sent, so only its code is told.
        return RefusedAddressError(f"{self.where} refused a mail with {code}", for_good=500 <= code < 600)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        try:
            with closing(self._open()) as server:
                if not self._is_tls:
                    server.ehlo_or_helo_if_needed()
                    if server.has_extn("starttls"):
                        server.starttls(context=ssl.create_default_context())
                    elif self._user and self._host not in LOOPBACK:
                        raise ChannelDownError(
                            f"{self.where} offers no STARTTLS, and a password is not sent in the clear"
                        )
                if self._user:
                    server.login(self._user, self._password)
                yield server
                # The mail is sent by now: how the server says goodbye is of no matter.
                with suppress(OSError, smtplib.SMTPException):
                    server.quit()
        except smtplib.SMTPResponseException as error:
            raise ChannelDownError(f"{self.where} answered {error.smtp_code}") from error
        except ssl.SSLError as error:
            raise ChannelDownError(f"{self.where}: no TLS: {error.reason or type(error).__name__}") from error
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise ChannelDownError(f"{self.where} does not take mail: {reason}") from error

    def _open(self) -> smtplib.SMTP:
        if self._is_tls:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self._host, self._port, timeout=SMTP_TIMEOUT_IN_SECONDS, context=context)
        return smtplib.SMTP(self._host, self._port, timeout=SMTP_TIMEOUT_IN_SECONDS)

    def _message(self, notice: Notice) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = (
            SUBJECT_OF_ONE if notice.count == 1 else SUBJECT_OF_MANY.format(count=notice.count)
        )
        message["From"] = self.sender
        message["To"] = notice.email
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{notice.id}@{parseaddr(self.sender)[1].rpartition('@')[2]}>"
        # RFC 3834: no out-of-office answers to a machine.
        message["Auto-Submitted"] = "auto-generated"
        lines = [LINE.format(count=work.count, title=_one_line(work.title)) for work in notice.work]
        message.set_content("\n".join([OPENING, "", *lines, "", CLOSING.format(portal=notice.portal), ""]))
        return message


class WebhookChannel:
    """An address that gets one signed request a worker, as events are sent and signed."""

    name = "webhook"
    needs_address = False

    def __init__(self, url: str, secret: str, clock: Clock) -> None:
        self._receiver = WebhookReceiver(url, secret, clock)
        self._clock = clock

    def send(self, notice: Notice) -> None:
        try:
            self._receiver.send(self._event(notice))
        except DeliveryError as error:
            raise ChannelDownError(str(error)) from error

    def _event(self, notice: Notice) -> dict[str, Any]:
        work = [
            {
                "flowDefinitionArn": each.flow_definition,
                "title": _one_line(each.title),
                "newTasks": each.count,
            }
            for each in notice.work
        ]
        return {
            "id": notice.id,
            "type": "review-desk.new-work",
            "timestamp": iso_milliseconds(self._clock.now()),
            "data": {
                "worker": notice.username,
                "email": notice.email,
                "newTasks": notice.count,
                "flowDefinitions": work,
                "portal": notice.portal,
            },
        }


def _one_line(title: str) -> str:
    """A title may have line breaks; in a list it has none."""
    return " ".join(title.split())[:LONGEST_TITLE]


def configured_channels(settings: Settings, clock: Clock) -> list[Channel]:
    """Build the channels that the settings name."""
    channels: list[Channel] = []
    if settings.smtp_url and settings.notice_from:
        channels.append(EmailChannel(settings.smtp_url, settings.notice_from, clock))
    if settings.notice_webhook_url and settings.notice_webhook_secret:
        channels.append(WebhookChannel(settings.notice_webhook_url, settings.notice_webhook_secret, clock))
    return channels
