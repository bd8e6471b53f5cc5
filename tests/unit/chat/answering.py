"""A bot among fakes: a ledger, a fan-out, an engine and a writer that keep what they were given."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from itertools import count
from typing import cast

from adapters.allowed import Rule
from adapters.features import FEATURE_NAMES
from adapters.mood import NO_RULES, MoodRules
from adapters.personas import Persona
from adapters.policies import Policy, make_policy
from adapters.rewards import RewardWeights
from adapters.traits import Traits
from inference.analysis import Analysis
from server.backplane.ports import Envelope
from server.chat.choosing import Choosing
from server.chat.constraints import Constraints
from server.chat.credit import Credit
from server.chat.doubts import DoubtRule
from server.chat.language.ports import AS_WRITTEN, Abandoned, Rewriter
from server.chat.learning import Learner
from server.chat.memory import Memories
from server.chat.reactions import Reactions
from server.chat.recollection import Recollection
from server.chat.replies import Replies
from server.chat.trials import Trials
from server.chat.turn import Bot
from server.chat.understanding import Understanding
from server.chat.voice import Voice
from server.chat.writer import BuiltInWriter, Situation, Spoken, Written
from server.clock import ManualClock
from server.errors import Unavailable
from server.fanout.hub import Fanout
from server.knowledge.index import NOTHING_FOUND, Found
from server.store.policy_ports import Repeats
from server.store.ports import Answer, Combine, OpenTurn, PastTurn, RewardEvent, RewardParts, Store
from server.telemetry import Metrics
from server.wire.frames import Message
from server.wire.parts import User
from tests.unit.chat.laboratory import Bench
from tests.unit.chat.loopback import loopback

ALICE = User("alice", "customer", "Alice")
BOT = User("bot", "bot", "Parlance")
PERSONAS = tuple(Persona(name, name, name, Traits().as_dict(), {}) for name in ("calm", "warm"))


@dataclass
class FakeStore:
    """Keeps answers and rewards; ``open_turns`` False: every turn is answered elsewhere."""

    answers: list[Answer] = field(default_factory=list)
    rewards: list[RewardParts] = field(default_factory=list)
    past: list[PastTurn] = field(default_factory=list)
    open_turns: bool = True
    away: bool = False
    reads: int = 0
    opened: int | None = 1
    counts: int = 0

    async def conversations_opened(self, user_id: str, most: int) -> int:
        self.counts += 1
        if self.opened is None:
            raise Unavailable("the database is away")
        return min(self.opened, most)

    of_segment: str | None = None

    async def past_turns(self, channel: str, limit: int) -> list[PastTurn]:
        self.reads += 1
        return self.past

    async def segment(self, channel: str) -> str | None:
        self.reads += 1
        return self.of_segment

    async def answer(self, answer: Answer) -> Message | None:
        if self.away:
            raise Unavailable("the database is away")
        if not self.open_turns:
            return None
        self.answers.append(answer)
        asked = answer.turn.message
        return Message(
            asked.channel, "e", asked.offset + 1, answer.message_id, answer.at_ms, answer.sender, answer.text,
            dict(answer.data or {}), None, asked.message_id, answer.shown,
        )  # fmt: skip

    async def add_reward(
        self, found: RewardParts, combine: Combine, at_ms: int, repeats: Repeats = "last"
    ) -> RewardEvent | None:
        self.rewards.append(found)
        return None


class FakeFanout:
    """Keeps what is rung for."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.envelopes: list[Envelope] = []

    async def publish_message(self, message: Message) -> None:
        self.messages.append(message)

    async def publish(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)


class FakeEngine:
    """Gives the next analysis, or raises it."""

    def __init__(self) -> None:
        self.results: list[Analysis | Exception] = []

    async def analyse(self, text: str, *, timeout_s: float, conversation: str) -> Analysis:
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result


