"""Whether somebody still waits for the answer: the conversation's messages while it is written, whoever stores them."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import Struct

from server.backplane.ports import Envelope
from server.chat.language.pump import Interruption
from server.fanout.hub import Fanout
from server.wire.frames import Message


class _Sender(Struct):
    kind: str


class _Heard(Struct, rename={"sender": "from"}):
    """Of a ``message`` frame what matters here."""

    sender: _Sender
    data: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Heard).decode


class StillWanted:
    """From entering to leaving: ``interruption`` tells of a claim, and of a customer who writes on.

    A bell that is not heard costs some tokens and nothing else: the ledger takes no answer under a claim, and what the
    customer wrote on is answered by its own turn.
    """

    def __init__(self, fanout: Fanout, asked: Message) -> None:
        self._fanout = fanout
        self._asked = asked
        self.interruption = Interruption()

    async def __aenter__(self) -> Self:
        try:
            await self._fanout.watch(self._asked.channel, self._hear)
        except BaseException:
            await self._fanout.unwatch(self._asked.channel, self._hear)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._fanout.unwatch(self._asked.channel, self._hear)

    def _hear(self, envelope: Envelope) -> None:
        if envelope.offset <= self._asked.offset:  # what is not durable has none
            return
        try:
            heard = _decode(envelope.body)
        except msgspec.MsgspecError:  # another release's
            return
        if heard.sender.kind == "customer":
            self.interruption.tell("written_on")
        elif heard.sender.kind == "system" and (heard.data or {}).get("event") == "claimed":
            self.interruption.tell("claimed")
