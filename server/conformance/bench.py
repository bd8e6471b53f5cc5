"""Where a check stands: the server, people of its own, and the encoding it is made in."""

from __future__ import annotations

import asyncio
import itertools
import json
import urllib.error
import urllib.request
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Origin, Subprotocol

from server.conformance.peer import Broken, Encoding, Frame, Peer, need

# A user has limits (messages a second, conversations a minute), so the checks share more than one of them.
GUESTS = 8


class Skipped(Exception):
    """The rule can't be observed with what was given; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Target:
    """``tokens``: of customers; guests are used where none are given. ``admin_token``: of an admin, or of an agent."""

    url: str
    tokens: tuple[str, ...] = ()
    admin_token: str | None = None
    within_s: float = 10.0


@dataclass(slots=True)
class People:
    """Customers that the checks share. Each entry is a token."""

    tokens: list[str]
    guests: bool = True
    turn: itertools.count[int] = field(default_factory=itertools.count)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Bench:
    """One check in one encoding; every connection is closed at its end."""

    def __init__(self, target: Target, people: People, encoding: Encoding, stack: AsyncExitStack) -> None:
        self.target = target
        self.encoding = encoding
        self._people = people
        self._stack = stack

    # ----------------------------------------------------------------------- connections

    async def dial(
        self, subprotocols: list[str] | None = None, origin: str | None = None, encoding: Encoding | None = None
    ) -> Peer:
        """A WebSocket on which nothing has been said. Raises ``InvalidStatus`` where the handshake is refused."""
        encoding = encoding or self.encoding
        offered = [f"parlance.v1.{encoding}"] if subprotocols is None else subprotocols
        socket = await websocket_connect(
            self.target.url,
            subprotocols=[Subprotocol(name) for name in offered] or None,
            origin=Origin(origin) if origin else None,
            compression=None,
            proxy=None,
            max_size=None,
            ping_interval=None,
            close_timeout=2,
            open_timeout=self.target.within_s,
        )
        self._stack.push_async_callback(socket.close)
        return Peer(socket, encoding, self.target.within_s)

    async def refused(self, subprotocols: list[str] | None = None, origin: str | None = None) -> int:
        """The HTTP status of a handshake that is not accepted. Raises ``Broken`` where it is."""
        try:
            await self.dial(subprotocols, origin)
        except InvalidStatus as refused:
            return refused.response.status_code
        except InvalidHandshake as failed:
            raise Broken(f"the handshake failed without an HTTP status: {failed}") from None
        raise Broken("the handshake was accepted")

    async def customer(self, *, other_than: Peer | None = None, **fields: Any) -> Peer:
        """A connected customer, of those that the checks share."""
        for _ in range(GUESTS + len(self._people.tokens)):
            peer = await self.joined(await self._somebody(), **fields)
            if other_than is None or peer.user_id != other_than.user_id:
                return peer
        raise Skipped("needs a second customer: give another --token")

    async def newcomer(self) -> Peer:
        """A customer whom nobody has seen before: a guest."""
        peer = await self.dial()
        answer = await peer.connect()
        if answer.get("type") == "error" and answer.get("code") == 401:
            raise Skipped("needs a server that lets guests in")
        need(answer, "welcome")
        return peer

    async def again(self, peer: Peer, **fields: Any) -> Peer:
        """The same user on another device."""
        return await self.joined(peer.token, **fields)

    async def staff(self, *kinds: str) -> Peer:
        """An agent or admin. Raises ``Skipped`` where there is none (of these kinds)."""
        if self.target.admin_token is None:
            raise Skipped("needs --admin-token")
        peer = await self.joined(self.target.admin_token)
        kind = peer.welcome["user"]["kind"]
        if kind not in (kinds or ("agent", "admin")):
            raise Skipped(f"needs an --admin-token of kind {' or '.join(kinds or ('agent', 'admin'))}, not {kind}")
        return peer

    async def joined(self, token: str | None, **fields: Any) -> Peer:
        peer = await self.dial()
        need(await peer.connect(token, **fields), "welcome")
        return peer

    async def _somebody(self) -> str:
        people = self._people
        async with people.lock:
            if people.guests and len(people.tokens) < GUESTS and not self.target.tokens:
                peer = await self.dial()
                answer = await peer.connect()
                if answer.get("type") == "welcome" and peer.token:
                    people.tokens.append(peer.token)
                    return peer.token
                people.guests = False
        if not people.tokens:
            raise Skipped("needs --token: this server lets no guests in")
        return people.tokens[next(people.turn) % len(people.tokens)]

    # ----------------------------------------------------------------------- usual steps

    async def open(self, peer: Peer) -> str:
        """A new conversation's channel."""
        return str(need(await peer.ask("open", key=self.key()), "opened")["channel"])

    async def send(self, peer: Peer, channel: str, text: str = "hello", **fields: Any) -> Frame:
        """A message with a key of its own; its answer."""
        return await peer.ask("send", **{"channel": channel, "key": self.key(), "text": text, **fields})

    async def acked(self, peer: Peer, channel: str, text: str = "hello", **fields: Any) -> Frame:
        """The same, which has to be acked."""
        return need(await self.send(peer, channel, text, **fields), "ack")

    async def talk(self, peer: Peer, messages: int = 2) -> tuple[str, Frame]:
        """A new conversation with so many messages of the customer, each answered; channel and its last message."""
        channel = await self.open(peer)
        last: Frame = {}
        for number in range(messages):
            ack = await self.acked(peer, channel, f"message {number}")
            last = await peer.bot_reply(ack["message_id"])
        return channel, last

    @staticmethod
    def key() -> str:
        return uuid.uuid4().hex

    async def post(self, path: str, body: dict[str, Any]) -> int:
        """``POST`` beside the WebSocket as the admin; the HTTP status, 0 where nobody answers."""
        parts = urlsplit(self.target.url)
        url = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}{path}"
        headers = {"Authorization": f"Bearer {self.target.admin_token}", "Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310  (ws or wss before)

        def ask() -> int:
            try:
                with urllib.request.urlopen(request, timeout=self.target.within_s) as answer:  # noqa: S310
                    return int(answer.status)
            except urllib.error.HTTPError as error:
                return error.code
            except OSError:
                return 0

        return await asyncio.to_thread(ask)
