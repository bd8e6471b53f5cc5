"""The policy on this worker: a fold over the reward log that the ledger keeps (DESIGN's law 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import numpy as np
import structlog
from numpy.typing import NDArray

from adapters.policies import Decision, Policy
from adapters.policies.base import MAX_NAME_CHARACTERS
from server.chat.signals import Rewarded, Signals
from server.clock import Clock
from server.errors import ProtocolError
from server.store.ports import Combine, RewardEvent, RewardParts, Store

_REPLAY_EVENTS = 1_000
LOOK_EVERY_S = 5.0
# Rewards come as often as customers write, and each is every worker's: what comes in so long is told in one word and
# read in one query.
GATHER_S = 0.25

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
    ) -> None:
        self.name = name
        self.policy = policy
        self.version = 0
        self._store = store
        self._combine = combine
        self._clock = clock
        self._on_reward = on_reward
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
        return self.policy.choose(x, allowed, _known(user), _known(segment))

    async def reward(self, found: RewardParts) -> None:
        """Add parts to a decision's reward and learn the difference, or have ``follow`` learn it after what others have
        appended before. A ledger that is away costs the reward only."""
        if not found.decision_id or not found.parts:
            return
        try:
            event = await self._store.add_reward(found, self._combine, self._clock.now_ms())
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
        if event.arm not in self.policy.arms or len(event.features) != self.policy.dim:
            return  # a persona since removed, or features of an older release: nothing this policy can learn from
        self.policy.learn(
            event.arm,
            np.asarray(event.features),
            event.reward,
            event.previous,
            at_ms=event.at_ms,
            user=_known(event.user),
            segment=_known(event.segment),
        )
        self._on_reward(event)


def _known(name: str | None) -> str | None:
    """Tokens of other systems may name anybody; who has no name or one without end is nobody to a policy."""
    return name if name is not None and 0 < len(name) <= MAX_NAME_CHARACTERS else None
