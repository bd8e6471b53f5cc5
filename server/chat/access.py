"""Who may touch which channel and use which verb (PROTOCOL §3 and §4), checked at each use."""

from __future__ import annotations

from server.chat.peer import Caller
from server.errors import Forbidden, NotFound
from server.store.ports import Store
from server.wire.parts import User

CONVERSATION_PREFIX = "conv:"
SYSTEM_CHANNEL = "system"
QUEUE_CHANNEL = "agent:queue"
METRICS_CHANNEL = "admin:metrics"
ALERTS_CHANNEL = "admin:alerts"


def no_such_channel() -> NotFound:
    """One answer for what does not exist and for what is not the user's, so that nobody can probe for channels."""
    return NotFound("no such channel")


def is_conversation(channel: str) -> bool:
    return channel.startswith(CONVERSATION_PREFIX)


def user_channel(user_id: str) -> str:
    """The channel that all devices of a user share."""
    return f"user:{user_id}"


def own_channels(user_id: str) -> tuple[str, str]:
    """Channels that every user has, and that ``connect`` subscribes to."""
    return (SYSTEM_CHANNEL, user_channel(user_id))


def message_sender(user: User) -> User:
    """``from`` of a user's message: admins write as agents, services as bots."""
    kind = {"admin": "agent", "service": "bot"}.get(user.kind)
    return user if kind is None else User(id=user.id, kind="agent" if kind == "agent" else "bot", name=user.name)


def require_live_channel(caller: Caller, channel: str) -> None:
    """Raises ``NotFound`` unless the caller may subscribe to this channel without durable messages."""
    if channel in own_channels(caller.user.id):
        return
    if channel == QUEUE_CHANNEL and caller.is_agent:
        return
    if channel in (METRICS_CHANNEL, ALERTS_CHANNEL) and caller.is_admin:
        return
    raise no_such_channel()


async def require_conversation(store: Store, caller: Caller, channel: str) -> None:
    """Raises ``NotFound`` unless the caller may act in the conversation; the same answer for all reasons."""
    if not is_conversation(channel):
        raise no_such_channel()
    if caller.is_staff:
        try:
            await store.head(channel)
        except NotFound:
            raise no_such_channel() from None
    elif not await store.is_member(channel, caller.user.id):
        raise no_such_channel()


def require_agent(caller: Caller, verb: str) -> None:
    """Raises ``Forbidden`` for customers and services."""
    if not caller.is_agent:
        raise Forbidden(f"{verb} is for agents and admins")


def require_staff(caller: Caller, verb: str) -> None:
    """Raises ``Forbidden`` for customers."""
    if not caller.is_staff:
        raise Forbidden(f"{verb} is for agents, admins and services")