class FakeWriter:
    """Says which situation it was given."""

    def __init__(self) -> None:
        self.situations: list[Situation] = []

    def write(self, situation: Situation, rng: random.Random) -> Written:
        self.situations.append(situation)
        number = len(self.situations)
        return Written(f"answer {number}", (f"p{number}",), ("More?",), "question", "order_status", {"order": "#1"})

    def error(self, persona: Persona, rng: random.Random, before: Spoken | None = None) -> Written:
        return Written("sorry", ("e1",), (), "error")


class KnowsNothing:
    """In place of knowledge."""

    async def find(self, text: str, analysis: Analysis) -> Found:
        return NOTHING_FOUND

    def asked(self, *_turn: object, asked_back: bool) -> None:
        """Nothing is recorded."""


@dataclass
class House:
    """A bot among its fakes."""

    store: FakeStore = field(default_factory=FakeStore)
    fanout: FakeFanout = field(default_factory=FakeFanout)
    engine: FakeEngine = field(default_factory=FakeEngine)
    writer: FakeWriter = field(default_factory=FakeWriter)
    clock: ManualClock = field(default_factory=ManualClock)
    sole_worker: bool = True
    mood_rules: MoodRules = NO_RULES
    trials: Trials | None = None
    policy: Policy = field(default_factory=lambda: make_policy("uniform", ("calm", "warm"), len(FEATURE_NAMES), 1))
    rules: tuple[Rule, ...] = ()
    credit_lambda: float = 0.0
    author: Rewriter = AS_WRITTEN
    reactions: Reactions = field(init=False)

    def bot(self) -> Bot:
        ids = count()
        learner = Learner(
            store=cast(Store, self.store),
            policy=self.policy,
            name=self.policy.name,
            combine=RewardWeights().combine,
            signals=loopback()[0],
            clock=self.clock,
            on_reward=lambda _: None,
        )
        store, fanout = cast(Store, self.store), cast(Fanout, self.fanout)
        trials, new_id = self.trials or Bench().trials(), lambda: f"id{next(ids)}"
        choosing = Choosing(
            store=store,
            learner=learner,
            constraints=Constraints(self.rules, by_segment=self.policy.name == "personal"),
            trials=trials,
            new_id=new_id,
        )
        recollection = Recollection(
            store=store, memories=Memories(10), segment=choosing.segment, sole_worker=self.sole_worker
        )
        self.reactions = Reactions(
            learner=learner,
            recollection=recollection,
            clock=self.clock,
            silence_ms=1_000,
            credit=Credit(store, learner, self.credit_lambda) if self.credit_lambda else None,
        )
        return Bot(
            store=store,
            fanout=fanout,
            recollection=recollection,
            understanding=Understanding(
                analyser=self.engine, knowledge=KnowsNothing(), store=store, fanout=fanout, timeout_s=1.0
            ),
            trials=trials,
            choosing=choosing,
            voice=Voice(
                writer=cast(BuiltInWriter, self.writer),
                personas=PERSONAS,
                mood_rules=self.mood_rules,
                rng=random.Random(0),
            ),
            replies=Replies(
                identity=BOT, new_id=new_id, trials=trials, doubts=DoubtRule(confidence=0.4, out_of_scope=0.5)
            ),
            reactions=self.reactions,
            knowledge=KnowsNothing(),
            clock=self.clock,
            metrics=Metrics(),
            author=self.author,
        )


class FakeAuthor:
    """Finds other words, or nobody who waits for them."""

    def __init__(self, abandons: bool = False) -> None:
        self.abandons = abandons

    async def rewrite(self, answer: Answer, written: Written, **known: object) -> tuple[Answer, Written]:
        if self.abandons:
            raise Abandoned
        return replace(answer, text="better words"), replace(written, text="better words", phrases=())


def turn(offset: int, sender: User = ALICE, at_ms: int | None = None) -> OpenTurn:
    """Written after the answers before it, unless ``at_ms`` says otherwise."""
    written_ms = ManualClock().wall_ms + offset if at_ms is None else at_ms
    return OpenTurn(f"t{offset}", 1, Message("conv:c", "e", offset, f"m{offset}", written_ms, sender, "where is it?"))
