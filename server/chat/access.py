"""Who may touch which channel (PROTOCOL §3 and §4)."""

from __future__ import annotations

from server.chat.peer import ChatPeer
from server.errors import NotFound
from server.store.ports import Store
from server.wire.parts import User

CONVERSATION_PREFIX = "conv:"


def no_such_channel() -> NotFound:
    """One answer for what does not exist and for what is not the user's, so that nobody can probe for channels."""
    return NotFound("no such channel")


def is_conversation(channel: str) -> bool:
    return channel.startswith(CONVERSATION_PREFIX)


def own_channels(peer: ChatPeer) -> tuple[str, str]:
    """Channels without durable messages that every user has, and that ``connect`` subscribes to."""
    return ("system", f"user:{peer.user_id}")


def message_sender(user: User) -> User:
    """``from`` of a user's message: admins write as agents, services as bots."""
    kind = {"admin": "agent", "service": "bot"}.get(user.kind)
    return user if kind is None else User(id=user.id, kind="agent" if kind == "agent" else "bot", name=user.name)


async def require_conversation(store: Store, peer: ChatPeer, channel: str) -> None:
    """Raises ``NotFound`` unless the peer may act in the conversation; the same answer for all reasons."""
    if not is_conversation(channel):
        raise no_such_channel()
    if peer.is_staff:
        try:
            await store.head(channel)
        except NotFound:
            raise no_such_channel() from None
    elif channel not in peer.session.channels and not await store.is_member(channel, peer.user_id):
        raise no_such_channel()
