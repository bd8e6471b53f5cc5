"""The user's knowledge, searched with the model that answers; and the demo shop's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

import server.knowledge
from inference.engine import Engine
from inference.registry.fleet import Fleet
from server.chat.approximation import Approximation
from server.chat.articles import publish
from server.chat.gap_keeper import GapKeeper
from server.chat.gaps import DAY_MS
from server.chat.knowledge import Knowledge
from server.chat.questions import QuestionRule
from server.chat.signals import KnowledgeMoved
from server.contents import Phrases, read_articles
from server.knowledge.index import Floats
from server.wiring.ground import Ground

DEMO: Final = Path(server.knowledge.__file__).parent / "demo"
"""The articles of a small shop, and questions to try them with."""

_log = structlog.get_logger(__name__)


class EngineEmbedder:
    """One engine as ``chat.knowledge.Embedder``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.model = engine.model
        self.dim = engine.manifest.embedding_dim

    def embed(self, texts: Sequence[str]) -> Floats:
        """(texts, dim), unit length. Blocks."""
        return self._engine.embed_now(texts)


def prepare_knowledge(ground: Ground, fleet: Fleet, phrases: Phrases) -> Knowledge:
    """Nothing is read before ``look``."""
    chat = frozenset(
        name for book in phrases.values() for name, intent in book.intents.items() if intent.scope == "chat"
    )
    knowledge = Knowledge(
        store=ground.store,
        signals=ground.signals,
        clock=ground.clock,
        rng=ground.rng,
        metrics=ground.metrics,
        embedder=lambda: EngineEmbedder(fleet.roster.champion),
        answer_from=ground.settings.knowledge_answer_from,
        offer_from=ground.settings.knowledge_offer_from,
        approximation=Approximation(ground.settings.knowledge_index),
        cache_entries=ground.settings.knowledge_cache_entries,
        questions=QuestionRule(chat) if ground.settings.knowledge_question_days else None,
    )
    ground.signals.on(KnowledgeMoved, knowledge.wake)
    return knowledge


def gap_keeper(ground: Ground, fleet: Fleet) -> GapKeeper:
    """What looks after questions."""
    return GapKeeper(
        store=ground.store,
        clock=ground.clock,
        metrics=ground.metrics,
        embedder=lambda: EngineEmbedder(fleet.roster.champion),
        redact=redacted,
        kept_ms=ground.settings.knowledge_question_days * DAY_MS,
    )


def redacted(text: str) -> str:
    """Without what is personal."""
    from inference.pii import redact  # late: its tables are needed by whoever reads what customers wrote

    return redact(text)


async def load_demo(ground: Ground) -> None:
    """Publish the demo shop's articles, but for those whose id is taken already: a user may have edited them."""
    loaded = 0
    for article in await asyncio.to_thread(read_articles, DEMO):
        if not await ground.store.article_versions(article.article_id):
            await publish(ground.store, article, by="demo", now_ms=ground.clock.now_ms())
            loaded += 1
    _log.info("demo knowledge", loaded=loaded)
