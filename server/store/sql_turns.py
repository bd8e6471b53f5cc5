"""Turns and what is learned from them: these methods of ``ports.Store``, which says what they promise."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, cast

from server.store import codec, learning, turns
from server.store.assessments import Assessor
from server.store.dialect import Database
from server.store.policy_ports import Repeats
from server.store.ports import (
    Answer,
    Assessment,
    Combine,
    OpenTurn,
    PastTurn,
    Rating,
    RewardEvent,
    RewardParts,
)
from server.store.prepare import check_texts, check_unit_interval, prepare_answer, prepare_reward
from server.store.roads import Roads
from server.wire.frames import Message


class TurnMethods(Roads):
    """Part of ``SqlStore``."""

    def __init__(self, database: Database, **options: Any) -> None:
        super().__init__(database, **options)
        self._rate = learning.Rater(database)
        self._assess = Assessor(database)

    def answer(self, answer: Answer) -> Coroutine[Any, Any, Message | None]:
        return self._submit(lambda: prepare_answer(answer))

    async def take_turns(self, worker: str, lease_ms: int, limit: int) -> list[OpenTurn]:
        # Behind what renews: taking passes over locked rows, so nobody waits for a worker that takes.
        return await self._work(("1 turns", "take"), partial(turns.take, worker=worker, lease_ms=lease_ms, limit=limit))

    async def own_turns(self, worker: str, limit: int, channel: str | None = None) -> list[OpenTurn]:
        conversation = None if channel is None else codec.conversation_id(channel)
        return await self._read(partial(turns.own, worker=worker, limit=limit, conversation=conversation))

    async def renew_turns(self, worker: str, turn_ids: Sequence[str], lease_ms: int) -> None:
        if turn_ids:
            renew = partial(turns.renew, worker=worker, turn_ids=tuple(turn_ids), lease_ms=lease_ms)
            await self._work(("1 turns", "renew"), renew)

    async def expire_leases(self) -> int:
        return await self._work(("1 turns", "expire"), turns.expire)

    async def past_turns(self, channel: str, limit: int) -> list[PastTurn]:
        return await self._read(partial(turns.past, conversation=codec.conversation_id(channel), limit=limit))

    # ------------------------------------------------------------------ learning

    async def assess(self, assessment: Assessment) -> None:
        check_unit_interval("rating", assessment.rating)
        check_texts(user_id=assessment.by.id, comment=assessment.comment)
        conversation = codec.conversation_id(assessment.channel)
        order = ("2 assessments", conversation, assessment.by.id)
        await self._work(order, partial(self._assess, conversation=conversation, assessment=assessment))

    async def rate(self, rating: Rating) -> RewardParts:
        check_unit_interval("rating", rating.rating)
        check_texts(message_id=rating.message_id, user_id=rating.user_id, comment=rating.comment)
        order = ("2 ratings", rating.message_id, rating.user_id)
        return cast(RewardParts, await self._work(order, partial(self._rate, rating=rating)))

    async def add_reward(
        self, found: RewardParts, combine: Combine, at_ms: int, repeats: Repeats = "last"
    ) -> RewardEvent | None:
        operation = prepare_reward(found, combine, at_ms, repeats)
        return cast(RewardEvent | None, await self._writer.submit(operation))
