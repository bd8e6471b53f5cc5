"""One worker: its parts put together, started, drained and closed. ``server.wiring`` says what it is made of."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

import structlog
from starlette.applications import Starlette

from server.chat.signals import Removed
from server.clock import Clock
from server.contents import read_contents
from server.errors import Unavailable
from server.settings import Settings
from server.wire.frames import Message
from server.wiring.alerts import post_lookout
from server.wiring.edge import open_edge, routes
from server.wiring.editing import prepare_editing
from server.wiring.flags import Moods, notice_of, prepare_flags
from server.wiring.ground import lay_ground
from server.wiring.knowledge import load_demo
from server.wiring.people import gather_people
from server.wiring.talk import offer_talk
from server.wiring.turns import prepare_turns

# Its 644 rows take a second, once.
DEMO_READY_S = 20.0
# How long /readyz trusts its last proof.
READY_FOR_MS = 1_000

_log = structlog.get_logger(__name__)


class App:
    """Raises ``StartupError`` for settings or files that are wrong; nothing is connected before ``start``."""

    def __init__(self, settings: Settings, *, clock: Clock, rng: random.Random) -> None:
        contents = read_contents(settings)
        self._settings = settings
        self._clock = clock
        self._ground = lay_ground(settings, clock=clock, rng=rng, on_message=self._published)
        self._people = gather_people(self._ground)
        self._turns = prepare_turns(self._ground, contents, on_reward=self._people.figures.rewarded)
        self._lookout = post_lookout(self._ground, self._people, self._turns, contents.alerts)
        moods = Moods(contents.mood_rules, self._turns.voice.bend_by)
        flags = prepare_flags(self._ground, self._turns, moods)
        self._talk = offer_talk(
            self._ground, self._people, self._turns, self._lookout, contents.desk, notice=notice_of(flags)
        )
        self._editing = prepare_editing(self._ground, self._turns, flags, moods)
        self._edge = open_edge(self._ground, self._people, self._turns, self._talk, editing=self._editing, flags=flags)
        self._ground.signals.on(Removed, self._removed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False
        self._ready_ms = float("-inf")

    @property
    def policy_version(self) -> int:
        """How much of the reward log the policy has folded."""
        return self._turns.learner.version

    def asgi(self) -> Starlette:
        """What uvicorn serves."""
        return routes(self._edge, self._ground, self._ready)

    async def start(self) -> None:
        """Open the ledger, replay the policy, take over what was left unanswered."""
        await self._ground.store.start()
        await self._ground.fanout.start()
        if self._settings.demo:
            await load_demo(self._ground)
        await self._turns.knowledge.look()
        if self._settings.demo:  # whoever tries it asks at once; elsewhere articles are there already
            await self._turns.knowledge.ready(DEMO_READY_S)
        await self._turns.learner.start()
        await self._turns.trials.look()  # before the first turn, so that nobody gets an answer past an experiment
        await self._editing.look()
        await self._turns.runner.start()
        for work in self._keepers():
            self._spawn(work)
        self._spawn(asyncio.to_thread(self._turns.fleet.warm_up))

    def _keepers(self) -> list[Coroutine[Any, Any, None]]:
        """What each part does by itself, for ever."""
        keepers = [
            self._turns.reactions.watch_silence(),
            self._turns.learner.follow(),
            self._turns.learner.give_defaults(),
            self._turns.trials.follow(),
            self._editing.follow(),
            self._turns.models.watch(),
            self._turns.figures.keep(),
            self._lookout.health.keep(),
            self._lookout.keeper.keep(),
            self._talk.laboratory.examiner.keep(),
            self._people.accounts.watch(),
            self._people.queue.keep(),
            self._people.figures.keep(),
            self._people.presence.run(),
            self._people.typing.run(),
            self._talk.claims.keep(),
            self._talk.inbox.keep(),
            self._turns.knowledge.watch(),
        ]
        if self._settings.knowledge_question_days:
            keepers.append(self._talk.gap_keeper.keep())
        keepers += self._talk.agents.keepers()
        if self._turns.teaching is not None:
            keepers.append(self._turns.teaching.watch())
        if self._settings.redis_url:  # within one process no word is lost
            keepers.append(self._talk.chat.watch_members())
        return keepers

    async def drain(self) -> None:
        """Say goodbye to every connection, while the turns under way go on."""
        self._draining = True
        await self._edge.endpoint.drain(self._settings.drain_ms)

    async def close(self) -> None:
        """End the turns under way, commit what waits, release everything."""
        self._turns.knowledge.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._lookout.keeper.close()
        await self._turns.runner.close(self._settings.drain_ms / 1000)
        await self._turns.figures.close()
        await self._turns.overhearing.close()
        await self._talk.agents.close()
        await self._turns.learner.close()
        await self._turns.trials.close()
        if self._turns.author is not None:
            await self._turns.author.close()
        await self._people.presence.close()
        await self._ground.fanout.close()
        await self._turns.fleet.close()
        await self._ground.store.close()
        await asyncio.to_thread(self._ground.tracing.close)

    def _published(self, message: Message) -> None:
        self._ground.metrics.messages.inc()
        self._people.queue.on_message(message)
        self._talk.agents.on_message(message)

    def _removed(self, word: Removed) -> None:
        self._spawn(self._talk.chat.evict(word.channel, word.user_ids))

    async def _ready(self) -> None:
        if self._draining:
            raise Unavailable("the server is draining")
        now_ms = self._clock.mono_ms()
        if now_ms - self._ready_ms > READY_FOR_MS:  # the proof is a write, and anybody may ask
            await self._ground.store.ping()
            self._ready_ms = now_ms

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=getattr(work, "__qualname__", None))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("background work died", work=task.get_name(), exc_info=error)
