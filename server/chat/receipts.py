"""How far each user has got in a conversation (PROTOCOL §6)."""

from __future__ import annotations

from server.backplane.ports import Envelope
from server.chat.access import is_conversation, no_such_channel
from server.chat.peer import Caller
from server.clock import Clock
from server.errors import NotFound
from server.fanout.hub import Fanout
from server.store.ports import Receipt, Store
from server.wire.codec import JSON
from server.wire.frames import ReceiptMoved
from server.wire.requests import MarkReceipt


class Receipts:
    """Stores receipts and tells everybody in the conversation, once per step forward."""

    def __init__(self, *, store: Store, fanout: Fanout, clock: Clock) -> None:
        self._store = store
        self._fanout = fanout
        self._clock = clock

    async def mark(self, caller: Caller, frame: MarkReceipt) -> None:
        """``NotFound``, and ``Invalid`` beyond the last message. What is no step forward is passed over."""
        if not is_conversation(frame.channel):
            raise no_such_channel()
        receipt = Receipt(
            channel=frame.channel,
            user=caller.user,
            kind=frame.kind,
            offset=frame.offset,
            at_ms=self._clock.now_ms(),
            members_only=not caller.is_staff,
        )
        try:
            moved = await self._store.mark(receipt)
        except NotFound:
            raise no_such_channel() from None
        if moved:
            push = ReceiptMoved(channel=frame.channel, user=caller.user, kind=frame.kind, offset=frame.offset)
            await self._fanout.publish(Envelope(frame.channel, 0, JSON.encode(push)))
