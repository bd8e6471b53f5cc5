"""The log as a policy: from the newest snapshot that fits, or from the beginning, to any place (DESIGN's law 5).

The log alone says what a policy has learned. A snapshot spares the replay of what stands before it, and is passed over
when it is damaged or made for another policy; a rollback only names a place, whose state is found the same way.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from adapters.policies import Policy, codec
from server.chat.fold import Fold, PolicyMaker, Skipped, conform, learn
from server.chat.lineage import Lineage, lineage_at, target_of
from server.store.policy_ports import PolicyChange, Snapshot, SnapshotReason
from server.store.ports import RewardEvent, Store

PAGE_EVENTS = 1_000
MOST_SNAPSHOTS = 100
_GROWING = ("version", "landmark_ms", "arrays")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hooks:
    """Who hears of the place in the log from which on events are read, of each that was folded (and why nothing was
    learned of it), and of arms that are others now."""

    learned: Callable[[RewardEvent, Skipped | None], None] = lambda _event, _skipped: None
    changed: Callable[[Lineage], None] = lambda _lineage: None
    began: Callable[[int], None] = lambda _log_offset: None


NO_HOOKS = Hooks()


class LogGap(Exception):
    """The log has no entry where one must be."""


class Replay:
    """Of the log ``name``. ``maker``: None where only rewards can be followed."""

    def __init__(self, store: Store, name: str, maker: PolicyMaker | None) -> None:
        self._store = store
        self._name = name
        self._maker = maker

    async def state_at(self, log_offset: float = math.inf, hooks: Hooks = NO_HOOKS) -> Fold:
        """What the log up to and including ``log_offset`` (infinity: all of it) makes of a new policy."""
        if self._maker is None:
            raise ValueError("a policy can't be made anew here")
        changes = await self._store.policy_changes(self._name)
        fold = await self._beginning(self._maker, changes, log_offset)
        hooks.began(fold.version)
        await self.advance(fold, log_offset, hooks)
        return fold

    async def advance(self, fold: Fold, log_offset: float = math.inf, hooks: Hooks = NO_HOOKS) -> None:
        """Fold the entries behind ``fold.version`` up to ``log_offset``, or as many as there are without a gap."""
        if fold.salt is None:
            fold.salt = await self._store.policy_salt()
        try:
            await self._advance(fold, log_offset, hooks)
        except LogGap as error:  # nothing makes one; what is known is still good for choosing
            _log.error("policy log has a gap", policy=self._name, reason=str(error))

    async def _advance(self, fold: Fold, log_offset: float, hooks: Hooks) -> None:
        while True:
            entries = await self._store.log_after(self._name, fold.version, PAGE_EVENTS)
            for entry in entries:
                if entry.log_offset > log_offset:
                    return
                # Somebody else may have folded what has been read here.
                if entry.log_offset > fold.version:
                    await self.step(fold, entry, hooks)
            if len(entries) < PAGE_EVENTS:
                return

    async def step(self, fold: Fold, entry: RewardEvent | PolicyChange, hooks: Hooks = NO_HOOKS) -> None:
        """Fold the next entry. ``LogGap`` for another."""
        if entry.log_offset != fold.version + 1:
            raise LogGap(f"The log of {self._name!r} has no entry {fold.version + 1}; the next is {entry.log_offset}.")
        if isinstance(entry, PolicyChange):
            await self._change(fold, entry, hooks)
        else:
            known = entry
            if not knows_previous(fold, entry):
                known = replace(entry, previous=await self._known_before(fold.lineage, entry))
            skipped = learn(fold.policy, known, fold.salt)
            fold.version = entry.log_offset
            hooks.learned(entry, skipped)
        fold.version = entry.log_offset

    # ------------------------------------------------------------------ where to begin

    async def _beginning(self, maker: PolicyMaker, changes: Sequence[PolicyChange], log_offset: float) -> Fold:
        rollback = _last_rollback(changes, log_offset)
        floor = 0 if rollback is None else rollback.log_offset
        found = await self._newest_snapshot(maker, changes, floor, log_offset)
        if found is not None:
            return found
        if rollback is None:
            lineage = Lineage(maker.personas)
            policy, seed = maker.make(lineage.personas)
            return Fold(policy, 0, lineage, seed)
        fold = await self._rolled_back(lineage_at(maker.personas, changes, floor), rollback)
        fold.version = floor
        return fold

    async def _newest_snapshot(
        self, maker: PolicyMaker, changes: Sequence[PolicyChange], floor: int, log_offset: float
    ) -> Fold | None:
        for listed in await self._store.snapshots(self._name, MOST_SNAPSHOTS):
            if not max(floor, 1) <= listed.log_offset <= log_offset:
                continue
            lineage = lineage_at(maker.personas, changes, listed.log_offset)
            policy, seed = maker.make(lineage.personas)
            if await self._load(policy, listed):
                conform(policy, lineage, maker)
                return Fold(policy, listed.log_offset, lineage, seed)
        return None

    async def _load(self, policy: Policy, listed: Snapshot) -> bool:
        place = {"policy": self._name, "log_offset": listed.log_offset}
        if dict(listed.parameters) != _parameters(policy):
            _log.info("policy snapshot passed over: made for other personas or parameters", **place)
            return False
        snapshot = await self._store.snapshot(self._name, listed.log_offset)
        try:
            if snapshot is None or hashlib.sha256(snapshot.state).hexdigest() != snapshot.digest:
                raise ValueError("its digest is wrong")
            policy.load(snapshot.state)
        except ValueError as error:
            _log.warning("policy snapshot refused: damaged", **place, reason=str(error))
            return False
        return True

    # ------------------------------------------------------------------ changes

    async def _change(self, fold: Fold, change: PolicyChange, hooks: Hooks) -> None:
        if self._maker is None:
            _log.error("policy change not followed", policy=self._name, kind=change.kind, log_offset=change.log_offset)
            return
        changes = await self._store.policy_changes(self._name)
        personas = self._maker.personas
        lineage = fold.lineage.after(change, lambda to: lineage_at(personas, changes, to))
        if lineage is fold.lineage:
            _log.warning("policy change without effect", policy=self._name, kind=change.kind, entry=change.log_offset)
            return
        try:
            if change.kind == "rollback":
                rolled = await self._rolled_back(lineage, change)
                fold.policy, fold.seed = rolled.policy, rolled.seed
            else:
                like, weight = change.data.get("like"), float(change.data.get("weight", 1.0))
                conform(fold.policy, lineage, self._maker, like, weight)
        except (ValueError, TypeError) as error:
            _log.error("policy change not followed", policy=self._name, kind=change.kind, reason=str(error))
            return
        fold.lineage = lineage
        hooks.changed(lineage)  # before anything else runs here: an arm that is drawn must be known
        _log.info("policy changed", policy=self._name, kind=change.kind, by=change.by, version=change.log_offset)

    async def _rolled_back(self, lineage: Lineage, change: PolicyChange) -> Fold:
        assert self._maker is not None  # noqa: S101
        fold = await self.state_at(target_of(change) or 0)
        conform(fold.policy, lineage, self._maker)
        fold.lineage = lineage
        return fold

    async def _known_before(self, lineage: Lineage, event: RewardEvent) -> float | None:
        """The last reward of the event's decision that is still known: what came between was forgotten."""
        position = event.previous_offset
        while position is not None and not lineage.holds(event.arm, position):
            found = await self._store.reward_event(self._name, position)
            position = None if found is None else found.previous_offset
        if position is None:
            return None
        found = await self._store.reward_event(self._name, position)
        return None if found is None else found.reward


