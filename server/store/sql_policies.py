"""Policies: these methods of ``ports.Store``; ``policy_ports`` says what they promise."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import orjson

from server.store import codec, policies
from server.store.dialect import Database
from server.store.operations import ChangeOp, DefaultOp
from server.store.policy_ports import ChangeKind, PolicyChange, Snapshot
from server.store.ports import DecisionRow, RewardEvent
from server.store.prepare import check_texts, check_unit_interval, decision_row
from server.store.roads import Roads


class PolicyMethods(Roads):
    """Part of ``SqlStore``."""

    def __init__(self, database: Database, **options: Any) -> None:
        super().__init__(database, **options)
        self._keep_snapshot = policies.Keeper(database)
        self._decide = policies.Decider(database)
        self._salted = policies.Salter(database)

    async def log_decision(self, decision: DecisionRow, message_id: str) -> bool:
        row = {**decision_row(decision), "message_id": message_id}
        return await self._work(("8 decisions", decision.decision_id), partial(self._decide, row=row))

    async def default_rewards(self, policy: str, reward: float, before_ms: int, at_ms: int, limit: int) -> int:
        check_unit_interval("default reward", reward)
        check_texts(policy=policy)
        return cast(int, await self._writer.submit(DefaultOp(policy, reward, before_ms, at_ms, limit)))

    async def policy_salt(self) -> int:
        found = await self._read(policies.salt)
        return cast(int, await self._work(("0 salt",), self._salted)) if found is None else found

    async def rewards_after(self, policy: str, log_offset: int, limit: int) -> list[RewardEvent]:
        return await self._read(partial(policies.events_after, policy=policy, log_offset=log_offset, limit=limit))

    async def log_after(self, policy: str, log_offset: int, limit: int) -> list[RewardEvent | PolicyChange]:
        return await self._read(partial(policies.log_after, policy=policy, log_offset=log_offset, limit=limit))

    async def log_ends(self) -> dict[str, int]:
        return await self._read(policies.log_ends)

    async def reward_event(self, policy: str, log_offset: int) -> RewardEvent | None:
        return await self._read(partial(policies.event, policy=policy, log_offset=log_offset))

    async def change_policy(
        self, policy: str, kind: ChangeKind, data: Mapping[str, Any], by: str, at_ms: int
    ) -> PolicyChange:
        check_texts(policy=policy, by=by)
        data_json = codec.encode_json(dict(data), "change")
        change = PolicyChange(policy, 0, kind, orjson.loads(data_json), by, at_ms)
        return cast(PolicyChange, await self._writer.submit(ChangeOp(change, data_json)))

    async def policy_changes(self, policy: str) -> list[PolicyChange]:
        return await self._read(partial(policies.changes, policy=policy))

    async def save_snapshot(self, snapshot: Snapshot, keep: int) -> bool:
        check_texts(policy=snapshot.policy, by=snapshot.by)
        order = ("6 policy snapshots", snapshot.policy)
        return await self._work(order, partial(self._keep_snapshot, snapshot=snapshot, keep=keep))

    async def snapshots(self, policy: str, limit: int) -> list[Snapshot]:
        return await self._read(partial(policies.snapshots, policy=policy, limit=limit))

    async def snapshot(self, policy: str, log_offset: int) -> Snapshot | None:
        return await self._read(partial(policies.snapshot, policy=policy, log_offset=log_offset))
