"""Who may answer a turn, by the rules of a file (``adapters.allowed``), and for which segment the policy chooses."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import structlog

from adapters.allowed import EVERYBODY, Allowed, Rule, Situation, allowed
from inference.analysis import Analysis
from server.store.people_ports import Asked
from server.store.ports import Store

_log = structlog.get_logger(__name__)


class Constraints:
    """``rules`` in the order in which they speak. ``by_segment``: the policy asks for a customer's segment too."""

    def __init__(self, rules: Sequence[Rule] = (), *, by_segment: bool = False) -> None:
        self._rules = tuple(rules)
        self._asks_segment = by_segment or any("segment" in rule.among for rule in rules)

    async def segment(self, store: Store, channel: str, *, wanted: bool = False) -> str | None:
        """The conversation's, where anybody wants to know it: else no look into the ledger."""
        return await store.segment(channel) if self._asks_segment or wanted else None

    def allowed(self, analysis: Analysis, segment: str | None, arms: Collection[str]) -> Allowed:
        """Of ``arms``, those that can be drawn at all."""
        if not self._rules:
            return EVERYBODY
        found = allowed(self._rules, situation_of(analysis, segment), arms)
        if found.passed_over:
            _log.info("rules passed over", rules=found.passed_over, reason="they would leave no persona")
        return found


def situation_of(analysis: Analysis, segment: str | None) -> Situation:
    """What rules may look at, of an analysis."""
    return Situation(
        intent=analysis.intent,
        act=analysis.act,
        sentiment=analysis.sentiment.label,
        sentiment_score=analysis.sentiment.score,
        language=analysis.language,
        segment=segment,
    )


def logged_situation(asked: Asked) -> Situation:
    """Likewise, of what the ledger keeps of a decision, for explaining it; scores are rounded there."""
    sentiment = asked.analysis.get("sentiment", {})
    return Situation(
        intent=asked.analysis.get("intent"),
        act=asked.analysis.get("act"),
        sentiment=sentiment.get("label"),
        sentiment_score=float(sentiment.get("score", 0.0)),
        language=asked.analysis.get("language"),
        segment=asked.segment,
    )
