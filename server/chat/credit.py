"""How a conversation ended is a reward of all its answers, the nearer to the end the more (``adapters.credit``)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from adapters.credit import credit_weights, reach
from adapters.rewards import CREDIT
from server.chat.learning import Learner
from server.store.ports import RewardParts, Store


class Credit:
    """Carries an outcome back with ``lambda_`` in (0, 1]. The ledger knows the answers, so it does not matter which
    workers gave them; every decision's event is the learner's, so the log stays the whole truth."""

    def __init__(self, store: Store, learner: Learner, lambda_: float) -> None:
        self._store = store
        self._learner = learner
        self._lambda = lambda_
        self._reach = reach(lambda_)

    async def carry_back(self, channel: str, parts: Mapping[str, float]) -> None:
        """Reward the conversation's answers before the last one with ``parts``, which the last one has got itself."""
        answers = [turn for turn in await self._store.past_turns(channel, self._reach) if turn.decision_id is not None]
        weights = credit_weights(len(answers), self._lambda)
        found = [
            RewardParts(answer.decision_id or "", {**parts, CREDIT: weight}, channel, answer.answered_at_ms)
            for answer, weight in zip(answers[:-1], weights, strict=False)
            if weight > 0.0
        ]
        await asyncio.gather(*map(self._learner.reward, found))  # at once, so that they share a commit
