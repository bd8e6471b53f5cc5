"""A mail server in the test's own event loop, with a certificate of its own, that keeps what it is given."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from aiosmtpd.smtp import Session as SmtpSession
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Tls = Literal["starttls", "tls", "none"]


@dataclass
class MailServer:
    """``refuses``: the answer to every mail, in place of taking it. ``secured``: of each mail, whether TLS was on."""

    port: int = 0
    ca_file: Path = Path()
    mails: list[Message] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    refuses: str = ""
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_DATA(self, server: SMTP, session: SmtpSession, envelope: Envelope) -> str:
        if self.refuses:
            return self.refuses
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(message_from_bytes(content))
        self.recipients.append([str(one) for one in envelope.rcpt_tos])
        self.secured.append(server.transport is not None and server.transport.get_extra_info("ssl_object") is not None)
        self.came.set()
        return "250 OK"

    def admit(self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        """Whoever knows the password."""
        if not isinstance(given, LoginPassword) or given.password != b"sesame":
            return AuthResult(success=False, handled=False)
        self.users.append(given.login.decode())
        return AuthResult(success=True)


@asynccontextmanager
async def mail_server(folder: Path, tls: Tls) -> AsyncIterator[MailServer]:
    """On 127.0.0.1; with STARTTLS it asks for a user and a password."""
    made, loop = MailServer(), asyncio.get_running_loop()
    made.ca_file, context = _certificate(folder)

    protocols: list[SMTP] = []

    def protocol() -> SMTP:
        protocols.append(SMTP(
            made,
            hostname="localhost",
            loop=loop,
            tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            authenticator=made.admit if tls == "starttls" else None,
            auth_required=tls == "starttls",
            auth_require_tls=True,
        ))  # fmt: skip
        return protocols[-1]

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if tls == "tls" else None)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for one in protocols:
            if isinstance(one.transport, asyncio.Transport):
                one.transport.abort()
        await asyncio.sleep(0.01)  # the loop closes their sockets


def _certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
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
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "mail.pem", folder / "mail.key"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, private)
    return public, context
