"""The turn, on one screen: understand, decide, answer; and what the customer does next is the reward."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog

from adapters.features import features
from adapters.mood import NO_RULES, MoodRules
from adapters.personas import Persona
from adapters.rewards import After, next_turn_parts
from inference.analysis import Analysis
from inference.errors import EngineClosed
from server.chat.apprentice import Apprentice
from server.chat.constraints import Constraints
from server.chat.credit import Credit
from server.chat.doubts import DoubtRule
from server.chat.language.passages import passages_of
from server.chat.language.ports import Abandoned, Rewriter
from server.chat.learning import Learner
from server.chat.listening import Understanding, analysis_told
from server.chat.memory import LastAnswer, Memories, Memory, before_of, rebuild, turn_view
from server.chat.mood import bend
from server.chat.peer import GUEST_NAME
from server.chat.trials import NO_PART, Drawn, Part, Trials, attributes_of
from server.chat.visits import count_visits
from server.chat.writer import BuiltInWriter, Situation, Written
from server.clock import Clock
from server.errors import ProtocolError
from server.fanout.hub import Fanout
from server.knowledge.index import NOTHING_FOUND, Found
from server.knowledge.questions import QuestionTurn
from server.store.ports import Answer, DecisionRow, OpenTurn, RewardParts, Store
from server.telemetry import Metrics
from server.wire.frames import Message
from server.wire.parts import Turn, User

_log = structlog.get_logger(__name__)

PAST_TURNS = 50
SILENCE_SWEEP_S = 30.0
# Turns in the model's line at a time. Its deadline counts the wait, and 64 texts take it a fifth of a second; a burst
# beyond that waits here, without a deadline, in the order of the conversations.
MAX_UNDERSTANDING = 64


class Knowing(Protocol):
    """What the bot needs of the user's knowledge. Raises nothing: what can't be searched has no answer."""

    async def find(self, text: str, analysis: Analysis) -> Found: ...

    def asked(
        self, analysis: Analysis, found: Found, answer: Answer, written: Written, *, asked_back: bool
    ) -> QuestionTurn | None: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """A text as understood: the analysis, the same as it goes over the wire, when it began and was done, and what the
    knowledge has on it."""

    analysis: Analysis
    wire: Mapping[str, Any]
    started_ns: int
    analysed_ns: int
    found: Found = NOTHING_FOUND


class Bot:
    """Answers customers' messages. One conversation's turns come one after the other (``TurnRunner``)."""

    def __init__(
        self,
        *,
        store: Store,
        fanout: Fanout,
        engine: Understanding,
        learner: Learner,
        writer: BuiltInWriter,
        personas: tuple[Persona, ...],
        memories: Memories,
        identity: User,
        clock: Clock,
        rng: random.Random,
        new_id: Callable[[], str],
        metrics: Metrics,
        analysis_timeout_s: float,
        silence_ms: int,
        sole_worker: bool,
        doubts: DoubtRule | None = None,
        mood_rules: MoodRules = NO_RULES,
        constraints: Constraints | None = None,
        credit: Credit | None = None,
        apprentice: Apprentice | None = None,
        trials: Trials | None = None,
        knowledge: Knowing | None = None,
        author: Rewriter | None = None,
    ) -> None:
        self._store = store
        self._fanout = fanout
        self._engine = engine
        self._learner = learner
        self._writer = writer
        self._personas = {persona.name: persona for persona in personas}
        self._memories = memories
        self._identity = identity
        self._clock = clock
        self._rng = rng
        self._new_id = new_id
        self._metrics = metrics
        self._analysis_timeout_s = analysis_timeout_s
        self._silence_ms = silence_ms
        self._sole_worker = sole_worker
        self._doubts = doubts
        self._mood_rules = mood_rules
        self._constraints = constraints or Constraints()
        self._credit = credit
        self._apprentice = apprentice
        self._trials = trials
        self._knowledge = knowledge
        self._author = author
        self._understanding = asyncio.Semaphore(MAX_UNDERSTANDING)

    @property
    def writer(self) -> BuiltInWriter:
        return self._writer

    @property
    def personas(self) -> tuple[Persona, ...]:
        return tuple(self._personas.values())

    def write_with(self, writer: BuiltInWriter) -> None:
        """From the next answer on."""
        self._writer = writer

    def speak_as(self, personas: tuple[Persona, ...]) -> None:
        """These are the personas from the next answer on."""
        self._personas = {persona.name: persona for persona in personas}

    def bend_by(self, rules: MoodRules) -> None:
        """These are the mood rules from the next answer on."""
        self._mood_rules = rules

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
        """Understand, choose a persona, write, commit, ring; then reward the answer before."""
        channel = turn.message.channel
        started_ns = time.perf_counter_ns()
        memory = await self._memory(channel, turn.message.offset)
        recalled = self._trials.recall(turn.message.sender.id) if self._trials else None
        async with self._understanding:
            analysis = await self._understand(turn, memory)
        heard = Heard(analysis, analysis.to_wire(), started_ns, time.perf_counter_ns())
        await self._tell_analysis(turn, heard.wire)
        if self._knowledge is not None:
            heard = replace(heard, found=await self._knowledge.find(turn.message.text, analysis))
        # Begun before the answer is stored, so that one commit takes both.
        rewarding = asyncio.create_task(self._reward_previous(turn, memory.last, analysis))
        try:
            part = self._part(turn, memory, analysis, await recalled if recalled else {})
            answer, written = self._compose(turn, memory, heard, part)
            if self._author is not None:
                found, wished = passages_of(heard.found), part.treatment.parameters
                answer, written = await self._author.rewrite(answer, written, passages=found, parameters=wished)
            if self._knowledge is not None:
                asked = self._knowledge.asked(analysis, heard.found, answer, written, asked_back=memory.asked_back)
                answer = replace(answer, question=asked)
            message = await self._store.answer(answer)
        except BaseException:
            self._memories.forget(channel)  # it has heard what may come again
            raise
        if message is None:
            self._memories.forget(channel)  # answered elsewhere, or somebody has claimed the conversation
            return False
        await self._fanout.publish_message(message)
        decision_id = answer.decision.decision_id if answer.decision is not None else None
        before = before_of(heard.wire, memory.turns, turn.message.at_ms, answer.at_ms)
        memory.answered(LastAnswer(decision_id, before, answer.at_ms), written, message.offset)
        self._count(heard, answer, started_ns)
        if self._trials is not None:
            await self._trials.answered(part, turn, analysis, memory.turns)
        _log.debug("answered", message=message.message_id, offset=message.offset)
        await rewarding
        return True

    async def _understand(self, turn: OpenTurn, memory: Memory) -> Analysis:
        channel, timeout_s = turn.message.channel, self._analysis_timeout_s
        analysing = self._engine.analyse(turn.message.text, timeout_s=timeout_s, conversation=channel)
        if memory.visits is not None:
            return await analysing
        # Once a conversation, behind the model's back.
        analysis, _ = await asyncio.gather(analysing, count_visits(self._store, memory, turn.message.sender.id))
        return analysis

    def _part(self, turn: OpenTurn, memory: Memory, analysis: Analysis, kept: Mapping[str, str]) -> Part:
        """Which experiments concern this turn."""
        if self._trials is None:
            return NO_PART
        sender, now_ms = turn.message.sender, self._clock.now_ms()
        return self._trials.part(
            sender.id, lambda: attributes_of(sender, analysis, memory.turns + 1, now_ms), kept, now_ms
        )

    def _compose(self, turn: OpenTurn, memory: Memory, heard: Heard, part: Part) -> tuple[Answer, Written]:
        now_ms = self._clock.now_ms()
        memory.hear(heard.analysis, turn.message.text, turn.message.at_ms)
        deciding_ns = time.perf_counter_ns()
        decision = self._decide(memory, heard.analysis, turn, now_ms, part)
        decided_ns = time.perf_counter_ns()
        sender, treatment = turn.message.sender, part.treatment
        mood = bend(memory, heard.analysis, treatment.voice(self._personas[decision.arm]), self._mood_rules)
        situation = Situation(
            analysis=treatment.reading(
                heard.analysis, asked_back=memory.asked_back, previous_intent=memory.previous_intent
            ),
            persona=mood.persona,
            text=turn.message.text,
            turn_number=memory.turns,
            used=tuple(memory.used_phrases),
            previous_intent=memory.previous_intent,
            known=memory.known,
            asked_back=memory.asked_back,
            customer_name=None if sender.name == GUEST_NAME else sender.name,
            found=heard.found,
            spoken=memory.spoken,
        )
        written = treatment.wording(self._writer.write(situation, self._rng))
        shown = Turn(
            decision_id=decision.decision_id,
            persona=decision.arm,
            policy=decision.policy,
            version=decision.version,
            propensity=round(decision.propensity, 6),
            experiment=part.ref,
            analysis_us=(heard.analysed_ns - heard.started_ns) // 1000,
            decide_us=(decided_ns - deciding_ns) // 1000,
            total_us=(time.perf_counter_ns() - heard.started_ns) // 1000,
            mood=mood.shown,
        )
        doubt = self._doubts.doubt(heard.analysis, written.kind, memory.asked_back) if self._doubts else None
        answer = self._reply(turn, memory, written, now_ms)
        score = heard.analysis.sentiment.score
        trial = self._trials.record(part, turn, memory, score, now_ms) if self._trials else None
        told = replace(answer, shown=shown, decision=decision, analysis=heard.wire, doubt=doubt, trial=trial)
        return told, written

    def _reply(self, turn: OpenTurn, memory: Memory, written: Written, now_ms: int) -> Answer:
        """The written words as an answer that nobody has decided yet."""
        return Answer(
            turn=turn,
            sender=self._identity,
            text=written.text,
            message_id=self._new_id(),
            at_ms=now_ms,
            data=written.data(),
            shown=None,
            decision=None,
            analysis={},
            notes=memory.notes(written),
        )

    def _decide(self, memory: Memory, analysis: Analysis, turn: OpenTurn, now_ms: int, part: Part) -> DecisionRow:
        x, user = features(turn_view(memory, analysis, turn.message.text, now_ms)), turn.message.sender.id
        may = self._constraints.allowed(analysis, memory.segment, self._learner.drawable)
        drawn = None
        if self._trials is not None:
            open_arms = tuple(arm for arm in self._learner.drawable if may.arms is None or arm in may.arms)
            drawn = self._trials.draw(part, x, open_arms, user=user, segment=memory.segment)
        if drawn is None:
            chosen = self._learner.choose(x, allowed=may.arms, user=user, segment=memory.segment)
            name, mode = self._learner.name, self._learner.mode
            drawn = Drawn(name, self._learner.policy.arms, chosen, self._learner.version, self._learner.seed, mode)
        chosen = drawn.decision
        return DecisionRow(
            decision_id=self._new_id(),
            policy=drawn.log,
            version=drawn.version,
            arm=chosen.arm,
            propensity=chosen.propensity,
            arms=drawn.arms,
            probabilities=tuple(chosen.probabilities.tolist()),
            features=tuple(x.tolist()),
            at_ms=now_ms,
            mode=drawn.mode,
            seed=drawn.seed,
        )

    async def _apologise(self, turn: OpenTurn, reason: Exception) -> bool:
        """The model is away, or an answer failed: say so, as nobody in particular and with nothing to learn from."""
        _log.warning("apologised", reason=repr(reason))
        memory = await self._memory(turn.message.channel)
        error = self._writer.error(next(iter(self._personas.values())), self._rng, memory.spoken)
        written = replace(error, intent=memory.previous_intent, known=memory.known)
        answer = self._reply(turn, memory, written, self._clock.now_ms())
        message = await self._store.answer(answer)
        if message is not None:
            self._metrics.apologies.inc()
            await self._fanout.publish_message(message)
        return message is not None

    async def _memory(self, channel: str, before_offset: int | None = None) -> Memory:
        """What is known of the messages below ``before_offset`` (None: whatever is at hand)."""
        known = self._memories.get(channel)
        if known is not None and (self._sole_worker or before_offset is None or before_offset <= known.offset + 1):
            return known
        if known is not None:  # other messages have come since: another worker may have answered some
            self._memories.forget(channel)
        # Before the first message there is nothing to read.
        past = [] if before_offset == 1 else await self._store.past_turns(channel, PAST_TURNS)
        wanted = self._trials is not None and self._trials.asks_segment
        segment = await self._constraints.segment(self._store, channel, wanted=wanted)
        # Somebody else may have rebuilt it meanwhile, and heard more since.
        memory = self._memories.get(channel) or self._memories.put(channel, rebuild(past))
        memory.segment = segment
        memory.offset = max(memory.offset, (before_offset or 1) - 1)
        return memory

    async def _tell_analysis(self, turn: OpenTurn, wire: Mapping[str, Any]) -> None:
        await self._fanout.publish(analysis_told(turn.message, wire))

    def _count(self, heard: Heard, answer: Answer, started_ns: int) -> None:
        shown = answer.shown
        if answer.doubt is not None:
            self._metrics.doubts.inc()
        if shown is not None:
            self._metrics.turn(
                total_s=(time.perf_counter_ns() - started_ns) / 1e9,
                analysis_s=(heard.analysed_ns - heard.started_ns) / 1e9,
                decide_s=(shown.decide_us or 0) / 1e6,
                sentiment=heard.analysis.sentiment.score,
                persona=shown.persona,
            )

    # ------------------------------------------------------------------ rewards

    async def _reward_previous(self, turn: OpenTurn, last: LastAnswer | None, analysis: Analysis) -> None:
        if last is not None and turn.message.at_ms > last.at_ms:  # else it was written before that answer
            await self._reward(last, After(analysis.sentiment.score, analysis.act))

    async def _reward(self, last: LastAnswer | None, after: After) -> None:
        """What followed an answer rewards its decision."""
        if last is None or last.decision_id is None:
            return
        parts = next_turn_parts(last.before, after)
        await self._learner.reward(RewardParts(last.decision_id, parts, decided_ms=last.at_ms))

    async def on_rating(self, found: RewardParts) -> None:
        """A thumb, or any rating, on an answer."""
        memory = self._memories.get(found.channel)
        if memory is not None and memory.last is not None and memory.last.decision_id == found.decision_id:
            memory.last_rating = found.parts.get("feedback")
        await self._learner.reward(found)

    async def on_agent_message(self, message: Message) -> None:
        """An agent wrote, and said in which persona."""
        if self._apprentice is not None:
            await self._apprentice.watch(message)

    async def on_assessed(self, channel: str, rating: float) -> None:
        """Somebody rated the conversation; that is said of its last answer."""
        last = (await self._memory(channel)).last
        if last is not None and last.decision_id is not None:
            await self._learner.reward(RewardParts(last.decision_id, {"rating": rating}, decided_ms=last.at_ms))
        if self._credit is not None:
            await self._credit.carry_back(channel, {"rating": rating})

    async def on_resolved(self, channel: str, resolved: bool) -> None:
        """The last answer led to a resolution, or to a reopening."""
        memory = await self._memory(channel)
        memory.resolved_before = memory.resolved_before or resolved
        await self._reward(memory.last, After(resolved=resolved))
        if self._credit is not None:
            await self._credit.carry_back(channel, {"resolved": float(resolved)})

    async def on_handoff(self, channel: str) -> None:
        """After the last answer somebody wanted a human."""
        memory = await self._memory(channel)
        await self._reward(memory.last, After(handoff=True))

    async def watch_silence(self) -> None:
        """Run for ever: no reaction to an answer for ``silence_ms`` is a reaction too, told once per answer."""
        while True:
            await asyncio.sleep(SILENCE_SWEEP_S)
            try:
                await self.tell_silences()
            except Exception:  # whatever it was, the next round must come
                _log.exception("silences not told")

    async def tell_silences(self) -> None:
        """Reward every answer that nobody has reacted to for ``silence_ms``, once."""
        before_ms = self._clock.now_ms() - self._silence_ms
        for memory in self._memories.all():
            last = memory.last
            if last is not None and last.at_ms < before_ms and not memory.silence_told:
                memory.silence_told = True
                await self._reward(last, After(silent=True))
