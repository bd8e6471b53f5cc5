"""How well articles are found: questions with the article that answers them, and questions that none answers (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.knowledge.index import Hit, judge


@dataclass(frozen=True, slots=True)
class Measured:
    """Shares in [0, 1]: ``recall_at_1``, ``recall_at_3``, ``answered`` and ``offered`` of the ``questions`` that have
    an article, ``right`` of those answered; ``false_answers`` and ``false_offers`` of the ``off_topic`` ones."""

    questions: int
    off_topic: int
    recall_at_1: float
    recall_at_3: float
    answered: float
    right: float
    offered: float
    false_answers: float
    false_offers: float


Asked = tuple[str | None, Sequence[Hit]]
"""The article that answers, None for none, and what was found, the surest first."""


def measure(asked: Sequence[Asked], answer_from: float, offer_from: float) -> Measured:
    """What the thresholds make of what was found."""
    judged = [(article, hits, judge(hits, answer_from, offer_from)) for article, hits in asked]
    on = [(article, hits, found) for article, hits, found in judged if article is not None]
    off = [found for article, _, found in judged if article is None]
    answers = [(article, found.answer.article_id) for article, _, found in on if found.answer is not None]
    return Measured(
        questions=len(on),
        off_topic=len(off),
        recall_at_1=_share(sum(_has(article, hits[:1]) for article, hits, _ in on), len(on)),
        recall_at_3=_share(sum(_has(article, hits[:3]) for article, hits, _ in on), len(on)),
        answered=_share(len(answers), len(on)),
        right=_share(sum(wanted == given for wanted, given in answers), len(answers)),
        offered=_share(sum(bool(found.nearest) for _, _, found in on), len(on)),
        false_answers=_share(sum(found.answer is not None for found in off), len(off)),
        false_offers=_share(sum(bool(found.nearest) for found in off), len(off)),
    )


def _has(article: str, hits: Sequence[Hit]) -> bool:
    return any(hit.article_id == article for hit in hits)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
