"""Learning from agents: a message that says in which persona it was written is a choice, in the context of its turn.

The product does not ask agents for a persona; a client that offers drafts or tones says with ``data.persona`` which one
was taken, and only what is said so counts. A message without it says nothing of how it was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from adapters.features import features
from server.chat.learning import Learner
from server.chat.memory import rebuild, turn_view
from server.chat.recollection import PAST_TURNS
from server.chat.understanding import Analyser
from server.clock import Clock
from server.errors import ProtocolError
from server.store.ports import DecisionRow, Store
from server.wire.frames import Message

LOOK_BACK_MESSAGES = 20

_log = structlog.get_logger(__name__)


class Apprentice:
    """Makes decisions of agents' choices, each with the reward 1."""

    def __init__(
        self,
        *,
        store: Store,
        analyser: Analyser,
        learner: Learner,
        clock: Clock,
        new_id: Callable[[], str],
        timeout_s: float,
    ) -> None:
        self._store = store
        self._analyser = analyser
        self._learner = learner
        self._clock = clock
        self._new_id = new_id
        self._timeout_s = timeout_s

    async def watch(self, message: Message) -> None:
        """Learn from ``message``, an agent's, if it says its persona and answers a customer."""
        arm = chosen_persona(message.data)
        if arm is None or arm not in self._learner.policy.arms:
            return
        before = await self._store.messages_before(message.channel, message.offset, LOOK_BACK_MESSAGES)
        asked = next((one for one in reversed(before) if one.sender.kind == "customer"), None)
        if asked is None:
            return
        try:
            decision = await self._decision(arm, asked)
            if await self._store.log_decision(decision, message.message_id):
                await self._learner.learn_choice(decision)
        except ProtocolError as error:
            _log.warning("choice not learned", message=message.message_id, reason=str(error))

    async def _decision(self, arm: str, asked: Message) -> DecisionRow:
        memory = rebuild(await self._store.past_turns(asked.channel, PAST_TURNS))
        analysis = await self._analyser.analyse(asked.text, timeout_s=self._timeout_s, conversation=asked.channel)
        memory.hear(analysis, asked.text, asked.at_ms)
        now_ms = self._clock.now_ms()
        arms = self._learner.policy.arms
        return DecisionRow(
            decision_id=self._new_id(),
            policy=self._learner.name,
            version=self._learner.version,
            arm=arm,
            propensity=1.0,
            arms=arms,
            probabilities=tuple(float(one == arm) for one in arms),
            features=tuple(features(turn_view(memory, analysis, asked.text, now_ms)).tolist()),
            at_ms=now_ms,
            mode="apprentice",
        )


def chosen_persona(data: Mapping[str, object] | None) -> str | None:
    """The persona that a message's ``data`` says it was written in."""
    persona = None if data is None else data.get("persona")
    return persona if isinstance(persona, str) else None
