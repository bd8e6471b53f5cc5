"""The connections of this worker by user: for what concerns a person and not a channel."""

from __future__ import annotations

from collections.abc import Iterator

from server.chat.peer import ChatPeer


class Connected:
    """Who is connected here. Plain look-ups, no I/O."""

    def __init__(self) -> None:
        self._peers: dict[str, set[ChatPeer]] = {}

    def add(self, peer: ChatPeer) -> None:
        self._peers.setdefault(peer.user_id, set()).add(peer)

    def remove(self, peer: ChatPeer) -> None:
        """Unknown ones are ignored."""
        peers = self._peers.get(peer.user_id, set())
        peers.discard(peer)
        if not peers:
            self._peers.pop(peer.user_id, None)

    def of(self, user_id: str) -> list[ChatPeer]:
        """The user's connections on this worker."""
        return list(self._peers.get(user_id, ()))

    def __iter__(self) -> Iterator[ChatPeer]:
        for peers in list(self._peers.values()):
            yield from list(peers)

    def __len__(self) -> int:
        return sum(len(peers) for peers in self._peers.values())
