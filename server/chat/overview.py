"""What goes on and why, for whoever watches: live conversations, their turns explained, and what they are about."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import msgspec
import numpy as np

from adapters.feature_words import FEATURE_WORDS
from adapters.features import FEATURE_NAMES
from adapters.policies import ArmExplanation, Decision, Policy, in_words
from server.chat.access import require_agent, require_conversation
from server.chat.peer import Caller
from server.chat.writer.kinds import CONFIDENT_FROM, OUT_OF_SCOPE_FROM
from server.clock import Clock
from server.errors import NotFound
from server.store.decision_ports import LoggedDecision
from server.store.live_ports import LiveConversation, Outcome
from server.store.ports import PastTurn, Store
from server.wire.frames import Message

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
MAX_DAYS: Final = 90
BY_HOUR_DAYS: Final = 2
MAX_HOURS: Final = 24
MAX_TURNS: Final = 50
MAX_LIVE: Final = 100
COUNTED_ANALYSES: Final = 10_000
"""The newest of the time asked for: about 4 MB, read and counted in a tenth of a second beside the event loop."""

SPEAKING_FEATURES: Final = 6
OUT_OF_SCOPE: Final = "out_of_scope"

Json = dict[str, Any]


class Overview:
    """``policy``: the one that learns now, with its name. ``own_intents``: the user's own are understood; what is
    foreign to the model may be their business, and is counted as theirs."""

    def __init__(
        self, *, store: Store, policy: Callable[[], tuple[str, Policy]], clock: Clock, own_intents: bool = False
    ) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._own_intents = own_intents

    async def intents(self, caller: Caller, hours: int) -> Json:
        """What customers asked about in the last hours, the most frequent first. ``Forbidden``."""
        require_agent(caller, "the list of intents")
        since_ms = self._clock.now_ms() - hours * HOUR_MS
        found = await self._store.analyses_since(since_ms, COUNTED_ANALYSES)
        items = await asyncio.to_thread(counted, found, own_intents=self._own_intents)
        return {"since_ms": since_ms, "turns": len(found), "items": items}

    async def outcomes(self, caller: Caller, days: int) -> Json:
        """What customers thought of it and how conversations ended: by hour up to ``BY_HOUR_DAYS``, else by day (UTC).
        ``Forbidden``."""
        require_agent(caller, "outcomes")
        span_ms = HOUR_MS if days <= BY_HOUR_DAYS else DAY_MS
        now_ms = self._clock.now_ms()
        since_ms = max(0, (now_ms - days * DAY_MS) // span_ms + 1) * span_ms
        found = await self._store.outcomes(since_ms, span_ms)
        return {"since_ms": since_ms, "span_ms": span_ms, "items": [outcome_shown(one) for one in found]}

    async def conversations(self, caller: Caller, minutes: int, limit: int) -> list[Json]:
        """Those with a customer's word in the last minutes, the latest first. ``Forbidden``."""
        require_agent(caller, "the list of live conversations")
        since_ms = self._clock.now_ms() - minutes * 60_000
        return [live_shown(one) for one in await self._store.live_conversations(since_ms, limit)]

    async def turns(self, caller: Caller, channel: str, limit: int) -> list[Json]:
        """The last answered turns of a conversation, the earliest first, each with how it came about.
        ``Forbidden``, ``NotFound``."""
        require_agent(caller, "the turns of a conversation")
        await require_conversation(self._store, caller, channel)
        past = await self._store.past_turns(channel, limit)
        answers = await self._answers(channel, past)
        decisions = await asyncio.gather(*(self._decision(turn) for turn in past))
        name, policy = self._policy()
        shown = []
        for turn, decision in zip(past, decisions, strict=True):
            why = None if decision is None else explained(decision, name, policy)
            shown.append(turn_shown(turn, answers.get(turn.turn_id), decision, why))
            await asyncio.sleep(0)  # each asks the policy, on the event loop, for a fraction of a millisecond
        return shown

    async def _answers(self, channel: str, past: Sequence[PastTurn]) -> dict[str, Message]:
        wanted = {turn.turn_id for turn in past}
        found: dict[str, Message] = {}
        offset: int | None = None
        while len(found) < len(wanted):
            page = await self._store.messages_before(channel, offset, 2 * MAX_TURNS)
            found.update({one.reply_to: one for one in page if one.reply_to in wanted and one.sender.kind == "bot"})
            if not page or page[0].offset <= 1 or page[0].at_ms < past[0].at_ms:
                break
            offset = page[0].offset
        return found

    async def _decision(self, turn: PastTurn) -> LoggedDecision | None:
        if turn.decision_id is None:
            return None
        try:
            return await self._store.decision(turn.decision_id)
        except NotFound:
            return None


