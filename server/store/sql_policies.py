"""Policies: these methods of ``ports.Store``; ``policy_ports`` says what they promise."""

from __future__ import annotations

from typing import cast

from server.store.operations import DefaultOp
from server.store.prepare import check_texts, check_unit_interval
from server.store.roads import Roads


class PolicyMethods(Roads):
    """Part of ``SqlStore``."""

    async def default_rewards(self, policy: str, reward: float, before_ms: int, at_ms: int, limit: int) -> int:
        check_unit_interval("default reward", reward)
        check_texts(policy=policy)
        return cast(int, await self._writer.submit(DefaultOp(policy, reward, before_ms, at_ms, limit)))
