"""Who is there (PROTOCOL §6)."""

from __future__ import annotations

from server.chat.peer import ChatPeer


class PresenceVerbs:
    """Placeholder that the next commit fills."""

    async def arrived(self, peer: ChatPeer) -> None:
        """A device has connected."""

    async def left(self, peer: ChatPeer) -> None:
        """A device has gone."""
