"""The other writer, where one is set; a server without one imports nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.contents import Contents, read_key, read_prompts
from server.settings import Settings
from server.wiring.ground import Ground, new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference.registry.fleet import Fleet
    from server.chat.language.author import Author
    from server.chat.language.checks import Floats
    from server.chat.language.rules import AuthorRules
    from server.chat.language.values import LanguageWriter

BUILT_IN = "builtin"
# Of the breaker's pause, which doubles up to this many times the first one.
MAX_PAUSES = 12


def author_of(ground: Ground, contents: Contents, fleet: Fleet) -> Author | None:
    """None for the built-in writer alone. Raises ``StartupError``. Answers are judged with the model in use."""
    settings = ground.settings
    if settings.language_writer == BUILT_IN:
        return None
    from inference.pii import personal
    from server.chat.language.author import Author

    def embed(texts: Sequence[str]) -> Floats:
        return fleet.roster.champion.embed_now(texts)

    return Author(
        writer=ground.tracing.around("model", _writer(ground)),
        book=read_prompts(settings.language_prompt_path),
        rules=rules_of(settings),
        personas={persona.name: persona for persona in contents.personas},
        store=ground.store,
        fanout=ground.fanout,
        clock=ground.clock,
        rng=ground.rng,
        new_id=new_id,
        metrics=ground.metrics,
        personal=personal,
        cache_entries=settings.knowledge_cache_entries,
        builtin=contents.writer,
        embed=embed,
    )


def _writer(ground: Ground) -> LanguageWriter:
    settings = ground.settings
    connect_s, most = settings.language_connect_ms / 1_000, settings.language_streams
    url, model, key = settings.language_url, settings.language_model, read_key(settings)
    if settings.language_writer == "openai":
        from server.chat.language.chat_server import ChatServer

        return ChatServer(url, model, key, connect_s=connect_s, most=most, token_field=settings.language_token_field)
    if settings.language_writer == "webhook":
        from server.chat.language.webhook import Webhook

        return Webhook(url, model, key, clock=ground.clock, connect_s=connect_s, most=most)
    from server.chat.language.plugins import WriterOptions, load_writer

    return load_writer(settings.language_writer, WriterOptions(url, model, key, connect_s))


def rules_of(settings: Settings) -> AuthorRules:
    """The settings' part of them."""
    from server.chat.language.breaker import BreakerRule
    from server.chat.language.budget import MICROS, Budget, Prices
    from server.chat.language.rules import AuthorRules, Deadlines
    from server.store.usage_ports import Amount

    def amount(tokens: int, cost: float) -> Amount:
        return Amount(tokens, round(cost * MICROS))

    open_ms = float(settings.language_breaker_open_ms)
    return AuthorRules(
        bot_name=settings.bot_name,
        deadlines=Deadlines(
            connect_s=settings.language_connect_ms / 1_000,
            first_token_s=settings.language_first_token_ms / 1_000,
            silence_s=settings.language_silence_ms / 1_000,
            whole_s=settings.language_timeout_ms / 1_000,
        ),
        breaker=BreakerRule(settings.language_breaker_failures, open_ms, open_ms * MAX_PAUSES),
        retries=settings.language_retries,
        prompt_tokens=settings.language_prompt_tokens,
        max_streams=settings.language_streams,
        budget=Budget(
            conversation=amount(settings.language_conversation_tokens, settings.language_conversation_cost),
            user=amount(settings.language_user_day_tokens, settings.language_user_day_cost),
            day=amount(settings.language_day_tokens, settings.language_day_cost),
        ),
        prices=Prices(settings.language_price_prompt, settings.language_price_completion),
        min_confidence=settings.language_min_confidence,
        doubt=settings.language_doubt,
        redact_prompts=settings.language_redact_prompts,
    )
