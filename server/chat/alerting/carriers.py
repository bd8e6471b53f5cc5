"""How a letter leaves: a signed POST (as ``server.chat.language.signing`` has it), or a mail over SMTP."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Final, Literal

import httpx2

from server.chat.alerting.courier import DeliveryError
from server.chat.alerting.letters import Letter
from server.chat.language.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature
from server.clock import Clock

DELIVERY_HEADER: Final = "parlance-delivery"
TIMEOUT_S: Final = 10.0
MAIL_TIMEOUT_S: Final = 30.0
MAX_RETRY_AFTER_S: Final = 600.0

Tls = Literal["starttls", "tls", "none"]


class WebhookCarrier:
    """Any status from 200 to 299 takes the letter; nothing of an answer's body is read."""

    def __init__(self, secret: str, *, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._secret = secret.encode()
        self._clock = clock
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None

    async def carry(self, letter: Letter) -> None:
        stamp_s = self._clock.now_ms() // 1_000
        headers = {
            "content-type": "application/json",
            "user-agent": "parlance",
            DELIVERY_HEADER: letter.delivery_id,
            TIMESTAMP_HEADER: str(stamp_s),
            SIGNATURE_HEADER: signature(self._secret, stamp_s, letter.body),
        }
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._open().stream("POST", letter.target.address, content=letter.body, headers=headers) as response,
            ):
                status, later = response.status_code, response.headers.get("retry-after", "")
        except TimeoutError:
            raise DeliveryError("the webhook takes too long") from None
        except httpx2.InvalidURL:
            raise DeliveryError("the webhook's URL can't be used", lasting=True) from None
        except httpx2.HTTPError as error:  # not shown: it may hold the URL, and that a secret
            raise DeliveryError(f"the webhook can't be reached: {type(error).__name__}") from None
        if 200 <= status < 300:
            return
        is_passing = status >= 500 or status in (408, 425, 429)
        wait_s = min(float(later), MAX_RETRY_AFTER_S) if later.isdecimal() and len(later) < 9 else None
        raise DeliveryError(f"the webhook answered {status}", lasting=not is_passing, retry_after_s=wait_s)

    def _open(self) -> httpx2.AsyncClient:
        if self._client is None:  # a redirect would take the signed word to wherever it points
            self._client = httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, transport=self._transport)
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where mail is handed over, and in whose name. ``ca_file``: who vouches for the server; None: the system."""

    host: str
    port: int
    sender: str
    tls: Tls = "starttls"
    user: str = ""
    password: str = ""
    ca_file: Path | None = None


class MailCarrier:
    """One connection a letter: there are few."""

    def __init__(self, mailbox: Mailbox, *, clock: Clock) -> None:
        self._box = mailbox
        self._clock = clock

    async def carry(self, letter: Letter) -> None:
        import aiosmtplib  # late: a server without mail never needs it

        box = self._box
        try:
            await aiosmtplib.send(
                mail_of(letter, box, self._clock.now_ms()),
                sender=box.sender,
                recipients=[letter.target.address],
                hostname=box.host,
                port=box.port,
                username=box.user or None,
                password=box.password or None,
                use_tls=box.tls == "tls",
                start_tls=box.tls == "starttls",
                tls_context=None if box.tls == "none" else await asyncio.to_thread(self._context),
                timeout=MAIL_TIMEOUT_S,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [one.code for one in error.recipients]
            raise DeliveryError(f"the address was refused: {codes}", lasting=min(codes, default=0) >= 500) from None
        except aiosmtplib.SMTPResponseException as error:  # RFC 5321 §4.2.1: 5yz is for good
            raise DeliveryError(f"the mail server answered {error.code}", lasting=error.code >= 500) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"the mail server can't be used: {type(error).__name__}") from None

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=None if self._box.ca_file is None else str(self._box.ca_file))

    async def close(self) -> None:
        """Nothing stays open."""


def mail_of(letter: Letter, box: Mailbox, now_ms: int) -> EmailMessage:
    """Plain text, marked as made by a machine (RFC 3834), so that no holiday note answers it."""
    mail = EmailMessage()
    mail["From"] = box.sender
    mail["To"] = letter.target.address
    mail["Subject"] = letter.subject
    mail["Date"] = formatdate(now_ms / 1000)
    mail["Message-ID"] = make_msgid(letter.delivery_id, domain=box.sender.rpartition("@")[2] or "localhost")
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.text)
    return mail
