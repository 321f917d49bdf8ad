"""A small real mail server on the loopback interface (RFC 5321, with AUTH and STARTTLS if asked for)."""

from __future__ import annotations

import base64
import email
import email.policy
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class SmtpServer:
    """Takes mails into ``mails``.

    ``refused`` gives the answers to recipients, ``on_data`` the one to a mail; ``goodbye`` is the code of QUIT.

    :param login: user and password that are asked for.
    :param tls: files of certificate and key; STARTTLS is offered then.
    """

    login: tuple[str, str] | None = None
    tls: tuple[Path, Path] | None = None
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    on_data: str = "250 taken"
    goodbye: str = "221 bye"
    connections: int = 0

    def __enter__(self) -> SmtpServer:
        outer = self

        class Handler(_Handler):
            server_state = outer

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["To"] == address]


class _Handler(socketserver.StreamRequestHandler):
    server_state: SmtpServer

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        state = self.server_state
        state.connections += 1
        is_encrypted, is_known = False, state.login is None
        self.say("220 mail.test ready")
        while line := self.rfile.readline():
            words = line.decode().split()
            verb = words[0].upper() if words else ""
            if verb == "EHLO":
                offers = ["AUTH PLAIN"] if state.login else []
                offers += ["STARTTLS"] if state.tls and not is_encrypted else []
                for offer in ("mail.test", *offers):
                    self.say(f"250-{offer}")
                self.say("250 8BITMIME")
            elif verb == "STARTTLS" and state.tls:
                self.say("220 go on")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*state.tls)
                try:
                    self.connection = context.wrap_socket(self.request, server_side=True)
                except (ssl.SSLError, OSError):
                    return
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
                is_encrypted = True
            elif verb == "AUTH":
                _, user, password = base64.b64decode(words[2]).decode().split("\0")
                is_known = (user, password) == state.login
                self.say("235 welcome" if is_known else f"535 {password} is wrong")
            elif verb == "RCPT":
                address = line.decode().partition("<")[2].partition(">")[0]
                self.say(state.refused.get(address, "250 ok"))
            elif verb == "DATA":
                self._data(is_encrypted)
            elif verb == "QUIT":
                self.say(state.goodbye)
                return
            elif verb == "MAIL" and not is_known:
                self.say("530 sign in first")
            else:
                self.say("250 ok")

    def _data(self, is_encrypted: bool) -> None:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if self.server_state.on_data.startswith("2"):
            message = email.message_from_bytes(b"".join(lines), EmailMessage, policy=email.policy.default)
            self.server_state.mails.append(message)
            self.server_state.encrypted.append(is_encrypted)
        self.say(self.server_state.on_data)


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that vouches for itself; return the files of certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = directory / "certificate.pem", directory / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files
