"""The turn, on one screen: understand, choose, bend, write, commit, fan out; what the customer does next is the reward.

``Bot._answer`` and ``Bot._compose`` are all of it; each step is a call into a module named by its subject.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import structlog

from inference.errors import EngineClosed
from server.chat.choosing import Choosing
from server.chat.language.passages import passages_of
from server.chat.language.ports import AS_WRITTEN, Abandoned, Rewriter
from server.chat.memory import Memory, last_answer
from server.chat.reactions import Reactions
from server.chat.recollection import Recollection
from server.chat.replies import Replies
from server.chat.trials import Part, Trials
from server.chat.understanding import Heard, Knowing, Understanding
from server.chat.voice import Voice
from server.chat.writer import Written
from server.clock import Clock
from server.errors import ProtocolError
from server.fanout.hub import Fanout
from server.store.ports import Answer, OpenTurn, Store
from server.telemetry import Metrics

_log = structlog.get_logger(__name__)


class Bot:
    """Answers customers' messages. One conversation's turns come one after the other (``TurnRunner``)."""

    def __init__(
        self,
        *,
        store: Store,
        fanout: Fanout,
        recollection: Recollection,
        understanding: Understanding,
        trials: Trials,
        choosing: Choosing,
        voice: Voice,
        replies: Replies,
        reactions: Reactions,
        knowledge: Knowing,
        clock: Clock,
        metrics: Metrics,
        author: Rewriter = AS_WRITTEN,
    ) -> None:
        self._store = store
        self._fanout = fanout
        self._recollection = recollection
        self._understanding = understanding
        self._trials = trials
        self._choosing = choosing
        self._voice = voice
        self._replies = replies
        self._reactions = reactions
        self._knowledge = knowledge
        self._clock = clock
        self._metrics = metrics
        self._author = author

    async def answer(self, turn: OpenTurn, last_try: bool) -> bool:
        """Answer a turn, or say that the ledger refused it, or raise. Repeatable: a committed turn stays as it is.

        With ``last_try`` a text that can't be understood or answered gets an apology; a ledger that is away still
        raises, and so does a closing engine: then the turn stays open for the next worker.
        """
        try:
            return await self._answer(turn)
        except Abandoned:
            return False
        except (ProtocolError, EngineClosed):
            raise
        except Exception as error:
            if not last_try:
                raise
            return await self._apologise(turn, error)

    async def _answer(self, turn: OpenTurn) -> bool:
        asked, started_ns = turn.message, time.perf_counter_ns()
        memory = await self._recollection.of(asked.channel, asked.offset)
        recorded = self._trials.recall(asked.sender.id)  # read beside the model's work
        heard = await self._understanding.understand(asked, memory, started_ns)
        # Begun before the answer is stored, so that one commit takes both.
        rewarding = asyncio.create_task(self._reactions.on_next_turn(memory.last, asked, heard.analysis))
        try:
            part = self._trials.part_in(asked, memory.turns + 1, heard.analysis, await recorded)
            answer, written = self._compose(turn, memory, heard, part)
            answer, written = await self._author.rewrite(
                answer, written, passages=passages_of(heard.found), parameters=part.treatment.parameters
            )
            question = self._knowledge.asked(heard.analysis, heard.found, answer, written, asked_back=memory.asked_back)
            message = await self._store.answer(replace(answer, question=question))
        except BaseException:
            self._recollection.forget(asked.channel)  # it has heard what may come again
            raise
        if message is None:  # answered elsewhere, or somebody has claimed the conversation
            self._recollection.forget(asked.channel)
            return False
        await self._fanout.publish_message(message)
        memory.answered(last_answer(answer, memory.turns), written, message.offset)
        self._count(heard, answer)
        await self._trials.answered(part, turn, heard.analysis, memory.turns)
        await rewarding
        return True

    def _compose(self, turn: OpenTurn, memory: Memory, heard: Heard, part: Part) -> tuple[Answer, Written]:
        """Choose who answers, bend them to the mood, write in their words; microseconds, no I/O."""
        asked, now_ms = turn.message, self._clock.now_ms()
        memory.hear(heard.analysis, asked.text, asked.at_ms)
        choice = self._choosing.choose(asked, memory, heard.analysis, part, now_ms)
        mood = self._voice.bend(choice.arm, memory, heard, part.treatment)
        written = self._voice.write(mood.persona, asked, memory, heard, part.treatment)
        answer = self._replies.decided(turn, memory, heard, part=part, choice=choice, mood=mood, written=written)
        return answer, written

    async def _apologise(self, turn: OpenTurn, reason: Exception) -> bool:
        """The model is away, or an answer failed: say so, as nobody in particular and with nothing to learn from."""
        _log.warning("apologised", reason=repr(reason))
        memory = await self._recollection.of(turn.message.channel)
        answer = self._replies.bare(turn, memory, self._voice.apologise(memory), self._clock.now_ms())
        message = await self._store.answer(answer)
        if message is not None:
            self._metrics.apologies.inc()
            await self._fanout.publish_message(message)
        return message is not None

    def _count(self, heard: Heard, answer: Answer) -> None:
        _log.debug("answered", message=answer.message_id)
        shown = answer.shown
        if answer.doubt is not None:
            self._metrics.doubts.inc()
        if shown is not None:
            self._metrics.turn(
                total_s=(time.perf_counter_ns() - heard.started_ns) / 1e9,
                analysis_s=(heard.analysed_ns - heard.started_ns) / 1e9,
                decide_s=(shown.decide_us or 0) / 1e6,
                sentiment=heard.analysis.sentiment.score,
                persona=shown.persona,
            )
