"""The turn's first step: what a customer's message means, what the knowledge has on it, and who is told of that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from inference.analysis import Analysis
from server.backplane.ports import Envelope
from server.chat.memory import Memory
from server.chat.visits import count_visits
from server.chat.writer import Written
from server.fanout.hub import Fanout
from server.knowledge.index import Found
from server.knowledge.questions import QuestionTurn
from server.store.ports import Answer, Store
from server.wire.codec import JSON
from server.wire.frames import Event, Message

MAX_UNDERSTANDING: Final = 64
"""Turns in the model's line at a time. Its deadline counts the wait, and 64 texts take it a fifth of a second; a burst
beyond that waits here, without a deadline, in the order of the conversations."""


class Analyser(Protocol):
    """What reads a text: the inference engines."""

    async def analyse(self, text: str, *, timeout_s: float, conversation: str) -> Analysis: ...


class Knowing(Protocol):
    """What the bot needs of the user's knowledge. Raises nothing: what can't be searched has no answer."""

    async def find(self, text: str, analysis: Analysis) -> Found: ...

    def asked(
        self, analysis: Analysis, found: Found, answer: Answer, written: Written, *, asked_back: bool
    ) -> QuestionTurn | None: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """A text as understood: the analysis, the same as it goes over the wire, when the turn began and when this was
    done, and what the knowledge has on it."""

    analysis: Analysis
    wire: Mapping[str, Any]
    started_ns: int
    analysed_ns: int
    found: Found


class Understanding:
    """``timeout_s``: how long a text may take to be understood."""

    def __init__(
        self, *, analyser: Analyser, knowledge: Knowing, store: Store, fanout: Fanout, timeout_s: float
    ) -> None:
        self._analyser = analyser
        self._knowledge = knowledge
        self._store = store
        self._fanout = fanout
        self._timeout_s = timeout_s
        self._line = asyncio.Semaphore(MAX_UNDERSTANDING)

    async def understand(self, asked: Message, memory: Memory, started_ns: int) -> Heard:
        """Read ``asked`` and tell staff what it means. Raises what the analyser raises."""
        async with self._line:
            analysis = await self._analyse(asked, memory)
        wire, analysed_ns = analysis.to_wire(), time.perf_counter_ns()
        await self._fanout.publish(analysis_told(asked, wire))
        found = await self._knowledge.find(asked.text, analysis)
        return Heard(analysis, wire, started_ns, analysed_ns, found)

    async def _analyse(self, asked: Message, memory: Memory) -> Analysis:
        analysing = self._analyser.analyse(asked.text, timeout_s=self._timeout_s, conversation=asked.channel)
        if memory.visits is not None:
            return await analysing
        # Once a conversation, behind the model's back.
        analysis, _ = await asyncio.gather(analysing, count_visits(self._store, memory, asked.sender.id))
        return analysis


def analysis_told(message: Message, analysis: Mapping[str, Any]) -> Envelope:
    """The event about ``message`` (PROTOCOL §5, ``analysis``): to staff, and with ``explain`` to its author."""
    data = {"message_id": message.message_id, "analysis": analysis}
    event = Event(channel=message.channel, name="analysis", data=data)
    return Envelope(message.channel, 0, JSON.encode(event), audience="staff", author=message.sender.id)
