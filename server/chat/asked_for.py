"""Whoever asks for a person in words gets into the queue, as with the verb ``handoff`` (PROTOCOL §5)."""

from __future__ import annotations

from typing import Final

from server.chat.messages import told
from server.chat.reactions import Reactions
from server.chat.relief import Relief
from server.chat.turn import Bot
from server.chat.voice import Voice
from server.store.ports import OpenTurn

REASON: Final = "asks for a person"


class AskedFor:
    """Answers turns by ``bot``; those whose words ask for a person are handed over besides, whatever becomes of the
    answer: one that is refused, or fails, leaves the customer's wish as it is."""

    def __init__(self, bot: Bot, voice: Voice, reactions: Reactions, relieve: Relief) -> None:
        self._bot = bot
        self._voice = voice
        self._reactions = reactions
        self._relieve = relieve

    async def answer(self, turn: OpenTurn, last_try: bool) -> bool:
        """As ``Bot.answer``. Repeatable: who waits already goes on waiting."""
        if not self._voice.writer.wants_person(turn.message.text):
            return await self._bot.answer(turn, last_try)
        channel = turn.message.channel
        await told(self._reactions.on_handoff(channel))  # the answer before this one is what did not do
        try:
            return await self._bot.answer(turn, last_try)
        finally:
            await self._relieve(channel, REASON)
