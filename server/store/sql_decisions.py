"""The decision log: these methods of ``ports.Store``; ``decision_ports`` says what they promise."""

from __future__ import annotations

from functools import partial

from server.store import decisions
from server.store.decision_ports import LoggedDecision
from server.store.prepare import check_texts
from server.store.roads import Roads


class DecisionMethods(Roads):
    """Part of ``SqlStore``."""

    async def decisions(
        self,
        policy: str,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
        after: str | None = None,
        limit: int,
        with_people: bool = False,
    ) -> list[LoggedDecision]:
        check_texts(policy=policy, after=after)
        read = partial(decisions.page, policy=policy, since_ms=since_ms, until_ms=until_ms)
        return await self._read(partial(read, after=after, limit=limit, with_people=with_people))

    async def decision(self, decision_id: str) -> LoggedDecision:
        check_texts(decision_id=decision_id)
        found = await self._read(partial(decisions.one, decision_id=decision_id))
        if found is None:
            raise decisions.not_found(decision_id)
        return found

    async def deciding_policies(self) -> list[str]:
        return await self._read(decisions.policies)
