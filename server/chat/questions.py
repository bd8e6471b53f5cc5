"""What is recorded of a turn that asked something, for the figures of articles and for gaps."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Final

from inference.analysis import Analysis
from server.chat.doubts import UNDERSTOOD
from server.chat.writer import Written
from server.chat.writer.kinds import is_lost, is_unsure
from server.knowledge.index import Found
from server.knowledge.questions import Outcome, QuestionTurn, Trouble, packed
from server.store.ports import Answer

ASKING: Final = frozenset({"question", "request", "complaint"})


class QuestionRule:
    """``chat``: intents of small talk, which no article is expected to answer."""

    def __init__(self, chat: Container[str]) -> None:
        self._chat = chat

    def asked(
        self, analysis: Analysis, found: Found, answer: Answer, written: Written, *, asked_back: bool
    ) -> QuestionTurn | None:
        """None for what asked nothing: courtesies, details, small talk, the wish for a person."""
        citations = cited(answer.data or {}, found)
        outcome: Outcome = "unanswered"
        if citations:
            outcome = "answered"
        elif found.nearest and written.kind == "clarification":
            outcome = "offered"
        if outcome == "unanswered" and not self._is_question(analysis, written, asked_back):
            return None
        trouble = None if citations else trouble_of(analysis, written)
        return QuestionTurn(outcome, trouble, analysis.model, packed(analysis.embedding), citations)

    def _is_question(self, analysis: Analysis, written: Written, asked_back: bool) -> bool:
        wanted_person = written.kind == "handover" and not asked_back
        if wanted_person or written.kind in UNDERSTOOD or analysis.act not in ASKING:
            return False
        return is_unsure(analysis) or analysis.intent not in self._chat


def trouble_of(analysis: Analysis, written: Written) -> Trouble:
    """Of a question that no article answered."""
    if written.kind == "out_of_scope" or is_lost(analysis):
        return "out_of_scope"
    if written.kind in {"clarification", "handover"} or is_unsure(analysis):
        return "unsure"
    return "uncited"


def cited(data: Mapping[str, Any], found: Found) -> tuple[tuple[str, int], ...]:
    """Articles and versions that an answer cites. A language model names passages; what was found knows their
    articles."""
    hits = (*((found.answer,) if found.answer else ()), *found.nearest, *found.others)
    by_passage = {hit.passage.entry_id: (hit.article_id, hit.version) for hit in hits}
    articles: dict[str, int] = {}
    for one in data.get("citations", ()):
        known = (one["article"], one["version"]) if "version" in one else by_passage.get(str(one.get("passage")))
        if known is not None:
            articles.setdefault(*known)
    return tuple(articles.items())