def counted(analyses: Iterable[Mapping[str, Any]], *, own_intents: bool = False) -> list[Json]:
    """Intents with how often they were asked and the mean sentiment of that, the most frequent first. What belongs to
    the model's is ``out_of_scope``, not its least unlikely intent; with ``own_intents`` as they said."""
    counts: Counter[str] = Counter()
    moods: defaultdict[str, float] = defaultdict(float)
    for analysis in analyses:
        intent = OUT_OF_SCOPE if not own_intents and _is_foreign(analysis) else str(analysis.get("intent", ""))
        counts[intent] += 1
        moods[intent] += float((analysis.get("sentiment") or {}).get("score", 0.0))
    total = sum(counts.values())
    return [
        {
            "intent": intent,
            "count": count,
            "share": round(count / total, 4),
            "sentiment": round(moods[intent] / count, 3),
        }
        for intent, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _is_foreign(analysis: Mapping[str, Any]) -> bool:
    doubtful = float(analysis.get("intent_confidence", 1.0)) < CONFIDENT_FROM
    return doubtful and float(analysis.get("out_of_scope", 0.0)) >= OUT_OF_SCOPE_FROM


def outcome_shown(one: Outcome) -> Json:
    """As JSON; shares only where there is something to share."""
    shown = asdict(one)
    rating_sum, thumbs, ended = shown.pop("rating_sum"), one.thumbs_up + one.thumbs_down, one.resolved + one.handed_over
    if one.ratings:
        shown |= {"rating_mean": round(rating_sum / one.ratings, 6), "satisfaction": one.satisfied / one.ratings}
    if thumbs:
        shown["thumbs"] = one.thumbs_up / thumbs
    if ended:
        shown |= {"success": one.resolved / ended, "handoff": one.handed_over / ended}
    return shown


def live_shown(one: LiveConversation) -> Json:
    """A live conversation as JSON."""
    return {
        "channel": one.channel,
        "state": one.state,
        "resolved": one.resolved,
        "messages": one.messages,
        "customer": msgspec.to_builtins(one.customer),
        "text": one.text[:500],
        "at_ms": one.at_ms,
        **({"analysis": dict(one.analysis)} if one.analysis else {}),
    }


def explained(decision: LoggedDecision, name: str, policy: Policy) -> tuple[list[ArmExplanation], str] | None:
    """What the policy as it is now says of a decision's context; None where it never chose so, or can't tell."""
    if decision.policy != name or decision.arm not in policy.arms:
        return None
    chances = dict(zip(decision.arms, decision.probabilities, strict=True))
    open_arms = [arm for arm in policy.arms if chances.get(arm, 0.0) > 0.0]
    if decision.arm not in open_arms:
        return None
    x = [*decision.features[: policy.dim], *[0.0] * (policy.dim - len(decision.features))]
    arms = list(policy.explain(x, FEATURE_NAMES, None if len(open_arms) == len(policy.arms) else open_arms))
    drawn = Decision(
        decision.arm, decision.propensity, np.array([chances.get(arm, 0.0) for arm in policy.arms]), decision.version
    )
    return arms, in_words(drawn, arms, called=FEATURE_WORDS)


def turn_shown(
    turn: PastTurn,
    answer: Message | None,
    decision: LoggedDecision | None,
    why: tuple[list[ArmExplanation], str] | None,
) -> Json:
    """A turn as JSON, without what is not known of it."""
    shown: Json = {
        "message_id": turn.turn_id,
        "at_ms": turn.at_ms,
        "text": turn.text,
        "analysis": dict(turn.analysis) or None,
        "answer": None if answer is None else _answer(answer),
        "decision": None if decision is None else _decision(decision, why),
    }
    return {name: value for name, value in shown.items() if value is not None}


def _answer(message: Message) -> Json:
    told: Json = {"message_id": message.message_id, "at_ms": message.at_ms, "text": message.text}
    if message.data:
        told["data"] = dict(message.data)
    if message.turn is not None:
        told["turn"] = msgspec.to_builtins(message.turn)
    return told


def _decision(decision: LoggedDecision, why: tuple[list[ArmExplanation], str] | None) -> Json:
    reasons = {} if why is None else {one.arm: one for one in why[0]}
    told: Json = {
        "decision_id": decision.decision_id,
        "policy": decision.policy,
        "mode": decision.mode,
        "version": decision.version,
        "persona": decision.arm,
        "propensity": decision.propensity,
        "personas": [
            {"persona": arm, "probability": probability, **_reasons(reasons.get(arm))}
            for arm, probability in zip(decision.arms, decision.probabilities, strict=True)
        ],
    }
    if decision.reward is not None:
        told["reward"] = decision.reward
    return told if why is None else {**told, "words": why[1]}


def _reasons(arm: ArmExplanation | None) -> Json:
    if arm is None:
        return {}
    speaking = arm.features[:SPEAKING_FEATURES]
    return {
        "score": arm.score,
        "exploit": arm.exploit,
        "explore": arm.explore,
        "features": [{"name": name, "contribution": weight} for name, weight in speaking],
    }
