"""Which turns go into the inbox: those that the bot answered without being sure of what was meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from inference.analysis import Analysis
from server.chat.relabels import said_of
from server.chat.writer.conditions import Kind
from server.chat.writer.kinds import CONFIDENT_FROM
from server.store.inbox_ports import NO_INTENT, Doubt

# Understood by its words or by what was asked before, whatever the model says of its intent.
UNDERSTOOD: Final[frozenset[Kind]] = frozenset(
    {"greeting", "thanks", "praise", "goodbye", "affirm", "deny", "information"}
)


@dataclass(frozen=True, slots=True)
class DoubtRule:
    """``confidence``: below it the model's likeliest intent is doubted. ``out_of_scope``: from it on, where the intent
    is not confident. The user's own intents have a threshold of their own, so that these do not hold for them."""

    confidence: float
    out_of_scope: float

    def doubt(self, analysis: Analysis, kind: Kind, asked_back: bool) -> Doubt | None:
        """What the inbox shall know of a turn that got an answer of ``kind``; None for most.

        ``asked_back``: the answer before asked what was meant, so that a person was offered for want of anything better
        and not because the customer wished for one.
        """
        wanted_person = kind == "handover" and not asked_back
        if kind in UNDERSTOOD or wanted_person or not self._is_doubtful(analysis):
            return None
        return Doubt(
            said=said_of(analysis),
            confidence=round(float(analysis.intent_confidence), 4),
            guesses=tuple((name, round(float(probability), 4)) for name, probability in analysis.intents),
            out_of_scope=round(float(analysis.out_of_scope), 4),
            language=analysis.language,
            model=analysis.model,
        )

    def _is_doubtful(self, analysis: Analysis) -> bool:
        if analysis.sure is not None:
            return not analysis.sure
        foreign = analysis.out_of_scope >= self.out_of_scope and analysis.intent_confidence < CONFIDENT_FROM
        return foreign or analysis.intent_confidence < self.confidence or analysis.intent == NO_INTENT
