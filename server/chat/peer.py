"""Who asks the chat for something: a connected device, or whoever calls over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from server.errors import Banned, Unauthenticated
from server.session.machine import Session
from server.wire.codec import Codec
from server.wire.frames import ServerFrame
from server.wire.parts import User

# The name of everybody who comes without a token; nobody is addressed by it.
GUEST_NAME = "Guest"


@dataclass(frozen=True, slots=True)
class Claims:
    """Who a token says is there. ``new_token`` is set for a guest who has just been made.

    ``issued_ms``: the token's ``iat``, 0 where it has none.
    """

    user: User
    expires_ms: int | None
    new_token: str | None = None
    issued_ms: int = 0


@dataclass(frozen=True, slots=True)
class Caller:
    """A user with what their kind allows (PROTOCOL §3's table). ``explain``: customers see how the bot decides."""

    user: User
    explain: bool = False

    @property
    def is_staff(self) -> bool:
        """Agents, admins and services act in every conversation; customers in their own."""
        return self.user.kind != "customer"

    @property
    def is_agent(self) -> bool:
        """Agents and admins are the humans who take over."""
        return self.user.kind in ("agent", "admin")

    @property
    def is_admin(self) -> bool:
        return self.user.kind == "admin"

    @property
    def sees_all(self) -> bool:
        """May see how the bot decides."""
        return self.is_staff or self.explain


class ChatPeer(Protocol):
    """A connection as the chat sees it; ``user_id`` to ``sees_all`` are its caller's, for the fan-out."""

    codec: Codec
    session: Session
    session_id: str
    caller: Caller
    user_id: str
    is_staff: bool
    is_agent: bool
    sees_all: bool
    claims: Claims

    def push(self, framed: bytes) -> None:
        """Queue bytes for the socket; never blocks."""

    def answer(self, frame: ServerFrame) -> None:
        """Queue one frame for this peer alone."""

    def turn_away(self, error: Banned | Unauthenticated) -> None:
        """Close: the user may not be here any more. Whose ``connect`` is not answered yet reads why first."""
