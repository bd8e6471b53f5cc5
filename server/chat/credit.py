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

    async def carry_back(self, channel: str, parts: Mapping[str, float], *, to_the_last: bool) -> None:
        """Reward the conversation's answers with ``parts``; ``to_the_last``: the last one too, or only those before
        it."""
        past = await self._store.past_turns(channel, self._reach)
        decisions = [turn.decision_id for turn in past if turn.decision_id is not None]
        shares = dict(zip(decisions, credit_weights(len(decisions), self._lambda), strict=True))
        if not to_the_last and decisions:
            del shares[decisions[-1]]
        # At once, so that they share a commit.
        await asyncio.gather(
            *(
                self._learner.reward(RewardParts(decision, {**parts, CREDIT: share}, channel))
                for decision, share in shares.items()
                if share > 0.0
            )
        )
