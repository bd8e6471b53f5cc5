"""The policy on this worker: a fold over the reward log that the ledger keeps (DESIGN's law 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import numpy as np
import structlog
from numpy.typing import NDArray

from adapters.policies import Decision, Policy
from server.chat.fold import known, learn
from server.chat.joining import RewardJoin
from server.chat.signals import Rewarded, Signals
from server.clock import Clock
from server.errors import ProtocolError
from server.store.ports import Combine, RewardEvent, RewardParts, Store
from server.telemetry import Metrics

_REPLAY_EVENTS = 1_000
LOOK_EVERY_S = 5.0
# Rewards come as often as customers write, and each is every worker's: what comes in so long is told in one word and
# read in one query.
GATHER_S = 0.25
DEFAULTS_EVERY_S = 30.0

_log = structlog.get_logger(__name__)


class Learner:
    """Chooses, and learns each reward event once, in the log's order.

    ``name`` is the log's: two policies of one name share what they learn from. ``version`` is the ``log_offset`` of
    the last event that was folded.
    """

    def __init__(
        self,
        *,
        store: Store,
        policy: Policy,
        name: str,
        combine: Combine,
        signals: Signals,
        clock: Clock,
        on_reward: Callable[[RewardEvent], None],
        metrics: Metrics | None = None,
        join: RewardJoin | None = None,
    ) -> None:
        self.name = name
        self.policy = policy
        self.version = 0
        self._store = store
        self._combine = combine
        self._clock = clock
        self._on_reward = on_reward
        self._metrics = metrics or Metrics()
        self._join = join or RewardJoin()
        self._signals = signals
        self._stirred = asyncio.Event()  # something to tell, or to read
        self._appended = self._told = 0
        self._is_behind = False
        signals.on(Rewarded, self._hear)

    async def start(self) -> None:
        """Replay the log."""
        await self._catch_up()
        _log.info("policy replayed", policy=self.name, version=self.version)

    def _hear(self, word: Rewarded) -> None:
        if word.policy == self.name and word.log_offset > self.version:
            self._fall_behind()

    def _fall_behind(self) -> None:
        self._is_behind = True
        self._stirred.set()

    async def follow(self) -> None:
        """Tell the other workers for ever what is appended here, and fold what they append: when they say so, and from
        time to time since word may be lost."""
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):  # wait_for can swallow a cancellation (Python 3.11)
                    await self._stirred.wait()
                await asyncio.sleep(GATHER_S)
            except TimeoutError:
                self._is_behind = True
            self._stirred.clear()
            try:
                await self._tell()
                if self._is_behind:
                    self._is_behind = False
                    await self._catch_up()
            except ProtocolError as error:
                _log.warning("reward log not read", policy=self.name, reason=str(error))
            except Exception:  # whatever it was, the next look must come
                _log.exception("reward log not read", policy=self.name)

    @property
    def drawable(self) -> tuple[str, ...]:
        """The arms that are not paused."""
        return tuple(arm for arm in self.policy.arms if arm not in self.policy.paused)

    def choose(
        self,
        x: NDArray[np.float64],
        *,
        allowed: Collection[str] | None = None,
        user: str | None = None,
        segment: str | None = None,
    ) -> Decision:
        """Draw one of the ``allowed`` personas (None: all) for a context; microseconds, no I/O."""
        return self.policy.choose(x, allowed, known(user), known(segment))

    async def reward(self, found: RewardParts) -> None:
        """Add parts to a decision's reward and learn the difference, or have ``follow`` learn it after what others have
        appended before. A ledger that is away costs the reward only."""
        now_ms = self._clock.now_ms()
        if not found.decision_id or not found.parts or not self._in_time(found, now_ms):
            return
        self._metrics.parts(found.parts)
        try:
            event = await self._store.add_reward(found, self._combine, now_ms, self._join.repeats)
            if event is None:
                return
            if event.log_offset == self.version + 1:
                self._fold(event)
            elif event.log_offset > self.version:
                self._fall_behind()
            self._appended = max(self._appended, event.log_offset)
            self._stirred.set()
        except ProtocolError as error:
            _log.warning("reward lost", decision=found.decision_id, reason=str(error))

    def _in_time(self, found: RewardParts, now_ms: int) -> bool:
        if not self._join.is_late(found.decided_ms, now_ms):
            return True
        self._metrics.late(counts=not self._join.ignore_late)
        return not self._join.ignore_late

    async def give_defaults(self) -> None:
        """Give for ever the default reward to decisions that have waited long enough; nothing where there is none. All
        workers do, and each decision gets it once."""
        while self._join.default is not None and self._join.window_ms is not None:
            try:
                await self._give_defaults(self._join.default, self._join.window_ms)
            except ProtocolError as error:
                _log.warning("default rewards not given", policy=self.name, reason=str(error))
            except Exception:  # whatever it was, the next round must come
                _log.exception("default rewards not given", policy=self.name)
            await asyncio.sleep(DEFAULTS_EVERY_S)

    async def _give_defaults(self, reward: float, window_ms: int) -> None:
        while True:
            now_ms = self._clock.now_ms()
            given = await self._store.default_rewards(self.name, reward, now_ms - window_ms, now_ms, _REPLAY_EVENTS)
            self._metrics.rewards_defaulted.inc(given)
            if given:
                self._fall_behind()
            if given < _REPLAY_EVENTS:
                return

    async def _tell(self) -> None:
        if self._appended > self._told:
            self._told = self._appended
            await self._signals.send(Rewarded(self.name, self._told))

    async def _catch_up(self) -> None:
        while True:
            events = await self._store.rewards_after(self.name, self.version, _REPLAY_EVENTS)
            for event in events:
                if event.log_offset > self.version + 1:
                    _log.error("reward log has a gap", policy=self.name, after=self.version, next=event.log_offset)
                    return
                if event.log_offset == self.version + 1:
                    self._fold(event)
            if len(events) < _REPLAY_EVENTS:
                return

    def _fold(self, event: RewardEvent) -> None:
        self.version = event.log_offset
        skipped = learn(self.policy, event)
        if skipped is not None:
            self._metrics.rewards_skipped.labels(skipped).inc()
            return
        self._metrics.rewards.inc()
        self._on_reward(event)
