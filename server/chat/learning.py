"""The policy on this worker: a fold over the log that the ledger keeps (DESIGN's law 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import numpy as np
import structlog
from numpy.typing import NDArray

from adapters.personas import Persona
from adapters.policies import Decision, Policy, make_policy
from server.chat.fold import Fold, PolicyMaker, Skipped, known, learn, pseudonym
from server.chat.joining import RewardJoin
from server.chat.lineage import Lineage
from server.chat.replay import Hooks, Replay, knows_previous, snapshot_of
from server.chat.signals import Rewarded, Signals
from server.clock import Clock
from server.errors import ProtocolError
from server.store.policy_ports import PolicyMode, Snapshot, SnapshotReason
from server.store.ports import Combine, DecisionRow, RewardEvent, RewardParts, Store
from server.telemetry import Metrics

LOOK_EVERY_S = 5.0
# Rewards come as often as customers write, and each is every worker's: what comes in so long is told in one word and
# read in one query.
GATHER_S = 0.25
DEFAULTS_EVERY_S = 30.0
DEFAULTS_AT_ONCE = 200  # of one commit, in which others wait

_log = structlog.get_logger(__name__)


class Learner:
    """Chooses, and folds each entry of the log once, in the log's order.

    ``name`` is the log's: two policies of one name share what they learn from. ``version`` is the ``log_offset`` of
    the last entry that was folded. ``policy``: what to begin with where there is no ``maker``, which can make it anew
    from snapshots and after rollbacks. ``snapshot_events``: whoever appends every so manyth entry makes a snapshot of
    it (0: nobody), of which ``snapshots_kept`` stay. ``worker``: who this is, in snapshots. ``mode``: what is
    played, and whose word is learned; every event of the log is folded in all of them.
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
        maker: PolicyMaker | None = None,
        snapshot_events: int = 0,
        snapshots_kept: int = 10,
        worker: str = "",
        mode: PolicyMode = "live",
    ) -> None:
        self.name = name
        self.mode = mode
        self._dice: Policy | None = None
        self._fold = Fold(policy, 0, Lineage(() if maker is None else maker.personas))
        self._store = store
        self._combine = combine
        self._clock = clock
        self._on_reward = on_reward
        self._metrics = metrics or Metrics()
        self._join = join or RewardJoin()
        self._maker = maker
        self._hooks = Hooks(self._learned, lambda lineage: self._on_personas(lineage.personas), self._begin)
        self._replay = Replay(store, name, maker)
        self._snapshot_events = snapshot_events
        self._snapshots_kept = snapshots_kept
        self._worker = worker
        self._snapshot_due: int | None = None
        self._snapshot_made: Snapshot | None = None  # not stored yet
        self._snapshotted = self._began = 0
        self._on_personas: Callable[[tuple[Persona, ...]], None] = lambda _: None
        self._on_elsewhere: Callable[[RewardEvent], None] = lambda _: None
        self._signals = signals
        self._stirred = asyncio.Event()  # something to tell, to read or to store
        self._reading = asyncio.Lock()
        self._appended = self._told = 0
        self._is_behind = False
        signals.on(Rewarded, self._hear)

    @property
    def fold(self) -> Fold:
        """The policy and how far it has come."""
        return self._fold

    @property
    def policy(self) -> Policy:
        """As it is now: a rollback puts another in its place."""
        return self._fold.policy

    @property
    def arms(self) -> tuple[str, ...]:
        """The policy's."""
        return self.policy.arms

    @property
    def version(self) -> int:
        """The last entry of the log that was folded."""
        return self._fold.version

    @property
    def lineage(self) -> Lineage:
        """The arms that are, and what of the log is known."""
        return self._fold.lineage

    @property
    def seed(self) -> int | None:
        """Of this worker's draws."""
        return self._fold.seed

    def on_personas(self, handler: Callable[[tuple[Persona, ...]], None]) -> None:
        """``handler`` hears of the personas that are arms, whenever they change."""
        self._on_personas = handler

    def on_elsewhere(self, handler: Callable[[RewardEvent], None]) -> None:
        """``handler`` gets what was appended here to other logs: an experiment's, or the hold-out's."""
        self._on_elsewhere = handler

    async def start(self) -> None:
        """Replay the log, from the newest snapshot that fits."""
        if self._maker is not None:
            self._fold = await self._replay.state_at(hooks=self._hooks)
            self._on_personas(self.lineage.personas)
        else:
            await self._catch_up()
        self._snapshotted = self.version
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
                await self._store_snapshot()
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
        return self._player().choose(x, allowed, pseudonym(user, self._fold.salt), known(segment))

    def _player(self) -> Policy:
        """What draws: in the mode ``log_only`` chance alone, whatever was learned."""
        if self.mode != "log_only":
            return self.policy
        policy, dice = self.policy, self._dice
        if dice is None or dice.arms != policy.arms or dice.paused != policy.paused:
            dice = make_policy("uniform", arms=policy.arms, dim=policy.dim, seed=(self.seed or 0) + self.version)
            for arm in policy.paused:
                dice.pause(arm)
            self._dice = dice
        return dice

    async def reward(self, found: RewardParts) -> None:
        """Add parts to a decision's reward and learn the difference, or have ``follow`` learn it after what others have
        appended before. A ledger that is away costs the reward only."""
        now_ms = self._clock.now_ms()
        if not found.decision_id or not found.parts or not self._in_time(found, now_ms):
            return
        self._metrics.parts(found.parts)
        # An apprentice keeps what customers say with the decision, and learns from agents alone.
        combine = _nothing if self.mode == "apprentice" else self._combine
        await self._add(found, combine, now_ms)

    async def learn_choice(self, decision: DecisionRow) -> None:
        """An agent spoke as ``decision`` says: that is worth the reward 1."""
        await self._add(RewardParts(decision.decision_id, {"choice": 1.0}), _choice, self._clock.now_ms())

    async def _add(self, found: RewardParts, combine: Combine, now_ms: int) -> None:
        try:
            event = await self._store.add_reward(found, combine, now_ms, self._join.repeats)
        except ProtocolError as error:
            _log.warning("reward lost", decision=found.decision_id, reason=str(error))
            return
        if event is not None:
            (self.take if event.policy == self.name else self._on_elsewhere)(event)

    def take(self, event: RewardEvent) -> None:
        """An event of this log that was appended here."""
        if self._snapshot_events and event.log_offset % self._snapshot_events == 0:
            self._snapshot_due = event.log_offset
        if event.log_offset == self.version + 1 and knows_previous(self._fold, event):
            skipped = learn(self.policy, event, self._fold.salt)
            self._fold.version = event.log_offset
            self._learned(event, skipped)
        elif event.log_offset > self.version:
            self._fall_behind()
        self._appended = max(self._appended, event.log_offset)
        self._stirred.set()

    def _in_time(self, found: RewardParts, now_ms: int) -> bool:
        if not self._join.is_late(found.decided_ms, now_ms):
            return True
        self._metrics.late(counts=not self._join.ignore_late)
        return not self._join.ignore_late

    async def give_defaults(self) -> None:
        """Give for ever the default reward to decisions that have waited long enough; nothing where there is none. All
        workers do, and each decision gets it once."""
        gives = self.mode != "apprentice"
        while gives and self._join.default is not None and self._join.window_ms is not None:
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
            given = await self._store.default_rewards(self.name, reward, now_ms - window_ms, now_ms, DEFAULTS_AT_ONCE)
            self._metrics.rewards_defaulted.inc(given)
            if given:  # nobody else knows of them yet, and only the log tells their numbers
                await self._catch_up()
                self._appended = max(self._appended, self.version)
                self._stirred.set()
            if given < DEFAULTS_AT_ONCE:
                return

    async def _tell(self) -> None:
        if self._appended > self._told:
            self._told = self._appended
            await self._signals.send(Rewarded(self.name, self._told))

    async def catch_up(self, appended: int = 0) -> None:
        """Fold what there is now, and tell the others of what was appended up to ``appended``."""
        self._appended = max(self._appended, appended)
        self._stirred.set()
        await self._catch_up()

    async def _catch_up(self) -> None:
        async with self._reading:
            await self._replay.advance(self._fold, hooks=self._hooks)

    def _begin(self, log_offset: int) -> None:
        self._began = log_offset

    def _learned(self, event: RewardEvent, skipped: Skipped | None) -> None:
        if event.log_offset == self._snapshot_due and event.log_offset == self.version:
            self._snapshot_due = None
            self._make_snapshot("interval")
        if skipped is not None:
            self._metrics.rewards_skipped.labels(skipped).inc()
            return
        self._metrics.rewards.inc()
        if event.previous_offset is not None and event.previous_offset <= self._began:
            event = replace(event, previous=None)  # nobody here has heard of what it corrects
        self._on_reward(event)

    # ------------------------------------------------------------------ snapshots

    def _make_snapshot(self, reason: SnapshotReason) -> None:
        if self._maker is not None:
            self._snapshot_made = snapshot_of(
                self._fold,
                self._maker,
                self.name,
                reason=reason,
                by=self._worker,
                created_ms=self._clock.now_ms(),
            )
            self._stirred.set()

    async def _store_snapshot(self) -> None:
        made, self._snapshot_made = self._snapshot_made, None
        if made is not None:
            await self._store.save_snapshot(made, self._snapshots_kept)
            self._snapshotted = max(self._snapshotted, made.log_offset)

    async def close(self) -> None:
        """Store what was learned since the last snapshot, so that the next start has little to replay."""
        self._signals.off(Rewarded, self._hear)
        if not self._snapshot_events or self.version <= self._snapshotted:
            return
        self._make_snapshot("shutdown")
        try:
            await self._store_snapshot()
        except ProtocolError as error:
            _log.warning("policy snapshot not stored", policy=self.name, reason=str(error))


def _nothing(_parts: Mapping[str, float]) -> float | None:
    return None


def _choice(parts: Mapping[str, float]) -> float | None:
    return parts.get("choice")
