"""What the chat knows of a connected device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from server.session.machine import Session
from server.wire.codec import Codec
from server.wire.frames import ServerFrame
from server.wire.parts import User

# The name of everybody who comes without a token; nobody is addressed by it.
GUEST_NAME = "Guest"


@dataclass(frozen=True, slots=True)
class Claims:
    """Who a token says is there. ``new_token`` is set for a guest who has just been made."""

    user: User
    expires_ms: int | None
    new_token: str | None = None


class ChatPeer(Protocol):
    """A connection as the chat sees it. ``sees_all``: may see how the bot decides."""

    codec: Codec
    session: Session
    session_id: str
    user_id: str
    is_staff: bool
    sees_all: bool
    new_token: str | None

    def push(self, framed: bytes) -> None:
        """Queue bytes for the socket; never blocks."""

    def answer(self, frame: ServerFrame) -> None:
        """Queue one frame for this peer alone."""
