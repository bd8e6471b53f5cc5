"""A server without doors: the parts that a message passes through, put together as ``server.app`` does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from adapters.policies import Policy
from server.chat.peer import Caller
from server.chat.runner import TurnRunner
from server.clock import ManualClock
from server.contents import Contents
from server.errors import Internal
from server.settings import Settings
from server.store.ports import OpenTurn, RewardEvent
from server.wire.frames import Ack, Message
from server.wire.parts import User
from server.wire.requests import Feedback, Open, Resolve, Send
from server.wiring.alerts import post_lookout
from server.wiring.ground import Ground, lay_ground, new_id
from server.wiring.people import gather_people
from server.wiring.talk import offer_talk
from server.wiring.turns import prepare_turns

# A busy machine must not change what is simulated.
ANALYSIS_TIMEOUT_MS = 60_000
CONVERSATIONS = 1_000  # of which silence is told; they come one after the other


@dataclass(frozen=True, slots=True)
class Answered:
    """The bot's answer: its message, the decision behind it, and the persona that spoke."""

    message_id: str
    decision_id: str
    persona: str


def simulated(settings: Settings, folder: Path, policy: str) -> Settings:
    """``settings`` for a house in ``folder``: nothing of the real server's data is read or written but its model's
    versions."""
    return settings.model_copy(
        update={
            "data_dir": folder,
            "database_url": "",
            "redis_url": "",
            "models_dir": settings.models_path,
            "workers": 1,
            "limits": "off",
            "analysis_timeout_ms": ANALYSIS_TIMEOUT_MS,
            "conversations_in_memory": CONVERSATIONS,
            "inbox_items": 0,
            "policy": policy,
            "policy_mode": "live",
            "policy_holdout": 0.0,
            "language_writer": "builtin",  # a model's words would cost money and teach nothing here
            "demo": False,
            "policy_parameters": {},
        }
    )


class TurnByTurn(TurnRunner):
    """Answers when told to: what is simulated must not depend on what is quicker."""

    def __init__(self, ground: Ground, answer: Callable[[OpenTurn, bool], Awaitable[bool]]) -> None:
        lease_ms = ground.settings.turn_lease_ms
        super().__init__(
            store=ground.store, answer=answer, worker=ground.worker, lease_ms=lease_ms, max_running=1, sole_worker=True
        )
        self._answer_now = answer
        self._waiting: list[OpenTurn] = []

    def submit(self, turn: OpenTurn) -> None:
        self._waiting.append(turn)

    async def answer_waiting(self) -> None:
        """All that was submitted, in that order."""
        for turn in self._waiting:
            await self._answer_now(turn, True)
        self._waiting.clear()


class House:
    """One worker whose turns are answered one by one, in the order in which they come. ``rewards``: by decision, what
    has been learned of it."""

    def __init__(
        self, settings: Settings, contents: Contents, policy: Policy, *, clock: ManualClock, rng: random.Random
    ) -> None:
        self.rewards: dict[str, float] = {}
        self._heard: Message | None = None
        self._frames = count(1)
        self._ground = lay_ground(settings, clock=clock, rng=rng, on_message=self._hear)
        turns = prepare_turns(self._ground, contents, on_reward=self._learned, policy=policy)
        self._runner = TurnByTurn(self._ground, turns.bot.answer)
        self._turns = replace(turns, runner=self._runner)
        people = gather_people(self._ground)
        lookout = post_lookout(self._ground, people, self._turns, contents.alerts)
        self._talk = offer_talk(self._ground, people, self._turns, lookout, contents.desk)
        self._follower: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Make the database and its tables."""
        await self._ground.store.start()
        await self._ground.fanout.start()
        await self._turns.learner.start()
        self._follower = asyncio.create_task(self._turns.learner.follow())

    async def close(self) -> None:
        """Release everything."""
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)
        await self._ground.fanout.close()
        await self._turns.fleet.close()
        await self._ground.store.close()

    async def open(self, user: User) -> str:
        """A new conversation's channel."""
        opened = await self._talk.conversations.open(Caller(user), Open(id=next(self._frames), key=new_id()))
        return opened.conversation.channel

    async def say(self, user: User, channel: str, text: str) -> Answered:
        """A message, and the answer to it. ``Internal`` where there is none."""
        self._heard = None
        send = Send(id=next(self._frames), channel=channel, key=new_id(), text=text)
        await self._talk.messages.prepare_send(Caller(user), send, _unacked)
        await self._runner.answer_waiting()
        message: Message | None = self._heard
        if message is None or message.turn is None:
            raise Internal(f"nobody answered {text!r}")
        return Answered(message.message_id, message.turn.decision_id, message.turn.persona)

    async def rate(self, user: User, message_id: str, rating: float) -> None:
        """A thumb on an answer: 0 or 1."""
        await self._talk.messages.feedback(
            Caller(user), Feedback(id=next(self._frames), message_id=message_id, rating=rating)
        )

    async def resolve(self, user: User, channel: str) -> None:
        """What the conversation was about is settled."""
        await self._talk.conversations.resolve(
            Caller(user), Resolve(id=next(self._frames), channel=channel, resolved=True)
        )

    async def tell_silences(self) -> None:
        """Reward the answers that nobody has reacted to for long enough."""
        await self._turns.reactions.tell_silences()

    def _hear(self, message: Message) -> None:
        if message.sender.kind == "bot":
            self._heard = message

    def _learned(self, event: RewardEvent) -> None:
        self.rewards[event.decision_id] = event.reward


def _unacked(_ack: Ack) -> None:
    """The message is stored; nobody waits for the word."""