def knows_previous(fold: Fold, event: RewardEvent) -> bool:
    """Whether the state holds what ``event`` corrects; also where it corrects nothing."""
    return event.previous_offset is None or fold.lineage.holds(event.arm, event.previous_offset)


def snapshot_of(
    fold: Fold, maker: PolicyMaker, name: str, *, reason: SnapshotReason, by: str, created_ms: int
) -> Snapshot:
    """The fold as it is now."""
    state = fold.policy.state()
    parameters = _parameters(maker.make(fold.lineage.personas)[0])
    return Snapshot(name, fold.version, hashlib.sha256(state).hexdigest(), parameters, reason, by, created_ms, state)


def _parameters(policy: Policy) -> dict[str, Any]:
    """What a policy is like that has learned nothing yet: its header, and a digest of what it believes to begin with,
    which its state holds for good."""
    state = policy.state()
    header, _ = codec.unpack(state)
    own = {name: value for name, value in header.items() if name not in _GROWING}
    if "users" in own:  # whom it knows: by no name that anybody else knows, as older releases' snapshots do
        own["users"] = "pseudonyms"
    return {**own, "start": hashlib.sha256(state).hexdigest()}


def _last_rollback(changes: Sequence[PolicyChange], log_offset: float) -> PolicyChange | None:
    for change in reversed(changes):
        if change.log_offset <= log_offset and target_of(change) is not None:
            return change
    return None
